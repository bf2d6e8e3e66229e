"""What every live test stands on: requirements, waiting, and the main function of a test file.

The test process has no threads, so forking it is safe.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest

TIME_SCALE = float(os.environ.get("TLSMETER_TEST_TIME_SCALE", "1"))
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_PERFMON": 38, "CAP_BPF": 39}
# False inside a container: pids seen here are then not the ones that the kernel's programs report.
IN_INITIAL_PID_NAMESPACE = os.stat("/proc/self/ns/pid").st_ino == 0xEFFFFFFC


def scaled(seconds):
    return seconds * TIME_SCALE


def wait_until(condition, timeout=10, what="a condition"):
    """Returns the first true value of condition(), polled; fails the test after `timeout` (scaled) seconds."""
    deadline = time.monotonic() + scaled(timeout)
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {scaled(timeout):g} s for {what() if callable(what) else what}")
        time.sleep(0.01)
    return value


def tlsmeter_path():
    return os.path.abspath(os.environ.get("TLSMETER", "build/release/tlsmeter"))


def cgroup_mount():
    """The folder where cgroup v2 is mounted (not the usual place in a hybrid tree), or None."""
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            left, _, right = line.partition(" - ")
            if right.split()[0] == "cgroup2":
                return left.split()[4]
    return None


def missing_requirement(programs=()):
    """One sentence on the first thing that live tests need and this machine lacks, or None."""
    if os.geteuid() != 0:
        return "needs root"
    with open("/proc/self/status") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff"))
    for name, bit in CAPABILITIES.items():
        if not effective >> bit & 1:
            return f"needs {name}"
    if cgroup_mount() is None:
        return "needs a mounted cgroup v2"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "needs a kernel with BTF (/sys/kernel/btf/vmlinux)"
    for program in ("openssl", *programs):
        if shutil.which(program, path=search_path()) is None:
            return f"needs the program {program}"
    return None


def require(*programs):
    if reason := missing_requirement(programs):
        raise unittest.SkipTest(reason)
    if not os.access(tlsmeter_path(), os.X_OK):
        raise AssertionError(f"{tlsmeter_path()} is not an executable: build it, or name another with --tlsmeter or $TLSMETER")


def search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class _Result(unittest.TextTestResult):
    current = None

    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.passed = 0
        _Result.current = self

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def _interrupt(*_):
    """Ends the running test as an error and the run with it: clean-ups happen."""
    if _Result.current:
        _Result.current.stop()
    sys.exit(1)


def main():
    """Runs the calling file's tests. Exit codes: 0 passed, 1 failed, 77 all skipped."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--tlsmeter")
    options, rest = parser.parse_known_args()
    if options.tlsmeter:
        os.environ["TLSMETER"] = options.tlsmeter
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    runner = unittest.TextTestRunner(verbosity=2, resultclass=_Result)
    result = unittest.main(argv=[sys.argv[0], *rest], exit=False, testRunner=runner).result
    if result.wasSuccessful() and result.skipped and result.passed == 0:
        for reason in sorted({reason for _, reason in result.skipped}):
            print(f"skipped: {reason}")
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)


def temporary_folder():
    return tempfile.TemporaryDirectory(prefix="tlsmeter-test-")
