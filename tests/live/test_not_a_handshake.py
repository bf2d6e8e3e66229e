"""Connections without a handshake give no record and are counted; handshakes that come late or broken are told apart."""

import socket
import time
import unittest

import harness
from certificates import NAME, certificates
from hello import HANDSHAKE_FAILURE, alert, client_hello, record
from livetest import LiveTest
from peers import client_context, connect, exchange, reset, serve_tls, shake
from processes import Cgroup
from servers import HttpServer, OpensslServer
from session import Serve, Trace

COUNTER = "connections_without_handshake_total"
LINE = object()
# Handshake version 10 of MySQL, of a server that can speak TLS.
MYSQL_GREETING = bytes.fromhex("4a0000000a382e302e3334000b0000002f550a1c4a38106300ffffff0200ffdf15000000000000000000001d"
                               "613b5a2b5a5a5a5a5a5a5a00") + b"caching_sha2_password\0"


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError(f"closed after {line!r}")
        line += byte
    return line


def unused_address():
    """An address, of a socket outside the cgroup, where nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()


def knock(address):
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return "refused"


class CountedTest(unittest.TestCase):
    """Connections without a handshake. Each test has a `trace` that must stay silent and a `serve` that counts."""

    def setUp(self):
        harness.require("curl")
        certificates()
        self.cgroup = self.enterContext(Cgroup())
        self.trace = self.enterContext(Trace(self.cgroup))
        self.metrics = self.enterContext(Serve(self.cgroup))

    def check_counted(self, connections):
        """Both ends are watched, so each connection counts twice; and that is all."""
        self.metrics.wait_for_total(2 * connections, COUNTER)
        time.sleep(harness.scaled(0.3))
        self.assertEqual(self.metrics.metrics().total(COUNTER), 2 * connections, self.metrics.metrics().series(COUNTER))
        self.assertEqual(self.metrics.metrics().total("handshakes_total"), 0)
        self.assertEqual((self.trace.finish(), self.metrics.finish()), (0, 0))
        for session in (self.trace, self.metrics):
            self.assertEqual((session.seen, session.lost), (0, 0), session.stderr())
        self.assertEqual(self.trace.stdout(), "")

    def talk(self, address, body):
        with self.cgroup.start(lambda _: body(address)) as client:
            return client.receive()

    def serve(self, **named):
        server = self.enterContext(self.cgroup.start(serve_tls, **named))
        return server.receive()

    def test_plain_http_to_a_tls_port(self):
        with OpensslServer(self.cgroup) as server:
            for _ in range(3):
                self.cgroup.run(["curl", "-s", f"http://127.0.0.1:{server.port}/"], check=None)
            self.check_counted(3)

    def test_plain_http(self):
        with HttpServer(self.cgroup) as server:
            for _ in range(3):
                self.cgroup.run(["curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{server.port}/"])
            self.check_counted(3)

    def test_scanner_that_connects_and_closes(self):
        def scan(address):
            for end in (reset, socket.socket.close) * 5:
                connection = connect(address)
                time.sleep(0.01)
                end(connection)

        self.talk(self.serve(), scan)
        self.check_counted(10)

    def test_refused_connection(self):
        self.assertEqual(self.talk(unused_address(), knock), "refused")
        self.check_nothing_seen()

    def test_cgroups_beside_the_watched_one_are_not_counted_and_those_below_are(self):
        address = unused_address()
        with Cgroup() as beside, Cgroup(self.cgroup) as below:
            for cgroup in (self.cgroup, beside, below):  # the first tells the sensor at which level the watched one is
                with cgroup.start(lambda _: knock(address)) as client:
                    self.assertEqual(client.receive(), "refused")
        self.check_counted(1)  # two ends that are watched, here of two connections

    def check_nothing_seen(self):
        self.assertEqual((self.trace.finish(), self.trace.seen, self.trace.lost), (0, 0, 0))

    def test_plain_text_that_looks_a_little_like_tls(self):
        looks_like = [record(22, b"\x02" + bytes(50)), record(23, bytes(50)), alert(HANDSHAKE_FAILURE), b"\x16\x03\x01",
                      b"\x16\x03\x01\x00\x20\x02" * 20, b"\x16\x03\x01\x00\x00\x01" * 20,
                      bytes(1000), b"\xff" * 1000, b"\x16\x02\x00\x00\x10\x01" * 20]

        def speak(address):
            for sent in looks_like:
                with connect(address) as connection:
                    connection.sendall(sent)

        self.talk(self.serve(handle=swallow, context=object), speak)
        self.check_counted(len(looks_like))


def swallow(connection, _):
    with connection:
        while connection.recv(4096):
            pass


class LateOrBrokenTest(LiveTest):
    def test_broken_hello_is_a_failure(self):
        def speak(_channel, address):
            with connect(address) as connection:
                connection.sendall(record(22, b"\x01\x00\x00\x05junk!"))

        server = self.serve(handle=swallow, context=object)
        self.actor(speak, server.address).receive()
        for found in self.claim(server.port, 2):
            self.check_fields(found, {"tlsmeter.result": "failure", "tls.client.server_name": None,
                                      "tlsmeter.failure.reason": "protocol_error"})

    def test_upgrade_from_plain_text_is_one_handshake(self):
        # What the server does before TLS: bytes are sent; a number of bytes, or with LINE a line, is awaited.
        dialogues = {
            "smtp": (b"220 here\r\n", LINE, b"250-here\r\n250 STARTTLS\r\n", LINE, b"220 go\r\n"),
            "imap": (b"* OK here\r\n", LINE, b"* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK\r\n", LINE, b". OK go\r\n"),
            "pop3": (b"+OK here\r\n", LINE, b"+OK go\r\n"),
            "ftp": (b"220 here\r\n", LINE, b"234 go\r\n"),
            "ldap": (31, bytes.fromhex("300c02010178070a010004000400")),
            "postgres": (8, b"S"),
            "mysql": (MYSQL_GREETING, 36),
        }

        def upgrade(steps):
            def handle(connection, context):
                for step in steps:
                    if step is LINE:
                        read_line(connection)
                    elif isinstance(step, int):
                        connection.recv(step, socket.MSG_WAITALL)
                    else:
                        connection.sendall(step)
                shake(connection, context)

            return handle

        for protocol, steps in dialogues.items():
            with self.subTest(protocol):
                server = self.serve(handle=upgrade(steps))
                done = self.cgroup.run(["openssl", "s_client", "-starttls", protocol, "-servername", NAME, "-connect",
                                        f"127.0.0.1:{server.port}"])
                client, answer = self.pair(server.port, {"tlsmeter.result": "success", "tls.client.server_name": NAME,
                                                         "tls.protocol.version": "1.3", "tlsmeter.starttls": None})
                self.check_owner(client, done.pid, "openssl")
                self.check_owner(answer, server.pid, "py-server")

    def test_handshake_long_after_connect(self):
        def wait_then_shake(_channel, address):
            connection = connect(address)
            time.sleep(harness.scaled(1))
            return exchange(connection, client_context())

        server = self.serve()
        self.actor(wait_then_shake, server.address).receive()
        client, _ = self.pair(server.port, {"tlsmeter.result": "success"})
        self.assertLess(client["tlsmeter.timing.tcp_ms"], harness.scaled(900), client)
        self.assertLess(client["tlsmeter.timing.handshake_ms"], harness.scaled(900), client)
        self.assertGreater(client["tlsmeter.timing.first_app_byte_ms"], harness.scaled(900), client)

    def test_hello_inside_a_handshake_does_not_count_twice(self):
        """A body that holds a ClientHello, sent inside an established connection in a segment of its own."""

        def smuggle(_channel, address):
            connection = connect(address)
            connection.sendall(client_hello(NAME.encode()))
            connection.recv(100)
            connection.sendall(client_hello(b"second." + NAME.encode()))
            connection.close()

        def refuse(connection, _):
            with connection:
                connection.recv(4096)
                connection.sendall(alert(HANDSHAKE_FAILURE))
                connection.recv(4096)

        server = self.serve(handle=refuse)
        self.actor(smuggle, server.address).receive()
        self.pair(server.port, {"tlsmeter.result": "failure", "tls.client.server_name": NAME,
                                "tlsmeter.failure.reason": "handshake_failure"})


if __name__ == "__main__":
    harness.main()
