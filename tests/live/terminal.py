"""A real terminal: a shell in a pane of a tmux server of the test's own."""

import os
import shlex
import subprocess

from harness import search_path, temporary_folder, wait_until
from processes import die_with_the_test, stop

PROMPT = "ready>"


class Terminal:
    """A shell at its prompt once entered. What stands on the screen is read as people see it."""

    def __init__(self, width=140, height=30, **environment):
        self._size = width, height
        self._environment = {**os.environ, "PATH": search_path(), **environment}

    def __enter__(self):
        self._folder = temporary_folder()
        self.folder = self._folder.name
        self._socket = os.path.join(self.folder, "socket")
        self._environment["ENV"] = os.path.join(self.folder, "rc")  # root's shell takes no prompt from the environment
        with open(self._environment["ENV"], "w") as file:
            file.write(f"PS1='{PROMPT} '\n")
        self._server = subprocess.Popen(["tmux", "-S", self._socket, "-f", "/dev/null", "-D"], env=self._environment,
                                        preexec_fn=die_with_the_test)
        try:
            wait_until(lambda: os.path.exists(self._socket), what="tmux")
            width, height = self._size
            self._tmux("new-session", "-d", "-x", str(width), "-y", str(height), "sh")
            self._tmux("set-option", "-g", "status", "off")
            self._tmux("set-option", "-g", "window-size", "manual")
            self._tmux("set-option", "-g", "escape-time", "0")
            self.resize(width, height)
            self.wait_for(PROMPT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self._server)
        self._folder.cleanup()

    def _tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self._socket, *arguments], check=True, capture_output=True, text=True,
                              env=self._environment, timeout=20).stdout

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def press(self, *keys):
        """Keys by tmux's names: Enter, Escape, C-c, Up."""
        self._tmux("send-keys", *keys)

    def run(self, *argv, redirect=""):
        """Types a command line."""
        self.type(" ".join(shlex.quote(word) for word in argv) + redirect)
        self.press("Enter")

    def resize(self, width, height):
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def lines(self, *options):
        return self._tmux("capture-pane", "-p", *options).splitlines()

    def state(self, name):
        """A format variable of tmux: alternate_on, cursor_flag, pane_pid."""
        return self._tmux("display-message", "-p", f"#{{{name}}}").strip()

    def wait_for(self, text, timeout=15):
        """Waits until a line holds `text`; returns all lines."""

        def found():
            lines = self.lines()
            return lines if any(text in line for line in lines) else None

        return wait_until(found, timeout, lambda: f"{text!r} on the screen:\n" + "\n".join(self.lines()))

    def child(self):
        """The pid of the program that the shell runs."""
        shell = self.state("pane_pid")

        def children():
            with open(f"/proc/{shell}/task/{shell}/children") as file:
                return file.read().split()

        return int(wait_until(children, what="a program in the shell")[0])
