"""tlsmeter on other kernels than the machine's own: each boots in an emulated machine, in which all hooks must work and both ends
of one connection must be seen.

The kernels are those of scripts/fetch_kernels.sh. Everything of the machine is in the archive that the kernel unpacks at its
start; it has neither disk nor network.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))

import harness  # noqa: E402
from certificates import certificates  # noqa: E402

KERNELS = os.path.join(HERE, "..", "..", "build", "kernels")
EMULATOR = "qemu-system-x86_64"
LIMIT = 180  # seconds; emulation takes 20


def program(name):
    return shutil.which(name, path=harness.search_path())


class Archive:
    """A cpio archive in the format that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self._bytes = bytearray()
        self._names = set()

    def _add(self, name, mode, data=b""):
        fields = (len(self._names) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0", data):
            self._bytes += part + b"\0" * (-len(part) % 4)

    def add_folder(self, path):
        if path and path not in self._names:
            self.add_folder(os.path.dirname(path))
            self._names.add(path)
            self._add(path, 0o40755)

    def add(self, path, data, mode=0o100755):
        path = path.lstrip("/")
        if path not in self._names:
            self.add_folder(os.path.dirname(path))
            self._names.add(path)
            self._add(path, mode, data)

    def add_file(self, path, source):
        with open(source, "rb") as file:
            self.add(path, file.read())

    def add_program(self, path, source):
        """A program and the shared libraries that it is linked with."""
        self.add_file(path, source)
        linked = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", linked):
            self.add_file(library, library)

    def bytes(self):
        self._add("TRAILER!!!", 0)
        return bytes(self._bytes)


class KernelsTest(unittest.TestCase):
    def setUp(self):
        for name in (EMULATOR, "busybox", "openssl", "strip"):
            if program(name) is None:
                self.skipTest(f"needs the program {name}")
        if not glob.glob(os.path.join(KERNELS, "vmlinuz-*")):
            self.skipTest("needs the kernels of scripts/fetch_kernels.sh")
        self.folder = self.enterContext(harness.temporary_folder())
        self.archive = os.path.join(self.folder, "archive")
        with open(self.archive, "wb") as file:
            file.write(self.content())

    def content(self):
        stripped = os.path.join(self.folder, "tlsmeter")
        subprocess.run(["strip", "-o", stripped, harness.tlsmeter_path()], check=True)
        archive = Archive()
        for folder in ("dev", "proc", "sys", "tmp"):
            archive.add_folder(folder)
        archive.add_program("bin/tlsmeter", stripped)
        archive.add_program("bin/openssl", program("openssl"))
        archive.add_program("bin/busybox", program("busybox"))
        for name in ("sh", "mount", "ip", "mkdir", "sed", "grep", "sleep", "poweroff"):
            archive.add(f"bin/{name}", b"busybox", 0o120777)
        archive.add_file("init", os.path.join(HERE, "init.sh"))
        archive.add_file("leaf.pem", certificates().leaf.certificate)
        archive.add_file("leaf.key", certificates().leaf.key)
        return archive.bytes()

    def boot(self, kernel):
        """What init.sh says: the lines of each kind."""
        console = "console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off"
        done = subprocess.run(
            [EMULATOR, "-accel", "tcg,thread=multi", "-M", "pc", "-cpu", "max", "-smp", "2", "-m", "512", "-nodefaults", "-display",
             "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-initrd", self.archive, "-append", console],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=harness.scaled(LIMIT), check=False,
            env={**os.environ, "PATH": harness.search_path()})
        lines = [line.partition(" ") for line in done.stdout.splitlines()]
        self.assertIn("END", [kind for kind, _, _ in lines], done.stdout + done.stderr)
        return {kind: [text for other, _, text in lines if other == kind] for kind in ("CHECK", "TRACE", "RECORD", "MESSAGE")}

    def test_all_hooks_work_and_a_connection_is_seen(self):
        for kernel in sorted(glob.glob(os.path.join(KERNELS, "vmlinuz-*"))):
            with self.subTest(os.path.basename(kernel)):
                said = self.boot(kernel)
                check = json.loads("\n".join(said["CHECK"]))
                self.assertTrue(check["works"], check)
                for hook in check["hooks"]:
                    self.assertTrue(hook["can"], hook)
                self.assertEqual(said["TRACE"], ["0"], said)
                records = [json.loads(line) for line in said["RECORD"]]
                self.assertEqual(sorted(record["tlsmeter"]["role"] for record in records), ["client", "server"])
                for record in records:
                    self.assertEqual((record["process"]["name"], record["tlsmeter"]["result"]), ("openssl", "success"), record)
                self.assertIn("lost 0 events", said["MESSAGE"][-1])


if __name__ == "__main__":
    harness.main()
