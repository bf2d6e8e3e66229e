"""TLS servers of Debian inside a cgroup: openssl s_server and nginx. Each is listening once entered."""

import os
import re
import signal
import subprocess
import sys

from certificates import certificates
from harness import temporary_folder, wait_until
from network import free_port, is_listening
from processes import stop


class OpensslServer:
    """`openssl s_server -www` on a port that the kernel chooses. `www=False` leaves out -www, which early data does not go with."""

    comm = "openssl"

    def __init__(self, cgroup, *arguments, host="127.0.0.1", certificate=None, www=True, port=0):
        certificate = certificate or certificates().leaf
        self._cgroup = cgroup
        self.host = host
        self._argv = ["openssl", "s_server", "-accept", f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
                      "-cert", certificate.certificate, "-key", certificate.key,
                      *(["-www"] if www else []), *arguments]

    def __enter__(self):
        self._folder = temporary_folder()
        output = os.path.join(self._folder.name, "output")
        with open(output, "wb") as out:
            # Standard input stays open: at its end s_server without -www would stop.
            self._process = self._cgroup.popen(self._argv, stdin=subprocess.PIPE, stdout=out, stderr=out)
        self.pid = self._process.pid

        def accepting():
            with open(output) as file:
                text = file.read()
            if self._process.poll() is not None:
                raise AssertionError(f"{self._argv} ended: {text}")
            return re.search(r"^ACCEPT .*:(\d+)$", text, re.MULTILINE)

        try:
            self.port = int(wait_until(accepting, what=f"ACCEPT of {self._argv}")[1])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self._process)
        self._folder.cleanup()


class GnutlsServer:
    """`gnutls-serv --http`. It listens on all addresses: for a network namespace of the test's own."""

    comm = "gnutls-serv"

    def __init__(self, cgroup, *arguments, certificate=None):
        certificate = certificate or certificates().leaf
        self.port = free_port()
        self._cgroup = cgroup
        self._argv = ["gnutls-serv", "--http", "--quiet", "--port", str(self.port), "--x509certfile", certificate.chain,
                      "--x509keyfile", certificate.key, *arguments]

    def __enter__(self):
        self._process = self._cgroup.popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
        self.pid = self._process.pid
        try:
            wait_until(lambda: is_listening(self.port), what=f"{self._argv} to listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self._process)


class Nginx:
    """nginx with two workers. `servers` maps a name to the directives of a server block with TLS; ports[name] is its port."""

    comm = "nginx"

    def __init__(self, cgroup, servers, host="127.0.0.1"):
        self._cgroup = cgroup
        self._host = f"[{host}]" if ":" in host else host
        self._servers = servers
        self.ports = {}

    def __enter__(self):
        self._folder = temporary_folder()
        os.chmod(self._folder.name, 0o755)  # workers run as another user
        prefix = self._folder.name
        configuration = os.path.join(prefix, "nginx.conf")
        for name in self._servers:
            self.ports[name] = free_port()
        with open(configuration, "w") as file:
            file.write(self._configuration(prefix))
        log = os.path.join(prefix, "error.log")
        argv = ["nginx", "-p", prefix, "-c", configuration, "-e", log]
        self._process = self._cgroup.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def up():
            if self._process.poll() is not None:
                with open(log) as file:
                    raise AssertionError(f"nginx ended: {file.read()}")
            return all(is_listening(port) for port in self.ports.values()) and len(self.worker_pids()) == 2

        try:
            wait_until(up, what="nginx to listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _configuration(self, prefix):
        leaf = certificates().leaf
        blocks = []
        for name, directives in self._servers.items():
            own = "" if "ssl_certificate " in directives else f"ssl_certificate {leaf.chain}; ssl_certificate_key {leaf.key};"
            options = "ssl http2" if "http2" in name else "ssl"
            blocks.append(f"server {{ listen {self._host}:{self.ports[name]} {options}; {own} {directives}\n"
                          'location / { return 200 "hello\\n"; } }')
        paths = " ".join(f"{kind}_temp_path {prefix}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (f"daemon off; worker_processes 2; pid {prefix}/nginx.pid; error_log {prefix}/error.log warn;\n"
                f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {paths}\n" + "\n".join(blocks) + "\n}\n")

    def worker_pids(self):
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def __exit__(self, *_):
        stop(self._process, signal.SIGTERM)
        self._folder.cleanup()


class HttpServer:
    """`python3 -m http.server`, plain, over an empty folder."""

    def __init__(self, cgroup):
        self._cgroup = cgroup

    def __enter__(self):
        self.port = free_port()
        self._folder = temporary_folder()
        argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(self.port)]
        self._process = self._cgroup.popen(argv, cwd=self._folder.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: is_listening(self.port), what="http.server to listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self._process)
        self._folder.cleanup()
