"""Why handshakes fail, in the words of the library on both sides: the same matrix for each version of OpenSSL and of TLS."""

import socket

import harness
from certificates import NAME, certificates
from librarytest import (JOINED, LEAF, VERSIONS, LibraryTest, Openssl35, Openssl40, Openssl111, by_version, nothing_in_common, refused, show,
                         success, verify)
from peers import connect, reset
from servers import OpensslServer

LONG_AGO = "1000000000"  # seconds of Unix time: before the certificates were made


def server_certificate(reason, alert, verify_code, told=None, subject=LEAF):
    """What both sides say when the client refuses the server's certificate. The alert tells the server less: `told`."""
    description, number = alert
    shown = {"tls.server.subject": subject}
    return (refused(reason, "server", 134, ("client", description), **shown, **{"tlsmeter.verify.code": verify_code}),
            refused(told or reason, "server", 1000 + number, ("client", description), **shown, **{"tlsmeter.verify.code": None}))


def client_certificate(alert, verify_code):
    """The same when the server refuses the client's; under TLS 1.3 the client had succeeded."""
    description, number = alert
    shown = {"tlsmeter.mtls": "presented"}

    def of_client(version):
        late = {"tlsmeter.failure.late": True, "tlsmeter.error.code": None} if version == "1.3" else {
            "tlsmeter.failure.late": None, "tlsmeter.error.code": 1000 + number}
        return refused("client_certificate_rejected", "client", None, ("server", description), **late)

    return of_client, refused("client_certificate_rejected", "client", 134, ("server", description), **shown,
                              **{"tlsmeter.verify.code": verify_code, "tlsmeter.failure.late": None})


class FailureMatrix:
    """The tests, for each build."""

    end_of_stream = 294  # tlsmeter.error.code when the transport ends

    def failing(self, of_client, of_server, server=(), client=(), versions=VERSIONS, certificate=None):
        """One handshake a version that fails; the records have what `of_client` and `of_server` say."""
        for version in versions:
            with self.subTest(version=version), OpensslServer(self.cgroup, *server, certificate=certificate) as running:
                flags = client(version) if callable(client) else client
                self.s_client(running.port, VERSIONS[version], *flags, check=None)
                for record, expected in zip(self.pair(running.port), (of_client, of_server)):
                    self.check_fields(record, expected(version) if callable(expected) else expected)

    # Certificates of the server ---------------------------------------------------------------------------------------------

    def test_expired(self):
        self.failing(*server_certificate("certificate_expired", ("certificate_expired", 45), 10,
                                         subject="CN=expired.example.test,O=tlsmeter test"),
                     client=verify(), certificate=certificates().expired)

    def test_not_yet_valid(self):
        self.failing(*server_certificate("certificate_not_yet_valid", ("bad_certificate", 42), 9, told="certificate_other"),
                     client=[*verify(), "-attime", LONG_AGO])

    def test_unknown_ca(self):
        self.failing(*server_certificate("unknown_ca", ("unknown_ca", 48), 20), client=verify(certificates().other_root))

    def test_self_signed(self):
        self.failing(*server_certificate("self_signed", ("unknown_ca", 48), 18, told="unknown_ca",
                                         subject="CN=root,O=tlsmeter test"),
                     client=verify(certificates().other_root), certificate=certificates().root)

    def test_host_name(self):
        self.failing(*server_certificate("hostname_mismatch", ("bad_certificate", 42), 62, told="certificate_other"),
                     client=[*verify(), "-verify_hostname", "nothere.test"])

    # Certificates of the client ---------------------------------------------------------------------------------------------

    def demand(self):
        return ["-Verify", "1", *verify()]

    def test_client_certificate_missing(self):
        def of_client(version):
            if version == "1.2":
                return refused("client_certificate_missing", "client", 1040, ("server", "handshake_failure"))
            return refused("client_certificate_missing", "client", None, ("server", "certificate_required"),
                           **{"tlsmeter.failure.late": True, "tlsmeter.error.code": None})

        def of_server(version):
            alert = "handshake_failure" if version == "1.2" else "certificate_required"
            return refused("client_certificate_missing", "client", 199, ("server", alert),
                           **{"tlsmeter.mtls": "absent", "tlsmeter.failure.late": None})

        self.failing(of_client, of_server, self.demand(), verify())

    def test_client_certificate_of_an_unknown_ca(self):
        self.failing(*client_certificate(("unknown_ca", 48), 20), self.demand(), [*verify(), *show(certificates().stranger)])

    def test_client_certificate_expired(self):
        self.failing(*client_certificate(("certificate_expired", 45), 10), self.demand(),
                     [*verify(), *show(certificates().expired)])

    # Nothing in common ------------------------------------------------------------------------------------------------------

    def test_no_shared_cipher(self):
        self.failing(*nothing_in_common("no_shared_cipher", 193), ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                     ["-ciphersuites", "TLS_AES_128_GCM_SHA256", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"])

    def test_no_shared_group(self):
        # Under TLS 1.2 OpenSSL finds all suites unusable without a group, and says so.
        self.failing(*nothing_in_common(by_version(tls12="no_shared_cipher", tls13="no_shared_group"),
                                        by_version(tls12=193, tls13=101)), ["-groups", "P-384"], ["-groups", "P-521"])

    def test_no_shared_signature_algorithm(self):
        self.failing(*nothing_in_common(by_version(tls12="no_shared_cipher", tls13="no_shared_signature_algorithm"),
                                        by_version(tls12=193, tls13=118)), client=["-sigalgs", "RSA-PSS+SHA256"])

    def test_protocol_version(self):
        for offered, only in (("1.2", "-tls1_3"), ("1.3", "-tls1_2")):
            self.failing(*nothing_in_common("protocol_version", 258, ("protocol_version", 70), "protocol_version"),
                         [only], versions=[offered])

    def test_a_curve_that_the_server_does_not_take(self):
        """Of the client's certificate, up to TLS 1.2: later its signature algorithm is all that counts."""
        shown = {"tlsmeter.mtls": "presented", "tls.client.subject": "CN=p384.example.test,O=tlsmeter test"}
        alert = ("server", "illegal_parameter")
        self.failing(refused("other", "none", 1047, alert, **shown),
                     refused("client_certificate_rejected", "client", 378, alert, **shown),
                     [*self.demand(), "-groups", "P-256"], [*verify(), *show(certificates().p384)], versions=["1.2"])

    def old_version(self, *client):
        """A client that offers TLS 1.0 and nothing else."""
        with OpensslServer(self.cgroup) as running:
            self.s_client(running.port, "-tls1", *client, check=None)
            return self.claim_sides(running.port)

    def claim_sides(self, port):
        """The two records of a connection, the client's first."""
        return sorted(self.claim(port, 2), key=lambda record: record["tlsmeter.role"])

    def test_old_version(self):
        client, server = self.old_version()
        alert = ("server", "internal_error")
        self.check_fields(client, refused("internal_error", "server", 1080, alert))
        self.check_fields(server, refused("no_shared_signature_algorithm", "none", 118, alert, **{"tls.protocol.version": "1.0"}))

    def renegotiate(self, accepted):
        """A client that wants another handshake within the connection, up to TLS 1.2: whatever comes of it, the first has been a
        success, and there is no other record."""
        with OpensslServer(self.cgroup) as server:
            done = self.cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME, "-tls1_2"],
                                   b"R\n", check=None)
            self.assertIn(b"RENEGOTIATING", done.stderr)
            self.assertEqual(b"no renegotiation" not in done.stderr, accepted, done.stderr)
            self.pair(server.port, success(**{"tls.protocol.version": "1.2", "tlsmeter.alert.description": None}))

    def test_renegotiation_refused(self):
        self.renegotiate(accepted=False)

    def test_server_name_refused(self):
        other = certificates().rsa
        self.failing(*nothing_in_common("unrecognized_name", 234, ("unrecognized_name", 112), "unrecognized_name",
                                        **{"tls.client.server_name": NAME}),
                     ["-servername", "other.test", "-servername_fatal", "-cert2", other.certificate, "-key2", other.key])

    # No TLS, and no answer: the peer is this process, outside the cgroup ----------------------------------------------------------

    def as_client(self, answer):
        """`openssl s_client` sends its hello and meets `answer`; returns its record."""
        return self.meet(lambda port: ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME], answer)

    def as_server(self, ending):
        """A client sends a hello to `openssl s_server`, reads its answer and then does `ending`; returns the server's record."""
        with OpensslServer(self.cgroup) as server:
            return self.hello_and(server.port, ending)

    def test_fin(self):
        gone = {**JOINED, "tlsmeter.result": "aborted", "tlsmeter.failure.reason": "peer_closed", "tlsmeter.failure.inferred": None,
                "tlsmeter.error.code": self.end_of_stream}
        self.check_fields(self.as_client(socket.socket.close), {**gone, "tlsmeter.failure.side": "server"})
        self.check_fields(self.as_server(socket.socket.close), {**gone, "tlsmeter.failure.side": "client"})

    def test_rst(self):
        gone = {**JOINED, "tlsmeter.result": "aborted", "tlsmeter.failure.reason": "peer_reset", "tlsmeter.failure.inferred": None,
                "tlsmeter.error.code": None}
        self.check_fields(self.as_client(reset), {**gone, "tlsmeter.failure.side": "server"})
        self.check_fields(self.as_server(reset), {**gone, "tlsmeter.failure.side": "client"})

    def test_plain_server(self):
        record = self.as_client(lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"))
        self.check_fields(record, refused("not_tls", "server", 267))

    def test_plain_client(self):
        """The wire has no handshake here: what the library alone knows is told as soon as that is certain."""
        with OpensslServer(self.cgroup) as server:
            with connect(("127.0.0.1", server.port)) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                connection.recv(65536)
                address = connection.getsockname()
            record, = self.claim(server.port, 1)
        self.check_fields(record, refused("not_tls", "client", 156, **{
            "tlsmeter.join": "none", "tlsmeter.client_random": None, "tls.protocol.version": None, "tlsmeter.role": "server"}))
        self.check_addresses(record, address, ("127.0.0.1", server.port))


class SystemFailures(FailureMatrix, LibraryTest):
    pass


class NewFailures(FailureMatrix):
    """What 3.5 and later do otherwise."""

    def test_old_version(self):
        """The client knows that it has nothing to offer; all that the wire shows is its alert."""
        client, server = self.old_version()
        alert = ("client", "protocol_version")
        alone = {"tlsmeter.join": "none", "tlsmeter.client_random": None}
        self.check_fields(client, refused("protocol_version", "none", 191, alert, **alone))
        self.check_fields(server, refused("other", "none", 244, ("server", "unexpected_message"), **alone))


class Openssl35Failures(Openssl35, NewFailures, LibraryTest):
    pass


class Openssl40Failures(Openssl40, NewFailures, LibraryTest):
    pass


class Openssl111Failures(Openssl111, FailureMatrix, LibraryTest):
    end_of_stream = None

    def test_old_version(self):
        for record in self.old_version():
            self.check_fields(record, success(**{"tls.protocol.version": "1.0"}))

    def test_renegotiation_refused(self):
        self.renegotiate(accepted=True)


if __name__ == "__main__":
    harness.main()
