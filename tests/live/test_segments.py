"""Hellos split over segments in every way TCP allows, and data that comes before the server's socket exists."""

import itertools
import os
import random
import socket
import ssl
import subprocess
import time

import harness
from certificates import NAME
from harness import search_path
from hello import HANDSHAKE_FAILURE, alert, client_hello
from livetest import LiveTest
from network import join_network_namespace, new_network_namespace
from overtaking import send_ahead
from peers import client_context, connect, connect_tls, serve_tls, server_context, shake_in_pieces
from session import Serve

SUCCESS = {"tlsmeter.result": "success", "tls.client.server_name": NAME}
MANY_PROTOCOLS = [f"protocol-number-{number:04}-of-a-long-list".ljust(100, ".") for number in range(50)]  # 5 kB
VERSIONS = {ssl.TLSVersion.TLSv1_2: "1.2", ssl.TLSVersion.TLSv1_3: "1.3"}
MAXSEG = (socket.IPPROTO_TCP, socket.TCP_MAXSEG)
NO_QUICK_ACK = (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
TCP_FASTOPEN_CONNECT = 30


def connect_in_pieces(_channel, address, sizes, context):
    return shake_in_pieces(connect(address), context, sizes)


def refuse(connection, _):
    """Answers a whole ClientHello by an alert."""
    with connection:
        header = connection.recv(5, socket.MSG_WAITALL)
        if len(header) == 5:
            connection.recv(int.from_bytes(header[3:], "big"), socket.MSG_WAITALL)
            connection.sendall(alert(HANDSHAKE_FAILURE))
            connection.recv(1)


REFUSED = {"tlsmeter.result": "failure", "tlsmeter.failure.reason": "handshake_failure", "tls.client.server_name": NAME}


class PiecesTest(LiveTest):
    def one(self, sizes, context=None, expected=SUCCESS):
        server = self.serve()
        facts = self.connect(server, body=connect_in_pieces, sizes=sizes, context=context or client_context())
        client, answer = self.pair(server.port, expected)
        self.check_owner(client, facts["pid"], "py-client")
        self.check_owner(answer, server.pid, "py-server")
        self.check_addresses(client, facts["local"], server.address)
        return facts

    def test_hello_of_5_kb_in_random_small_pieces(self):
        for seed in range(3):
            pieces = random.Random(seed)
            facts = self.one((pieces.randint(1, 100) for _ in itertools.count()), client_context(alpn=MANY_PROTOCOLS),
                             {**SUCCESS, "tlsmeter.offered.alpn": MANY_PROTOCOLS})
            self.assertGreater(facts["segments"], 50)

    def test_hello_in_single_bytes(self):
        for version in VERSIONS:
            alpn = MANY_PROTOCOLS[:4]
            facts = self.one(itertools.repeat(1), client_context(version=version, alpn=alpn),
                             {**SUCCESS, "tlsmeter.offered.alpn": alpn})
            self.assertGreater(facts["segments"], 500)

    def test_hello_split_inside_the_record_header(self):
        for first in range(1, 8):
            with self.subTest(first):
                self.one(itertools.chain([first], itertools.repeat(10000)))

    def test_hello_split_around_its_end(self):
        for version in VERSIONS:
            for size in (2, 5, 64):
                with self.subTest(version=version, size=size):
                    self.one(itertools.repeat(size), client_context(version=version))

    def test_small_segments_both_ways(self):
        for size, (version, name) in itertools.product((88, 256, 536), VERSIONS.items()):
            with self.subTest(size=size, version=name):
                options = [(*MAXSEG, size)]
                server = self.serve(server_context(version=version), options=options)
                facts = self.connect(server, context=client_context(alpn=MANY_PROTOCOLS), options=options)
                client, _ = self.pair(server.port, {**SUCCESS, "tls.protocol.version": name,
                                                    "tlsmeter.offered.alpn": MANY_PROTOCOLS})
                self.check_addresses(client, facts["local"], server.address)

    def test_largest_hello_that_fits_a_record(self):
        hello = client_hello(NAME.encode(), padding=(1 << 14) - 200)

        def send_hello(_channel, address):
            with connect(address) as connection:
                connection.sendall(hello)
                return connection.recv(100)

        server = self.serve(handle=refuse)
        self.assertEqual(self.actor(send_hello, server.address).receive(), alert(HANDSHAKE_FAILURE))
        self.pair(server.port, REFUSED)


class OvertakingTest(LiveTest):
    """The second segment of a hello comes before the first."""

    HELLO = client_hello(NAME.encode(), padding=1000)
    FIRST = 600

    def setUp(self):
        super().setUp()
        self.metrics = self.enterContext(Serve(self.cgroup))

    def held_now(self):
        return self.metrics.metrics().total("bpf_map_entries", map="tm_held")

    def test_second_segment_before_the_first(self):
        def send_hello(_channel, address):
            with connect(address, [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]) as connection:
                send_ahead(connection, self.FIRST, self.HELLO[self.FIRST:])
                connection.sendall(self.HELLO[:self.FIRST])
                connection.sendall(self.HELLO[self.FIRST:])
                return connection.recv(100)

        def refuse_later(connection, context):
            time.sleep(harness.scaled(0.2))  # the client's stack believes no answer to what it has yet to send
            refuse(connection, context)

        server = self.serve(handle=refuse_later)
        self.assertEqual(self.actor(send_hello, server.address).receive(), alert(HANDSHAKE_FAILURE))
        self.pair(server.port, REFUSED)
        self.metrics.wait_for_total(1, "events_total", kind="segment_held")
        harness.wait_until(lambda: self.held_now() == 0, what="no segment to be held")

    def test_connection_that_ends_without_its_first_segment(self):
        def send_half(_channel, address):
            with connect(address) as connection:
                send_ahead(connection, self.FIRST, self.HELLO[self.FIRST:])

        server = self.serve(handle=refuse)
        self.actor(send_half, server.address).receive()
        self.metrics.wait_for_total(1, "events_total", kind="segment_held")
        harness.wait_until(lambda: self.held_now() == 0, what="the held segment to go with its connection")


class BeforeTheChildTest(LiveTest):
    """Data in the packet that creates the server's socket is filtered on the listener."""

    def many(self, count, options, client_options=()):
        server = self.serve(options=options)

        def connect_often(channel, address):
            return [connect_tls(channel, address, client_context(), options=client_options)["local"] for _ in range(count)]

        clients = self.actor(connect_often, server.address, comm="py-client").receive()
        pairs = self.pairs(server.port, count)
        self.assertEqual(sorted(client["client.port"] for client, _ in pairs), sorted(port for _, port in clients))
        for client, answer in pairs:
            self.check_fields(client, SUCCESS)
            self.check_fields(answer, SUCCESS)
            self.check_owner(answer, server.pid, "py-server")

    def test_deferred_accept(self):
        self.many(20, [(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3)])

    def test_hello_on_the_acknowledgement_of_the_syn(self):
        self.many(20, [], [NO_QUICK_ACK])

    def test_deferred_accept_of_a_large_hello_in_small_segments(self):
        server = self.serve(options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3), (*MAXSEG, 536)])
        self.connect(server, context=client_context(alpn=MANY_PROTOCOLS), options=[(*MAXSEG, 536)])
        self.pair(server.port, {**SUCCESS, "tlsmeter.offered.alpn": MANY_PROTOCOLS})

    def test_fast_open(self):
        """In a network namespace of its own, where the server's side of fast open can be switched on."""

        def serve_fast(channel):
            new_network_namespace()
            with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as file:
                file.write("3")
            serve_tls(channel, options=[(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)])

        def connect_fast(channel, address, server_pid, count):
            join_network_namespace(server_pid)
            outcome = []
            for _ in range(count):
                connection = connect(address, [(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)])
                shake_in_pieces(connection, client_context(), itertools.repeat(100000))
                outcome.append(fast_opens())
            return outcome

        harness.require("ip")
        server = self.serve(body=serve_fast)
        count = 5  # the first one asks for a cookie, the others send the hello with the SYN
        opened = self.actor(connect_fast, server.address, server.pid, count).receive()
        self.assertEqual(opened[-1], count - 1, "the kernel did not take the data in the SYN")
        for client, answer in self.pairs(server.port, count):
            self.check_fields(client, SUCCESS)
            self.check_fields(answer, SUCCESS)
            self.check_owner(answer, server.pid, "py-server")


def fast_opens():
    """How often data in a SYN was accepted, in the caller's network namespace."""
    with open("/proc/self/net/netstat") as file:
        names, values = [line.split()[1:] for line in file if line.startswith("TcpExt:")]
    return int(values[names.index("TCPFastOpenPassive")])


class NamespaceTest(LiveTest):
    programs = ("ip", "nsenter")

    def test_between_network_namespaces(self):
        """Client and server in namespaces of their own, joined by a veth pair that ends with them."""

        def serve_there(channel, host):
            new_network_namespace()
            channel.send(os.getpid())
            channel.receive()  # the address is there
            serve_tls(channel, host=host)

        def connect_there(channel):
            new_network_namespace()
            channel.send(os.getpid())
            address = channel.receive()
            return connect_tls(channel, address, client_context())

        server = self.actor(serve_there, "198.51.100.2", comm="py-server")
        client = self.actor(connect_there, comm="py-client")
        try:
            server.receive(), client.receive()
        except AssertionError as error:
            self.skipTest(f"needs network namespaces: {error}")
        self.ip("link", "add", "veth0", "netns", str(client.pid), "type", "veth", "peer", "name", "veth0", "netns", str(server.pid))
        for actor, address in ((client, "198.51.100.1/24"), (server, "198.51.100.2/24")):
            inside = ("nsenter", "-t", str(actor.pid), "-n")
            self.ip("addr", "add", address, "dev", "veth0", inside=inside)
            self.ip("link", "set", "veth0", "up", inside=inside)
        server.send("ready")
        address = server.receive()
        client.send(address)
        facts = client.receive()
        records = self.pair(address[1], {**SUCCESS, "client.address": "198.51.100.1", "server.address": "198.51.100.2"})
        self.check_addresses(records[0], facts["local"], address)
        self.check_owner(records[0], client.pid, "py-client")
        self.check_owner(records[1], server.pid, "py-server")

    def ip(self, *arguments, inside=()):
        subprocess.run([*inside, "ip", *arguments], check=True, env={"PATH": search_path()})


if __name__ == "__main__":
    harness.main()
