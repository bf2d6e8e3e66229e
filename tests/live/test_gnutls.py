"""The library sensor: what GnuTLS says of handshakes, in both processes, joined to what the wire shows."""

import collections
import os
import re
import unittest

import harness
from certificates import NAME, certificates
from librarytest import LEAF, refused as refused_by_openssl
from livetest import LiveTest
from network import new_network_namespace
from private_library import GNUTLS, PrivateCgroup, PrivateLibrary, installed_build
from servers import GnutlsServer
from session import Trace

FAR = "CN=far.example.test,O=tlsmeter test"
CLIENT = "CN=client.example.test,O=tlsmeter test"
JOINED = {"tlsmeter.join": "client_random", "tlsmeter.library": re.compile(r"\AGnuTLS 3\.")}
# Numbers of gnutls/gnutls.h
ALERT_RECEIVED, CERTIFICATE_ERROR, NO_CERTIFICATE, NO_CIPHER_SUITES, CERTIFICATE_REQUIRED, NO_KEY_SHARE = 12, 43, 49, 87, 112, 423
INVALID, REVOKED, SIGNER_NOT_FOUND, EXPIRED, UNEXPECTED_OWNER = (1 << bit for bit in (1, 5, 6, 10, 14))
VERSIONS = {"1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2", "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3"}



def success(**more):
    return {**JOINED, "tlsmeter.result": "success", "tlsmeter.error.code": None, **more}


def refused(*arguments, **more):
    return {**refused_by_openssl(*arguments), **JOINED, **more}


class GnutlsTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        harness.require("gnutls-cli", "gnutls-serv", "certtool", "wget", "git", "ip")
        build = installed_build(GNUTLS)
        if build is None:
            raise unittest.SkipTest("needs GnuTLS as a shared library")
        certificates()
        new_network_namespace()
        cls.library = cls.enterClassContext(PrivateLibrary(build))
        cls.cgroup = cls.enterClassContext(PrivateCgroup(cls.library))
        # It maps the copy from before tlsmeter starts until it ends: probed from the first handshake on.
        cls.early = cls.enterClassContext(GnutlsServer(cls.cgroup))
        cls.session = cls.enterClassContext(Trace(cls.cgroup, "--library"))
        cls.claimed = collections.Counter()

    def client(self, port, priority, *arguments, root=None, check=0):
        return self.cgroup.run(["gnutls-cli", "--port", str(port), "--priority", priority, "--sni-hostname", NAME,
                                "--verify-hostname", NAME, "--x509cafile", (root or certificates().root).certificate,
                                *arguments, "127.0.0.1"], b"GET / HTTP/1.0\r\n\r\n", check=check)

    def failing(self, of_client, of_server, server=(), client=(), versions=VERSIONS, certificate=None, root=None):
        """One handshake a version that fails; the records have what `of_client` and `of_server` say."""
        for version in versions:
            with self.subTest(version=version), GnutlsServer(self.cgroup, *server, certificate=certificate) as running:
                self.client(running.port, VERSIONS[version], *client, root=root, check=None)
                for record, expected in zip(self.pair(running.port), (of_client, of_server)):
                    self.check_fields(record, expected(version) if callable(expected) else expected)

    def test_success(self):
        for version, priority in VERSIONS.items():
            with self.subTest(version=version):
                done = self.client(self.early.port, priority)
                client, server = self.pair(self.early.port, success(**{
                    "tls.protocol.version": version, "tls.server.subject": LEAF}))
                self.check_fields(client, {"tlsmeter.verify.code": 0})
                self.check_fields(server, {"tlsmeter.verify.code": None})
                self.check_owner(client, done.pid, "gnutls-cli")
                self.check_owner(server, self.early.pid, "gnutls-serv")
                for record in (client, server):
                    self.assertGreater(record["tlsmeter.timing.library_ms"], 0)

    def test_a_resumed_session_shows_no_certificate(self):
        self.client(self.early.port, VERSIONS["1.3"], "--resume")
        for client, server in self.pairs(self.early.port, 2):
            subject = None if client["tls.resumed"] else LEAF
            for record in (client, server):
                self.check_fields(record, success(**{"tls.server.subject": subject, "tls.resumed": client["tls.resumed"]}))

    def test_the_application_protocol(self):
        for version, priority in VERSIONS.items():
            for offered, chosen in (("h2", "h2"), ("http/1.1", "http/1.1"), (None, None)):
                with self.subTest(version=version, offered=offered), GnutlsServer(self.cgroup, "--alpn", "h2", "--alpn",
                                                                                  "http/1.1") as server:
                    self.client(server.port, priority, *(["--alpn", offered] if offered else []))
                    self.pair(server.port, success(**{"tls.next_protocol": chosen}))

    def test_the_whole_chain(self):
        mine = certificates().far
        with GnutlsServer(self.cgroup, "--require-client-cert", certificate=mine) as server:
            self.client(server.port, VERSIONS["1.3"], "--x509certfile", mine.chain, "--x509keyfile", mine.key)
            self.pair(server.port, success(**{
                "tls.server.subject": FAR, "tlsmeter.server.chain_length": 2, "tlsmeter.server.chain_in_order": True,
                "tls.client.subject": FAR, "tlsmeter.client.chain_length": 2}))

    # Certificates of the server ---------------------------------------------------------------------------------------------

    def server_certificate(self, reason, status, subject=LEAF, **more):
        """The client refuses the server's certificate. GnuTLS has one alert for all of that."""
        alert = ("client", "bad_certificate")
        self.failing(refused(reason, "server", CERTIFICATE_ERROR, alert,
                             **{"tlsmeter.verify.code": INVALID | status, "tls.server.subject": subject}),
                     refused("certificate_other", "server", ALERT_RECEIVED, alert,
                             **{"tlsmeter.verify.code": None, "tls.server.subject": subject}), **more)

    def test_unknown_ca(self):
        self.server_certificate("unknown_ca", SIGNER_NOT_FOUND, root=certificates().other_root)

    def test_self_signed(self):
        """GnuTLS says no more than of an unknown authority: the certificate tells."""
        self.server_certificate("self_signed", SIGNER_NOT_FOUND | UNEXPECTED_OWNER, subject="CN=root,O=tlsmeter test",
                                root=certificates().other_root, certificate=certificates().root)

    def test_expired(self):
        self.server_certificate("certificate_expired", EXPIRED, subject="CN=expired.example.test,O=tlsmeter test",
                                certificate=certificates().expired)

    def test_host_name(self):
        self.server_certificate("hostname_mismatch", UNEXPECTED_OWNER, client=["--verify-hostname", "nothere.test"])

    def test_revoked(self):
        self.server_certificate("certificate_revoked", REVOKED, client=["--x509crlfile",
                                                                        certificates().revocations(certificates().leaf)])

    # Certificates of the client ---------------------------------------------------------------------------------------------

    def test_a_client_certificate(self):
        mine = certificates().client
        for version, priority in VERSIONS.items():
            with self.subTest(version=version), GnutlsServer(self.cgroup, "--require-client-cert") as server:
                self.client(server.port, priority, "--x509certfile", mine.certificate, "--x509keyfile", mine.key)
                self.pair(server.port, success(**{"tlsmeter.mtls": "presented", "tls.client.subject": CLIENT}))

    def test_client_certificate_missing(self):
        def of_client(version):
            if version == "1.2":  # an alert that names nothing
                return refused("other", "none", ALERT_RECEIVED, ("server", "decode_error"), **{"tlsmeter.mtls": "absent"})
            return refused("client_certificate_missing", "client", None, ("server", "certificate_required"),
                           **{"tlsmeter.failure.late": True, "tlsmeter.error.code": None})

        def of_server(version):
            code, alert = (NO_CERTIFICATE, "decode_error") if version == "1.2" else (CERTIFICATE_REQUIRED, "certificate_required")
            return refused("client_certificate_missing", "client", code, ("server", alert),
                           **{"tlsmeter.mtls": "absent", "tlsmeter.failure.late": None})

        self.failing(of_client, of_server, ["--require-client-cert"])

    def test_client_certificate_refused(self):
        stranger = certificates().stranger
        shown = {"tlsmeter.mtls": "presented", "tls.client.subject": "CN=stranger.example.test,O=tlsmeter test"}

        def of_client(version):
            late = {"tlsmeter.failure.late": True, "tlsmeter.error.code": None} if version == "1.3" else {
                "tlsmeter.failure.late": None, "tlsmeter.error.code": ALERT_RECEIVED}
            return refused("client_certificate_rejected", "client", None, ("server", "access_denied"), **shown, **late)

        self.failing(of_client, refused("client_certificate_rejected", "client", CERTIFICATE_ERROR, ("server", "access_denied"),
                                        **shown, **{"tlsmeter.verify.code": INVALID | SIGNER_NOT_FOUND}),
                     ["--require-client-cert", "--verify-client-cert", "--x509cafile", certificates().root.certificate],
                     ["--x509certfile", stranger.certificate, "--x509keyfile", stranger.key])

    # Nothing in common ------------------------------------------------------------------------------------------------------

    def nothing_in_common(self, version, of_server, of_client, reason, code):
        self.failing(refused("handshake_failure", "none", ALERT_RECEIVED, ("server", "handshake_failure")),
                     refused(reason, "none", code, ("server", "handshake_failure"), **{"tls.server.subject": None}),
                     ["--priority", of_server], ["--priority", of_client], [version])

    def test_no_shared_version(self):
        for offered, only in (("1.2", "1.3"), ("1.3", "1.2")):
            self.nothing_in_common(offered, VERSIONS[only], VERSIONS[offered], "no_shared_cipher", NO_CIPHER_SUITES)

    def test_no_shared_cipher(self):
        for version, priority in VERSIONS.items():
            self.nothing_in_common(version, f"{priority}:-CIPHER-ALL:+AES-256-GCM", f"{priority}:-CIPHER-ALL:+CHACHA20-POLY1305",
                                   "no_shared_cipher", NO_CIPHER_SUITES)

    def test_no_shared_group(self):
        """By then a TLS 1.3 server has chosen its certificate, which it does not send any more."""
        for version, reason, code in (("1.2", "no_shared_cipher", NO_CIPHER_SUITES), ("1.3", "no_shared_group", NO_KEY_SHARE)):
            only = f"{VERSIONS[version]}:-KX-ALL:+ECDHE-ECDSA:-GROUP-ALL:+GROUP-"
            self.nothing_in_common(version, only + "X25519", only + "SECP384R1", reason, code)

    # Programs that judge after the handshake --------------------------------------------------------------------------------

    def wget(self, port, version, root, *arguments, check=0, host="127.0.0.1"):
        self.cgroup.run(["wget", "-4", "-q", "-O", "/dev/null", "--secure-protocol", f"TLSv1_{version[-1]}", "--ciphers",
                         VERSIONS[version], "--ca-certificate", root.certificate, *arguments, f"https://{host}:{port}/"],
                        check=check)

    def judged(self, port, of_client, name="wget", subject=LEAF):
        client, server = self.pair(port)
        self.check_fields(client, {**of_client, "process.name": name, "tls.server.subject": subject})
        self.check_fields(server, success(**{"tls.server.subject": subject, "tlsmeter.alert.description": None}))

    def test_judged_after_the_handshake(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.wget(self.early.port, version, certificates().root)
                self.judged(self.early.port, success(**{"tlsmeter.verify.code": 0}))

    def test_refused_after_the_handshake(self):
        """The program says nothing to the server: it goes away before its request."""
        for version in VERSIONS:
            with self.subTest(version=version):
                self.wget(self.early.port, version, certificates().other_root, check=5)
                self.judged(self.early.port, refused("unknown_ca", "server", None, None, **{
                    "tlsmeter.verify.code": INVALID | SIGNER_NOT_FOUND, "tlsmeter.verify.text": "The certificate issuer is unknown.",
                    "tlsmeter.failure.late": True, "tlsmeter.failure.inferred": True}))

    def test_the_name_is_checked_after_the_handshake(self):
        misnamed = refused("hostname_mismatch", "server", None, None, **{
            "tlsmeter.verify.code": INVALID | UNEXPECTED_OWNER, "tlsmeter.failure.late": True, "tlsmeter.failure.inferred": True,
            "tlsmeter.verify.text": "The name in the certificate does not match the expected."})
        trusted = success(**{"tlsmeter.verify.code": 0})
        root, local = certificates().root, "CN=local.example.test,O=tlsmeter test"
        for version in VERSIONS:
            with self.subTest(version=version), GnutlsServer(self.cgroup, certificate=certificates().local) as server:
                self.wget(server.port, version, root, host="localhost")
                self.judged(server.port, trusted, subject=local)
                self.wget(server.port, version, root, check=5)
                self.judged(server.port, misnamed, subject=local)
                self.wget(self.early.port, version, root, check=5, host="localhost")
                self.judged(self.early.port, misnamed)
                self.wget(server.port, version, root, "--no-check-certificate")
                self.judged(server.port, success(**{"tlsmeter.verify.code": INVALID | UNEXPECTED_OWNER}), subject=local)

    def test_git_checks_the_name_after_the_handshake(self):
        """By libcurl, which has the chain verified first."""
        for host, of_client in (("127.0.0.1", success(**{"tlsmeter.verify.code": 0})),
                                ("localhost", refused("hostname_mismatch", "server", None, None, **{
                                    "tlsmeter.verify.code": INVALID | UNEXPECTED_OWNER, "tlsmeter.failure.late": True,
                                    "tlsmeter.failure.inferred": True}))):
            with self.subTest(host=host):
                self.cgroup.run(["git", "ls-remote", f"https://{host}:{self.early.port}/"], check=128,  # there is no repository
                                env={"GIT_SSL_CAINFO": certificates().root.certificate})
                self.judged(self.early.port, of_client, name="git-remote-http")

    def name_check(self, when, *names, check=0):
        program = os.path.join(os.path.dirname(harness.tlsmeter_path()), "tests", "live", "name_check")
        self.cgroup.run([program, str(self.early.port), when, *names], check=check)

    def test_one_of_several_names_is_enough(self):
        for names in ([NAME, "nothere.test"], ["nothere.test", NAME], ["nothere.test", "127.0.0.1"], ["192.0.2.1", NAME]):
            with self.subTest(names=names):
                self.name_check("after", *names)
                self.judged(self.early.port, success(**{"tlsmeter.verify.code": None}), name="name_check")
        for names in (["192.0.2.1"], ["nothere.test", "192.0.2.1"]):
            with self.subTest(names=names):
                self.name_check("after", *names, check=1)
                self.judged(self.early.port, refused("hostname_mismatch", "server", None, None, **{
                    "tlsmeter.failure.late": True, "tlsmeter.failure.inferred": True}), name="name_check")

    def test_the_name_is_checked_within_the_handshake(self):
        self.name_check("within", "nothere.test", NAME)
        self.judged(self.early.port, success(**{"tlsmeter.verify.code": None}), name="name_check")
        self.name_check("within", "nothere.test", check=1)
        client, server = self.pair(self.early.port)
        self.check_fields(client, refused("hostname_mismatch", "server", CERTIFICATE_ERROR, None, **{
            "tlsmeter.verify.code": INVALID | UNEXPECTED_OWNER, "tlsmeter.failure.late": None}))
        # It says nothing, and may leave bytes unread.
        self.check_fields(server, {"tlsmeter.result": "aborted", "tlsmeter.failure.reason": {"peer_closed", "peer_reset"}})

    def test_a_check_of_a_copy_is_put_down_to_nobody(self):
        """Nothing says of which session the certificate is, though it is the same."""
        self.name_check("copy", "nothere.test", check=1)
        self.judged(self.early.port, success(**{"tlsmeter.verify.code": None}), name="name_check")

    def test_doubted_and_used_all_the_same(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.wget(self.early.port, version, certificates().other_root, "--no-check-certificate")
                self.judged(self.early.port, success(**{"tlsmeter.verify.code": INVALID | SIGNER_NOT_FOUND}))


if __name__ == "__main__":
    harness.main()
