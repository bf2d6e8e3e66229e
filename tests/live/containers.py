"""Containers by runc: a root file system of openssl and its libraries, made on the spot, and cgroups below one of ours.

runc runs in a mount namespace of its own that has nothing but cgroup v2 at /sys/fs/cgroup, so that it leaves no folders in the
cgroup v1 hierarchies of a hybrid machine.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess

from certificates import certificates
from harness import scaled, search_path, temporary_folder, wait_until
from network import free_port, is_listening
from processes import die_with_the_test

CONTAINERD_TASKS = "/run/containerd/io.containerd.runtime.v2.task/k8s.io"
RUNC = 'mount -t cgroup2 none /sys/fs/cgroup && exec runc "$@"'


def new_id():
    return secrets.token_hex(32)


class Image:
    """A folder with openssl, what it links, and the certificates of the test."""

    def __enter__(self):
        self._folder = temporary_folder()
        self.root = self._folder.name
        program = shutil.which("openssl", path=search_path())
        linked = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        for path in {program, *re.findall(r"(/\S+) \(0x", linked)}:
            self._add(path, path)
        for name in ("proc", "dev", "tmp"):
            os.mkdir(os.path.join(self.root, name))
        leaf = certificates().leaf
        self._add(leaf.certificate, "/leaf.pem")
        self._add(leaf.key, "/leaf.key")
        return self

    def _add(self, source, path):
        target = self.root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)

    def __exit__(self, *_):
        self._folder.cleanup()


class Container:
    """`openssl s_server -www` in a container on the host's network, listening on `port` once entered.

    `path` is its cgroup below `cgroup`, with {id} for its id. `annotations` are those of its bundle, which then lies where
    containerd keeps those of Kubernetes.
    """

    def __init__(self, image, cgroup, path, annotations=None):
        self.id = new_id()
        self._image = image
        self._cgroup = cgroup
        self._path = path.format(id=self.id)
        self._annotations = annotations

    def __enter__(self):
        self.port = free_port()
        self._made = []
        with contextlib.ExitStack() as undo:
            self._folder = undo.enter_context(temporary_folder())
            bundle = os.path.join(CONTAINERD_TASKS if self._annotations else self._folder, self.id)
            self._make_folders(bundle)
            undo.callback(self._remove_folders, bundle)
            with open(os.path.join(bundle, "config.json"), "w") as file:
                json.dump(self._configuration(), file)
            undo.callback(self._remove_cgroups)
            with open(os.path.join(self._folder, "output"), "wb") as out:
                self._process = subprocess.Popen(self._runc("run", "--bundle", bundle, self.id), stdin=subprocess.DEVNULL,
                                                 stdout=out, stderr=out, preexec_fn=die_with_the_test,
                                                 env={"PATH": search_path()})
            undo.callback(self._end)
            wait_until(self._listens, 30, what="a container to listen")
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self._undo.close()

    def _runc(self, *arguments):
        state = os.path.join(self._folder, "state")
        return ["unshare", "--mount", "sh", "-c", RUNC, "runc", "--root", state, *arguments]

    def _listens(self):
        if self._process.poll() is not None:
            with open(os.path.join(self._folder, "output")) as file:
                raise AssertionError(f"runc ended: {file.read()}")
        return is_listening(self.port)

    def _configuration(self):
        argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", "/leaf.pem", "-key", "/leaf.key", "-www"]
        cgroup = "/" + os.path.basename(self._cgroup.path) + self._path
        return {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": argv, "env": ["PATH=/usr/bin:/bin"], "cwd": "/"},
            "root": {"path": self._image.root, "readonly": True},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}],
            "annotations": self._annotations or {},
            "linux": {"cgroupsPath": cgroup, "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
        }

    def _end(self):
        subprocess.run(self._runc("kill", self.id, "KILL"), capture_output=True, env={"PATH": search_path()})
        try:
            self._process.wait(scaled(10))
        finally:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL)
                self._process.wait()

    def _make_folders(self, path):
        """Makes `path` and notes what was missing above it."""
        missing = []
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for folder in reversed(missing):
            os.mkdir(folder)
        self._made = missing

    def _remove_folders(self, bundle):
        shutil.rmtree(bundle)
        for folder in self._made[1:]:
            with contextlib.suppress(OSError):  # in use by another by now
                os.rmdir(folder)

    def _remove_cgroups(self):
        """runc removes the last folder of the path, not those above."""
        folder = self._cgroup.path + self._path
        while folder != self._cgroup.path:
            if os.path.isdir(folder):
                with contextlib.suppress(OSError):  # another container of the test is below
                    os.rmdir(folder)
            folder = os.path.dirname(folder)
