"""Handshakes that fail: the alert, who sent it, the verdict; and connections that end in the middle."""

import contextlib
import socket
import ssl
import time

import harness
from certificates import NAME, certificates
from hello import client_hello
from livetest import LiveTest
from peers import client_context, connect, listen, reset, server_context
from servers import OpensslServer

FAILURE = {"tlsmeter.result": "failure", "tls.client.server_name": NAME, "tls.established": {None, False}}


def refused(description, sender, reason, **more):
    return {**FAILURE, "tlsmeter.alert.description": description, "tlsmeter.alert.sender": sender,
            "tlsmeter.alert.level": "fatal", "tlsmeter.failure.reason": reason, "tlsmeter.failure.inferred": {None, False}, **more}


class RefusedTest(LiveTest):
    def one(self, server_arguments, client_arguments, expected, **named):
        with OpensslServer(self.cgroup, *server_arguments, **named) as server:
            done = self.s_client(server.port, *client_arguments, check=1)
            client, answer = self.pair(server.port, expected)
        self.check_owner(client, done.pid, "openssl")
        self.check_owner(answer, server.pid, "openssl")
        return client, answer

    def test_no_common_version(self):
        expected = refused("protocol_version", "server", "protocol_version")
        client, _ = self.one(["-tls1_3"], ["-tls1_2"], {**expected, "tls.protocol.version": None, "tls.cipher": None})
        self.assertIn("1.2", client["tlsmeter.offered.versions"])
        self.one(["-tls1_2"], ["-tls1_3"], {**expected, "tlsmeter.offered.versions": ["1.3"]})

    def test_no_common_cipher_in_tls12(self):
        self.one(["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], ["-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
                 refused("handshake_failure", "server", "handshake_failure", **{"tls.cipher": None}))

    def test_no_common_cipher_in_tls13(self):
        self.one(["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                 refused("handshake_failure", "server", "handshake_failure", **{"tls.cipher": None}))

    def test_no_common_group_in_tls13(self):
        self.one(["-tls1_3", "-groups", "P-384"], ["-tls1_3", "-groups", "X25519"],
                 refused("handshake_failure", "server", "handshake_failure", **{"tlsmeter.offered.groups": ["x25519"]}))

    def test_client_does_not_know_the_issuer(self):
        distrust = ["-CAfile", certificates().other_root.certificate, "-verify_return_error"]
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                self.one(["-tls" + version.replace(".", "_")], distrust,
                         refused("unknown_ca", "client", "unknown_ca", **{"tls.protocol.version": version}))

    def test_server_certificate_has_expired(self):
        trust = ["-CAfile", certificates().root.certificate, "-verify_return_error"]
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version):
                self.one([version], trust, refused("certificate_expired", "client", "certificate_expired"),
                         certificate=certificates().expired)

    def test_client_certificate_is_missing_in_tls12(self):
        self.one(["-tls1_2", "-Verify", "2", "-verify_return_error"], [],
                 refused("handshake_failure", "server", "client_certificate_missing", **{"tlsmeter.mtls": "absent"}))

    def test_client_certificate_is_refused_in_tls12(self):
        mine = certificates().client
        self.one(["-tls1_2", "-Verify", "2", "-CAfile", certificates().other_root.certificate, "-verify_return_error"],
                 ["-cert", mine.certificate, "-key", mine.key],
                 refused("unknown_ca", "server", "client_certificate_rejected", **{"tlsmeter.mtls": "presented"}))

    def test_client_certificate_is_missing_or_refused_in_tls13(self):
        mine = certificates().client
        server = ["-tls1_3", "-Verify", "2", "-CAfile", certificates().other_root.certificate, "-verify_return_error"]
        inferred = {**FAILURE, "tlsmeter.failure.inferred": True, "tlsmeter.alert.sender": "server",
                    "tlsmeter.failure.reason": {"client_certificate_missing", "client_certificate_rejected"}}
        self.one(server, [], inferred)
        self.one(server, ["-cert", mine.certificate, "-key", mine.key], inferred)

    def test_no_common_application_protocol(self):
        self.one(["-alpn", "spdy/1"], ["-alpn", "h2"],
                 refused("no_application_protocol", "server", "no_application_protocol", **{"tlsmeter.offered.alpn": ["h2"]}))

    def test_server_does_not_know_the_name(self):
        def context():
            made = server_context()
            made.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return made

        server = self.serve(context)
        facts = self.connect(server)
        self.assertIn("UNRECOGNIZED_NAME", facts["error"].upper().replace(" ", "_"))
        client, answer = self.pair(server.port, refused("unrecognized_name", "server", "unrecognized_name"))
        self.check_owner(client, facts["pid"], "py-client")
        self.check_owner(answer, server.pid, "py-server")
        self.check_addresses(client, facts["local"], server.address)

    def test_name_does_not_match_the_certificate(self):
        server = self.serve()
        facts = self.connect(server, context=client_context(trust=certificates().root), server_name="other.invalid")
        self.assertIn("Hostname mismatch", facts["error"])
        expected = refused("bad_certificate", "client", "certificate_other")
        self.pair(server.port, {**expected, "tls.client.server_name": "other.invalid"})

    def test_tls_to_a_port_that_speaks_plain_text(self):
        def refuse_politely(connection, _):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        server = self.serve(handle=refuse_politely)
        self.assertIn("error", self.connect(server))
        self.pair(server.port, {"tlsmeter.result": "failure", "tlsmeter.failure.reason": "not_tls", "tls.client.server_name": NAME,
                                "tls.protocol.version": None, "tls.cipher": None})


def hello_then(channel, address, end, delay):
    """A client that sends its ClientHello, reads nothing, and leaves after `delay` seconds."""
    connection = connect(address)
    connection.sendall(client_hello(NAME.encode()))
    time.sleep(delay)
    end(connection)


def swallow(connection, _):
    """A server that reads and never answers."""
    with contextlib.suppress(ConnectionResetError), connection:
        while connection.recv(4096):
            pass


def read_then_close(connection):
    with contextlib.suppress(ConnectionResetError), connection:
        connection.recv(1)


class AbortedTest(LiveTest):
    """TCP ends without a cause: each side's record says who gave up, seen from that side."""

    def abort(self, handle, end, delay, client_reason, server_reason):
        server = self.serve(handle=handle, context=object)
        leaver = self.actor(hello_then, server.address, end, delay, comm="py-leaver")
        leaver.receive()
        client, answer = self.pair(server.port, {"tlsmeter.result": "aborted", "tls.client.server_name": NAME,
                                                 "tls.protocol.version": None, "tlsmeter.alert.description": None})
        self.check_fields(client, {"tlsmeter.failure.reason": client_reason})
        self.check_fields(answer, {"tlsmeter.failure.reason": server_reason})
        self.check_owner(client, leaver.pid, "py-leaver")
        return client, answer, server

    def test_server_reads_but_never_answers(self):
        _, answer, server = self.abort(swallow, socket.socket.close, harness.scaled(1), "local_closed", "peer_closed")
        self.check_owner(answer, server.pid, "py-server")

    def test_server_reads_nothing(self):
        def ignore(connection, _):
            time.sleep(harness.scaled(1.5))
            connection.close()  # resets, for there is data that nobody read; the client had left long before

        self.abort(ignore, socket.socket.close, harness.scaled(1), "local_closed", "peer_closed")

    def test_client_resets_in_the_middle(self):
        self.abort(swallow, reset, 0.2, "local_closed", "peer_reset")

    def test_server_closes_instead_of_answering(self):
        def close(connection, _):
            connection.recv(4096)
            connection.close()

        self.abort(close, read_then_close, 0, "peer_closed", "local_closed")

    def test_server_resets_instead_of_answering(self):
        def refuse(connection, _):
            connection.recv(4096)
            reset(connection)

        self.abort(refuse, read_then_close, 0, "peer_reset", "local_closed")

    def test_client_is_killed_in_the_middle(self):
        server = self.serve(handle=swallow, context=object)
        client = self.actor(hello_then, server.address, socket.socket.close, 3600, comm="py-killed")
        time.sleep(harness.scaled(0.3))
        client.stop()
        client_record, answer = self.pair(server.port, {"tlsmeter.result": "aborted", "tls.client.server_name": NAME})
        self.check_owner(client_record, client.pid, "py-killed")
        self.check_fields(answer, {"tlsmeter.failure.reason": "peer_closed"})

    def test_nobody_accepts_the_connection(self):
        def only_listen(channel):
            listener = listen()
            channel.send(listener.getsockname())
            channel.receive(3600)

        server = self.serve(body=only_listen)
        self.actor(hello_then, server.address, lambda connection: connection.close(), 0.3).receive()
        records = self.claim(server.port, 1)
        self.check_fields(records[0], {"tlsmeter.role": "client", "tlsmeter.result": "aborted", "tls.client.server_name": NAME})
        server.stop()  # the connection that was never accepted ends with its listener
        records = self.claim(server.port, 1)
        self.check_fields(records[0], {"tlsmeter.role": "server", "tlsmeter.result": "aborted", "tls.client.server_name": NAME})

    def test_certificate_is_sent_but_the_client_leaves_without_an_alert(self):
        def leave_after_the_server_hello(channel, address):
            connection = connect(address)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = client_context().wrap_bio(incoming, outgoing, server_hostname=NAME)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
            connection.recv(65536)
            connection.close()

        server = self.serve()
        self.actor(leave_after_the_server_hello, server.address).receive()
        # OpenSSL answers the end of the stream with an encrypted alert. It comes after the client's FIN and is not why it left.
        expected = {"tlsmeter.result": "aborted", "tls.protocol.version": "1.3", "tls.curve": "x25519"}
        client, answer = self.pair(server.port, expected)
        self.check_fields(client, {"tlsmeter.failure.reason": "local_closed"})
        self.check_fields(answer, {"tlsmeter.failure.reason": "peer_closed"})


if __name__ == "__main__":
    harness.main()
