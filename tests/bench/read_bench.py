#!/usr/bin/env python3
"""How fast `tlsmeter read` is, beside every other installed tool that reads TLS handshakes from a capture file, in one run.

Each tool gets the same file and is asked for the same: one line a handshake with addresses, server name, version and cipher suite,
as near as it can come to that. Rounds alternate the tools; the file is read once before, so that it comes from memory. Output goes
to a file and is counted, so that a tool that sees less is not called faster.

    tests/bench/read_bench.py FILE [--build build/release] [--rounds 3] [--only TOOL...]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TSHARK_FIELDS = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tls.handshake.type", "tls.handshake.extensions_server_name",
                 "tls.handshake.extensions.supported_version", "tls.handshake.ciphersuite")


class Tool:
    """`argv(file)` is the command; a line of its output that contains `mark` stands for one handshake."""

    def __init__(self, name, argv, mark, program=None):
        self.name, self.argv, self.mark = name, argv, mark
        self.program = program or name
        self.seconds, self.cpu, self.memory, self.handshakes = [], [], [], set()

    def run(self, path):
        with tempfile.TemporaryFile() as out:
            before = time.monotonic()
            process = subprocess.Popen(self.argv(path), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
            peak = 0
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                peak = max(peak, peak_mib(process.pid))
                time.sleep(0.01)
            _, status, usage = ended
            self.seconds.append(time.monotonic() - before)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                sys.exit(f"read_bench.py: {self.name} ends with {process.returncode}")
            out.seek(0)
            self.handshakes.add(sum(self.mark in line for line in out))
        self.cpu.append(usage.ru_utime + usage.ru_stime)
        self.memory.append(peak)


def peak_mib(pid):
    """Resident memory at its highest so far. Not of getrusage, where this program's own counts too."""
    with open(f"/proc/{pid}/status") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0) / 1024


def tools(build):
    tlsmeter = os.path.join(build, "tlsmeter")
    known = [
        Tool("tlsmeter", lambda path: [tlsmeter, "read", path, "-o", "json"], b'"client_random"', tlsmeter),
        Tool("tlsmeter columns", lambda path: [tlsmeter, "read", path], b" observer ", tlsmeter),
        Tool("tshark", lambda path: ["tshark", "-n", "-r", path, "-Y", "tls.handshake.type == 1 or tls.handshake.type == 2", "-T",
                                     "fields", *(word for field in TSHARK_FIELDS for word in ("-e", field))], b"\t1\t"),
        Tool("ssldump", lambda path: ["ssldump", "-n", "-r", path], b"ClientHello"),
        Tool("ndpiReader", lambda path: ["ndpiReader", "-i", path, "-v", "2"], b"/TLS]"),
    ]
    return [tool for tool in known if shutil.which(tool.program)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="names of tools")
    options = parser.parse_args()
    chosen = [tool for tool in tools(os.path.abspath(options.build)) if not options.only or tool.name in options.only]
    size = os.path.getsize(options.file)
    with open(options.file, "rb") as file:
        while file.read(1 << 24):
            pass
    for turn in range(options.rounds):
        for tool in chosen if turn % 2 == 0 else reversed(chosen):
            tool.run(options.file)

    print(f"{options.file}: {size / 1e6:.0f} MB, {options.rounds} rounds, medians")
    print(f"{'tool':<18}{'handshakes':>12}{'seconds':>10}{'of CPU':>10}{'per CPU s':>12}{'MB/s':>9}{'peak MiB':>10}{'times':>8}")
    fastest = statistics.median(chosen[0].cpu)
    for tool in chosen:
        seconds, cpu = statistics.median(tool.seconds), statistics.median(tool.cpu)
        handshakes = max(tool.handshakes)
        print(f"{tool.name:<18}{handshakes:>12}{seconds:>10.2f}{cpu:>10.2f}{handshakes / cpu:>12.0f}{size / 1e6 / seconds:>9.1f}"
              f"{max(tool.memory):>10.0f}{cpu / fastest:>8.1f}")
        if len(tool.handshakes) > 1:
            print(f"  {tool.name} sees a different number each time: {sorted(tool.handshakes)}")


if __name__ == "__main__":
    main()
