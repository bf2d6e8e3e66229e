"""Real captures that nobody here made, against what independent tools read in them.

Every tcp row of expected.tsv must agree with its record, or stand in disagreements.tsv with the reason; what stands there and
no longer occurs is an error too. Captures without TCP rows (QUIC, DTLS, noise) must give no record at all.
"""

import collections
import os
import sys
import unittest

from expected import FIELDS, Disagreement, compare, read_table, value_at
from reading import read

CAPTURES = os.environ.get("TLSMETER_CAPTURES", "")
HERE = os.path.dirname(os.path.abspath(__file__))


def known_disagreements():
    table = read_table(os.path.join(HERE, "disagreements.tsv"))
    for row in table:
        if not row["reason"]:
            raise AssertionError(f"disagreements.tsv: no reason given: {row}")
    return {Disagreement(*(row[name] for name in Disagreement._fields)) for row in table}


class CapturesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = collections.defaultdict(list)
        for row in read_table(os.path.join(CAPTURES, "expected.tsv")):
            if row["transport"] == "tcp":
                cls.rows[row["capture"]].append(row)
        cls.runs = {row["file"]: read(os.path.join(CAPTURES, row["file"])) for row in
                    read_table(os.path.join(CAPTURES, "MANIFEST.tsv"))}

    def test_every_capture_is_read_to_its_end(self):
        for capture, run in self.runs.items():
            with self.subTest(capture):
                # Of one, libpcap reads only the first interface, and says so.
                several_link_types = capture == "pcapplusplus-pcapng-example.pcapng"
                self.assertEqual(run.code, 2 if several_link_types else 0, run.stderr)
                self.assertEqual("different from the type of the first interface" in run.stderr, several_link_types)

    def test_all_records_are_those_of_an_observer(self):
        for capture, run in self.runs.items():
            for record in run.records:
                self.assertEqual(value_at(record, "tlsmeter.role"), "observer", (capture, record))

    def test_records_agree_with_the_other_tools(self):
        # Fields that the records do not have yet are said, not passed over in silence.
        fields = [field for field, (_, ours) in FIELDS.items()
                  if any(ours(record) is not None for run in self.runs.values() for record in run.records)]
        for field in FIELDS.keys() - set(fields):
            print(f"not compared, no record has it: {field}", file=sys.stderr)
        known = {entry for entry in known_disagreements() if entry.field in fields or entry.field == "record"}
        found = {entry for capture, run in self.runs.items()
                 for entry in compare(capture, self.rows[capture], run.records, fields)}
        rows = sum(len(rows) for rows in self.rows.values())
        print(f"{rows} connections, {len(fields)} fields, {len(found)} disagreements, {len(known)} of them known", file=sys.stderr)
        problems = [f"not listed: {entry}" for entry in sorted(found - known)]
        problems += [f"listed, but does not occur: {entry}" for entry in sorted(known - found)]
        self.assertEqual(problems, [], "\n" + "\n".join(problems))


if __name__ == "__main__":
    if not os.path.exists(os.path.join(CAPTURES, "expected.tsv")):
        print(f"skipped: the shared captures are not there (TLSMETER_CAPTURES={CAPTURES})")
        sys.exit(77)
    unittest.main(verbosity=2)
