"""Rules, dashboards and runbooks fit together, and with the metrics that exist.

usage: check_deploy.py            as unittest; needs promtool (Debian package prometheus)
"""

import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Metrics that rules and dashboards are ready for and that this version does not export. A name that docs/metrics.md has must go.
PLANNED = {"tlsmeter_ocsp_request_duration_seconds", "tlsmeter_policy_violations_total"}
PROMETHEUS_OWN = {"up", "ALERTS"}
SCRAPE_LABELS = {"instance", "job", "le"}

METRIC = re.compile(r"(?<![\w:])((?:\w+:)?tlsmeter_\w+(?::\w+)?|process_\w+|up|ALERTS)\b(?:\{([^}]*)\})?")


def read(*path):
    with open(os.path.join(ROOT, *path)) as file:
        return file.read()


def exported():
    """Name to labels of the metrics in docs/metrics.md, which a unit test holds to the code."""
    metrics = {}
    for row in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", read("docs", "metrics.md"), re.MULTILINE):
        name, kind, labels = row
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            metrics[name + suffix] = set(re.findall(r"`(\w+)`", labels))
    return metrics


def rule_files():
    return sorted(glob.glob(os.path.join(ROOT, "deploy/prometheus/*.rules.yml")))


def rules():
    return "".join(read(path) for path in rule_files())


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if "targets" in panel]


def dashboards():
    return {path: json.loads(read(path)) for path in sorted(glob.glob(os.path.join(ROOT, "deploy/grafana/*.json")))}


def queries():
    """(where, expression) of every query of every dashboard, with Grafana's variables filled in."""
    for path, dashboard in dashboards().items():
        found = [(panel["title"], target["expr"]) for panel in panels(dashboard) for target in panel["targets"]]
        found += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"]]
        for title, expression in found:
            for variable, value in (("$__rate_interval", "5m"), ("$__range", "6h"), ("$namespace", ".*"), ("$workload", ".*")):
                expression = expression.replace(variable, value)
            yield f"{os.path.basename(path)}: {title}", expression


def promtool(*arguments, cwd=None):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, cwd=cwd)


class DeployTest(unittest.TestCase):
    def check_metrics(self, where, text):
        metrics, recorded = exported(), set(re.findall(r"- record: (\S+)", rules()))
        planned = {name + suffix for name in PLANNED for suffix in ("", "_bucket")}
        names = METRIC.findall(text)
        for name, matchers in names:
            self.assertIn(name, metrics.keys() | recorded | planned | PROMETHEUS_OWN, where)
            if name in metrics:
                labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
                self.assertLessEqual(labels, metrics[name] | SCRAPE_LABELS, f"{where}: labels of {name}")
        return len(names)

    def test_no_planned_metric_is_exported(self):
        self.assertEqual({name for name in PLANNED if name in exported() or name + "_bucket" in exported()}, set())

    def test_alerts_on_planned_metrics_say_that_they_are_silent(self):
        found = set()
        for alert in rules().split("- alert: ")[1:]:
            for name in PLANNED:
                if name in alert:
                    found.add(name)
                    self.assertIn(f"does not export `{name}` yet", read(re.search(r"runbook_url: (\S+)", alert).group(1)))
        self.assertEqual(found, PLANNED, "no alert is ready for it")

    def test_rules_are_rules(self):
        done = promtool("check", "rules", *rule_files())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_sample_configuration_is_one(self):
        done = promtool("check", "config", os.path.join(ROOT, "deploy/prometheus/prometheus.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rules_use_metrics_that_exist(self):
        for path in rule_files():
            text = re.sub(r"^ *(#|- record:|- alert:|- name:|summary:|description:|runbook_url:|dashboard_url:).*$", "", read(path),
                          flags=re.MULTILINE)
            self.assertGreater(self.check_metrics(os.path.basename(path), text), 3)

    def test_every_query_of_every_dashboard_can_be_parsed(self):
        lines = ["groups:", "- name: dashboards", "  rules:"]
        for number, (_, expression) in enumerate(queries()):
            lines += [f"  - record: query_{number}", f"    expr: {json.dumps(expression)}"]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            done = promtool("check", "rules", file.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_dashboards_use_metrics_that_exist(self):
        for where, expression in queries():
            with self.subTest(where):
                self.assertGreater(self.check_metrics(where, expression), 0)
                self.assertNotIn("$", expression)

    def test_dashboards_can_be_imported(self):
        self.assertEqual({dashboard["uid"] for dashboard in dashboards().values()},
                         {"tlsmeter-executive", "tlsmeter-oncall", "tlsmeter-debug"})
        for path, dashboard in dashboards().items():
            ids = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(ids), len(set(ids)), path)
            for panel in panels(dashboard):
                self.assertEqual(panel["datasource"]["uid"], "${datasource}", panel["title"])
                self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]), panel["title"])
            taken = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
            self.assertEqual(len(taken), len(set(taken)), path)

    def alerts(self):
        text = read("deploy", "prometheus", "alerts.rules.yml")
        return {body.split()[0]: body for body in re.split(r"^ +- alert: ", text, flags=re.MULTILINE)[1:]}

    def test_every_alert_says_what_is_needed_to_act(self):
        uids = {dashboard["uid"] for dashboard in dashboards().values()}
        for name, body in self.alerts().items():
            with self.subTest(name):
                self.assertRegex(body, r"labels: \{severity: (page|ticket), service: tlsmeter\}")
                for annotation in ("summary", "description"):
                    self.assertRegex(body, rf"\n +{annotation}: '.+'\n")
                self.assertIn(f"runbook_url: docs/runbooks/{name}.md\n", body)
                self.assertIn(re.search(r"dashboard_url: /d/(\S+)", body)[1], uids)

    def test_every_alert_has_a_runbook_and_every_runbook_an_alert(self):
        pages = {os.path.basename(path)[:-3] for path in glob.glob(os.path.join(ROOT, "docs/runbooks/*.md"))}
        self.assertEqual(pages, set(self.alerts()))
        for name in pages:
            text = read("docs", "runbooks", name + ".md")
            self.assertTrue(text.startswith(f"# {name}\n"), name)
            for part in ("\n## Run\n", "\n## Do\n", "```"):
                self.assertIn(part, text, name)
            for other in re.findall(r"\]\((\w+)\.md\)", text):
                self.assertIn(other, pages, name)
            for query in re.findall(r"```promql\n(.*?)```", text, re.DOTALL):
                self.check_metrics(name, query)

    def test_every_alert_is_tested_firing_and_not_firing(self):
        cases = re.findall(r"expr: 'ALERTS\{alertname=\"(\w+)\".*\n +eval_time: .*\n +exp_samples: (\[\]|\[\{)",
                           read("tests", "deploy", "alerts_test.yml") + read("tests", "deploy", "slow_alerts_test.yml"))
        for kind, what in (("[{", "firing"), ("[]", "not firing")):
            self.assertEqual({name for name, found in cases if found == kind}, set(self.alerts()), what)


if __name__ == "__main__":
    unittest.main()
