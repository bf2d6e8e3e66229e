"""The library sensor in programs that use OpenSSL each in its own way: nginx, curl, Python, Node.js with OpenSSL inside."""

import json
import os
import re
import shutil
import socket
import unittest

import harness
from certificates import NAME, certificates
from librarytest import JOINED, LEAF, VERSIONS, LibraryTest, by_version, nothing_in_common, refused, success
from peers import reset
from private_library import FETCHED
from servers import ListeningProgram, Nginx, OpensslServer

CLIENT = "CN=client.example.test,O=tlsmeter test"

PYTHON_CLIENT = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
    with context.wrap_socket(plain, server_hostname=sys.argv[3]) as connection:
        connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        while connection.recv(4096):
            pass
"""

NODE_CLIENT = """
const [port, more, ca, cert, key] = process.argv.slice(1), fs = require('fs');
const options = {port, host: '127.0.0.1', servername: 'example.test', ca: fs.readFileSync(ca), ALPNProtocols: ['http/1.1'],
  ...JSON.parse(more)};
if (cert) Object.assign(options, {cert: fs.readFileSync(cert), key: fs.readFileSync(key)});
const connection = require('tls').connect(options, () => connection.end('GET / HTTP/1.0\\r\\n\\r\\n'));
connection.on('data', () => {}).on('error', () => { process.exitCode = 1; });  // inside the handshake: exit later
"""

NODE_SERVER = """
const [more, cert, key, ca] = process.argv.slice(1), fs = require('fs');
const options = {cert: fs.readFileSync(cert), key: fs.readFileSync(key), ...JSON.parse(more)};
if (ca) Object.assign(options, {ca: fs.readFileSync(ca), requestCert: true});
const server = require('tls').createServer(options, c => c.on('error', () => {}).on('data', () => c.end('hello')));
server.on('tlsClientError', () => {}).listen(0, '127.0.0.1', () => console.log(server.address().port));
"""


class SharedLibraryTest(LibraryTest):
    programs = ("nginx", "curl")

    def curl(self, port, *arguments, host=NAME, check=0):
        return self.cgroup.run(["curl", "-sS", "-o", "/dev/null", "--resolve", f"{host}:{port}:127.0.0.1",
                                *arguments, f"https://{host}:{port}/"], check=check)

    def test_curl_and_nginx(self):
        mine = certificates().client
        demand = f"ssl_client_certificate {certificates().root.certificate}; ssl_verify_client on;"
        with Nginx(self.cgroup, {"http2": "ssl_protocols TLSv1.2 TLSv1.3;", "mutual": demand}) as nginx:
            for flag, version in (("--tlsv1.3", "1.3"), ("--tls-max", "1.2")):
                arguments = [flag, "1.2"] if flag == "--tls-max" else [flag]
                with self.subTest(version):
                    self.curl(nginx.ports["http2"], "--cacert", certificates().root.certificate, *arguments)
                    client, server = self.pair(nginx.ports["http2"], success(**{
                        "tls.protocol.version": version, "tls.next_protocol": "h2", "tls.server.subject": LEAF,
                        "tls.client.subject": None}))
                    self.check_fields(client, {"process.name": "curl", "tlsmeter.verify.code": 0})
                    self.check_fields(server, {"process.name": "nginx", "tlsmeter.verify.code": None})
            self.curl(nginx.ports["mutual"], "--cacert", certificates().root.certificate, "--cert", mine.certificate,
                      "--key", mine.key)
            self.pair(nginx.ports["mutual"], success(**{"tls.client.subject": CLIENT, "tlsmeter.mtls": "presented"}))

    def test_curl_refuses(self):
        with OpensslServer(self.cgroup) as server:
            self.curl(server.port, "--cacert", certificates().other_root.certificate, check=60)
            client, answer = self.pair(server.port)
            self.check_fields(client, refused("unknown_ca", "server", 134, ("client", "unknown_ca"), **{"process.name": "curl"}))
            self.check_fields(answer, refused("unknown_ca", "server", 1048, ("client", "unknown_ca")))

    def python(self, port, trust, name=NAME, check=0):
        return self.cgroup.run(["/usr/bin/python3", "-c", PYTHON_CLIENT, str(port), trust.certificate, name], check=check)

    def test_python(self):
        with OpensslServer(self.cgroup) as server:
            self.python(server.port, certificates().root)
            client, _ = self.pair(server.port, success(**{"tls.server.subject": LEAF}))
            self.check_fields(client, {"process.name": "python3", "tlsmeter.verify.code": 0})

    def test_python_refuses(self):
        cases = {"unknown_ca": (certificates().other_root, NAME, "unknown_ca"),
                 "hostname_mismatch": (certificates().root, "nothere.test", "bad_certificate")}
        for reason, (trust, name, alert) in cases.items():
            with self.subTest(reason), OpensslServer(self.cgroup) as server:
                self.python(server.port, trust, name, check=1)
                client, answer = self.pair(server.port)
                self.check_fields(client, refused(reason, "server", 134, ("client", alert)))
                self.assertEqual(answer["tlsmeter.alert.description"], alert)


class NodeServer(ListeningProgram):
    """A TLS server in Node.js; with `trust` it demands a certificate. `options` are those of tls.createServer."""

    def __init__(self, cgroup, node, trust=None, certificate=None, **options):
        mine = certificate or certificates().leaf
        self._cgroup = cgroup
        self._argv = [node, "-e", NODE_SERVER, json.dumps(options), mine.certificate, mine.key,
                      *([trust.certificate] if trust else [])]

    def _start(self, folder):
        with open(os.path.join(folder, "output"), "wb") as out:
            self._process = self._cgroup.popen(self._argv, stdout=out, stderr=out)

    def _wait(self):
        def listening():
            text = self._said("output")
            return text.endswith("\n") and text

        self.port = int(harness.wait_until(listening, 20, "node to listen"))


class NodeTest:
    """The tests, for each build of Node.js: OpenSSL is inside the program, over memory buffers, so its library knows no socket."""

    original = None  # the program to copy
    told_late = True  # a client reads the alert that comes after its success

    @classmethod
    def setUpClass(cls):
        if cls.original is None or not os.path.exists(cls.original):
            raise unittest.SkipTest(f"needs {cls.original or 'node'} (scripts/fetch_tls_builds.sh)")
        folder = cls.enterClassContext(harness.temporary_folder())
        cls.node = os.path.join(folder, "node")
        shutil.copy(cls.original, cls.node)
        super().setUpClass()

    @classmethod
    def early_server(cls):
        return NodeServer(cls.cgroup, cls.node)

    def client(self, port, trust=None, certificate=None, check=0, **options):
        """`options` are those of tls.connect."""
        mine = [certificate.certificate, certificate.key] if certificate else []
        return self.cgroup.run([self.node, "-e", NODE_CLIENT, str(port), json.dumps(options),
                                (trust or certificates().root).certificate, *mine], check=check)

    def test_both_sides(self):
        self.client(self.early.port)
        client, server = self.pair(self.early.port, success(**{
            "tls.protocol.version": "1.3", "tls.server.subject": LEAF, "tls.client.subject": None, "tls.client.server_name": NAME}))
        self.assertEqual(client["tlsmeter.verify.code"], 0)
        self.assertIsNone(server["tlsmeter.verify.code"])

    def test_mutual_tls(self):
        with NodeServer(self.cgroup, self.node, certificates().root) as server:
            self.client(server.port, certificate=certificates().client)
            self.pair(server.port, success(**{"tlsmeter.verify.code": 0, "tlsmeter.mtls": "presented",
                                              "tls.client.subject": CLIENT, "tls.server.subject": LEAF}))

    def failing(self, of_client, of_server, server=None, client=None, versions=VERSIONS, trust=None, certificate=None,
                shown=None):
        """One handshake a version; the records have what `of_client` and `of_server` say, None for one that depends on timing.
        `server` and `client` are options of Node.js, `certificate` is the client's, `shown` the server's."""
        for version in versions:
            only = {f"{end}Version": f"TLSv{version}" for end in ("min", "max")}
            with self.subTest(version=version), NodeServer(self.cgroup, self.node, trust, shown, **{**only, **(server or {})}) as peer:
                self.client(peer.port, check=None, certificate=certificate, **(client or {}))
                records = sorted(self.claim(peer.port, 2), key=lambda record: record["tlsmeter.role"])
                for record, expected in zip(records, (of_client, of_server)):
                    self.check_fields(record, (expected(version) if callable(expected) else expected) or JOINED)

    # Nothing in common ------------------------------------------------------------------------------------------------------

    def test_no_shared_cipher(self):
        self.failing(*nothing_in_common("no_shared_cipher", 193),
                     {"ciphers": "TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"},
                     {"ciphers": "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"})

    def test_no_shared_group(self):
        self.failing(*nothing_in_common(by_version(tls12="no_shared_cipher", tls13="no_shared_group"),
                                        by_version(tls12=193, tls13=101)), {"ecdhCurve": "P-384"}, {"ecdhCurve": "P-521"})

    def test_no_shared_signature_algorithm(self):
        self.failing(*nothing_in_common(by_version(tls12="no_shared_cipher", tls13="no_shared_signature_algorithm"),
                                        by_version(tls12=193, tls13=118)), client={"sigalgs": "RSA-PSS+SHA256"})

    def test_no_shared_version(self):
        for only, offered in (("1.3", "1.2"), ("1.2", "1.3")):
            self.failing(*nothing_in_common("protocol_version", 258, ("protocol_version", 70), "protocol_version"),
                         client={f"{end}Version": f"TLSv{offered}" for end in ("min", "max")}, versions=[only])

    def test_old_version(self):
        self.s_client(self.early.port, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0", check=None)
        record, = (record for record in self.claim(self.early.port, 2) if record["tlsmeter.role"] == "server")
        self.check_fields(record, refused("protocol_version", "none", 258, ("server", "protocol_version")))

    def test_no_application_protocol(self):
        self.failing(*nothing_in_common("no_application_protocol", 235, ("no_application_protocol", 120),
                                        "no_application_protocol"), {"ALPNProtocols": ["h2"]})

    # Certificates. Node.js lets the handshake succeed, then looks at what OpenSSL found, and hangs up -------------------------

    def test_the_client_refuses(self):
        """It may do so before its last flight is out."""
        def judged(code):
            return success(**{"tlsmeter.verify.code": code, "tls.server.subject": re.compile("CN=")})

        stranger = {"ca": ""}  # trusts nobody
        self.failing(judged(21), None, client=stranger)
        self.failing(judged(18), None, client=stranger, shown=certificates().root)
        self.failing(judged(10), None, shown=certificates().expired)
        self.failing(judged(0), None, client={"servername": "nothere.test"})

    def test_the_client_accepts_all_the_same(self):
        self.failing(success(**{"tlsmeter.verify.code": 21}), success(), client={"ca": "", "rejectUnauthorized": False})

    def test_the_server_refuses(self):
        for certificate, code in ((certificates().stranger, 21), (certificates().expired, 10)):
            self.failing({**JOINED, "tlsmeter.mtls": "presented"}, success(**{"tlsmeter.verify.code": code, "tlsmeter.mtls": "presented"}),
                         trust=certificates().root, certificate=certificate)

    def test_client_certificate_missing(self):
        """This one OpenSSL refuses by itself."""
        def of_client(version):
            if version == "1.2":
                return refused("client_certificate_missing", "client", 1040, ("server", "handshake_failure"))
            return self.told_late and refused("client_certificate_missing", "client", None, ("server", "certificate_required"),
                                              **{"tlsmeter.failure.late": True, "tlsmeter.error.code": None})

        def of_server(version):
            alert = "handshake_failure" if version == "1.2" else "certificate_required"
            return refused("client_certificate_missing", "client", 199, ("server", alert), **{"tlsmeter.mtls": "absent"})

        self.failing(of_client, of_server, trust=certificates().root)

    # No TLS, and no answer --------------------------------------------------------------------------------------------------

    def as_client(self, answer):
        return self.meet(lambda port: [self.node, "-e", NODE_CLIENT, str(port), "{}", certificates().root.certificate], answer)

    def test_plain_server(self):
        record = self.as_client(lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"))
        self.check_fields(record, refused("not_tls", "server", 267))

    def test_the_peer_goes_away(self):
        """The program lets go of the connection; why, only the wire knows."""
        for ending, reason in ((socket.socket.close, "peer_closed"), (reset, "peer_reset")):
            with self.subTest(reason):
                gone = {**JOINED, "tlsmeter.result": "aborted", "tlsmeter.failure.reason": reason}
                self.check_fields(self.as_client(ending), {**gone, "tlsmeter.failure.side": "server"})
                self.check_fields(self.hello_and(self.early.port, ending), {**gone, "tlsmeter.failure.side": "client"})


class InstalledNode(NodeTest, LibraryTest):
    original = shutil.which("node", path=harness.search_path())
    says = re.compile(r"\AOpenSSL ")


class Node24(NodeTest, LibraryTest):
    original = os.path.join(FETCHED, "node-24")
    says = re.compile(r"\AOpenSSL 3\.5\.")


class Node16(NodeTest, LibraryTest):
    original = os.path.join(FETCHED, "node-16")
    says = re.compile(r"\AOpenSSL 1\.1\.1")
    told_late = False

    def test_no_application_protocol(self):
        """It goes on without one."""
        self.failing(success(**{"tls.next_protocol": None}), success(**{"tls.next_protocol": None}), {"ALPNProtocols": ["h2"]})


if __name__ == "__main__":
    harness.main()
