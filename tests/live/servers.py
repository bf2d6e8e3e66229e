"""TLS servers of Debian inside a cgroup: openssl s_server and nginx. Each is listening once entered."""

import os
import re
import subprocess
import sys

from certificates import certificates
from harness import temporary_folder, wait_until
from network import free_port, is_listening
from processes import stop


class ListeningProgram:
    """A program with a folder of its own, listening once it is entered. Subclasses say how it starts (`_start`, which sets
    `_process`) and how long to wait (`_wait`)."""

    def __enter__(self):
        self._folder = temporary_folder()
        self._start(self._folder.name)
        self.pid = self._process.pid
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self._process)
        self._folder.cleanup()

    def _said(self, log):
        """The contents of a file in its folder, to which it writes; fails when the program has ended."""
        with open(os.path.join(self._folder.name, log)) as file:
            text = file.read()
        if self._process.poll() is not None:
            raise AssertionError(f"{self._process.args} ended: {text}")
        return text


class OpensslServer(ListeningProgram):
    """`openssl s_server -www` on a port that the kernel chooses. `www=False` leaves out -www, which early data does not go with."""

    comm = "openssl"

    def __init__(self, cgroup, *arguments, host="127.0.0.1", certificate=None, www=True, port=0):
        certificate = certificate or certificates().leaf
        self._cgroup = cgroup
        self.host = host
        self._argv = ["openssl", "s_server", "-accept", f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
                      "-cert", certificate.certificate, "-key", certificate.key,
                      *(["-www"] if www else []), *arguments]

    def _start(self, folder):
        with open(os.path.join(folder, "output"), "wb") as out:
            # Standard input stays open: at its end s_server without -www would stop.
            self._process = self._cgroup.popen(self._argv, stdin=subprocess.PIPE, stdout=out, stderr=out)

    def _wait(self):
        def accepting():
            return re.search(r"^ACCEPT .*:(\d+)$", self._said("output"), re.MULTILINE)

        self.port = int(wait_until(accepting, what=f"ACCEPT of {self._argv}")[1])


class GnutlsServer(ListeningProgram):
    """`gnutls-serv --http`. It listens on all addresses: for a network namespace of the test's own."""

    comm = "gnutls-serv"

    def __init__(self, cgroup, *arguments, certificate=None):
        certificate = certificate or certificates().leaf
        self.port = free_port()
        self._cgroup = cgroup
        self._argv = ["gnutls-serv", "--http", "--quiet", "--port", str(self.port), "--x509certfile", certificate.chain,
                      "--x509keyfile", certificate.key, *arguments]

    def _start(self, _folder):
        self._process = self._cgroup.popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)

    def _wait(self):
        wait_until(lambda: is_listening(self.port), what=f"{self._argv} to listen")


class Nginx(ListeningProgram):
    """nginx with two workers. `servers` maps a name to the directives of a server block with TLS; ports[name] is its port."""

    comm = "nginx"

    def __init__(self, cgroup, servers, host="127.0.0.1"):
        self._cgroup = cgroup
        self._host = f"[{host}]" if ":" in host else host
        self._servers = servers
        self.ports = {}

    def _start(self, prefix):
        os.chmod(prefix, 0o755)  # workers run as another user
        configuration = os.path.join(prefix, "nginx.conf")
        for name in self._servers:
            self.ports[name] = free_port()
        with open(configuration, "w") as file:
            file.write(self._configuration(prefix))
        log = os.path.join(prefix, "error.log")
        open(log, "w").close()  # nginx is not quick to make it
        argv = ["nginx", "-p", prefix, "-c", configuration, "-e", log]
        self._process = self._cgroup.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _wait(self):
        def up():
            self._said("error.log")
            return all(is_listening(port) for port in self.ports.values()) and len(self.worker_pids()) == 2

        wait_until(up, what="nginx to listen")

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


class HttpServer(ListeningProgram):
    """`python3 -m http.server`, plain, over an empty folder."""

    def __init__(self, cgroup):
        self._cgroup = cgroup

    def _start(self, folder):
        self.port = free_port()
        argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(self.port)]
        self._process = self._cgroup.popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _wait(self):
        wait_until(lambda: is_listening(self.port), what="http.server to listen")
