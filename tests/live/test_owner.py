"""Who it was: the process that uses the socket, whichever way the socket came to it."""

import os
import socket
import threading
import time
import unittest

import harness
from certificates import NAME, certificates
from livetest import LiveTest, RecordAssertions
from peers import client_context, connect, connect_tls, exchange, listen, server_context, shake
from processes import Cgroup, set_comm
from servers import Nginx, OpensslServer
from session import Trace

SUCCESS = {"tlsmeter.result": "success", "tls.client.server_name": NAME}


def fork_child(comm, body):
    """Runs body() in a forked child called `comm` and returns its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            set_comm(comm)
            body()
        finally:
            os._exit(0)
    return pid


class ServerOwnerTest(LiveTest):
    def check_server(self, server, comm, not_pid=None):
        """The server's answer tells the pid that served; the record must have the same."""
        facts = self.connect(server)
        client, answer = self.pair(server.port, SUCCESS)
        self.check_owner(client, facts["pid"], "py-client")
        self.check_owner(answer, facts["server_pid"], comm)
        if not_pid:
            self.assertNotEqual(facts["server_pid"], not_pid)

    def test_worker_forked_after_accept(self):
        def serve(channel):
            listener, context = listen(), server_context()
            channel.send(listener.getsockname())
            while True:
                connection, _ = listener.accept()
                worker = fork_child("worker", lambda: shake(connection, context))
                connection.close()
                os.waitpid(worker, 0)

        server = self.serve(body=serve, comm="acceptor")
        self.check_server(server, "worker", not_pid=server.pid)
        self.check_server(server, "worker", not_pid=server.pid)

    def test_workers_forked_before_accept(self):
        def serve(channel):
            listener, context = listen(), server_context()
            worker = fork_child("worker", lambda: [shake(listener.accept()[0], context) for _ in range(2)])
            channel.send(listener.getsockname())
            os.waitpid(worker, 0)

        server = self.serve(body=serve, comm="parent")
        self.check_server(server, "worker", not_pid=server.pid)
        self.check_server(server, "worker", not_pid=server.pid)

    def test_descriptor_handed_over_to_another_process(self):
        def serve(channel):
            listener, context = listen(), server_context()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

            def receive():
                _, descriptors, _, _ = socket.recv_fds(theirs, 1, 1)
                shake(socket.socket(fileno=descriptors[0]), context)

            receiver = fork_child("receiver", receive)
            channel.send(listener.getsockname())
            connection, _ = listener.accept()
            socket.send_fds(ours, [b"x"], [connection.fileno()])
            connection.close()
            os.waitpid(receiver, 0)

        server = self.serve(body=serve, comm="acceptor")
        self.check_server(server, "receiver", not_pid=server.pid)

    def test_thread_is_reported_under_the_name_of_its_process(self):
        def serve(channel):
            listener, context = listen(), server_context()
            channel.send(listener.getsockname())

            def serve_in_thread():
                set_comm("nbthread")
                shake(listener.accept()[0], context)

            thread = threading.Thread(target=serve_in_thread)
            thread.start()
            thread.join()

        server = self.serve(body=serve, comm="leader")
        self.check_server(server, "leader")

    def test_accept_long_after_the_hello(self):
        def serve(channel):
            listener, context = listen(), server_context()
            channel.send(listener.getsockname())
            time.sleep(harness.scaled(0.5))
            shake(listener.accept()[0], context)

        self.check_server(self.serve(body=serve, comm="slow-acceptor"), "slow-acceptor")

    def test_name_of_15_bytes(self):
        self.check_server(self.serve(comm="exactly15bytes!"), "exactly15bytes!")

    def test_name_with_quotes_and_a_control_character(self):
        comm = 'a "b" \\c\x01'
        server = self.serve(comm=comm)
        self.connect(server)
        _, answer = self.pair(server.port, SUCCESS)  # whatever is done to the name, the line is JSON and the pid is right
        self.check_owner(answer, server.pid, answer["process.name"])
        self.assertTrue(answer["process.name"].startswith('a "b" '), answer)

    def test_nginx_workers(self):
        harness.require("nginx", "curl")
        with Nginx(self.cgroup, {"site": "ssl_protocols TLSv1.3;"}) as nginx:
            port = nginx.ports["site"]
            count = 20
            curls = [self.cgroup.run(["curl", "-sk", f"https://127.0.0.1:{port}/"]).pid for _ in range(count)]
            pairs = self.pairs(port, count)
            workers = nginx.worker_pids()
        self.assertEqual({client["process.name"] for client, _ in pairs}, {"curl"})
        self.assertEqual({answer["process.name"] for _, answer in pairs}, {"nginx"})
        if harness.IN_INITIAL_PID_NAMESPACE:
            self.assertEqual(sorted(client["process.pid"] for client, _ in pairs), sorted(curls))
            self.assertLessEqual({answer["process.pid"] for _, answer in pairs}, set(workers))


class ClientOwnerTest(LiveTest):
    def test_connected_in_one_process_and_used_in_its_child(self):
        def connect_and_hand_down(channel, address):
            connection = connect(address)
            user = fork_child("user", lambda: exchange(connection, client_context()))
            channel.send(user)
            connection.close()
            os.waitpid(user, 0)

        server = self.serve()
        user = self.actor(connect_and_hand_down, server.address, comm="connector").receive()
        client, answer = self.pair(server.port, SUCCESS)
        self.check_owner(client, user, "user")
        self.check_owner(answer, server.pid, "py-server")

    def test_thread_is_reported_under_the_name_of_its_process(self):
        def connect_in_thread(_channel, address):
            def body():
                set_comm("nbthread")
                connect_tls(None, address, client_context())

            thread = threading.Thread(target=body)
            thread.start()
            thread.join()

        server = self.serve()
        actor = self.actor(connect_in_thread, server.address, comm="leader")
        actor.receive()
        client, _ = self.pair(server.port, SUCCESS)
        self.check_owner(client, actor.pid, "leader")

    def test_process_that_is_gone_before_its_record_is_printed(self):
        with OpensslServer(self.cgroup, "-tls1_3") as server:
            for _ in range(10):
                done = self.s_client(server.port)
                client, answer = self.pair(server.port, SUCCESS)
                self.check_owner(client, done.pid, "openssl")
                self.check_owner(answer, server.pid, "openssl")


class OpenBeforeStartTest(RecordAssertions, unittest.TestCase):
    def setUp(self):
        harness.require()
        certificates()

    def test_connections_that_were_open_before_tlsmeter(self):
        count = 3

        def serve(channel):
            listener, context = listen(), server_context()
            channel.send(listener.getsockname())
            connections = [listener.accept()[0] for _ in range(count)]
            channel.send("accepted")
            for connection in connections:
                shake(connection, context)

        def open_then_shake(channel, address):
            connections = [connect(address) for _ in range(count)]
            channel.send("connected")
            channel.receive(60)
            for connection in connections:
                exchange(connection, client_context())

        cgroup = self.enterContext(Cgroup())
        server = self.enterContext(cgroup.start(serve, comm="py-server"))
        address = server.receive()
        client = self.enterContext(cgroup.start(open_then_shake, address, comm="py-client"))
        self.assertEqual((client.receive(), server.receive()), ("connected", "accepted"))
        session = self.enterContext(Trace(cgroup))
        client.send("go")
        client.receive()
        records = session.wait_for(2 * count)
        self.assertEqual(session.finish(), 0)
        self.assertEqual((session.lost, session.seen, len(session.records())), (0, 2 * count, 2 * count), session.stderr())
        for record in records:
            role = record["tlsmeter.role"]
            self.check_fields(record, {**SUCCESS, "server.port": address[1], "tls.protocol.version": "1.3"})
            self.check_owner(record, {"client": client, "server": server}[role].pid, f"py-{role}")
            self.check_success(record)
        roles = sorted(record["tlsmeter.role"] for record in records)
        self.assertEqual(roles, ["client"] * count + ["server"] * count)


if __name__ == "__main__":
    harness.main()
