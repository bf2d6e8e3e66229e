"""A cgroup whose programs use a private copy of a TLS library.

Probes in a library are per file: only a copy may be probed, or every process of the machine that maps the library would be. So
nothing may run in such a cgroup, not even for a moment, that maps another one: programs enter it from a shell, not from Python.
"""

import dataclasses
import os
import shutil
import subprocess

from harness import search_path, temporary_folder
from processes import Cgroup, die_with_the_test

LIBRARIES = ("libssl.so.3", "libcrypto.so.3")
GNUTLS = ("libgnutls.so.30",)
FETCHED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "tls-builds")
ENTER = 'echo $$ > "$0" && exec "$@"'


@dataclasses.dataclass(frozen=True)
class Build:
    """A build of a TLS library: the files to copy, and of OpenSSL the program `openssl` of that version. A program of another
    system comes with the loader of its C library, which is then one of the files."""

    folder: str
    files: tuple
    openssl: str = "openssl"
    loader: str = None
    version: bytes = b""  # how the second file calls itself, where another version may have taken its place

    def missing(self):
        """The first file that is not there or is of another version, or None."""
        parts = [*self.files, *(name for name in (self.openssl, self.loader) if name and name != "openssl")]
        missing = next((path for name in parts if not os.path.exists(path := os.path.join(self.folder, name))), None)
        if missing or not self.version:
            return missing
        with open(path := os.path.join(self.folder, self.files[1]), "rb") as file:
            return None if self.version in file.read() else f"{self.version.decode()} at {path}"


def installed_build(names=LIBRARIES):
    """The system's own libraries of these names, the OpenSSL 3 that it has if none are given; None where there are none."""
    with subprocess.Popen(["ldconfig", "-p"], stdout=subprocess.PIPE, env={"PATH": search_path()}, text=True) as process:
        for line in process.stdout:
            if line.strip().startswith(names[0]):
                return Build(os.path.dirname(line.rpartition("=> ")[2].strip()), names)
    return None


OPENSSL_111 = Build(FETCHED, ("libssl.so.1.1", "libcrypto.so.1.1"), "openssl-1.1.1")
LOADER = "ld-linux-x86-64.so.2"
OPENSSL_35 = Build(FETCHED, (*LIBRARIES, "libc.so.6"), "openssl-3.5", LOADER)
OPENSSL_36 = Build(os.path.join(FETCHED, "openssl-3.6"), (*LIBRARIES, "libc.so.6"), "openssl-3.6", LOADER, b"OpenSSL 3.6.")
OPENSSL_40 = Build(os.path.join(FETCHED, "openssl-4.0"), ("libssl.so.4", "libcrypto.so.4", "libc.so.6"), "openssl-4.0", LOADER,
                   b"OpenSSL 4.0.")


class PrivateLibrary:
    """A folder with copies of the files of a build, the system's own if none is named."""

    def __init__(self, build=None):
        self.build = build or installed_build()

    def __enter__(self):
        self._folder = temporary_folder()
        self.path = self._folder.name
        os.chmod(self.path, 0o755)  # nginx's workers run as another user
        for name in self.build.files:
            shutil.copy(os.path.join(self.build.folder, name), self.path)
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def command(self, argv):
        """`argv` with the program `openssl` replaced by that of the build."""
        if argv[0] != "openssl" or self.build.openssl == "openssl":
            return argv
        program = os.path.join(self.build.folder, self.build.openssl)
        loader = [os.path.join(self.build.folder, self.build.loader), "--library-path", self.path] if self.build.loader else []
        return [*loader, program, *argv[1:]]


class PrivateCgroup(Cgroup):
    """Runs programs with the libraries of a PrivateLibrary."""

    def __init__(self, library, parent=None):
        super().__init__(parent)
        self.library = library

    def popen(self, argv, **options):
        environment = {**os.environ, "PATH": search_path(), **options.pop("env", {})}
        if not self.library.build.loader:  # only its programs go with the C library in the folder
            environment = {"LD_LIBRARY_PATH": self.library.path, **environment}
        procs = os.path.join(self.path, "cgroup.procs")
        argv = ["/bin/sh", "-c", ENTER, procs, *self.library.command(argv)]
        return subprocess.Popen(argv, preexec_fn=die_with_the_test, env=environment, **options)

    def start(self, *_, **__):
        raise AssertionError("a Python actor maps the machine's own OpenSSL")
