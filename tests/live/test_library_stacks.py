"""Every record says which TLS implementation its process uses, and whether that one is instrumented or blind."""

import collections
import os
import struct

import harness
from certificates import NAME, certificates
from hello import client_hello
from livetest import LiveTest
from private_library import LIBRARIES, PrivateCgroup, PrivateLibrary
from servers import OpensslServer
from session import Serve, Trace

PT_NULL, PT_GNU_EH_FRAME = 0, 0x6474E550
BUILD_ID = struct.pack("<III", 4, 20, 3) + b"GNU\0"  # what comes before it
# Speaks TLS without a library for it: sends a hello, takes the answer, and stays long enough to be looked at.
RAW_CLIENT = """
import socket, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(bytes.fromhex(sys.argv[2]))
    connection.recv(65536)
    time.sleep(1)
"""


def stack(name, state, **more):
    return {"tlsmeter.stack.name": name, "tlsmeter.stack.state": state, **more}


def hide_functions(path):
    """Makes another build that works and cannot be understood: the header that leads to its functions' ends is not used."""
    with open(path, "r+b") as file:
        image = bytearray(file.read())
        table, = struct.unpack_from("<Q", image, 32)  # e_phoff; e_phentsize is 56
        count, = struct.unpack_from("<H", image, 56)
        headers = [table + 56 * i for i in range(count)]
        header, = (at for at in headers if struct.unpack_from("<I", image, at)[0] == PT_GNU_EH_FRAME)
        struct.pack_into("<I", image, header, PT_NULL)
        image[image.index(BUILD_ID) + len(BUILD_ID)] ^= 0xFF
        file.seek(0)
        file.write(image)


class StackTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        harness.require()
        certificates()
        cls.library = cls.enterClassContext(PrivateLibrary())
        cls.cgroup = cls.enterClassContext(PrivateCgroup(cls.library))
        cls.server = cls.enterClassContext(OpensslServer(cls.cgroup))
        cls.session = cls.enterClassContext(Trace(cls.cgroup, "--library"))
        cls.claimed = collections.Counter()

    def test_an_instrumented_one(self):
        self.s_client(self.server.port)
        self.pair(self.server.port, stack("openssl", "instrumented", **{"tlsmeter.join": "client_random"}))

    def test_a_build_that_is_not_understood(self):
        with PrivateLibrary() as library:
            hide_functions(os.path.join(library.path, LIBRARIES[0]))
            with PrivateCgroup(library, self.cgroup) as cgroup, OpensslServer(cgroup) as server:
                def seen():  # it is looked at a moment after it was started
                    self.s_client(server.port)
                    client, record = self.pair(server.port)
                    self.check_fields(client, stack("openssl", "instrumented"))
                    return record if record["tlsmeter.stack.state"] not in (None, "pending") else None

                record = harness.wait_until(seen, what="the server to be looked at")
                self.check_fields(record, stack("openssl", "unsupported", **{"tlsmeter.join": None, "tlsmeter.library": None,
                                                                             "tlsmeter.result": "success"}))
                self.assertIn(f"blind to the TLS library in {library.path}/{LIBRARIES[0]}", self.session.stderr())

    def test_none(self):
        hello = client_hello(NAME.encode()).hex()
        done = self.cgroup.run(["python3", "-S", "-c", RAW_CLIENT, str(self.server.port), hello])
        client, server = sorted(self.claim(self.server.port, 2), key=lambda record: record["tlsmeter.role"])
        self.check_owner(client, done.pid, "python3")
        self.check_fields(client, stack("none", "blind", **{"tlsmeter.join": None}))
        self.check_fields(server, stack("openssl", "instrumented", **{"tlsmeter.join": "client_random"}))

    def test_the_metric_counts_processes_by_both(self):
        with Serve(self.cgroup, "--library") as serve:
            self.assertEqual(serve.metrics().series("library_processes"), [({"stack": "openssl", "state": "instrumented"}, 1)])


if __name__ == "__main__":
    harness.main()
