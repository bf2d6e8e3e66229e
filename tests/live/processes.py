"""Processes inside a cgroup of our own: programs, and Python functions (actors).

A test watches its own cgroup and nothing else, and ends only what it started. Everything here cleans up behind itself, also when
a test fails.
"""

import contextlib
import ctypes
import dataclasses
import functools
import glob
import itertools
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import traceback

from harness import cgroup_mount, scaled, search_path

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count(1)


def die_with_the_test():
    """Makes the calling process end when the test process does, so that nothing keeps running after a test that was killed."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@functools.cache
def remove_leftovers():
    """Removes the empty cgroups of test processes that were killed."""
    for path in glob.glob(os.path.join(cgroup_mount(), "tlsmeter-test-*-*")):
        if not os.path.exists(f"/proc/{path.split('-')[-2]}"):
            with contextlib.suppress(OSError):  # not empty: not ours to end
                os.rmdir(path)


@dataclasses.dataclass
class Finished:
    """A program that has ended."""

    pid: int
    returncode: int
    stdout: bytes
    stderr: bytes


class Cgroup:
    """A cgroup v2 of our own below the mount point or below `parent`. On exit all that runs in it is killed, and it is removed."""

    def __init__(self, parent=None):
        above = parent.path if parent else cgroup_mount()
        self.path = os.path.join(above, f"tlsmeter-test-{os.getpid()}-{next(_serial)}")

    def __enter__(self):
        remove_leftovers()
        os.mkdir(self.path)
        return self

    def __exit__(self, *_):
        self.kill()
        deadline = time.monotonic() + 10
        while True:  # a dying process keeps its cgroup busy for a moment
            try:
                return os.rmdir(self.path)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def kill(self):
        switch = os.path.join(self.path, "cgroup.kill")
        if os.path.exists(switch):
            with open(switch, "w") as file:
                file.write("1")
            return
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids(self):
        with open(os.path.join(self.path, "cgroup.procs")) as file:
            return [int(line) for line in file]

    def enter(self):
        """Moves the calling process in."""
        die_with_the_test()
        with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
            file.write("0")

    def popen(self, argv, **options):
        """Starts a program in the cgroup: it is inside before its first instruction."""
        environment = {**os.environ, "PATH": search_path(), **options.pop("env", {})}
        return subprocess.Popen(argv, preexec_fn=self.enter, env=environment, **options)

    def run(self, argv, input=b"", timeout=20, check=0, **options):
        """Runs a program in the cgroup to its end. `check` is the exit code it must have; None allows any."""
        process = self.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(input, timeout=scaled(timeout))
        finally:
            stop(process, signal.SIGKILL)
        if check is not None and process.returncode != check:
            raise AssertionError(f"{argv} ended with {process.returncode}, not {check}\n{out.decode()}\n{err.decode()}")
        return Finished(process.pid, process.returncode, out, err)

    def start(self, body, *args, comm="python-peer", **named):
        """Starts an Actor in the cgroup."""
        return Actor(self, body, args, named, comm)


def stop(process, signal_number=signal.SIGTERM):
    """Ends a Popen process that we started, closes its pipes and returns its exit code."""
    if process.poll() is None:
        process.send_signal(signal_number)
        try:
            process.wait(scaled(10))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    return process.returncode


class Channel:
    """A two-way pipe of Python values between an actor and the test."""

    def __init__(self, end):
        self._end = end

    def send(self, value):
        self._end.send(pickle.dumps(value))

    def receive(self, timeout=20):
        self._end.settimeout(scaled(timeout))
        message = self._end.recv(1 << 20)
        if not message:
            raise EOFError("the other end has gone")
        return pickle.loads(message)

    def close(self):
        self._end.close()


class Actor:
    """A Python function running as a process of its own in a cgroup: body(channel, *args).

    What it sends and finally returns is read with receive(); an exception in it is raised there as AssertionError.
    """

    def __init__(self, cgroup, body, args, named, comm):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        self.comm = comm
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _act(cgroup, Channel(theirs), body, args, named, comm)
        theirs.close()
        self._channel = Channel(ours)
        self._over = False

    def send(self, value):
        self._channel.send(value)

    def receive(self, timeout=20):
        kind, value = self._channel.receive(timeout)
        if kind == "error":
            raise AssertionError(f"{self.comm} ({self.pid}) failed:\n{value}")
        return value

    def stop(self):
        if not self._over:
            self._over = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class _ActorChannel(Channel):
    def __init__(self, channel):
        super().__init__(channel._end)

    def send(self, value):
        super().send(("value", value))


def _act(cgroup, channel, body, args, named, comm):
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        cgroup.enter()
        set_comm(comm)
        outcome = ("value", body(_ActorChannel(channel), *args, **named))
    except BaseException:  # whatever it was, the test must hear of it
        outcome = ("error", traceback.format_exc())
    with contextlib.suppress(OSError):
        channel.send(outcome)
    os._exit(0)


def set_comm(name):
    """Names the calling thread."""
    with open("/proc/thread-self/comm", "w") as file:
        file.write(name)
