"""Ports and network namespaces."""

import contextlib
import ctypes
import errno
import itertools
import os
import random
import socket
import subprocess

from harness import search_path

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def call_libc(name, *args):
    if getattr(_libc, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def new_network_namespace():
    """Puts the calling process into a new network namespace with loopback up; the namespace ends with its last process."""
    call_libc("unshare", CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, env={"PATH": search_path()})


def join_network_namespace(pid):
    with open(f"/proc/{pid}/ns/net") as namespace:
        call_libc("setns", namespace.fileno(), CLONE_NEWNET)


def free_port():
    """A TCP port that nothing is bound to, below the range from which the kernel takes ports for clients."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        lowest = int(file.read().split()[0])
    for _ in range(1000):
        port = random.randrange(10000, max(lowest, 11000))
        if _is_free(socket.AF_INET, "127.0.0.1", port) and _is_free(socket.AF_INET6, "::1", port):
            return port
    raise AssertionError("no free TCP port below the ephemeral range")


def _is_free(family, host, port):
    try:
        with socket.socket(family) as probe:
            probe.bind((host, port))
            return True
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # such as no IPv6 here


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def is_listening(port):
    """True when a socket of our network namespace listens on `port`. It asks the kernel and does not connect."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table) as file:
            for line in itertools.islice(file, 1, None):
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    return True
    return False
