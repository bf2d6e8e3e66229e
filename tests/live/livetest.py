"""LiveTest: a cgroup and one `tlsmeter trace` for a class of tests, and the assertions on records.

Each test claims the records of the server ports it used. When the class is done tlsmeter is stopped, and there must have been
exactly the claimed records, one per handshake and side, and nothing lost.
"""

import collections
import datetime
import re
import unittest

import harness
from certificates import NAME, certificates
from peers import connect_tls, serve_tls
from processes import Cgroup
from session import Trace

EPSILON = 0.0015  # durations are printed with a limited number of digits


class RecordAssertions:
    """What must hold of a record; for a unittest.TestCase."""

    def check_same_handshake(self, client, server):
        for path in ("client.address", "client.port", "server.address", "server.port", "tlsmeter.client_random"):
            self.assertIsNotNone(client[path], (path, client))
            self.assertEqual(client[path], server[path], path)
        for record in (client, server):
            self.assertRegex(record["tlsmeter.client_random"], r"\A[0-9a-f]{64}\Z")
            self.assertEqual(record["tlsmeter.transport"], "tcp", record)
            self.assertRegex(record["@timestamp"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
            when = datetime.datetime.fromisoformat(record["@timestamp"])
            self.assertLess(abs((when - datetime.datetime.now(datetime.timezone.utc)).total_seconds()), 600, record)
            if record["tlsmeter.result"] == "success":
                self.check_success(record)
            else:
                self.assertIsNot(record["tls.established"], True, record)

    def check_success(self, record):
        self.assertIs(record["tls.established"], True, record)
        self.assertIsNone(record["tlsmeter.failure.reason"], record)
        times = {name: record[f"tlsmeter.timing.{name}_ms"] for name in ("server_flight", "client_flight", "handshake")}
        for name, value in times.items():
            self.assertIsInstance(value, (int, float), (name, record))
            self.assertGreater(value, 0, (name, record))
        self.assertLessEqual(times["server_flight"], times["client_flight"] + EPSILON, record)
        self.assertLessEqual(times["client_flight"], times["handshake"] + EPSILON, record)
        for name in ("tcp", "first_app_byte"):  # not always visible, but never zero
            value = record[f"tlsmeter.timing.{name}_ms"]
            if value is not None:
                self.assertGreater(value, 0, (name, record))

    def check_fields(self, record, expected):
        """Each path has its value. None stands for absent, a pattern for text that it matches, a set for one of its values."""
        for path, want in expected.items():
            have = record[path]
            if isinstance(want, re.Pattern):
                self.assertRegex(have or "", want, f"{path} of {record}")
            elif isinstance(want, set):
                self.assertIn(have, want, f"{path} of {record}")
            else:
                self.assertEqual(have, want, f"{path} of {record}")

    def check_owner(self, record, pid, comm):
        self.assertEqual(record["process.name"], comm, record)
        if harness.IN_INITIAL_PID_NAMESPACE:
            self.assertEqual(record["process.pid"], pid, record)

    def check_addresses(self, record, client, server):
        """`client` and `server` are (address, port)."""
        self.assertEqual((record["client.address"], record["client.port"]), tuple(client), record)
        self.assertEqual((record["server.address"], record["server.port"]), tuple(server), record)


class LiveTest(RecordAssertions, unittest.TestCase):
    programs = ()  # of Debian, beside openssl

    @classmethod
    def setUpClass(cls):
        harness.require(*cls.programs)
        certificates()
        cls.cgroup = cls.enterClassContext(Cgroup())
        cls.session = cls.enterClassContext(Trace(cls.cgroup))
        cls.claimed = collections.Counter()

    @classmethod
    def tearDownClass(cls):
        cls.check_the_end(cls.session, cls.claimed)

    @staticmethod
    def check_the_end(session, claimed):
        """Stops `session`: nothing was lost, and each server port has exactly its claimed number of records."""
        code = session.finish()
        problems = []
        if code != 0:
            problems.append(f"exit code {code}")
        if session.lost != 0:
            problems.append(f"lost {session.lost} events")
        records = session.records()
        if session.seen != len(records):
            problems.append(f"seen {session.seen} handshakes, but printed {len(records)} records")
        have = collections.Counter(record["server.port"] for record in records)
        for port in have.keys() | claimed.keys():
            if have[port] != claimed[port]:
                lines = "\n".join(record.line for record in records if record["server.port"] == port)
                problems.append(f"port {port}: {have[port]} records, expected {claimed[port]}\n{lines}")
        if problems:
            raise AssertionError("; ".join(problems) + f"\nstderr: {session.stderr()}")

    # Peers ----------------------------------------------------------------------------------------------------------------------

    def serve(self, *args, **named):
        """Starts a Python TLS server; its `.address` is known on return."""
        actor = self.actor(named.pop("body", serve_tls), *args, comm=named.pop("comm", "py-server"), **named)
        actor.address = actor.receive()
        actor.port = actor.address[1]
        return actor

    def connect(self, server, **named):
        """One Python TLS client to its end; returns the facts of peers.connect_tls and the client's pid as "pid"."""
        actor = self.actor(named.pop("body", connect_tls), server.address, comm=named.pop("comm", "py-client"), **named)
        facts = actor.receive()
        return {**facts, "pid": actor.pid}

    def actor(self, body, *args, **named):
        actor = self.cgroup.start(body, *args, **named)
        self.addCleanup(actor.stop)
        return actor

    def s_client(self, port, *arguments, host="127.0.0.1", request=b"GET / HTTP/1.0\r\n\r\n", check=0, sni=NAME):
        """`openssl s_client`: sends `request` and reads until the server closes."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        name = ["-servername", sni] if sni else ["-noservername"]
        return self.cgroup.run(["openssl", "s_client", "-connect", target, *name, "-ign_eof", *arguments], request, check=check)

    # Records --------------------------------------------------------------------------------------------------------------------

    def claim(self, port, count, session=None):
        """Waits for `count` more records of server port `port` and claims them; returns these."""
        session = session or self.session
        before = self.claimed[port]
        self.claimed[port] += count
        return session.wait_for(before + count, lambda record: record["server.port"] == port)[before:]

    def pair(self, port, expected=None, session=None):
        """Claims the two records of one handshake, checks what must hold of any pair, and the `expected` fields (path -> value) of
        both; returns (client's record, server's record)."""
        records = self.claim(port, 2, session)
        self.assertEqual(sorted(record["tlsmeter.role"] for record in records), ["client", "server"], records)
        client, server = sorted(records, key=lambda record: record["tlsmeter.role"])
        self.check_same_handshake(client, server)
        for record in (client, server):
            self.check_fields(record, expected or {})
        return client, server

    def pairs(self, port, count):
        """Claims `count` handshakes of two records each; returns a list of (client's record, server's record)."""
        by_random = collections.defaultdict(list)
        for record in self.claim(port, 2 * count):
            by_random[record["tlsmeter.client_random"]].append(record)
        result = []
        for records in by_random.values():
            self.assertEqual(sorted(record["tlsmeter.role"] for record in records), ["client", "server"], records)
            client, server = sorted(records, key=lambda record: record["tlsmeter.role"])
            self.check_same_handshake(client, server)
            result.append((client, server))
        self.assertEqual(len(result), count)
        return result
