"""The system calls that the unit leaves must hold those by which tlsmeter starts and confines itself. usage: check_unit.py UNIT

systemd is not asked to run the unit: in most build machines it does not run at all.
"""

import functools
import subprocess
import sys

# Beside what every program makes: loading and attaching, the drop of capabilities, the filter, a cgroup by its handle, and
# the password thread's priority.
NEEDED = {"bpf", "perf_event_open", "capget", "capset", "prctl", "seccomp", "open_by_handle_at", "setpriority"}


@functools.cache
def expand(name):
    """The system calls of `name`, which may be a set's."""
    if not name.startswith("@"):
        return frozenset({name})
    listing = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in listing.splitlines()[1:]]
    return frozenset().union(*(expand(member) for member in members if member and not member.startswith("#")))


def allowed(unit):
    """What the unit's SystemCallFilter= lines leave, in their order; the first one allows (systemd.exec(5))."""
    left = set()
    with open(unit) as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            if key != "SystemCallFilter":
                continue
            calls = frozenset().union(*(expand(name) for name in value.lstrip("~").split()))
            left = left - calls if value.startswith("~") else left | calls
    return left


missing = NEEDED - allowed(sys.argv[1])
if missing:
    sys.exit(f"the unit forbids what tlsmeter needs: {', '.join(sorted(missing))}")
