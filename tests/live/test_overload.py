"""A collector that gets no CPU while handshakes go on: what its rings cannot hold is counted, and the programs do not wait for it."""

import os
import signal
import time
import unittest

import harness
from certificates import NAME, certificates
from harness import wait_until
from private_library import PrivateCgroup, PrivateLibrary, installed_build
from servers import Nginx
from session import Serve

SECONDS = 2.0
# Of both sides, so that both rings overflow: a side takes more than 1 KiB of the 8 MiB of the one, and half as much of the 4 MiB
# of the other.
ENOUGH = 20000
MAX_RESIDENT_KIB = 200 * 1024


class OverloadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.require("nginx", "curl")
        if installed_build() is None:
            raise unittest.SkipTest("needs OpenSSL 3 as shared libraries")
        cls.library = cls.enterClassContext(PrivateLibrary())

    def load(self):
        """Handshakes for some seconds; returns of how many sides at least."""
        client = os.path.join(os.path.dirname(harness.tlsmeter_path()), "tests", "bench", "load_client")
        done = self.cgroup.run([client, "tls", str(self.nginx.ports["tls"]), str(SECONDS), "4"])
        return int(2 * SECONDS * float(done.stdout))

    def lost(self, metrics):
        return {labels["reason"]: value for labels, value in metrics.series("events_lost_total") if value}

    def test_collector_stopped_for_a_while(self):
        self.cgroup = self.enterContext(PrivateCgroup(self.library))
        self.nginx = self.enterContext(Nginx(self.cgroup, {"tls": "ssl_protocols TLSv1.3; ssl_session_tickets off;"}))
        serve = self.enterContext(Serve(self.cgroup, "--library"))
        serve.process.send_signal(signal.SIGSTOP)
        sides = 0
        try:
            while sides < ENOUGH:
                sides += self.load()
        finally:
            serve.process.send_signal(signal.SIGCONT)

        # What the rings held is told, the rest is counted as lost.
        serve.wait_for_total(1, "events_lost_total", reason="ring_full_open")
        serve.wait_for_total(1, "events_lost_total", reason="ring_full_library")
        self.settle(serve)
        told = serve.metrics().total("handshakes_total")
        self.assertGreater(told, 1000)
        self.assertLess(told, sides)
        lost_opens = self.lost(serve.metrics())["ring_full_open"]
        self.assertGreater(told + lost_opens, 0.9 * sides)
        with open(f"/proc/{serve.process.pid}/status") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        self.assertLess(resident, MAX_RESIDENT_KIB)

        # Afterwards all is seen again, by both sensors, and nothing more is lost.
        lost = self.lost(serve.metrics())
        joined = serve.metrics().total("library_joins_total", join="client_random")
        address = f"{NAME}:{self.nginx.ports['tls']}:127.0.0.1"
        for _ in range(5):
            self.cgroup.run(["curl", "--silent", "--fail", "--cacert", certificates().root.certificate, "--resolve", address,
                             f"https://{NAME}:{self.nginx.ports['tls']}/"])
        serve.wait_for_total(told + 10, "handshakes_total")
        serve.wait_for_total(joined + 10, "library_joins_total", join="client_random")
        self.settle(serve)
        self.assertEqual(serve.metrics().total("handshakes_total"), told + 10)
        self.assertEqual(self.lost(serve.metrics()), lost)
        self.assertEqual(serve.finish(), 0)

    def settle(self, serve):
        """Waits until two scrapes some time apart say the same."""
        seen = []

        def same():
            time.sleep(1)
            metrics = serve.metrics()
            seen.append((metrics.total("handshakes_total"), metrics.total("events_lost_total")))
            return len(set(seen[-2:])) == 1 < len(seen)

        wait_until(same, 60, lambda: f"counts that stay, have {seen[-3:]}")


if __name__ == "__main__":
    harness.main()
