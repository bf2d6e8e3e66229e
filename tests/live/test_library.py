"""The library sensor: what OpenSSL says of handshakes, in both processes, joined to what the wire shows."""

import collections
import re
import unittest

import harness
from certificates import certificates
from livetest import LiveTest
from private_library import PrivateCgroup, PrivateLibrary, library_folder
from servers import OpensslServer
from session import Trace

JOINED = {"tlsmeter.join": "client_random", "tlsmeter.library": re.compile(r"\AOpenSSL 3\.")}
FAILED = {**JOINED, "tlsmeter.result": "failure", "tlsmeter.failure.inferred": None}
VERSIONS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


def refused(reason, side, **more):
    return {**FAILED, "tlsmeter.failure.reason": reason, "tlsmeter.failure.side": side, **more}


class LibraryTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        harness.require()
        if library_folder() is None:
            raise unittest.SkipTest("needs OpenSSL 3 as shared libraries")
        certificates()
        cls.library = cls.enterClassContext(PrivateLibrary())
        cls.cgroup = cls.enterClassContext(PrivateCgroup(cls.library))
        # It maps the copy from before tlsmeter starts until it ends: probed from the first handshake on.
        cls.early = cls.enterClassContext(OpensslServer(cls.cgroup))
        cls.session = cls.enterClassContext(Trace(cls.cgroup, "--library"))
        cls.claimed = collections.Counter()

    def verified(self, root=None):
        return ["-CAfile", (root or certificates().root).certificate, "-verify_return_error"]

    def failing(self, server_arguments, client_arguments, of_client, of_server, versions=VERSIONS, certificate=None):
        """One handshake a version that fails on both sides; the records have what `of_client` and `of_server` say."""
        for name, flag in versions.items():
            with self.subTest(version=name), OpensslServer(self.cgroup, *server_arguments, certificate=certificate) as server:
                self.s_client(server.port, flag, *client_arguments, check=None)
                client, answer = self.pair(server.port)
                self.check_fields(client, of_client)
                self.check_fields(answer, of_server)

    def test_a_process_from_before_the_start_shows_what_tls13_encrypts(self):
        done = self.s_client(self.early.port, "-tls1_3", *self.verified())
        client, server = self.pair(self.early.port, {
            **JOINED, "tlsmeter.result": "success", "tls.protocol.version": "1.3",
            "tls.server.subject": "CN=leaf.example.test,O=tlsmeter test", "tls.server.issuer": "CN=root,O=tlsmeter test",
            "tls.server.hash.sha256": re.compile(r"\A[0-9A-F]{64}\Z"), "tlsmeter.server.chain_length": 1,
            "tls.client.subject": None})
        self.check_owner(client, done.pid, "openssl")
        self.check_owner(server, self.early.pid, "openssl")
        self.assertEqual(client["tlsmeter.verify.code"], 0)
        self.assertEqual(client["tlsmeter.verify.text"], "ok")
        self.assertIsNone(server["tlsmeter.verify.code"])  # the client showed no certificate
        for record in (client, server):
            self.assertGreater(record["tlsmeter.timing.library_ms"], 0)
            self.assertIsNone(record["tlsmeter.error.code"])

    def test_alpn(self):
        with OpensslServer(self.cgroup, "-alpn", "h2", www=False) as server:
            self.cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-alpn", "http/1.1,h2"])
            self.pair(server.port, {**JOINED, "tls.next_protocol": "h2"})

    def test_a_copy_that_is_mapped_later_is_found(self):
        with PrivateLibrary() as other:
            cgroup = self.enterContext(PrivateCgroup(other))
            with Trace(cgroup, "--library") as session, OpensslServer(cgroup) as server:
                def joined():
                    cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"])
                    return any(record["tlsmeter.join"] for record in session.records())
                harness.wait_until(joined, what="a record with facts of the library")

    def test_unknown_ca(self):
        self.failing([], self.verified(certificates().other_root),
                     refused("unknown_ca", "server", **{
                         "tlsmeter.error.code": 134, "tlsmeter.error.text": "certificate verify failed",
                         "tlsmeter.verify.code": 20, "tlsmeter.alert.description": "unknown_ca", "tlsmeter.alert.sender": "client"}),
                     refused("unknown_ca", "server", **{
                         "tlsmeter.error.code": 1048, "tlsmeter.alert.description": "unknown_ca", "tlsmeter.alert.sender": "client"}))

    def test_expired(self):
        self.failing([], self.verified(), refused("certificate_expired", "server", **{"tlsmeter.verify.code": 10}),
                     refused("certificate_expired", "server", **{"tlsmeter.error.code": 1045}), certificate=certificates().expired)

    def test_self_signed(self):
        self.failing([], self.verified(certificates().other_root),
                     refused("self_signed", "server", **{"tlsmeter.verify.code": 18}), refused("unknown_ca", "server"),
                     certificate=certificates().root)

    def test_host_name(self):
        self.failing([], [*self.verified(), "-verify_hostname", "nothere.test"],
                     refused("hostname_mismatch", "server", **{"tlsmeter.verify.code": 62}), refused("certificate_other", "server"))

    def test_client_certificate_missing(self):
        demand = ["-Verify", "1", *self.verified()]
        for name, flag in VERSIONS.items():
            late = True if name == "1.3" else None  # there the client has succeeded when the server asks for more
            self.failing(demand, self.verified(),
                         refused("client_certificate_missing", "client", **{"tlsmeter.failure.late": late}),
                         refused("client_certificate_missing", "client", **{
                             "tlsmeter.error.code": 199, "tlsmeter.mtls": "absent", "tlsmeter.failure.late": None}),
                         versions={name: flag})

    def test_client_certificate_rejected(self):
        mine = certificates().client
        self.failing(["-Verify", "1", *self.verified(certificates().other_root)],
                     [*self.verified(), "-cert", mine.certificate, "-key", mine.key],
                     refused("client_certificate_rejected", "client"),
                     refused("client_certificate_rejected", "client", **{"tlsmeter.mtls": "presented", "tlsmeter.verify.code": 19}))

    def test_client_certificate_accepted(self):
        mine = certificates().client
        with OpensslServer(self.cgroup, "-Verify", "1", *self.verified()) as server:
            self.s_client(server.port, "-tls1_3", *self.verified(), "-cert", mine.certificate, "-key", mine.key)
            self.pair(server.port, {**JOINED, "tlsmeter.result": "success", "tlsmeter.mtls": "presented",
                                    "tlsmeter.verify.code": 0, "tls.client.subject": "CN=client.example.test,O=tlsmeter test",
                                    "tls.server.subject": "CN=leaf.example.test,O=tlsmeter test"})

    def test_no_shared_cipher(self):
        self.failing(["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], ["-ciphersuites", "TLS_AES_128_GCM_SHA256"],
                     refused("handshake_failure", "none", **{"tlsmeter.error.code": 1040}),
                     refused("no_shared_cipher", "none", **{"tlsmeter.error.code": 193}), versions={"1.3": "-tls1_3"})

    def test_no_shared_group(self):
        self.failing(["-groups", "P-384"], ["-groups", "P-521"], refused("handshake_failure", "none"),
                     refused("no_shared_group", "none", **{"tlsmeter.error.code": 101}), versions={"1.3": "-tls1_3"})

    def test_protocol_version(self):
        self.failing(["-tls1_3"], [], refused("protocol_version", "none"),
                     refused("protocol_version", "none", **{"tlsmeter.error.code": 258}), versions={"1.2": "-tls1_2"})


if __name__ == "__main__":
    harness.main()
