"""`tlsmeter serve`: the metrics count what was done, and no name from the wire breaks the page."""

import os
import re
import ssl
import subprocess
import time
import unittest

import harness
from certificates import NAME, certificates
from harness import search_path
from hello import HOSTILE_NAMES
from peers import client_context, connect, connect_tls, refuse_hello, say_hellos, serve_tls, server_context
from processes import Cgroup
from servers import OpensslServer
from session import Serve, Trace


class ServeTest(unittest.TestCase):
    def setUp(self):
        harness.require("curl")
        certificates()
        self.cgroup = self.enterContext(Cgroup())

    def serve(self, *arguments):
        return self.enterContext(Serve(self.cgroup, *arguments))

    def python_server(self, **named):
        server = self.enterContext(self.cgroup.start(serve_tls, comm="py-server", **named))
        server.address = server.receive()
        return server

    def python_client(self, address, **named):
        with self.cgroup.start(connect_tls, address, comm="py-client", **named) as client:
            return client.receive()

    def check_page(self, text):
        """promtool reads the page and finds nothing wrong with it."""
        done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True,
                              env={"PATH": search_path()})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def check_health(self, session):
        metrics = session.metrics()
        lost = metrics.series("events_lost_total")
        self.assertEqual([value for _, value in lost if value != 0], [], lost)
        attached = metrics.series("attached")
        self.assertTrue(attached)
        self.assertEqual([labels for labels, value in attached if value != 1], [])

    def finish(self, session):
        self.check_health(session)
        self.assertEqual(session.finish(), 0, session.stderr())
        self.assertEqual(session.lost, 0)

    def test_health_and_readiness_and_unknown_paths(self):
        session = self.serve()
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/nowhere", 404)):
            self.assertEqual(session.get(path)[0], status, path)
        self.finish(session)

    def test_counts_are_those_of_what_was_done(self):
        harness.require("promtool")
        session = self.serve()
        good, failed, refused = 7, 3, 2
        server = self.python_server(context=server_context())
        for _ in range(good):
            self.python_client(server.address)
        with OpensslServer(self.cgroup, "-tls1_2") as old:
            target = f"{NAME}:443:127.0.0.1:{old.port}"
            for _ in range(failed):
                self.cgroup.run(["curl", "-sk", "--tlsv1.3", "--connect-to", target, f"https://{NAME}/"], check=35)
            for _ in range(refused):  # curl does not know the issuer
                self.cgroup.run(["curl", "-s", "--connect-to", target, f"https://{NAME}/"], check=60)
            session.wait_for_total(2 * (good + failed + refused), "handshakes_total")
        metrics = session.metrics()
        for role in ("client", "server"):
            with self.subTest(role):
                have = metrics.series("handshakes_total", role=role, server_name=NAME)
                self.assertEqual({labels["result"]: value for labels, value in have if value},
                                 {"success": good, "failure": failed + refused})
                self.assertEqual(metrics.total("handshakes_total", role=role), good + failed + refused)
                self.assertEqual(metrics.total("client_hellos_total", role=role), good + failed + refused)
                self.assertEqual(metrics.total("handshake_failures_total", role=role, reason="protocol_version"), failed)
                self.assertEqual(metrics.total("handshake_failures_total", role=role, reason="unknown_ca"), refused)
                self.assertEqual(metrics.total("alerts_total", role=role, description="protocol_version",
                                               sender="self" if role == "server" else "peer"), failed)
                self.assertEqual(metrics.total("alerts_total", role=role, description="unknown_ca",
                                               sender="self" if role == "client" else "peer"), refused)
                self.assertEqual(metrics.total("negotiations_total", role=role, version="1.3"), good)
                self.assertEqual(metrics.total("negotiations_total", role=role, version="1.2"), refused)
                # The one chain that was visible: TLS 1.3 encrypts it.
                (shown, not_after), = metrics.series("certificate_not_after_timestamp_seconds", role=role)
                self.assertEqual(shown["server_name"], NAME)
                self.assertTrue(0 < not_after - time.time() < 31 * 86400, not_after)
                self.assertEqual(metrics.total("earliest_certificate_expiry_timestamp_seconds", role=role), not_after)
                self.assertEqual(metrics.total("certificate_info", fingerprint=shown["fingerprint"],
                                               subject_cn=f"leaf.{NAME}"), 1)
                self.assertEqual(sum(metrics.total("certificate_chain_issues_total", role=role, issue=issue)
                                     for issue in ("incomplete", "unknown_ca")), refused)
                self.assertEqual(metrics.total("resumptions_total", role=role, method="none"), good)
                self.assertEqual(metrics.total("handshake_duration_seconds_count", role=role), good)
                self.assertEqual(metrics.total("handshake_duration_seconds_bucket", role=role, le="+Inf"), good)
                self.assertGreater(metrics.total("handshake_duration_seconds_sum", role=role), 0)
                for phase in ("server_flight", "client_flight"):
                    self.assertEqual(metrics.total("handshake_phase_duration_seconds_count", role=role, phase=phase), good)
        self.check_page(metrics.text)
        self.finish(session)

    def test_resumption_and_versions_are_counted(self):
        session = self.serve()

        def resume(_channel, address):
            context, previous = client_context(version=ssl.TLSVersion.TLSv1_2), None
            for _ in range(4):
                with context.wrap_socket(connect(address), server_hostname=NAME, session=previous) as tls:
                    tls.sendall(b"hello\n")
                    tls.recv(100)
                    previous = tls.session

        server = self.python_server(context=server_context(version=ssl.TLSVersion.TLSv1_2))
        with self.cgroup.start(resume, server.address) as client:
            client.receive()
        session.wait_for_total(8, "handshakes_total")
        metrics = session.metrics()
        for role in ("client", "server"):
            self.assertEqual(metrics.total("resumptions_total", role=role, method="none"), 1)
            self.assertEqual(metrics.total("resumptions_total", role=role, method="ticket"), 3)
            self.assertEqual(metrics.total("handshake_duration_seconds_count", role=role, resumed="true"), 3)
        self.finish(session)

    def test_hostile_server_names_break_neither_the_page_nor_the_lines(self):
        harness.require("promtool")
        session = self.serve()
        trace = self.enterContext(Trace(self.cgroup))

        server = self.python_server(handle=refuse_hello, context=object)
        with self.cgroup.start(say_hellos, server.address, HOSTILE_NAMES) as client:
            client.receive()
        records = trace.wait_for(2 * len(HOSTILE_NAMES))
        self.assertEqual(len(records), 2 * len(HOSTILE_NAMES))
        session.wait_for_total(2 * len(HOSTILE_NAMES), "handshakes_total")
        metrics = session.metrics()  # decodes as UTF-8, or fails
        self.check_page(metrics.text)
        names = {labels["server_name"] for labels, _ in metrics.series("handshakes_total")}
        self.assertIn("__invalid__", names)
        self.assertIn("__ip__", names)
        self.assertIn("upper.example.test", names)
        for name in names:
            self.assertRegex(name, r"\A[a-z0-9_.*-]+\Z")
        for record in records:
            name = record["tls.client.server_name"]
            self.assertTrue(name is None or name.isprintable(), record)
        self.assertEqual(trace.finish(), 0)
        self.assertEqual(trace.lost, 0)
        self.finish(session)

    def test_many_names_stay_within_the_limit(self):
        harness.require("promtool")
        session = self.serve()
        count = 300

        server = self.python_server(handle=refuse_hello, context=object)
        names = [b"host-%d.example.test" % number for number in range(count)]
        with self.cgroup.start(say_hellos, server.address, names) as client:
            client.receive()
        self.assertEqual(session.wait_for_total(2 * count, "handshakes_total"), 2 * count)
        metrics = session.metrics()
        names = {labels["server_name"] for labels, _ in metrics.series("handshakes_total")}
        self.assertIn("__other__", names)
        self.assertLessEqual(len(names), 105)
        self.assertGreater(metrics.total("label_overflow_total", label="server_name"), 0)
        for labels, value in metrics.series("label_sets"):
            self.assertLessEqual(value, metrics.total("label_sets_limit", **labels))
        self.check_page(metrics.text)
        self.finish(session)

    def test_trace_flag_prints_a_line_per_handshake(self):
        session = self.serve("--trace")
        server = self.python_server()
        self.python_client(server.address)

        def lines():
            return [line for line in session.stdout().splitlines() if NAME in line]

        harness.wait_until(lambda: len(lines()) >= 2, what=lambda: f"two lines, have {session.stdout()}")
        self.assertEqual(sorted(line.split()[1] for line in lines()), ["client", "server"])
        for line in lines():
            self.assertIn("TLS_AES_256_GCM_SHA384", line)
            self.assertIn("success", line)
        self.finish(session)

    def test_what_is_lost_or_not_seen_is_documented(self):
        """docs/metrics.md lists each cause that the page has, and no other."""
        metrics = self.serve("--library").metrics()  # no process is in the cgroup: none is probed
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "metrics.md")) as file:
            page = file.read()
        sections = re.findall(r"^### `tlsmeter_(\w+)`\n(.*?)^(?=##)", page, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(sections), 7)
        for name, section in sections:
            label, *documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
            exported = [labels[label] for labels, _ in metrics.series(name)]
            self.assertEqual((name, sorted(exported)), (name, sorted(documented)))

    def test_a_slow_reader_of_the_page_holds_up_nobody(self):
        session = self.serve()
        idle = [connect(("127.0.0.1", session.port)) for _ in range(8)]
        for connection in idle:
            self.addCleanup(connection.close)
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")  # and no more
        self.assertEqual(session.get("/readyz")[0], 200)
        self.finish(session)


if __name__ == "__main__":
    harness.main()
