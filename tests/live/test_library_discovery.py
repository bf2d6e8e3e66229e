"""How soon a TLS library is probed that nobody mapped before tlsmeter started."""

import os
import select
import socket
import statistics
import subprocess

import harness
from certificates import NAME, certificates
from livetest import LiveTest
from private_library import LIBRARIES, PrivateCgroup, PrivateLibrary
from processes import stop
from servers import OpensslServer
from session import Trace

LATE = os.path.join(os.path.dirname(harness.tlsmeter_path()), "tests", "live", "late_mapping")
MOST_MS = 150  # decoding and attaching take some 25; listing alone would need 250 at the least, and two seconds in an old process


class DiscoveryTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        harness.require()
        certificates()

    @classmethod
    def tearDownClass(cls):
        pass

    def late(self, library, cgroup, delay_ms):
        """Milliseconds from the mapping to the probes."""
        done = cgroup.run([LATE, os.path.join(library.path, LIBRARIES[0]), str(delay_ms), "20000"], timeout=40)
        return float(done.stdout)

    def test_a_library_that_an_old_process_loads(self):
        times = []
        for _ in range(3):  # a new file each time
            with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, Trace(cgroup, "--library"):
                times.append(self.late(library, cgroup, 2000))
        self.assertLess(statistics.median(times), harness.scaled(MOST_MS), times)

    def test_a_program_that_another_becomes(self):
        """Its process has been looked at before, as that of the shell."""
        with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, Trace(cgroup, "--library"):
            argv = [LATE, os.path.join(library.path, LIBRARIES[0]), "0", "20000"]
            done = cgroup.run(["/bin/sh", "-c", 'sleep 2; exec "$0" "$@"', *argv], timeout=40)
            self.assertLess(float(done.stdout), harness.scaled(MOST_MS))

    def test_the_first_handshake_of_a_server_is_seen(self):
        with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, Trace(cgroup, "--library") as session:
            with OpensslServer(cgroup) as server:
                harness.wait_until(lambda: self.late(library, cgroup, 0) < MOST_MS, what="a library that is probed at once")
                cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME])
                for record in session.wait_for(2):
                    self.check_fields(record, {"tlsmeter.join": "client_random", "tlsmeter.stack.state": "instrumented"})
            self.assertEqual(session.finish(), 0)

    def test_a_handshake_that_began_before(self):
        """Its beginning is not known, and what it has sent; its end is."""
        with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, OpensslServer(cgroup, www=False) as server:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                client = cgroup.popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % listener.getsockname()[1]],
                                      stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.addCleanup(stop, client)
                connection, _ = listener.accept()
            with connection, Trace(cgroup, "--library") as session:
                harness.wait_until(lambda: self.late(library, cgroup, 0) < MOST_MS, what="a library that is probed at once")
                with socket.create_connection(("127.0.0.1", server.port)) as onward:
                    relay(connection, onward)
                    record, = session.wait_for(1, lambda record: record["tlsmeter.role"] == "client")
                client.stdin.close()
            self.check_fields(record, {"tlsmeter.result": "success", "tlsmeter.timing.library_ms": None, "tlsmeter.stack.name": "openssl",
                                       "tls.protocol.version": "1.3", "process.pid": client.pid})


def relay(client, server):
    """Hands on what each says, until a second passes without a byte."""
    other = {client: server, server: client}
    while ready := select.select(list(other), [], [], 1)[0]:
        for end in ready:
            data = end.recv(65536)
            if not data:
                return
            other[end].sendall(data)


if __name__ == "__main__":
    harness.main()
