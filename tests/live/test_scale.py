"""Many handshakes: at once, one after the other on the same ports, and mixed with connections that are none."""

import asyncio
import contextlib
import os
import ssl

import harness
from certificates import NAME
from livetest import LiveTest
from network import free_port
from peers import client_context, connect, exchange, reset, server_context

CONCURRENT = 200


def serve_concurrently(channel):
    """An event loop that serves all clients at once and answers each with the pid."""

    async def answer(reader, writer):
        with contextlib.suppress(OSError):
            await reader.readline()
            writer.write(b"%d\n" % os.getpid())
            await reader.read()
            writer.close()

    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_context(), backlog=2 * CONCURRENT)
        channel.send(server.sockets[0].getsockname())
        await server.serve_forever()

    asyncio.run(run())


def connect_concurrently(_channel, address, contexts):
    """One connection per number, each with a name of its own; all handshakes begin before any connection ends."""

    async def one(number, all_open):
        context = contexts[number % len(contexts)]
        reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=f"n{number}.{NAME}")
        all_open["count"] += 1
        while all_open["count"] < CONCURRENT:
            await asyncio.sleep(0.01)
        writer.write(b"hello\n")
        await reader.readline()
        local = writer.get_extra_info("sockname")
        writer.transport.abort()
        return number, local

    async def run():
        all_open = {"count": 0}
        return await asyncio.gather(*(one(number, all_open) for number in range(CONCURRENT)))

    return asyncio.run(run())


class ScaleTest(LiveTest):
    def test_200_concurrent_connections_in_both_versions(self):
        server = self.serve(body=serve_concurrently)
        contexts = [client_context(version=version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
        clients = self.actor(connect_concurrently, server.address, contexts, comm="py-crowd")
        opened = clients.receive(60)
        pairs = self.pairs(server.port, CONCURRENT)
        ports = {f"n{number}.{NAME}": local[1] for number, local in opened}
        seen = {}
        for client, answer in pairs:
            number = int(client["tls.client.server_name"].split(".")[0][1:])
            expected = {"tlsmeter.result": "success", "tls.protocol.version": ("1.2", "1.3")[number % 2],
                        "tls.client.server_name": f"n{number}.{NAME}", "tls.resumed": False}
            self.check_fields(client, expected)
            self.check_fields(answer, expected)
            self.check_owner(client, clients.pid, "py-crowd")
            self.check_owner(answer, server.pid, "py-server")
            seen[client["tls.client.server_name"]] = client["client.port"]
        self.assertEqual(seen, ports)

    def test_same_addresses_and_ports_again_and_again(self):
        """Ended by RST, so that the next connection has the same four-tuple at once."""
        count = 30

        source = ("127.0.0.1", free_port())

        def connect_again(_channel, address):
            for _ in range(count):
                connection = connect(address, source=source)
                tls = client_context().wrap_socket(connection, server_hostname=NAME)
                tls.sendall(b"hello\n")
                tls.recv(100)
                reset(tls)

        server = self.serve()
        self.actor(connect_again, server.address, comm="py-client").receive(60)
        for client, answer in self.pairs(server.port, count):
            self.check_fields(client, {"tlsmeter.result": "success", "client.port": source[1]})
            self.check_fields(answer, {"tlsmeter.result": "success", "client.port": source[1]})

    def test_handshakes_among_many_connections_that_are_none(self):
        def noise(_channel, address):
            for number in range(200):
                connection = connect(address)
                if number % 2:
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if number % 20 == 0:
                    exchange(connection, client_context())
                else:
                    connection.close()

        server = self.serve()
        self.actor(noise, server.address).receive(60)
        for client, answer in self.pairs(server.port, 10):
            self.check_fields(client, {"tlsmeter.result": "success"})
            self.check_fields(answer, {"tlsmeter.result": "success"})

    def test_long_transfer_after_the_handshake(self):
        """Millions of bytes after the handshake are nobody's business: one record, and nothing lost."""
        size = 20_000_000

        def fetch(_channel, address):
            with client_context().wrap_socket(connect(address), server_hostname=NAME) as tls:
                got = 0
                while data := tls.recv(1 << 16):
                    got += len(data)
                return got

        def pour(connection, context):
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(bytes(size))

        server = self.serve(handle=pour)
        self.assertEqual(self.actor(fetch, server.address).receive(60), size)
        for record in self.pair(server.port, {"tlsmeter.result": "success"}):
            self.assertLess(record["tlsmeter.bytes.client"] + record["tlsmeter.bytes.server"], 10000, record)


if __name__ == "__main__":
    harness.main()
