#!/usr/bin/env python3
"""Sample traffic for demo.sh: TLS handshakes of every kind, by several programs, on loopback and inside one cgroup.

Says on standard error what each step does. Its certificates and sessions stay in the folder it is given; demo.sh removes it.
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

NAME = "shop.example.test"
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, **QUIET)


def make_certificates(folder):
    """root.pem signs server.pem (P-256, valid) and old.pem (expired); other.pem signs nothing."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("root", "other"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/O=tlsmeter demo/CN={name}")
    with open(os.path.join(folder, "extensions"), "w") as file:
        file.write("basicConstraints=CA:FALSE\nsubjectAltName=DNS:*.example.test,IP:127.0.0.1\n")
    for name, days in (("server", "2"), ("old", "-1")):
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/O=tlsmeter demo/CN={NAME}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                "-days", days, "-extfile", "extensions", "-out", f"{name}.pem")


def free_port():
    """A free port below the range from which clients are served."""
    while True:
        port = random.randrange(10000, 32000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.port = {}
        self.programs = []

    def path(self, name):
        return os.path.join(self.folder, name)

    # Servers --------------------------------------------------------------------------------------------------------------------

    def start_servers(self):
        """nginx, openssl and Python, each on its own ports."""
        sites = {
            "modern": "ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;",
            "legacy": "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; ssl_session_cache shared:S:1m;",
            "http2": "ssl_protocols TLSv1.2 TLSv1.3;",
            "retry": "ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1;",
            "expired": "ssl_protocols TLSv1.2 TLSv1.3;",
        }
        blocks = []
        for name, directives in sites.items():
            self.port[name] = free_port()
            certificate = self.path("old" if name == "expired" else "server")
            blocks.append(f"server {{ listen 127.0.0.1:{self.port[name]} ssl{' http2' if name == 'http2' else ''}; "
                          f"ssl_certificate {certificate}.pem; ssl_certificate_key {certificate}.key; {directives} "
                          'location / { return 200 "hello\\n"; } }')
        paths = " ".join(f"{kind}_temp_path {self.path(kind)};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(self.path("nginx.conf"), "w") as file:
            file.write(f"daemon off; worker_processes 2; pid {self.path('nginx.pid')};\n"
                       f"error_log {self.path('nginx.log')};\nevents {{ }}\n"
                       f"http {{ access_log off; {paths}\n" + "\n".join(blocks) + "\n}\n")
        os.chmod(self.folder, 0o755)
        self.start("nginx", "-p", self.folder, "-c", self.path("nginx.conf"), "-e", self.path("nginx.log"))

        self.port["openssl"] = free_port()
        self.start("openssl", "s_server", "-accept", f"127.0.0.1:{self.port['openssl']}", "-cert", self.path("server.pem"),
                   "-key", self.path("server.key"), "-www")

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.pem"), self.path("server.key"))
        context.sni_callback = lambda _, name, __: None if name == NAME else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        self.port["python"] = self.listen(lambda connection: serve_tls(connection, context))
        self.port["plain"] = self.listen(serve_plain)
        self.port["silent"] = self.listen(serve_silence)
        for port in self.port.values():
            wait_for_listener(port)

    def start(self, *argv):
        self.programs.append(subprocess.Popen(argv, **QUIET))

    def stop(self):
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            program.wait()

    def listen(self, handle):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    # Clients --------------------------------------------------------------------------------------------------------------------

    def curl(self, site, *arguments, trust="root.pem"):
        target = f"{NAME}:443:127.0.0.1:{self.port[site]}"
        subprocess.run(["curl", "-s", "--max-time", "5", "--cacert", self.path(trust), "--connect-to", target, *arguments,
                        f"https://{NAME}/"], **QUIET)

    def s_client(self, site, *arguments, name=("-servername", NAME)):
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port[site]}", *name, "-ign_eof", *arguments]
        subprocess.run(argv, input=REQUEST, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)

    def python(self, site, name=NAME):
        context = ssl.create_default_context(cafile=self.path("root.pem"))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port[site]), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname=name) as tls:
                tls.sendall(REQUEST)
                tls.recv(4096)

    def steps(self):
        """(what it does, function) in the order in which they run."""
        session = self.path("session")
        return [
            ("curl to nginx, TLS 1.3: a full handshake", lambda: self.curl("modern")),
            ("curl to nginx, TLS 1.2", lambda: self.curl("legacy")),
            ("curl to nginx, HTTP/2 over TLS 1.2: ALPN is visible", lambda: self.curl("http2", "--http2", "--tls-max", "1.2")),
            ("curl to nginx, HTTP/2 over TLS 1.3: the server's choice is encrypted", lambda: self.curl("http2", "--http2")),
            ("python to python, TLS 1.3", lambda: self.python("python")),
            ("openssl to openssl without a server name", lambda: self.s_client("openssl", name=["-noservername"])),
            ("nginx wants P-384: HelloRetryRequest, one handshake with one more round trip", lambda: self.curl("retry")),
            ("openssl to nginx, TLS 1.2, and the session kept", lambda: self.s_client("legacy", "-sess_out", session)),
            ("the same session again: resumed", lambda: self.s_client("legacy", "-sess_in", session)),
            ("openssl, TLS 1.3, and the ticket kept", lambda: self.s_client("openssl", "-sess_out", session + "3")),
            ("the ticket again: resumed by PSK", lambda: self.s_client("openssl", "-sess_in", session + "3")),
            ("curl does not trust the issuer: the client refuses", lambda: self.curl("modern", trust="other.pem")),
            ("the certificate has expired: the client refuses", lambda: self.curl("expired")),
            ("client speaks TLS 1.2, server TLS 1.3 only: no common version", lambda: self.curl("modern", "--tls-max", "1.2")),
            ("client and server share no cipher", lambda: self.curl("legacy", "--tls-max", "1.2", "--ciphers",
                                                                    "ECDHE-ECDSA-CHACHA20-POLY1305")),
            ("python asks for a name that the server does not know", lambda: self.python("python", "nobody.example.test")),
            ("TLS to a port that speaks plain text", lambda: self.python("plain")),
            ("plain HTTP to a TLS port: no handshake, only counted", lambda: plain_http(self.port["modern"])),
            ("a scanner connects and closes: no handshake, only counted", lambda: scan(self.port["modern"])),
            ("a server that never answers: the client gives up", lambda: give_up(self.port["silent"])),
            ("a client that resets the connection in the middle", lambda: give_up(self.port["silent"], reset=True)),
        ]


def serve_tls(connection, context):
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
        tls.recv(4096)
        tls.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello\n")


def serve_plain(connection):
    with contextlib.suppress(OSError), connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


def serve_silence(connection):
    with contextlib.suppress(OSError), connection:
        while connection.recv(4096):
            pass


def plain_http(port):
    subprocess.run(["curl", "-s", "--max-time", "5", f"http://127.0.0.1:{port}/"], **QUIET)


def scan(port):
    socket.create_connection(("127.0.0.1", port)).close()


def give_up(port, reset=False):
    """Sends a ClientHello, waits a moment for the answer that does not come, and closes."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME).do_handshake()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(outgoing.read())
        time.sleep(0.5)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wait_for_listener(port):
    """Asks the kernel's table and does not connect, so that the demo shows nothing that is not announced."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open("/proc/net/tcp") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
                    return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cgroup", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with open(os.path.join(options.cgroup, "cgroup.procs"), "w") as file:
        file.write("0")
    end = time.monotonic() + options.seconds
    demo = Demo(options.folder)
    say("making certificates, starting nginx, openssl s_server and servers in Python")
    make_certificates(options.folder)
    try:
        demo.start_servers()
        while True:
            for what, step in demo.steps():
                if time.monotonic() >= end:
                    return
                say(what)
                step()
                time.sleep(1)
    finally:
        demo.stop()


if __name__ == "__main__":
    main()
