"""A real Prometheus that scrapes tlsmeter every half second, with the rules of deploy/ that wait for nothing."""

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

from harness import scaled, search_path, wait_until
from network import free_port
from processes import die_with_the_test
from servers import ListeningProgram

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/prometheus")


class Prometheus(ListeningProgram):
    """`targets` are addresses of tlsmeter. Ready once entered."""

    def __init__(self, *targets):
        self._targets = targets

    def _start(self, folder):
        self._port = free_port()
        for name in ("recording.rules.yml", "alerts.rules.yml"):
            with open(os.path.join(RULES, name)) as file:
                text = re.sub(r"\bfor: \w+", "for: 0s", file.read())
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        with open(os.path.join(folder, "prometheus.yml"), "w") as file:
            file.write("global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n"
                       "rule_files: ['*.rules.yml']\n"
                       "scrape_configs:\n- job_name: tlsmeter\n"
                       f"  static_configs: [{{targets: {json.dumps(self._targets)}}}]\n")
        with open(os.path.join(folder, "log"), "wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--enable-feature=exemplar-storage",
                 f"--web.listen-address=127.0.0.1:{self._port}"],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_the_test,
                env={**os.environ, "PATH": search_path(), "GOMAXPROCS": "1"})

    def _wait(self):
        wait_until(self._ready, 30, lambda: f"Prometheus: {self._said('log')}")

    def _ready(self):
        self._said("log")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=scaled(5)) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        """The data of an answer of its API."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=scaled(10)) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """The samples of an instant query: a list of (labels, value)."""
        return [(sample["metric"], float(sample["value"][1])) for sample in self.get("query", query=expression)["result"]]

    def value(self, expression):
        """The only sample's value, None when there is none."""
        samples = self.query(expression)
        if len(samples) > 1:
            raise AssertionError(f"{expression} has {samples}")
        return samples[0][1] if samples else None

    def wait_for(self, expression, expected, timeout=20):
        """Waits until the only sample of `expression` is `expected`, to six digits."""

        def reached():
            value = self.value(expression)
            return value is not None and abs(value - expected) <= 1e-6 * abs(expected)

        wait_until(reached, timeout, lambda: f"{expression} to be {expected}; it is {self.query(expression)}")
