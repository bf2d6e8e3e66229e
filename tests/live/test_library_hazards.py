"""What has killed or could kill a probed program, or blind the sensor: each as it happens in life. See docs/design.md."""

import collections
import itertools
import os
import socket
import subprocess
import time

import harness
from certificates import NAME, certificates
from containers import Container, Image
from librarytest import LEAF, LibraryTest, success, verify
from livetest import LiveTest
from network import free_port, is_listening
from private_library import LIBRARIES, PrivateCgroup, PrivateLibrary
from processes import Cgroup, stop
from servers import OpensslServer
from session import Trace

# Servers on two overlay mounts of one lower folder; the mounts end with their namespace, the servers with the shell.
OVERLAY = """
set -e
cd "$1"; lower=$2; certificate=$3; key=$4; shift 4
mount -t tmpfs none .
for port in "$@"; do
  mkdir "$port" "$port.upper" "$port.work"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$port.upper,workdir=$port.work" "$port"
  LD_LIBRARY_PATH="$PWD/$port" openssl s_server -accept "127.0.0.1:$port" -cert "$certificate" -key "$key" -www &
done
wait
"""


# The first connection's object is freed when its descriptor is the second's.
REUSE = """
import os, socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    first = listener.accept()[0]
    first.setblocking(False)
    first = context.wrap_socket(first, server_side=True, do_handshake_on_connect=False)
    try:
        first.do_handshake()
    except ssl.SSLWantReadError:
        pass
    number = first.detach()
    os.close(number)
    second = listener.accept()[0]
    assert second.fileno() == number
    with context.wrap_socket(second, server_side=True) as second:
        del first
        while second.recv(100):
            pass
"""


class HazardTest(LibraryTest):
    def within(self, count, program, *arguments):
        """The records of the `count` handshakes in the one process of `program`: those of its clients, and of its servers."""
        program = os.path.join(os.path.dirname(harness.tlsmeter_path()), "tests", "live", program)
        with Trace(self.cgroup, "--library") as session:
            done = self.cgroup.run([program, *arguments])
            self.assertEqual(session.finish(), 0)
            records = [record for record in session.records() if record["process.pid"] == done.pid]
        self.claimed[None] += 2 * count  # no socket: the class's own tlsmeter tells them at its end
        sides = [[record for record in records if record["tlsmeter.role"] == role] for role in ("client", "server")]
        for side in sides:  # each step was put down to the handshake it belongs to
            self.assertEqual(len({record["tlsmeter.client_random"] for record in side}), count)
        self.assertEqual(len(records), 2 * count)
        return sides

    def fibers(self, count, *arguments):
        leaf = certificates().leaf
        return self.within(count, "fibers", str(count), leaf.certificate, leaf.key, *arguments)

    def all_saw_the_leaf(self, sides):
        for record in itertools.chain(*sides):
            self.check_fields(record, success(**{
                "tlsmeter.join": "none", "tls.server.subject": LEAF, "tlsmeter.server.chain_length": 1, "tls.client.subject": None,
                "tlsmeter.client.chain_length": None}))

    def test_fibers(self):
        """Probed functions are suspended half way on one stack while others begin and end on another."""
        self.all_saw_the_leaf(self.fibers(50))

    def test_handshakes_within_handshakes(self):
        """A callback makes another connection on the same stack: what comes after it belongs to the interrupted one again."""
        leaf = certificates().leaf
        self.all_saw_the_leaf(self.within(3, "nested", leaf.certificate, leaf.key))

    def test_a_descriptor_that_is_used_again(self):
        """What is told of an object when it is freed is not put down to the next connection of its descriptor."""
        leaf = certificates().leaf
        with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, Trace(cgroup, "--library") as session:
            server = cgroup.popen(["/usr/bin/python3", "-c", REUSE, leaf.chain, leaf.key], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE)
            self.addCleanup(stop, server)
            port = int(server.stdout.readline())
            with socket.create_connection(("127.0.0.1", port)):
                client = cgroup.popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], stdin=subprocess.PIPE,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.addCleanup(stop, client)
                session.wait_for(2)
                time.sleep(1)  # what a library tells alone comes within half a second
                client.stdin.close()
                self.assertEqual(server.wait(10), 0)
            self.assertEqual(session.finish(), 0)
            self.assertEqual(sorted(record["tlsmeter.role"] for record in session.records()), ["client", "server"])
            for record in session.records():
                self.check_fields(record, {"tlsmeter.result": "success", "tlsmeter.join": "client_random"})

    def test_an_error_that_is_forgiven(self):
        """A callback raises one amid the handshake, which ends well."""
        leaf = certificates().leaf
        self.all_saw_the_leaf(self.within(1, "nested", leaf.certificate, leaf.key, "error"))

    def test_fibers_of_which_one_fails(self):
        """Certificates and errors are those of the handshake whose stack they come from, whichever began last."""
        mine = certificates().client
        both = {"tlsmeter.join": "none", "tlsmeter.result": "failure", "tlsmeter.failure.side": "client", "tls.server.subject": LEAF,
                "tlsmeter.server.chain_length": 1, "tls.client.subject": "CN=client.example.test,O=tlsmeter test",
                "tlsmeter.client.chain_length": 1}
        clients, servers = self.fibers(10, mine.certificate, mine.key)
        for record in clients:
            self.check_fields(record, {**both, "tlsmeter.error.code": 1048, "tlsmeter.alert.sender": "server"})
        for record in servers:
            self.check_fields(record, {**both, "tlsmeter.error.code": 134, "tlsmeter.verify.code": 20})

    def test_two_overlay_mounts_of_one_file(self):
        """Each mount shows the file under a device and inode number of its own: it must be probed once."""
        ports = [free_port(), free_port()]
        folder = self.enterContext(harness.temporary_folder())
        leaf = certificates().leaf
        process = self.cgroup.popen(["unshare", "--mount", "sh", "-c", OVERLAY, "overlay", folder, self.library.path,
                                     leaf.certificate, leaf.key, *map(str, ports)],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        harness.wait_until(lambda: all(map(is_listening, ports)) or process.poll() is not None, what="servers on overlays")
        if process.poll() is not None:
            self.skipTest(f"needs overlay file systems: {process.stderr.read().decode()}")

        def joined(port):  # what nobody mapped before is found a moment after it is mapped
            self.s_client(port, *verify())
            return all(record["tlsmeter.join"] for record in self.pair(port, {"tlsmeter.result": "success"}))

        for port in ports:
            harness.wait_until(lambda port=port: joined(port), 30, what="facts of the library on an overlay")
        for port in ports * 2:
            self.s_client(port, *verify())
            self.pair(port, success(**{"tls.server.subject": LEAF, "tlsmeter.server.chain_length": 1}))

    def test_a_second_collector_decodes_a_file_that_has_breakpoints(self):
        """The kernel shows breakpoints in private mappings of a probed file: who decodes such a mapping probes wrong places."""
        with Trace(self.cgroup, "--library") as second:
            for _ in range(5):
                self.s_client(self.early.port)
                self.pair(self.early.port, success(**{"tls.server.subject": LEAF}))
            found = second.wait_for(10, lambda record: record["server.port"] == self.early.port)
            for record in found:
                self.check_fields(record, success(**{"tls.server.subject": LEAF}))
        self.s_client(self.early.port)  # its probes are gone, the first one's work
        self.pair(self.early.port, success())


class ContainerTest(LiveTest):
    """Containers that bring a libssl of their own; the client is outside."""

    programs = ("runc",)

    @classmethod
    def setUpClass(cls):
        harness.require(*cls.programs)
        cls.cgroup = cls.enterClassContext(Cgroup())
        library = cls.enterClassContext(PrivateLibrary())
        cls.peers = cls.enterClassContext(PrivateCgroup(library, cls.cgroup))
        cls.image = cls.enterClassContext(Image())
        cls.session = cls.enterClassContext(Trace(cls.cgroup, "--library"))
        cls.claimed = collections.Counter()

    def test_a_container_with_its_own_library(self):
        for container in [self.enterContext(Container(self.image, self.cgroup, "/docker/{id}")) for _ in range(2)]:
            argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{container.port}", "-servername", NAME, "-ign_eof"]

            def joined():  # what nobody mapped before is found a moment after it is mapped
                self.peers.run(argv, b"GET / HTTP/1.0\r\n\r\n")
                pair = self.pair(container.port, {"tlsmeter.result": "success"})
                return pair if all(record["tlsmeter.join"] for record in pair) else None

            _, server = harness.wait_until(joined, 30, what="facts of the library in the container")
            self.check_fields(server, {"container.id": container.id, **success(**{"tls.server.subject": LEAF})})


class OverwriteTest(LiveTest):
    """In a class of its own: a file that was written to stays blind."""

    @classmethod
    def setUpClass(cls):
        harness.require()
        certificates()

    @classmethod
    def tearDownClass(cls):
        pass

    def test_overwrite_in_place(self):
        """New processes would run the old instruction at each probe: the probes must go, and the programs live."""
        with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, OpensslServer(cgroup) as server:
            with Trace(cgroup, "--library") as session:
                connect = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"]
                cgroup.run(connect)
                session.wait_for(2, lambda record: record["tlsmeter.join"] == "client_random")
                with open(os.path.join(library.path, LIBRARIES[0]), "ab") as file:
                    file.write(b"x")

                def unprobed():
                    before = len(session.records())
                    cgroup.run(connect)
                    pair = session.wait_for(before + 2)[before:]
                    return all(record["tlsmeter.join"] is None and record["tlsmeter.result"] == "success" for record in pair)

                harness.wait_until(unprobed, what="the probes to go")
                for _ in range(10):
                    cgroup.run(connect)
                self.assertEqual(session.finish(), 0)
                self.assertEqual(session.lost, 0)


if __name__ == "__main__":
    harness.main()
