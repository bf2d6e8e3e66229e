"""tlsmeter itself, running over a cgroup: Trace collects its records, Serve reads its metrics.

Output goes to files that are read as they grow, so that the test process needs no threads and tlsmeter never waits for a reader.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from harness import scaled, tlsmeter_path, wait_until
from network import free_port
from processes import die_with_the_test, stop

SUMMARY = re.compile(r"tlsmeter: seen (\d+) handshakes?, lost (\d+) events?, blind (\d+)")
SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: -?\d+)?$")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Record:
    """One line of `trace -o json`. record["a.b"] is the value at that path, None when it is absent."""

    def __init__(self, line):
        self.line = line
        self._json = json.loads(line)

    def __getitem__(self, path):
        value = self._json
        for name in path.split("."):
            if not isinstance(value, dict) or name not in value:
                return None
            value = value[name]
        return value

    def __repr__(self):
        return self.line


class Tlsmeter:
    """A running `tlsmeter`, ready once entered, ended by SIGINT on exit. `launcher` is a command that executes another."""

    def __init__(self, *arguments, launcher=()):
        self.arguments = arguments
        self.launcher = launcher
        self.process = None
        self.lost = self.seen = self.blind = None

    def __enter__(self):
        self._folder = tempfile.mkdtemp(prefix="tlsmeter-test-")
        try:
            with self._open("stdout") as out, self._open("stderr") as err:
                argv = [*self.launcher, tlsmeter_path(), *self.arguments]
                self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                                preexec_fn=die_with_the_test)
            wait_until(self._ready, 30, lambda: f"'tlsmeter: ready' of {argv}; it says: {self.stderr()}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            stop(self.process, signal.SIGKILL)
        shutil.rmtree(self._folder)

    def _open(self, name):
        return open(os.path.join(self._folder, name), "wb")

    def _read(self, name):
        with open(os.path.join(self._folder, name), "rb") as file:
            return file.read().decode()

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.process.args} ended with {self.process.returncode}: {self.stderr()}")
        return any(line.startswith("tlsmeter: ready") for line in self.stderr().splitlines())

    def threads(self):
        """The status of each thread, by name: a list of dicts."""
        found = []
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{thread}/status") as status:
                found.append(dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line))
        return found

    def is_confined(self):
        """True when a filter of system calls is on every thread, and none can gain privileges."""
        return all((status["Seccomp"], status["NoNewPrivs"]) == ("2", "1") for status in self.threads())

    def stdout(self):
        return self._read("stdout")

    def stderr(self):
        return self._read("stderr")

    def finish(self, signal_number=signal.SIGINT):
        """Stops tlsmeter as a user would and returns its exit code; seen, lost and blind are then what its last line says."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.wait()

    def wait(self, timeout=15):
        """Waits until tlsmeter ends by itself; otherwise as finish()."""
        try:
            code = self.process.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} did not end; it says: {self.stderr()}") from None
        lines = self.stderr().splitlines()
        if found := SUMMARY.fullmatch(lines[-1] if lines else ""):
            self.seen, self.lost, self.blind = (int(number) for number in found.groups())
        return code


class Trace(Tlsmeter):
    """`tlsmeter trace -o json` on a cgroup."""

    def __init__(self, cgroup, *arguments, launcher=()):
        super().__init__("trace", "-o", "json", "--cgroup", cgroup.path, *arguments, launcher=launcher)
        self._records = []
        self._consumed = 0

    def records(self):
        """All records so far. Only whole lines count: output is line-buffered, so a line that waits for its end is a defect."""
        text = self.stdout()
        whole, _, _ = text[self._consumed:].rpartition("\n")
        if whole:
            self._consumed += len(whole) + 1
            self._records += [Record(line) for line in whole.splitlines()]
        return self._records

    def wait_for(self, count, predicate=lambda record: True, timeout=10):
        """Waits for at least `count` records that match; returns all that do."""

        def enough():
            found = [record for record in self.records() if predicate(record)]
            return found if len(found) >= count else None

        def what():
            lines = "\n".join(record.line for record in self.records()[-10:])
            found = sum(1 for record in self.records() if predicate(record))
            return f"{count} records, have {found}. The last ones of all:\n{lines}\nstderr: {self.stderr()}"

        return wait_until(enough, timeout, what)


class Metrics:
    """One scrape, parsed."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                sample = SAMPLE.match(line)
                if not sample:
                    raise AssertionError(f"not a sample of the text format: {line!r}")
                labels = dict(LABEL.findall(sample["labels"] or ""))
                self.samples.append((sample["name"], labels, float(sample["value"])))

    def series(self, name, **labels):
        """The samples of tlsmeter_`name` that carry `labels`: a list of (labels, value)."""
        return [(have, value) for found, have, value in self.samples
                if found == f"tlsmeter_{name}" and labels.items() <= have.items()]

    def total(self, name, **labels):
        return sum(value for _, value in self.series(name, **labels))


class Serve(Tlsmeter):
    """`tlsmeter serve` on a cgroup, listening on a free port of `host`."""

    def __init__(self, cgroup, *arguments, host="127.0.0.1", launcher=()):
        self.port = free_port()
        self.address = f"{host}:{self.port}"
        super().__init__("serve", "--listen", self.address, "--cgroup", cgroup.path, *arguments, launcher=launcher)

    def get(self, path):
        """Returns (status, body) of a GET request."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=scaled(10)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                return error.code, error.read()

    def metrics(self):
        status, body = self.get("/metrics")
        if status != 200:
            raise AssertionError(f"/metrics answers {status}: {body!r}")
        return Metrics(body.decode("utf-8"))

    def wait_for_total(self, at_least, name, timeout=10, **labels):
        """Waits until the sum of tlsmeter_`name` over `labels` reaches `at_least`; returns it."""

        def reached():
            total = self.metrics().total(name, **labels)
            return total if total >= at_least else None

        return wait_until(reached, timeout, lambda: f"tlsmeter_{name}{labels} >= {at_least}: {self.metrics().series(name)}")
