"""How soon a TLS library is probed that nobody mapped before tlsmeter started."""

import os
import statistics

import harness
from certificates import NAME, certificates
from livetest import LiveTest
from private_library import LIBRARIES, PrivateCgroup, PrivateLibrary
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


if __name__ == "__main__":
    harness.main()
