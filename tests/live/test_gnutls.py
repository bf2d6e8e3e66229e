"""The library sensor: what GnuTLS says of handshakes, in both processes, joined to what the wire shows."""

import collections
import re
import unittest

import harness
from certificates import NAME, certificates
from livetest import LiveTest
from network import new_network_namespace
from private_library import GNUTLS, PrivateCgroup, PrivateLibrary, installed_build
from servers import GnutlsServer
from session import Trace

JOINED = {"tlsmeter.join": "client_random", "tlsmeter.library": re.compile(r"\AGnuTLS 3\.")}
FAILED = {**JOINED, "tlsmeter.result": "failure", "tlsmeter.failure.inferred": None}
VERSIONS = {"1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}


class GnutlsTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        harness.require("gnutls-cli", "gnutls-serv", "ip")
        build = installed_build(GNUTLS)
        if build is None:
            raise unittest.SkipTest("needs GnuTLS as a shared library")
        certificates()
        new_network_namespace()
        cls.library = cls.enterClassContext(PrivateLibrary(build))
        cls.cgroup = cls.enterClassContext(PrivateCgroup(cls.library))
        # It maps the copy from before tlsmeter starts until it ends: probed from the first handshake on.
        cls.early = cls.enterClassContext(GnutlsServer(cls.cgroup))
        cls.session = cls.enterClassContext(Trace(cls.cgroup, "--library"))
        cls.claimed = collections.Counter()

    def client(self, port, priority, *arguments, root=None, check=0):
        return self.cgroup.run(["gnutls-cli", "--port", str(port), "--priority", priority, "--sni-hostname", NAME,
                                "--verify-hostname", NAME, "--x509cafile", (root or certificates().root).certificate,
                                *arguments, "127.0.0.1"], b"GET / HTTP/1.0\r\n\r\n", check=check)

    def failing(self, server_arguments, priority, of_client, of_server, root=None):
        with GnutlsServer(self.cgroup, *server_arguments) as server:
            self.client(server.port, priority, root=root, check=None)
            client, answer = self.pair(server.port)
            self.check_fields(client, of_client)
            self.check_fields(answer, of_server)

    def test_success(self):
        for version, priority in VERSIONS.items():
            with self.subTest(version=version):
                done = self.client(self.early.port, priority)
                client, server = self.pair(self.early.port, {
                    **JOINED, "tlsmeter.result": "success", "tls.protocol.version": version, "tlsmeter.error.code": None,
                    "tlsmeter.verify.code": None})
                self.check_fields(client, {"tls.server.subject": "CN=leaf.example.test,O=tlsmeter test",
                                           "tlsmeter.server.chain_length": 1})
                self.check_owner(client, done.pid, "gnutls-cli")
                self.check_owner(server, self.early.pid, "gnutls-serv")
                for record in (client, server):
                    self.assertGreater(record["tlsmeter.timing.library_ms"], 0)

    def test_a_certificate_of_an_unknown_authority(self):
        for version, priority in VERSIONS.items():
            with self.subTest(version=version):
                # The program verifies the certificate, within the handshake; GnuTLS only learns that it does not like it.
                self.failing([], priority, {
                    **FAILED, "tlsmeter.failure.reason": "certificate_other", "tlsmeter.failure.side": "server",
                    "tlsmeter.error.code": 43, "tlsmeter.error.text": "Error in the certificate."}, {
                    **FAILED, "tlsmeter.failure.reason": "certificate_other", "tlsmeter.failure.side": "server",
                    "tlsmeter.error.code": 12, "tlsmeter.alert.sender": "client", "tlsmeter.alert.description": "bad_certificate"},
                    root=certificates().other_root)

    def test_a_client_certificate(self):
        mine = certificates().client
        with GnutlsServer(self.cgroup, "--require-client-cert") as server:
            self.client(server.port, VERSIONS["1.3"], "--x509certfile", mine.certificate, "--x509keyfile", mine.key)
            _, answer = self.pair(server.port, {**JOINED, "tlsmeter.result": "success"})
            self.check_fields(answer, {"tlsmeter.mtls": "presented", "tls.client.subject": "CN=client.example.test,O=tlsmeter test"})

    def test_a_missing_client_certificate(self):
        for version, priority in VERSIONS.items():
            with self.subTest(version=version):
                # A TLS 1.3 client is done by then. Its library meets the alert when it reads, which is not probed.
                seen = {"tlsmeter.result": "failure", "tlsmeter.alert.sender": "server"} if version == "1.2" else {}
                self.failing(["--require-client-cert"], priority, {**JOINED, **seen}, {
                    **FAILED, "tlsmeter.failure.reason": "client_certificate_missing", "tlsmeter.failure.side": "client",
                    "tlsmeter.mtls": "absent"})

    def test_nothing_in_common(self):
        self.failing(["--priority", VERSIONS["1.3"]], VERSIONS["1.2"],
                     {**FAILED, "tlsmeter.failure.reason": "handshake_failure", "tlsmeter.error.code": 12},
                     {**FAILED, "tlsmeter.failure.reason": "no_shared_cipher", "tlsmeter.error.code": 87})


if __name__ == "__main__":
    harness.main()
