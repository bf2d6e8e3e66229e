"""A real Prometheus scrapes `tlsmeter serve`: ratios, percentiles, exemplars and alerts are those of what was done.

The test has a network namespace of its own, in which Prometheus runs.
"""

import subprocess
import time
import unittest

import harness
from certificates import NAME, certificates
from harness import search_path
from hello import HOSTILE_NAMES
from network import join_network_namespace, new_network_namespace
from peers import client_context, connect_tls, refuse_hello, say_hellos, serve_tls, server_context
from processes import Cgroup
from prometheus import Prometheus
from servers import Nginx
from session import Serve


def setUpModule():
    harness.require("prometheus", "nginx", "curl", "ip", "nsenter")
    new_network_namespace()


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, env={"PATH": search_path()})


def hold_network_namespace(channel):
    new_network_namespace()
    channel.send(None)
    while True:
        time.sleep(3600)


def in_namespace(channel, holder, body, *arguments, **named):
    join_network_namespace(holder)
    return body(channel, *arguments, **named)


class PrometheusTest(unittest.TestCase):
    def setUp(self):
        certificates()

    def test_one_agent_with_nginx_and_curl(self):
        cgroup = self.enterContext(Cgroup())
        session = self.enterContext(Serve(cgroup))
        nginx = self.enterContext(Nginx(cgroup, {"web": "ssl_protocols TLSv1.2;"}))
        prometheus = self.enterContext(Prometheus(session.address))
        url = ["--connect-to", f"{NAME}:443:127.0.0.1:{nginx.ports['web']}", f"https://{NAME}/"]
        good, bad = 54, 6

        def shake(good, bad):
            for _ in range(good):
                cgroup.run(["curl", "-s", "--cacert", certificates().root.certificate, *url])
            for _ in range(bad):  # curl does not know the issuer
                cgroup.run(["curl", "-s", *url], check=60)

        # A series is counted from its first scrape on: each must be there before what is expected is done.
        shake(1, 1)
        total = 'sum(tlsmeter_handshakes_total{role="%s", result=~"success|failure"})'
        for role in ("client", "server"):
            prometheus.wait_for(total % role, 2)
        shake(good, bad)
        for role in ("client", "server"):
            prometheus.wait_for(total % role, 2 + good + bad)
            for rule in ("role", "namespace_workload_role"):
                prometheus.wait_for(f'{rule}:tlsmeter_handshake_errors:ratio_rate5m{{role="{role}"}}', bad / (good + bad))
            # 62 handshakes an hour are too few for a ratio.
            self.assertEqual(prometheus.query('namespace_workload_role:tlsmeter_handshake_errors:ratio_rate1h'), [])
            p95 = prometheus.value(f'namespace_workload_role:tlsmeter_handshake_duration_seconds:p95_5m{{role="{role}"}}')
            self.assertGreater(p95, 0.0005)
            self.assertLess(p95, harness.scaled(2))

        # Prometheus asked for OpenMetrics, and got exemplars that lead to the handshake.
        exemplars = prometheus.get("query_exemplars", query="tlsmeter_handshake_duration_seconds_bucket",
                                   start=time.time() - 600, end=time.time() + 600)
        labels = [exemplar["labels"] for series in exemplars for exemplar in series["exemplars"]]
        self.assertTrue(labels)
        found = session.get("/api/v1/handshakes?result=success&limit=1000")[1].decode()
        for exemplar in labels:
            self.assertEqual(exemplar.keys(), {"client_random", "pid"})
            self.assertIn(exemplar["client_random"], found)

        # The certificates of the tests are valid for 30 days, and their issuer is in nobody's trust store.
        lead = prometheus.value("min(tlsmeter_certificate_not_after_timestamp_seconds - time())") / 86400
        self.assertGreater(lead, 29)
        self.assertLess(lead, 30)
        firing = [alert["labels"] for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"]
        names = {labels["alertname"] for labels in firing}
        self.assertIn("TLSCertificateExpiringSoon", names)
        # Nobody is woken by six failures an hour. A busy machine may make handshakes slow.
        self.assertLessEqual(names, {"TLSCertificateExpiringSoon", "TLSChainIssues", "TLSHandshakeSlow"})
        self.assertEqual({labels["severity"] for labels in firing}, {"ticket"})
        self.assertEqual(session.finish(), 0)
        harness.wait_until(lambda: prometheus.query('ALERTS{alertname="TLSMeterDown", alertstate="firing"}'), 20,
                           "TLSMeterDown to fire")

    def test_many_failures_page(self):
        cgroup = self.enterContext(Cgroup())
        session = self.enterContext(Serve(cgroup))
        prometheus = self.enterContext(Prometheus(session.address))
        server = self.enterContext(cgroup.start(serve_tls, comm="py-server", context=server_context()))
        address = server.receive()

        def shake(_channel, good, bad):
            for _ in range(good):
                connect_tls(None, address)
            for _ in range(bad):
                connect_tls(None, address, context=client_context(trust=certificates().other_root))

        def done(good, bad):
            with cgroup.start(shake, good, bad, comm="py-client") as client:
                client.receive(timeout=60)

        done(1, 1)
        prometheus.wait_for('sum(tlsmeter_handshakes_total{role="client"})', 2)
        done(400, 30)  # above 0.1 a second over an hour
        prometheus.wait_for('sum(tlsmeter_handshakes_total{role="client", result="failure"})', 31)

        def paged():
            return [labels for labels, _ in prometheus.query('ALERTS{alertname="TLSErrorBudgetBurnFast", alertstate="firing"}')
                    if labels["role"] == "client"]

        labels = harness.wait_until(paged, 20, lambda: f"the page; there are {prometheus.get('alerts')}")[0]
        self.assertEqual((labels["severity"], labels["service"]), ("page", "tlsmeter"))
        self.assertEqual(session.finish(), 0)

    def test_hostile_names_do_not_break_the_scrape(self):
        cgroup = self.enterContext(Cgroup())
        session = self.enterContext(Serve(cgroup))
        prometheus = self.enterContext(Prometheus(session.address))

        server = self.enterContext(cgroup.start(serve_tls, comm='s"\\\n}', handle=refuse_hello, context=object))
        with cgroup.start(say_hellos, server.receive(), HOSTILE_NAMES) as client:
            client.receive()
        prometheus.wait_for("sum(tlsmeter_handshakes_total)", 2 * len(HOSTILE_NAMES))
        self.assertEqual(prometheus.value("min_over_time(up[10m])"), 1)
        names = {labels["server_name"] for labels, _ in prometheus.query("tlsmeter_handshakes_total")}
        self.assertIn("__invalid__", names)
        self.assertEqual(prometheus.get("targets")["activeTargets"][0]["lastError"], "")
        self.assertEqual(session.finish(), 0)

    def test_two_agents_in_two_network_namespaces_are_one_cluster(self):
        sessions, shakes = [], []
        for number, good in ((1, 30), (2, 50)):
            cgroup = self.enterContext(Cgroup())
            holder = self.enterContext(cgroup.start(hold_network_namespace, comm="holder"))
            holder.receive()
            ip("link", "add", f"veth{number}", "type", "veth", "peer", "name", "veth", "netns", str(holder.pid))
            ip("address", "add", f"10.77.{number}.1/24", "dev", f"veth{number}")
            ip("link", "set", f"veth{number}", "up")
            inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
            host = f"10.77.{number}.2"
            for command in (["address", "add", f"{host}/24", "dev", "veth"], ["link", "set", "veth", "up"]):
                subprocess.run([*inside, "ip", *command], check=True, env={"PATH": search_path()})
            session = self.enterContext(Serve(cgroup, host=host, launcher=inside))
            server = self.enterContext(cgroup.start(in_namespace, holder.pid, serve_tls, comm="py-server"))

            def shake(_channel, holder_pid, address, count):
                join_network_namespace(holder_pid)
                for _ in range(count):
                    connect_tls(None, address)

            sessions.append(session)
            shakes.append((cgroup, shake, holder.pid, server.receive(), good))
        prometheus = self.enterContext(Prometheus(*(session.address for session in sessions)))

        def run(count):
            for cgroup, shake, holder, address, good in shakes:
                with cgroup.start(shake, holder, address, count or good, comm="py-client") as client:
                    client.receive(timeout=60)

        run(1)
        prometheus.wait_for('sum(tlsmeter_handshakes_total{role="server"})', 2)
        run(None)
        prometheus.wait_for('sum(tlsmeter_handshakes_total{role="server"})', 82)
        by_agent = dict((labels["instance"], value) for labels, value in
                        prometheus.query('sum by (instance) (tlsmeter_handshakes_total{role="server"})'))
        self.assertEqual(by_agent, {sessions[0].address: 31, sessions[1].address: 51})
        # 30 and 50 since the first scrapes; rate() extrapolates a little. One agent alone would give 50 / 300 at most.
        together = prometheus.value('role:tlsmeter_handshakes:rate5m{role="server"}')
        self.assertGreater(together, 80 / 300 * 0.9)
        self.assertLess(together, 80 / 300 * 1.5)
        self.assertEqual(len(prometheus.query('namespace_workload_role:tlsmeter_handshakes:rate5m{role="server"}')), 1)
        for session in sessions:
            self.assertEqual(session.finish(), 0)
            self.assertEqual(session.lost, 0)


if __name__ == "__main__":
    harness.main()
