"""What a running tlsmeter may still do: the exact capabilities of each of its threads, beside a filter of system calls.

What the filter refuses is tests/agent/confine_test.cc's business.
"""

import os
import pwd
import shutil
import unittest
import unittest.mock

import harness
from certificates import certificates
from harness import temporary_folder
from private_library import PrivateCgroup, PrivateLibrary, installed_build
from processes import Cgroup
from servers import OpensslServer
from session import Serve, Trace

# Numbers of linux/capability.h.
NUMBERS = {"dac_read_search": 2, "net_admin": 12, "sys_ptrace": 19, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
WIRE = ("bpf", "net_admin", "perfmon")
ATTRIBUTION = ("sys_ptrace", "dac_read_search")
LIBRARY = (*ATTRIBUTION, "bpf", "perfmon", "checkpoint_restore")
SECCOMP_FILTER = "2"


def bits(names):
    return sum(1 << NUMBERS[name] for name in names)


def threads(pid):
    """The status of each thread, by name: a list of dicts."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as status:
            found.append(dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line))
    return found


def as_nobody(*names):
    """A launcher: a user who is not root, with these capabilities as ambient ones and no way to others."""
    sets = ",".join(["-all", *("+" + name for name in names)])
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps", sets, "--ambient-caps", sets,
            "--bounding-set", sets]


class PrivilegesTest(unittest.TestCase):
    def setUp(self):
        harness.require("setpriv")
        certificates()
        self.cgroup = self.enterContext(Cgroup())

    def check_confined(self, session, keeps, bounding=0):
        for status in threads(session.process.pid):
            for name in ("CapEff", "CapPrm"):
                self.assertEqual(int(status[name], 16), bits(keeps), (name, status))
            self.assertEqual(int(status["CapInh"], 16), 0, status)
            self.assertEqual(int(status["CapAmb"], 16), 0, status)
            self.assertEqual(int(status["CapBnd"], 16), bounding, status)
            self.assertEqual(status["NoNewPrivs"], "1", status)
            self.assertEqual(status["Seccomp"], SECCOMP_FILTER, status)

    def check_works(self, session, cgroup):
        with OpensslServer(cgroup) as server:
            cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"])
            return session.wait_for(2, lambda record: record["server.port"] == server.port)

    def test_wire_as_root_keeps_what_attribution_reads_with(self):
        with Trace(self.cgroup) as session:
            self.check_confined(session, ATTRIBUTION)
            records = self.check_works(session, self.cgroup)
            server = next(record for record in records if record["tlsmeter.role"] == "server")  # the client has ended
            self.assertTrue(server["process.executable"], server)
            self.check_confined(session, ATTRIBUTION)
            self.assertEqual(session.finish(), 0)
            self.assertNotIn("privileges", session.stderr())

    def test_wire_as_another_user_keeps_nothing(self):
        folder = self.enterContext(temporary_folder())
        os.chmod(folder, 0o755)
        shutil.copy(harness.tlsmeter_path(), folder)
        self.enterContext(unittest.mock.patch.dict(os.environ, TLSMETER=os.path.join(folder, "tlsmeter")))
        with Trace(self.cgroup, launcher=as_nobody(*WIRE)) as session:
            self.assertEqual(threads(session.process.pid)[0]["Uid"].split()[1], str(pwd.getpwnam("nobody").pw_uid))
            self.check_confined(session, (), bits(WIRE))
            self.check_works(session, self.cgroup)
            self.assertEqual(session.finish(), 0)
            self.assertEqual(session.lost, 0)

    def test_every_thread_of_serve(self):
        with Serve(self.cgroup) as session:
            self.assertGreater(session.metrics().total("build_info"), 0)
            self.assertEqual({status["Name"] for status in threads(session.process.pid)}, {"tlsmeter", "tlsmeter-http"})
            self.check_confined(session, ATTRIBUTION)
            self.assertEqual(session.finish(), 0)

    def test_library_keeps_what_attaching_to_another_image_takes(self):
        if installed_build() is None:
            self.skipTest("needs OpenSSL 3 as shared libraries")
        library = self.enterContext(PrivateLibrary())
        cgroup = self.enterContext(PrivateCgroup(library))
        with Trace(cgroup, "--library") as session:
            self.check_confined(session, LIBRARY)

            # It maps the copy only now: probed by a process that has given up its privileges.
            def joined():
                return any(record["tlsmeter.join"] for record in self.check_works(session, cgroup))

            harness.wait_until(joined, what="a record with facts of the library")
            self.check_confined(session, LIBRARY)
            self.assertEqual(session.finish(), 0)


if __name__ == "__main__":
    harness.main()
