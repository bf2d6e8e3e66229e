"""Running `tlsmeter read`."""

import collections
import json
import os
import subprocess

Run = collections.namedtuple("Run", "code records stderr")


def tlsmeter_path():
    return os.path.abspath(os.environ.get("TLSMETER", "build/release/tlsmeter"))


def tlsmeter(*arguments, stdin=subprocess.DEVNULL, timeout=60):
    """Runs tlsmeter to its end."""
    return subprocess.run([tlsmeter_path(), *arguments], stdin=stdin, capture_output=True, text=True, timeout=timeout)


def read(*files, **named):
    """`tlsmeter read -o json`, parsed."""
    done = tlsmeter("read", "-o", "json", *files, **named)
    return Run(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)
