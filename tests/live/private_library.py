"""A cgroup whose programs use a private copy of OpenSSL.

Probes in a library are per file: only a copy may be probed, or every process of the machine that maps the library would be. So
nothing may run in such a cgroup, not even for a moment, that maps another one: programs enter it from a shell, not from Python.
"""

import os
import shutil
import subprocess

from harness import search_path, temporary_folder
from processes import Cgroup, die_with_the_test

LIBRARIES = ("libssl.so.3", "libcrypto.so.3")
ENTER = 'echo $$ > "$0" && exec "$@"'


def library_folder():
    """Where the system keeps its OpenSSL 3, or None."""
    with subprocess.Popen(["ldconfig", "-p"], stdout=subprocess.PIPE, env={"PATH": search_path()}, text=True) as process:
        for line in process.stdout:
            if line.strip().startswith(LIBRARIES[0]):
                return os.path.dirname(line.rpartition("=> ")[2].strip())
    return None


class PrivateLibrary:
    """A folder with copies of libssl and libcrypto of its own."""

    def __enter__(self):
        self._folder = temporary_folder()
        self.path = self._folder.name
        for name in LIBRARIES:
            shutil.copy(os.path.join(library_folder(), name), self.path)
        return self

    def __exit__(self, *_):
        self._folder.cleanup()


class PrivateCgroup(Cgroup):
    """Runs programs with the libraries of a PrivateLibrary."""

    def __init__(self, library):
        super().__init__()
        self.library = library

    def popen(self, argv, **options):
        environment = {**os.environ, "PATH": search_path(), "LD_LIBRARY_PATH": self.library.path, **options.pop("env", {})}
        procs = os.path.join(self.path, "cgroup.procs")
        return subprocess.Popen(["/bin/sh", "-c", ENTER, procs, *argv], preexec_fn=die_with_the_test, env=environment, **options)

    def start(self, *_, **__):
        raise AssertionError("a Python actor maps the machine's own OpenSSL")
