"""What other tools read in a set of captures (expected.tsv), and how it compares with the records of `tlsmeter read -o json`."""

import collections
import csv
import json
import re


def read_table(path):
    """The rows of a tab-separated table with one header line and no quoting, as dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def value_at(record, path):
    for name in path.split("."):
        if not isinstance(record, dict) or name not in record:
            return None
        record = record[name]
    return record


def version(row):
    if not row["version"]:
        return None
    if row["version"] == "SSLv3":
        return "ssl3"
    return row["version"].removeprefix("TLSv")


def alert(row):
    """Of the row's alerts ("c:fatal:unknown_ca;..."), the one that a record tells: a fatal one, else the last warning."""
    alerts = [entry.split(":") for entry in row["alerts"].split(";") if entry]
    alerts = [entry for entry in alerts if entry[2] != "close_notify"]
    fatal = [entry for entry in alerts if entry[1] == "fatal"]
    chosen = fatal[:1] or alerts[-1:]
    return ":".join(chosen[0]) if chosen else None


def our_alert(record):
    description = value_at(record, "tlsmeter.alert.description")
    if description is None:
        return None  # none, or an encrypted one
    return ":".join((value_at(record, "tlsmeter.alert.sender")[0], value_at(record, "tlsmeter.alert.level"), description))


def serial(text):
    """Hexadecimal digits in one form: lower case, no separators, no leading zeros."""
    return re.sub(r"\A(-?)0+(?=.)", r"\1", text.lower().replace(":", "")) if text else None


def at(path, convert=lambda value: value):
    return lambda record: convert(value_at(record, path))


def column(name):
    return lambda row: row[name] or None


def lower(text):
    return text.lower() if text else None


# Field: (what the row says, what the record says); None stands for "not visible".
FIELDS = {
    "sni": (lambda row: lower(row["sni"]), at("tls.client.server_name")),
    "version": (version, at("tls.protocol.version")),
    "cipher": (lambda row: row["cipher"] or row["cipher_id"] or None, at("tls.cipher")),
    "group": (column("group"), at("tls.curve")),
    "alpn": (column("alpn_selected"), at("tls.next_protocol")),
    "ja3": (column("ja3"), at("tls.client.ja3")),
    "ja4": (column("ja4"), at("tls.client.ja4")),
    "serial": (lambda row: serial(row["serial"]), at("tlsmeter.server.serial_number", serial)),
    "not_after": (column("not_after"), at("tls.server.not_after")),
    "alert": (alert, our_alert),
}


def row_ends(row):
    return f"{row['client_ip']}:{row['client_port']}-{row['server_ip']}:{row['server_port']}"


def record_ends(record):
    return "-".join(f"{value_at(record, f'{end}.address')}:{value_at(record, f'{end}.port')}" for end in ("client", "server"))


# conn: the number of the row, or the two ends of a record that has no row.
Disagreement = collections.namedtuple("Disagreement", "capture conn field ours theirs")


def compare(capture, rows, records, fields):
    """Every difference between the rows and the records of one capture. They are matched by their ends and, among connections
    between the same ends, by their order in time."""
    ours = collections.defaultdict(list)
    for record in sorted(records, key=lambda record: record.get("@timestamp", "")):
        ours[record_ends(record)].append(record)
    for row in rows:
        if not ours[row_ends(row)]:
            yield Disagreement(capture, row["conn"], "record", "", "present")
            continue
        record = ours[row_ends(row)].pop(0)
        for field in fields:
            theirs, mine = (read(source) for read, source in zip(FIELDS[field], (row, record)))
            if mine != theirs:
                yield Disagreement(capture, row["conn"], field, mine or "", theirs or "")
    for ends, left in ours.items():
        for record in left:
            yield Disagreement(capture, ends, "record", json.dumps(record["tlsmeter"]["result"]).strip('"'), "")
