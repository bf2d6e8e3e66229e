"""What a tlsmeter must have to start, and what it may still do when it runs: the exact capabilities of each of its threads, beside
a filter of system calls.

What the filter refuses is tests/agent/confine_test.cc's business.
"""

import os
import pwd
import shutil
import subprocess
import unittest
import unittest.mock

import harness
from certificates import certificates
from harness import search_path, temporary_folder
from private_library import PrivateCgroup, PrivateLibrary, installed_build
from processes import Cgroup
from servers import OpensslServer
from session import Serve, Trace

# Numbers of linux/capability.h.
NUMBERS = {"dac_read_search": 2, "net_admin": 12, "sys_ptrace": 19, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
ATTRIBUTION = ("sys_ptrace", "dac_read_search")
NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
# What each profile needs to start, and what then stays of it.
WIRE = ((), ("bpf", "net_admin", "perfmon"), ())
LIBRARY = (("--library",), ("bpf", "net_admin", "perfmon", "sys_ptrace"), ("bpf", "perfmon", "sys_ptrace"))


def bits(names):
    return sum(1 << NUMBERS[name] for name in names)


def own_bounding_set():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))


class PrivilegesTest(unittest.TestCase):
    """What the tests of both classes below share."""

    def setUp(self):
        harness.require("setpriv", "setcap")
        certificates()
        self.cgroup = self.enterContext(Cgroup())

    def check_confined(self, session, keeps, bounding=0):
        self.assertTrue(session.is_confined(), session.threads())
        for status in session.threads():
            for name in ("CapEff", "CapPrm"):
                self.assertEqual(int(status[name], 16), bits(keeps), (name, status))
            self.assertEqual(int(status["CapInh"], 16), 0, status)
            self.assertEqual(int(status["CapAmb"], 16), 0, status)
            self.assertEqual(int(status["CapBnd"], 16), bounding, status)

    def check_works(self, session, cgroup):
        with OpensslServer(cgroup) as server:
            cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"])
            return session.wait_for(2, lambda record: record["server.port"] == server.port)

    def check_works_with_library(self, session, cgroup):
        """The programs of the cgroup map its library only now: probed by a process that has given up its privileges."""

        def joined():
            return any(record["tlsmeter.join"] for record in self.check_works(session, cgroup))

        harness.wait_until(joined, what="a record with facts of the library")

    def library_cgroup(self):
        if installed_build() is None:
            self.skipTest("needs OpenSSL 3 as shared libraries")
        return self.enterContext(PrivateCgroup(self.enterContext(PrivateLibrary())))


class RootTest(PrivilegesTest):
    def test_wire_as_root_keeps_what_attribution_reads_with(self):
        with Trace(self.cgroup) as session:
            self.check_confined(session, ATTRIBUTION)
            records = self.check_works(session, self.cgroup)
            server = next(record for record in records if record["tlsmeter.role"] == "server")  # the client has ended
            self.assertTrue(server["process.executable"], server)
            self.check_confined(session, ATTRIBUTION)
            self.assertEqual(session.finish(), 0)
            self.assertNotIn("privileges", session.stderr())

    def test_every_thread_of_serve(self):
        with Serve(self.cgroup) as session:
            self.assertGreater(session.metrics().total("build_info"), 0)
            self.assertEqual({status["Name"] for status in session.threads()}, {"tlsmeter", "tlsmeter-http"})
            self.check_confined(session, ATTRIBUTION)
            self.assertEqual(session.finish(), 0)

    def test_library_as_root_keeps_what_attaching_to_another_image_takes(self):
        keeps = (*ATTRIBUTION, "bpf", "perfmon", "checkpoint_restore")
        cgroup = self.library_cgroup()
        with Trace(cgroup, "--library") as session:
            self.check_confined(session, keeps)
            self.check_works_with_library(session, cgroup)
            self.check_confined(session, keeps)
            self.assertEqual(session.finish(), 0)


class OtherUserTest(PrivilegesTest):
    """As nobody, by either way to give a program capabilities without root."""

    def setUp(self):
        super().setUp()
        folder = self.enterContext(temporary_folder())
        os.chmod(folder, 0o755)
        self.program = shutil.copy(harness.tlsmeter_path(), folder)
        self.enterContext(unittest.mock.patch.dict(os.environ, TLSMETER=self.program))

    def ambient(self, names):
        """A launcher that hands its capabilities on, with no way to others."""
        sets = ",".join(["-all", *("+" + name for name in names)])
        return [*NOBODY, "--inh-caps", sets, "--ambient-caps", sets, "--bounding-set", sets]

    def on_the_file(self, names):
        """A launcher that has none: the program's file gives them."""
        listed = ",".join("cap_" + name for name in names)
        subprocess.run(["setcap", f"{listed}+ep", self.program], check=True, env={"PATH": search_path()})
        return [*NOBODY, "--inh-caps", "-all"]

    def check_user(self, profile, cgroup, launcher, bounding):
        arguments, _, stays = profile
        with Trace(cgroup, *arguments, launcher=launcher) as session:
            self.assertEqual(session.threads()[0]["Uid"].split()[1], str(pwd.getpwnam("nobody").pw_uid))
            self.check_confined(session, stays, bounding)
            (self.check_works_with_library if arguments else self.check_works)(session, cgroup)
            self.check_confined(session, stays, bounding)
            self.assertEqual(session.finish(), 0)
            self.assertEqual(session.lost, 0)
            self.assertNotIn("privileges", session.stderr())

    def check_minimal(self, profile, cgroup, grant):
        arguments, needed, _ = profile
        for missing in needed:
            with self.subTest(missing=missing):
                argv = [*grant([name for name in needed if name != missing]), self.program, "trace", "-d", "1", "--cgroup",
                        cgroup.path, *arguments]
                done = subprocess.run(argv, capture_output=True, text=True, timeout=harness.scaled(30))
                self.assertEqual(done.returncode, 3, done)
                self.assertTrue(done.stderr.startswith(f"tlsmeter: missing privilege CAP_{missing.upper()}: "), done)

    def test_wire_by_ambient_capabilities(self):
        self.check_user(WIRE, self.cgroup, self.ambient(WIRE[1]), bounding=bits(WIRE[1]))
        self.check_minimal(WIRE, self.cgroup, self.ambient)

    def test_wire_by_capabilities_of_the_file(self):
        self.check_user(WIRE, self.cgroup, self.on_the_file(WIRE[1]), bounding=own_bounding_set())
        self.check_minimal(WIRE, self.cgroup, self.on_the_file)

    def test_library_by_ambient_capabilities(self):
        cgroup = self.library_cgroup()
        self.check_user(LIBRARY, cgroup, self.ambient(LIBRARY[1]), bounding=bits(LIBRARY[1]))
        self.check_minimal(LIBRARY, cgroup, self.ambient)

    def test_library_by_capabilities_of_the_file(self):
        cgroup = self.library_cgroup()
        self.check_user(LIBRARY, cgroup, self.on_the_file(LIBRARY[1]), bounding=own_bounding_set())
        self.check_minimal(LIBRARY, cgroup, self.on_the_file)


if __name__ == "__main__":
    harness.main()
