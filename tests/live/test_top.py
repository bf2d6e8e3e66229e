"""`tlsmeter top`, in a real terminal and through a pipe."""

import os
import re
import signal
import unittest

import harness
from certificates import NAME, certificates
from harness import tlsmeter_path, wait_until
from private_library import LIBRARIES, PrivateCgroup, PrivateLibrary, installed_build
from processes import Cgroup
from servers import Nginx, OpensslServer
from session import SUMMARY, Tlsmeter
from terminal import PROMPT, Terminal

COLUMNS = ["RATE/S", "FAIL%", "P50_MS", "P95_MS", "VERSIONS", "GROUPS", "EXPIRES", "REASONS"]
HEADINGS = {"workload": "WORKLOAD", "sni": "SNI", "process": "PROCESS"}
FIRST, SECOND = f"first.{NAME}", f"second.{NAME}"


def table(lines):
    """The rows below the heading: name -> {heading: word}, in their order; None where there is no heading."""
    for number, line in enumerate(lines):
        words = line.split()
        if words and words[0] in HEADINGS.values():
            rows = {}
            for row in lines[number + 1:]:
                if len(row.split()) != len(words):
                    break
                rows[row.split()[0]] = dict(zip(words, row.split()))
            return rows
    return None


class TopTest(unittest.TestCase):
    def setUp(self):
        harness.require("tmux", "nginx")
        certificates()
        self.cgroup = self.enterContext(Cgroup())

    def serve(self):
        self.nginx = self.enterContext(Nginx(self.cgroup, {"web": "ssl_protocols TLSv1.2 TLSv1.3;"}))
        self.openssl = self.enterContext(OpensslServer(self.cgroup))

    def connect(self, port, sni, *arguments, check=0):
        return self.cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", sni, *arguments], check=check)

    def traffic(self):
        """Three handshakes of nginx, of which one is refused by the client, and one of openssl: twice as many sides."""
        self.connect(self.nginx.ports["web"], FIRST, "-tls1_2")
        self.connect(self.nginx.ports["web"], FIRST, "-tls1_2", "-verify_return_error", "-CAfile",
                     certificates().other_root.certificate, check=1)
        self.connect(self.nginx.ports["web"], SECOND, "-tls1_3")
        self.connect(self.openssl.port, SECOND, "-tls1_3")

    def open_terminal(self, **environment):
        self.terminal = self.enterContext(Terminal(TERM="screen", **environment))

    def start(self, *arguments, interval="300ms"):
        self.terminal.run(tlsmeter_path(), "top", "--cgroup", self.cgroup.path, "--interval", interval, "--role", "server", *arguments)
        self.wait(lambda lines: table(lines) is not None, "the heading")

    def wait(self, condition, what):
        """Waits until condition(lines of the screen) is true; returns the lines."""

        def holds():
            lines = self.terminal.lines()
            return lines if condition(lines) else None

        return wait_until(holds, 15, lambda: f"{what}:\n" + "\n".join(self.terminal.lines()))

    def wait_for_rows(self, *names):
        """Waits until the table has just these rows, in this order; returns it."""
        return table(self.wait(lambda lines: list(table(lines) or {}) == list(names), f"rows {names}"))

    def handshakes_seen(self, count):
        self.wait(lambda lines: any(f": {count} handshakes," in line for line in lines), f"{count} handshakes")


class ScreenTest(TopTest):
    def setUp(self):
        super().setUp()
        self.open_terminal()

    def test_rows_of_workloads_and_what_they_come_to(self):
        self.serve()
        self.start()
        self.traffic()
        self.handshakes_seen(4)
        rows = self.wait_for_rows("nginx", "openssl")
        nginx = rows["nginx"]
        self.assertEqual(list(nginx)[1:], COLUMNS)
        self.assertEqual((nginx["FAIL%"], nginx["VERSIONS"], nginx["REASONS"]), ("33.3", "1.2:67%,1.3:33%", "unknown_ca:100%"))
        self.assertRegex(nginx["EXPIRES"], r"\A(29|30)d\Z")  # TLS 1.2 shows it
        self.assertRegex(nginx["GROUPS"], r"x25519")
        for name in ("RATE/S", "P50_MS", "P95_MS"):
            self.assertGreater(float(nginx[name]), 0, nginx)
        self.assertEqual((rows["openssl"]["FAIL%"], rows["openssl"]["VERSIONS"], rows["openssl"]["EXPIRES"]), ("0.0", "1.3:100%", "-"))
        self.terminal.wait_for("lost 0 events, blind 0")
        with open(f"/proc/{self.terminal.child()}/status") as file:
            self.assertRegex(file.read(), r"(?m)^NoNewPrivs:\t1\n(?:.*\n)*Seccomp:\t2$")

    def test_keys_change_order_grouping_and_filter(self):
        self.serve()
        self.start()
        self.traffic()
        self.handshakes_seen(4)
        self.terminal.type("r")
        self.wait_for_rows("openssl", "nginx")
        self.terminal.type("rb")
        self.terminal.wait_for("by sni, sorted by rate")
        self.wait_for_rows(FIRST, SECOND)
        self.terminal.type("sssss")
        self.terminal.wait_for("by sni, sorted by name")
        self.terminal.type("r")
        self.wait_for_rows(SECOND, FIRST)
        self.terminal.press("F5")  # no key of ours, though it begins like Escape
        self.terminal.type("f*first")
        self.terminal.wait_for("filter: *first_")
        self.wait_for_rows(SECOND, FIRST)  # not yet
        self.terminal.press("BSpace", "BSpace", "BSpace", "BSpace", "BSpace")
        self.terminal.type("sec*")
        self.terminal.press("Enter")
        self.terminal.wait_for("filter: *sec*")
        self.wait_for_rows(SECOND)
        self.terminal.wait_for("1 of 2 rows")
        self.terminal.press("Escape")
        self.wait_for_rows(SECOND, FIRST)
        self.terminal.type("b")
        processes = list(table(self.terminal.wait_for("by process")))
        self.assertTrue(all(re.fullmatch(r"\d+/(nginx|openssl)", name) for name in processes), processes)
        self.assertIn(f"{self.openssl.pid}/openssl", processes)
        self.terminal.type("h")
        self.terminal.wait_for("group by the next of")
        self.terminal.type("x")
        self.terminal.wait_for("by process")

    def test_scrolls_where_there_are_more_rows_than_lines(self):
        self.serve()
        self.start("--by", "sni", "--sort", "name", "--window", "10m")
        names = [f"host-{number:02}.{NAME}" for number in range(12)]
        for name in names:
            self.connect(self.openssl.port, name)
        self.terminal.resize(120, 10)  # room for five
        self.terminal.wait_for("12 of 12 rows, here 1 to 5")
        self.wait_for_rows(*names[:5])
        for keys, first in ((["Down"], 1), (["j", "j"], 3), (["k"], 2), (["Up", "Up", "Up"], 0), (["PPage"], 0), (["NPage"], 5),
                            (["End"], 7), (["NPage", "Down"], 7), (["PPage"], 2), (["Home"], 0)):
            with self.subTest(keys):
                self.terminal.press(*keys)
                self.wait_for_rows(*names[first:first + 5])
        self.terminal.press("End")
        self.terminal.resize(120, 24)
        self.wait_for_rows(*names)

    def test_pause_holds_the_picture(self):
        self.serve()
        self.start("--by", "sni")
        self.connect(self.openssl.port, FIRST)
        self.wait_for_rows(FIRST)
        self.terminal.type("p")
        held = [line for line in self.terminal.wait_for("PAUSED") if line]
        self.connect(self.openssl.port, SECOND)
        # Long enough for the record, and for an interval; a key shows the page anew.
        with self.assertRaises(AssertionError):
            wait_until(lambda: [line for line in self.terminal.lines() if line] != held, 3)
        self.terminal.type("p")
        self.wait_for_rows(FIRST, SECOND)

    def test_sorts_and_groups_as_the_flags_say(self):
        self.serve()
        self.start("--by", "sni", "--sort", "failures", "--reverse", "-S", "!*nobody*")
        self.traffic()
        self.handshakes_seen(4)
        self.assertEqual(self.wait_for_rows(SECOND, FIRST)[FIRST]["FAIL%"], "50.0")

    def test_follows_the_size_of_the_terminal(self):
        self.start(interval="1h")  # at once, not with the next page
        for width, height, words in ((80, 24, 7), (40, 10, 4), (15, 5, 1), (200, 50, 9)):

            def fits(lines):
                heading = [line.split() for line in lines if line.startswith("WORKLOAD")]
                return len(lines) == height and lines[-1].startswith("q quit") and heading and len(heading[0]) == words

            self.terminal.resize(width, height)
            self.wait(fits, f"{words} columns on {width}x{height}")

    def test_colours_what_failed(self):
        self.serve()
        self.start()
        self.traffic()
        self.wait_for_rows("nginx", "openssl")
        wait_until(lambda: any("\x1b[31m" in line and "nginx" in line for line in self.terminal.lines("-e")), what="red")

    def test_every_end_gives_the_terminal_back(self):
        self.terminal.run("stty", "-a", redirect=f" > {self.terminal.folder}/before; echo a line from before")
        for number, keys in (("0", "q"), ("0", "C-c"), ("131", "C-\\"), ("0", signal.SIGTERM), ("129", signal.SIGHUP)):
            with self.subTest(keys):
                self.start()
                self.assertEqual(self.terminal.state("alternate_on"), "1")
                self.assertNotIn("a line from before", "\n".join(self.terminal.lines()))
                if isinstance(keys, signal.Signals):
                    os.kill(self.terminal.child(), keys)
                else:
                    self.terminal.press(keys)
                self.wait(lambda lines: lines and table(lines) is None and PROMPT in [line for line in lines if line][-1], "the prompt")
                self.terminal.run("echo", "it was", redirect=f" $? && stty -a > {self.terminal.folder}/after")
                lines = self.terminal.wait_for(f"it was {number}")
                self.assertTrue(any("a line from before" in line for line in lines), lines)
                self.assertEqual((self.terminal.state("alternate_on"), self.terminal.state("cursor_flag")), ("0", "1"))
                if number == "0":
                    self.assertTrue(any(SUMMARY.search(line) for line in lines), lines)
                wait_until(lambda: self.read("after") and self.read("after")[-1] == "\n", what="stty")
                self.assertEqual(self.read("after"), self.read("before"))
                self.terminal.run("clear", redirect="; echo a line from before")
                self.wait(lambda lines: not any("it was" in line for line in lines), "an empty screen")

    def read(self, name):
        path = os.path.join(self.terminal.folder, name)
        if not os.path.exists(path):
            return ""
        with open(path) as file:
            return file.read()

    def test_is_suspended_and_continued(self):
        self.serve()
        self.start()
        self.terminal.press("C-z")
        self.terminal.wait_for("Stopped")
        self.assertEqual((self.terminal.state("alternate_on"), self.terminal.state("cursor_flag")), ("0", "1"))
        self.terminal.run("fg")
        self.wait(lambda lines: table(lines) is not None, "the heading")
        self.connect(self.openssl.port, FIRST)
        self.wait_for_rows("openssl")
        self.terminal.type("q")
        self.terminal.wait_for("tlsmeter: seen 2 handshakes")

    def test_ends_after_a_time(self):
        self.start("-d", "1")
        self.terminal.wait_for("tlsmeter: seen 0 handshakes, lost 0 events, blind 0")
        self.assertEqual(self.terminal.state("alternate_on"), "0")


class EnvironmentTest(TopTest):
    def test_no_color(self):
        self.open_terminal(NO_COLOR="1")
        self.serve()
        self.start()
        self.traffic()
        self.wait_for_rows("nginx", "openssl")
        self.handshakes_seen(4)
        self.assertNotIn("\x1b", "".join(self.terminal.lines("-e")))

    def test_a_terminal_that_cannot_gets_text(self):
        self.open_terminal()
        self.terminal.run("env", "TERM=dumb", tlsmeter_path(), "top", "--cgroup", self.cgroup.path, "-d", "1")
        self.terminal.wait_for("tlsmeter: seen 0 handshakes")
        self.assertEqual(self.terminal.state("alternate_on"), "0")
        self.assertTrue(any("tlsmeter: ready, watching" in line for line in self.terminal.lines()))


class LibraryTest(TopTest):
    def setUp(self):
        super().setUp()
        if installed_build() is None:
            self.skipTest("needs OpenSSL 3 as shared libraries")
        self.library = self.enterContext(PrivateLibrary())
        self.cgroup = self.enterContext(PrivateCgroup(self.library))
        self.open_terminal()

    def test_says_on_the_screen_and_at_the_end_what_it_cannot_see(self):
        with OpensslServer(self.cgroup) as server:
            self.start("--library")
            self.connect(server.port, FIRST, "-tls1_3")
            rows = self.wait_for_rows("openssl")
            self.assertRegex(rows["openssl"]["EXPIRES"], r"\A(29|30)d\Z")  # the library shows it
            with open(os.path.join(self.library.path, LIBRARIES[0]), "ab") as file:
                file.write(b"x")  # a file that was written to is let go
            self.terminal.wait_for("blind to the TLS library in ")
            self.connect(server.port, FIRST, "-tls1_3")
            self.handshakes_seen(2)
            self.wait_for_rows("openssl")
            self.terminal.type("q")
            self.terminal.wait_for("tlsmeter: seen 4 handshakes")
            self.terminal.wait_for("tlsmeter: blind to the TLS library in ")


class PipeTest(TopTest):
    def blocks(self, session):
        """The finished pages: lists of lines."""
        return [block.splitlines() for block in session.stdout().split("\n\n")[:-1]]

    def test_prints_a_page_for_each_interval_and_one_at_the_end(self):
        self.serve()
        with Tlsmeter("top", "--cgroup", self.cgroup.path, "--by", "sni", "--interval", "500ms", "--color", "always") as session:
            wait_until(lambda: len(self.blocks(session)) >= 2, what="two pages")
            self.traffic()
            wait_until(lambda: ": 8 handshakes," in session.stdout(), what=lambda: f"8 handshakes: {session.stdout()}")
            self.assertEqual(session.finish(), 0, session.stderr())
            self.assertNotIn("\x1b", session.stdout())
            self.assertEqual((session.seen, session.lost), (8, 0))
            rows = table(self.blocks(session)[-1])
            self.assertEqual(list(rows), [FIRST, SECOND])
            self.assertEqual((rows[FIRST]["FAIL%"], rows[SECOND]["VERSIONS"]), ("50.0", "1.3:100%"))

    def test_one_page_for_a_time(self):
        self.serve()
        with Tlsmeter("top", "--cgroup", self.cgroup.path, "-d", "2", "--interval", "2", "--role", "client") as session:
            self.connect(self.openssl.port, FIRST)
            self.assertEqual(session.wait(), 0, session.stderr())
            self.assertEqual(len(self.blocks(session)), 1, session.stdout())
            self.assertEqual(list(table(self.blocks(session)[0])), ["openssl"])

    def test_the_window_passes(self):
        self.serve()
        with Tlsmeter("top", "--cgroup", self.cgroup.path, "--window", "2s", "--interval", "200ms") as session:
            self.connect(self.openssl.port, FIRST)
            wait_until(lambda: any(table(block) for block in self.blocks(session)), what="a row")
            wait_until(lambda: not table(self.blocks(session)[-1]), what="no row")
            self.assertEqual(session.finish(signal.SIGTERM), 0)
            self.assertEqual(session.seen, 2)


if __name__ == "__main__":
    harness.main()
