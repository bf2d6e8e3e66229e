"""The library sensor: what OpenSSL says of handshakes, in both processes, joined to what the wire shows."""

import hashlib
import re
import ssl

import harness
from certificates import certificates
from librarytest import JOINED, LEAF, VERSIONS, LibraryTest, Openssl35, Openssl36, Openssl40, Openssl111, show, success, verify
from private_library import PrivateCgroup, PrivateLibrary
from resuming_client import ResumingClient
from servers import OpensslServer
from session import Trace


class Handshakes(ResumingClient):
    """The tests, for each build."""

    program = "openssl"  # what the kernel calls it

    def test_a_process_from_before_the_start_shows_what_tls13_encrypts(self):
        done = self.s_client(self.early.port, "-tls1_3", *verify())
        client, server = self.pair(self.early.port, {
            **success(), "tls.protocol.version": "1.3",
            "tls.server.subject": LEAF, "tls.server.issuer": "CN=root,O=tlsmeter test",
            "tls.server.hash.sha256": re.compile(r"\A[0-9A-F]{64}\Z"), "tlsmeter.server.chain_length": 1,
            "tls.client.subject": None})
        self.check_owner(client, done.pid, self.program)
        self.check_owner(server, self.early.pid, self.program)
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
        with PrivateLibrary(self.build) as other:
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

    def test_certificate_of_more_than_16_kib(self):
        with open(certificates().big.certificate) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        self.assertGreater(len(der), 23000)
        with OpensslServer(self.cgroup, certificate=certificates().big) as server:
            self.s_client(server.port, "-tls1_3", *verify())
            self.pair(server.port, success(**{"tls.server.subject": "CN=big.example.test,O=tlsmeter test",
                                              "tls.server.hash.sha256": hashlib.sha256(der).hexdigest().upper()}))

    def test_resumption_shows_no_certificate(self):
        for version, flag in VERSIONS.items():
            with self.subTest(version=version), OpensslServer(self.cgroup) as server:
                self.s_client(server.port, flag, *verify(), "-sess_out", self.session_file)
                self.pair(server.port, success(**{"tls.resumed": False, "tls.server.subject": LEAF}))
                self.s_client(server.port, flag, *verify(), "-sess_in", self.session_file)
                client, answer = self.pair(server.port, success(**{
                    "tls.resumed": True, "tls.protocol.version": version, "tls.server.subject": None,
                    "tls.server.hash.sha256": None, "tlsmeter.server.chain_length": None}))
                self.assertEqual(client["tlsmeter.verify.code"], 0)  # of when the session was made
                self.assertIsNone(answer["tlsmeter.verify.code"])

    def test_hello_retry_request(self):
        with OpensslServer(self.cgroup, "-groups", "P-384") as server:
            self.s_client(server.port, "-tls1_3", "-groups", "X25519:P-384", *verify())
            self.pair(server.port, success(**{"tlsmeter.hello_retry": True, "tls.curve": "secp384r1", "tls.server.subject": LEAF}))

    def test_early_data(self):
        with OpensslServer(self.cgroup, "-tls1_3", "-early_data", www=False) as server:
            self.store_session(server)
            self.pair(server.port, success())
            self.assertIn(b"Early data was accepted", self.send_early_data(server).stdout)
            self.pair(server.port, success(**{"tls.resumed": True, "tlsmeter.early_data": "accepted", "tls.server.subject": None}))


class SystemHandshakes(Handshakes, LibraryTest):
    pass


class Openssl35Handshakes(Openssl35, Handshakes, LibraryTest):
    program = "ld-linux-x86-64"


class Openssl36Handshakes(Openssl36, Handshakes, LibraryTest):
    program = "ld-linux-x86-64"


class Openssl40Handshakes(Openssl40, Handshakes, LibraryTest):
    program = "ld-linux-x86-64"


class Openssl111Handshakes(Openssl111, Handshakes, LibraryTest):
    program = "openssl-1.1.1"


if __name__ == "__main__":
    harness.main()
