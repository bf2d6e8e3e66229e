"""LibraryTest: a LiveTest with the library sensor on, over a cgroup of programs that use private copies of OpenSSL."""

import collections
import re
import socket
import subprocess
import unittest

import harness
from certificates import NAME, certificates
from hello import client_hello
from livetest import LiveTest
from peers import connect
from private_library import OPENSSL_35, OPENSSL_36, OPENSSL_40, OPENSSL_111, PrivateCgroup, PrivateLibrary, installed_build
from processes import stop
from servers import OpensslServer
from session import Trace

JOINED = {"tlsmeter.join": "client_random"}
LEAF = "CN=leaf.example.test,O=tlsmeter test"  # what servers show unless told otherwise
VERSIONS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


def success(**more):
    return {**JOINED, "tlsmeter.result": "success", "tlsmeter.error.code": None, **more}


def refused(reason, side, code=None, alert=None, **more):
    """A failure with its cause; `code` is the library's number, `alert` (sender, description)."""
    expected = {**JOINED, "tlsmeter.result": "failure", "tlsmeter.failure.inferred": None, "tlsmeter.failure.reason": reason,
                "tlsmeter.failure.side": side}
    if code is not None:
        expected["tlsmeter.error.code"] = code
    if alert is not None:
        expected |= {"tlsmeter.alert.sender": alert[0], "tlsmeter.alert.description": alert[1], "tlsmeter.alert.level": "fatal"}
    return {**expected, **more}


def verify(root=None):
    """Arguments of s_client and s_server."""
    return ["-CAfile", (root or certificates().root).certificate, "-verify_return_error"]


def show(certificate):
    """Arguments of s_client."""
    return ["-cert", certificate.certificate, "-key", certificate.key]


def by_version(**cases):
    """For rows whose numbers differ between TLS 1.2 and 1.3: the value of the running version."""
    return lambda version: cases["tls12" if version == "1.2" else "tls13"]


def nothing_in_common(reason, code, alert=("handshake_failure", 40), at_client=None, **more):
    """The server finds nothing in common; its alert tells the client less. `reason` and `code` may be by version."""
    description, number = alert

    def of_server(version):
        at = [value(version) if callable(value) else value for value in (reason, code)]
        return refused(at[0], "none", at[1], ("server", description), **more)

    return refused(at_client or "handshake_failure", "none", 1000 + number, ("server", description)), of_server


class LibraryTest(LiveTest):
    """`build` is that of the system unless a class names another."""

    build = None
    says = re.compile(r"\AOpenSSL 3\.")  # tlsmeter.library

    @classmethod
    def setUpClass(cls):
        harness.require(*cls.programs)
        build = cls.build or installed_build()
        if build is None:
            raise unittest.SkipTest("needs OpenSSL 3 as shared libraries")
        if missing := build.missing():
            raise unittest.SkipTest(f"needs {missing} (scripts/fetch_tls_builds.sh)")
        certificates()
        cls.library = cls.enterClassContext(PrivateLibrary(build))
        cls.cgroup = cls.enterClassContext(PrivateCgroup(cls.library))
        cls.early = cls.enterClassContext(cls.early_server())
        cls.session = cls.enterClassContext(Trace(cls.cgroup, "--library"))
        cls.claimed = collections.Counter()

    @classmethod
    def early_server(cls):
        """It maps the copy from before tlsmeter starts until it ends: that is probed from the first handshake on."""
        return OpensslServer(cls.cgroup)

    # The peer is this process, outside the cgroup ---------------------------------------------------------------------------

    def meet(self, argv, answer):
        """A client, `argv`(port), sends its hello and meets `answer`(connection); returns its record."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(harness.scaled(10))
            port = listener.getsockname()[1]
            client = self.cgroup.popen(argv(port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(stop, client)
            with listener.accept()[0] as connection:
                connection.recv(65536)
                answer(connection)
            client.wait(harness.scaled(10))
        return self.claim(port, 1)[0]

    def hello_and(self, port, ending):
        """Sends a hello to the server on `port`, reads its answer and then does `ending`(connection); returns its record."""
        with connect(("127.0.0.1", port)) as connection:
            connection.sendall(client_hello(NAME.encode()))
            connection.recv(65536)
            ending(connection)
        return self.claim(port, 1)[0]

    def check_fields(self, record, expected):
        if "tlsmeter.join" in expected and "tlsmeter.library" not in expected:
            expected = {**expected, "tlsmeter.library": self.says}
        super().check_fields(record, expected)


class Openssl35:
    """Before LibraryTest in the bases of a class: with that build in place of the system's."""

    build = OPENSSL_35
    says = re.compile(r"\AOpenSSL 3\.5\.")


class Openssl36:
    build = OPENSSL_36
    says = re.compile(r"\AOpenSSL 3\.6\.")


class Openssl40:
    build = OPENSSL_40
    says = re.compile(r"\AOpenSSL 4\.0\.")


class Openssl111:
    build = OPENSSL_111
    says = re.compile(r"\AOpenSSL 1\.1\.1")
