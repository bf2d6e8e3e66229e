"""The library sensor: what OpenSSL says of handshakes, in both processes, joined to what the wire shows."""

import re

import harness
from certificates import certificates
from librarytest import JOINED, LibraryTest, show, success, verify
from private_library import PrivateCgroup, PrivateLibrary
from servers import OpensslServer
from session import Trace

LEAF = "CN=leaf.example.test,O=tlsmeter test"


class SystemLibrary(LibraryTest):
    def test_a_process_from_before_the_start_shows_what_tls13_encrypts(self):
        done = self.s_client(self.early.port, "-tls1_3", *verify())
        client, server = self.pair(self.early.port, {
            **success(), "tls.protocol.version": "1.3",
            "tls.server.subject": LEAF, "tls.server.issuer": "CN=root,O=tlsmeter test",
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

    def test_client_certificate_accepted(self):
        mine = certificates().client
        with OpensslServer(self.cgroup, "-Verify", "1", *verify()) as server:
            self.s_client(server.port, "-tls1_3", *verify(), *show(mine))
            self.pair(server.port, {**success(), "tlsmeter.mtls": "presented",
                                    "tlsmeter.verify.code": 0, "tls.client.subject": "CN=client.example.test,O=tlsmeter test",
                                    "tls.server.subject": LEAF})


if __name__ == "__main__":
    harness.main()
