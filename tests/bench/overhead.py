#!/usr/bin/env python3
"""What tlsmeter costs the programs that it watches: the same load with it off and on, alternating, in one run.

Client and server share the machine's cores and both are watched, so each connection is paid for twice. Everything runs in a cgroup
of its own with copies of OpenSSL of its own, on loopback, and ends by itself.

    tests/bench/overhead.py [--build build/release] [--rounds 5] [--seconds 4] [PART...]
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

from certificates import certificates  # noqa: E402
from harness import missing_requirement, temporary_folder, wait_until  # noqa: E402
from network import free_port, is_listening  # noqa: E402
from private_library import LIBRARIES, PrivateCgroup, PrivateLibrary, installed_build  # noqa: E402
from processes import stop  # noqa: E402
from session import Serve  # noqa: E402

CLOCK_TICK = os.sysconf("SC_CLK_TCK")


class Nginx:
    """Two workers, TLS 1.3 with an ECDSA P-256 certificate and no resumption, and a plain port."""

    def __init__(self, cgroup):
        self._cgroup = cgroup
        self.tls, self.plain = free_port(), free_port()

    def __enter__(self):
        self._folder = temporary_folder()
        os.chmod(self._folder.name, 0o755)
        path = self._folder.name
        leaf = certificates().leaf
        configuration = os.path.join(path, "nginx.conf")
        temp = " ".join(f"{kind}_temp_path {path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(configuration, "w") as file:
            file.write(f"""
daemon off; worker_processes 2; pid {path}/pid; error_log {path}/log warn;
events {{ worker_connections 4096; }}
http {{ access_log off; {temp} ssl_session_cache none; ssl_session_tickets off;
server {{ listen 127.0.0.1:{self.tls} ssl backlog=4096; ssl_certificate {leaf.chain}; ssl_certificate_key {leaf.key};
  ssl_protocols TLSv1.3; location / {{ return 200 "hello\\n"; }} }}
server {{ listen 127.0.0.1:{self.plain} backlog=4096; location / {{ return 200 "hello\\n"; }} }}
}}""")
        self._process = self._cgroup.popen(["nginx", "-p", path, "-c", configuration, "-e", f"{path}/log"],
                                           stdin=subprocess.DEVNULL)
        wait_until(lambda: is_listening(self.tls) and is_listening(self.plain), what="nginx")
        return self

    def __exit__(self, *_):
        stop(self._process)
        self._folder.cleanup()


class Bench:
    def __init__(self, options, cgroup, nginx):
        self.options = options
        self.cgroup = cgroup
        self.nginx = nginx
        self.client = os.path.join(options.build, "tests", "bench", "load_client")

    def load(self, kind):
        seconds = str(self.options.seconds)
        tls = ["tls", str(self.nginx.tls), seconds, "4"]
        arguments = {"tls": tls, "library": tls, "stalled": tls,
                     "plain": ["plain", str(self.nginx.plain), seconds, "4"],
                     "bulk": ["bulk", seconds]}[kind]
        return float(self.cgroup.run([self.client, *arguments], timeout=self.options.seconds + 60).stdout)

    def measured_load(self, kind):
        """The load's rate, and the CPU time in microseconds that client and server took for one unit of it."""
        before = self.cpu_microseconds()
        rate = self.load(kind)
        return rate, (self.cpu_microseconds() - before) / (rate * self.options.seconds)

    def cpu_microseconds(self):
        with open(os.path.join(self.cgroup.path, "cpu.stat")) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("usage_usec"))

    def ratio(self, kind, unit, target):
        """Off and on in the order ABBA; prints medians and the ratio of each pair.

        As off, so on is measured when all is warm: the first pass through the rings maps their pages. `stalled` is the library
        sensor while the collector gets no CPU.
        The ratio by CPU time counts what client, server and collector took, so other programs of the machine disturb it less.
        """
        off, on, cpu_off, cpu_on, notes = [], [], [], [], []
        self.load(kind)  # warms caches
        for i in range(self.options.rounds):
            for watched in ([False, True] if i % 2 == 0 else [True, False]):
                if not watched:
                    rate, cpu = self.measured_load(kind)
                    off.append(rate)
                    cpu_off.append(cpu)
                    continue
                with Serve(self.cgroup, *(["--library"] if kind in ("library", "stalled") else [])) as serve:
                    self.load(kind)
                    before = cpu_seconds(serve.process.pid)
                    if kind == "stalled":
                        serve.process.send_signal(signal.SIGSTOP)
                    rate, cpu = self.measured_load(kind)
                    serve.process.send_signal(signal.SIGCONT)
                    collector = cpu_seconds(serve.process.pid) - before
                    on.append(rate)
                    cpu_on.append(cpu + collector * 1e6 / (rate * self.options.seconds))
                    notes.append(self.note(kind, serve, rate, collector))
        by_cpu = sorted(a / b for a, b in zip(cpu_off, cpu_on))
        ratios = sorted(b / a for a, b in zip(off, on))
        print(f"{kind}: off {statistics.median(off):.0f} {unit} ({min(off):.0f}-{max(off):.0f}), "
              f"on {statistics.median(on):.0f} ({min(on):.0f}-{max(on):.0f}), "
              f"ratio of medians {statistics.median(on) / statistics.median(off):.3f}, "
              f"of pairs {statistics.median(ratios):.3f} ({ratios[0]:.3f}-{ratios[-1]:.3f}), target {target}")
        print(f"  by CPU time: off {statistics.median(cpu_off):.1f} us, on {statistics.median(cpu_on):.1f} us each, "
              f"ratio of pairs {statistics.median(by_cpu):.3f} ({by_cpu[0]:.3f}-{by_cpu[-1]:.3f})")
        for note in notes[-1:]:
            print(f"  {note}")

    def note(self, kind, serve, rate, cpu):
        metrics = serve.metrics()
        handshakes = metrics.total("handshakes_total")
        lost = metrics.total("events_lost_total")
        text = (f"collector: {cpu / self.options.seconds * 100:.1f} % of a core, resident {resident_mib(serve.process.pid):.1f} MiB, "
                f"events lost {lost:.0f}")
        if kind in ("tls", "library"):
            text += f", {cpu / (2 * rate * self.options.seconds) * 1e6:.1f} us CPU for each side, {handshakes:.0f} counted"
        return text

    def trap(self):
        """What this machine takes for a trap, of which the library sensor needs three to four for a side of a handshake."""
        print("trap: " + ", ".join(self.cgroup.run([os.path.join(self.options.build, "tests", "bench", "trap_bench")])
                                   .stdout.decode().splitlines()))

    def exit_cost(self):
        """Kernel time of the hooks per packet of a connection that is over, by the kernel's own clock."""
        with Serve(self.cgroup, "--bpf-stats") as serve:
            self.load("bulk")
            metrics = serve.metrics()
            for program in ("tm_ingress", "tm_egress", "tm_read"):
                runs = metrics.total("bpf_runs_total", program=program)
                seconds = metrics.total("bpf_run_seconds_total", program=program)
                print(f"exit: {program} {seconds / max(runs, 1) * 1e9:.0f} ns a run over {runs:.0f} runs (the clock included)")

    def library_cost(self):
        """Kernel time and traps of the probes for one side of a handshake, by the kernel's own clock."""
        with Serve(self.cgroup, "--library", "--bpf-stats") as serve:
            self.load("library")
            metrics = serve.metrics()
            sides = metrics.total("handshakes_total")
            runs = metrics.total("bpf_runs_total", program="tm_library")
            seconds = metrics.total("bpf_run_seconds_total", program="tm_library")
            wire_only = metrics.total("library_joins_total", join="wire_only")
            print(f"library: {seconds / max(sides, 1) * 1e6:.1f} us BPF time and {runs / max(sides, 1):.1f} traps for each of "
                  f"{sides:.0f} sides of handshakes (the clock included), {wire_only:.0f} without the library's facts")

    def attach(self):
        """What the library sensor adds to start and stop while 100 more processes map the library."""
        preload = {"LD_PRELOAD": os.path.join(self.cgroup.library.path, LIBRARIES[0])}
        processes = [self.cgroup.popen(["sleep", "600"], env=preload) for _ in range(100)]
        try:
            times = {}
            for arguments in ((), ("--library",)):
                begin = time.monotonic()
                with Serve(self.cgroup, *arguments) as serve:
                    ready = time.monotonic()
                    serve.finish()
                    times[arguments] = ready - begin, time.monotonic() - ready
            start, end = (on - off for off, on in zip(times[()], times[("--library",)]))
            print(f"attach: the library sensor adds {start * 1e3:.0f} ms to the start and {end * 1e3:.0f} ms to the end "
                  f"with {len(processes)} more processes")
        finally:
            for process in processes:
                stop(process)

    def memory(self):
        """Resident memory before and after a load of handshakes."""
        with Serve(self.cgroup) as serve:
            before = resident_mib(serve.process.pid)
            self.load("tls")
            print(f"memory: {before:.1f} MiB at start, {resident_mib(serve.process.pid):.1f} MiB after a load of handshakes")


def library_sensor(bench):
    bench.ratio("library", "handshakes/s", "0.93, aim 0.95")
    bench.library_cost()


PARTS = {
    "trap": Bench.trap,
    "tls": lambda bench: bench.ratio("tls", "handshakes/s", "0.97, aim 0.985"),
    "library": library_sensor,
    "stalled": lambda bench: bench.ratio("stalled", "handshakes/s", "as library, or better"),
    "plain": lambda bench: bench.ratio("plain", "connections/s", "0.85"),
    "bulk": lambda bench: bench.ratio("bulk", "MB/s", "0.98"),
    "exit": Bench.exit_cost,
    "memory": Bench.memory,
    "attach": Bench.attach,
}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICK


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("what", nargs="*", default=list(PARTS), metavar="PART", help=f"{', '.join(PARTS)}; all if none is named")
    options = parser.parse_args()
    if unknown := set(options.what) - set(PARTS):
        parser.error(f"unknown part {unknown.pop()}: {', '.join(PARTS)}")
    options.build = os.path.abspath(options.build)
    os.environ["TLSMETER"] = os.path.join(options.build, "tlsmeter")
    if reason := missing_requirement(["nginx"]):
        sys.exit(f"overhead.py: {reason}")
    if installed_build() is None:
        sys.exit("overhead.py: needs OpenSSL 3 as shared libraries")
    with PrivateLibrary() as library, PrivateCgroup(library) as cgroup, Nginx(cgroup) as nginx:
        bench = Bench(options, cgroup, nginx)
        for what in options.what:
            PARTS[what](bench)


if __name__ == "__main__":
    main()
