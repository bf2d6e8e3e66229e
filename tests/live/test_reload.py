"""SIGHUP: `serve` reads its configuration file again, takes over what it can and says what it cannot, confined as it is."""

import os
import signal
import time
import unittest

import harness
from certificates import NAME, certificates
from peers import client_context, connect_tls, serve_pods, serve_tls, server_context
from processes import Cgroup
from session import Serve


class ReloadTest(unittest.TestCase):
    def setUp(self):
        harness.require()
        self.cgroup = self.enterContext(Cgroup())
        self.folder = self.enterContext(harness.temporary_folder())
        self.path = self.write("tlsmeter.yaml", "")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def serve(self, text):
        self.write("tlsmeter.yaml", text)
        return self.enterContext(Serve(self.cgroup, "--config", self.path))

    def reload(self, session, text, lines):
        """Sends SIGHUP when the file says `text`, and waits for `lines` new lines on standard error; returns them."""
        before = session.stderr().splitlines()
        self.write("tlsmeter.yaml", text)
        session.process.send_signal(signal.SIGHUP)

        def said():
            return session.stderr().splitlines()[len(before):]

        harness.wait_until(lambda: len(said()) >= lines, what=lambda: f"{lines} lines: {said()}")
        return said()

    def server(self):
        server = self.enterContext(self.cgroup.start(serve_tls, server_context(), comm="py-server"))
        return server.receive()

    def handshake(self, address):
        with self.cgroup.start(connect_tls, address, client_context(), comm="py-client") as client:
            client.receive()

    def wait_for_config(self, session, value):
        harness.wait_until(lambda: session.metrics().total("config_last_reload_successful") == value, what="the gauge")
        return session.metrics().total("config_last_reload_success_timestamp_seconds")

    def test_names_that_shall_not_be_shown_vanish_at_once_and_sums_stay(self):
        session = self.serve("serve:\n  server-names: exact\n")
        address = self.server()
        self.handshake(address)
        session.wait_for_total(2, "handshakes_total", server_name=NAME)
        self.assertEqual(self.reload(session, "serve:\n  server-names: off\n  bpf-stats: true\n", 2),
                         ["tlsmeter: bpf-stats needs a restart", "tlsmeter: reloaded server-names"])
        metrics = session.metrics()
        self.assertNotIn(f'server_name="{NAME}"', metrics.text)
        self.assertEqual(metrics.total("expired_observations_total", family="tlsmeter_handshakes_total"), 2)
        self.handshake(address)
        self.assertEqual(session.wait_for_total(2, "handshakes_total", server_name=""), 2)
        self.assertEqual(session.finish(), 0)
        self.assertEqual((session.seen, session.lost), (4, 0))

    def test_an_allowlist_is_read_again_though_the_setting_is_the_same(self):
        names = self.write("names", "other.example\n")
        text = f"serve:\n  server-names: allowlist:{names}\n"
        session = self.serve(text)
        address = self.server()
        self.handshake(address)
        session.wait_for_total(2, "handshakes_total", server_name="__other__")
        self.assertEqual(self.reload(session, text, 1), ["tlsmeter: SIGHUP: no setting has changed"])
        self.write("names", f"{NAME}\n")
        self.assertEqual(self.reload(session, text, 1), ["tlsmeter: reloaded server-names"])
        self.handshake(address)
        session.wait_for_total(2, "handshakes_total", server_name=NAME)
        self.assertEqual(session.metrics().total("handshakes_total", server_name="__other__"), 2)

    def test_a_broken_file_changes_nothing(self):
        session = self.serve("serve:\n  trace: false\n")
        first = self.wait_for_config(session, 1)
        self.assertLess(abs(time.time() - first), harness.scaled(30))
        line, = self.reload(session, "serve:\n  trace: true\n  lisen: x\n", 1)
        self.assertTrue(line.startswith(f"tlsmeter: SIGHUP: everything stays as it was: {self.path}:3:3: "), line)
        self.assertEqual(self.wait_for_config(session, 0), first)
        self.handshake(self.server())
        session.wait_for_total(2, "handshakes_total")
        self.assertEqual(session.stdout(), "")
        self.assertEqual(self.reload(session, "serve:\n  trace: true\n", 1), ["tlsmeter: reloaded trace"])
        self.assertGreater(self.wait_for_config(session, 1), first)
        self.handshake(self.server())
        harness.wait_until(lambda: len(session.stdout().splitlines()) == 3, what=lambda: f"3 lines: {session.stdout()}")

    def test_flags_stay_on_top(self):
        session = self.serve("")
        self.assertEqual(self.reload(session, "serve:\n  listen: 127.0.0.1:1\n  cgroup: /nowhere\n", 1),
                         ["tlsmeter: SIGHUP: no setting has changed"])
        self.assertEqual(self.reload(session, "serve:\n  listen: 127.0.0.1:1\n  library: true\n", 1),
                         ["tlsmeter: library needs a restart"])
        self.assertEqual(session.finish(), 0)

    def test_a_kubelet_is_asked_from_now_on(self):
        token = self.write("token", "wrong\n")
        # In a cgroup that is not watched.
        kubelet = self.enterContext(self.enterContext(Cgroup()).start(serve_pods, {"kind": "PodList", "items": []}))
        url = f"https://127.0.0.1:{kubelet.receive()[1]}"
        session = self.serve("")
        settings = f"serve:\n  kubelet-url: {url}\n  kubelet-ca-file: {certificates().root.certificate}\n"
        refused = self.reload(session, f"{settings}  kubelet-token-file: {token}\n", 4)
        self.assertEqual(refused[:3], [f"tlsmeter: reloaded kubelet-{part}" for part in ("url", "token-file", "ca-file")])
        self.assertEqual(refused[3], f"tlsmeter: no list of pods from the kubelet: {url} answers 401 to /pods")
        self.assertFalse(kubelet.receive())
        # The token is read before each request, and the next one is made at once.
        self.write("token", "secret\n")
        self.assertEqual(self.reload(session, f"{settings}  kubelet-token-file: {token}\n  kubelet-timeout: 7s\n", 1),
                         ["tlsmeter: reloaded kubelet-timeout"])
        self.assertTrue(kubelet.receive())
        # That of the kubelet too, though it was started late; while it resolves a name there is one more.
        self.assertGreaterEqual(len(session.threads()), 3)
        self.assertTrue(session.is_confined(), session.threads())
        line, = self.reload(session, f"{settings}  kubelet-token-file: {token}\n  kubelet-url: http://node\n", 1)
        self.assertIn('"kubelet-url" is given twice', line)
        line, = self.reload(session, "serve:\n  kubelet-url: http://node\n", 1)
        self.assertIn(f"{self.path}:2:16: --kubelet-url: http://node:10250 is not asked: only https:// is", line)
        self.assertEqual(len(self.reload(session, "", 4)), 4)
        self.assertEqual(session.finish(), 0)


if __name__ == "__main__":
    harness.main()
