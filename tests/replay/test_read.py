"""`tlsmeter read` on captures that are made here, from recorded flights of OpenSSL (data/*.flights).

Whatever the packets went through - links, tunnels, fragments, disorder, loss - the record is that of data/*.json: each field
there has that value in the record. The record may have more.
"""

import datetime
import json
import os
import pty
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import packets
from packets import ACK, MS, RST, SYN, Conversation, ethernet, ether_type, ip, pcap, pcapng, udp
from reading import read, tlsmeter, tlsmeter_path

HERE = os.path.dirname(os.path.abspath(__file__))
TIMES = ("@timestamp", "tlsmeter.timing")
CASES = ("tls13", "tls12", "refused")
COLUMNS = "TIME ROLE PID COMM CLIENT SERVER SNI VER CIPHER GROUP ALPN RES MS RESULT".split()


def flights(case):
    with open(os.path.join(HERE, "data", f"{case}.flights"), encoding="ascii") as file:
        return [(sender, bytes.fromhex(text)) for sender, text in map(str.split, file)]


def golden(case):
    with open(os.path.join(HERE, "data", f"{case}.json"), encoding="utf-8") as file:
        return json.load(file)


class ReadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tlsmeter-replay-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, content, name="test.pcap"):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def read_good(self, content):
        run = read(self.write(content))
        self.assertEqual(run.code, 0, run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        return run

    def check_contains(self, record, expected, path=""):
        for name, value in expected.items():
            self.assertIn(name, record, path)
            if isinstance(value, dict):
                self.check_contains(record[name], value, f"{path}{name}.")
            else:
                self.assertEqual(record[name], value, path + name)

    def check_golden(self, content, case, without=()):
        """The capture holds the one handshake of `case`; `without` are paths that it cannot tell."""
        run = self.read_good(content)
        self.assertEqual(len(run.records), 1, run)
        expected = golden(case)
        for path in without:
            *parents, last = path.split(".")
            where = expected
            for name in parents:
                where = where[name]
            del where[last]
        self.check_contains(run.records[0], expected)
        return run.records[0]

    # The same handshake in every wrapping ------------------------------------------------------------------------------------

    def whole(self, case="tls13", **named):
        return Conversation(**named).open().say(flights(case)).close().packets

    def test_each_case(self):
        for case in CASES:
            with self.subTest(case):
                self.check_golden(pcap(self.whole(case)), case)
                self.check_golden(pcapng(self.whole(case)), case)

    def test_each_link_layer(self):
        wraps = {
            packets.NULL: lambda packet: struct.pack("<I", 2) + packet,
            packets.RAW: lambda packet: packet,
            packets.PPP: lambda packet: b"\xff\x03\x00\x21" + packet,
            packets.SLL: lambda packet: bytes(14) + struct.pack("!H", ether_type(packet)) + packet,
            packets.SLL2: lambda packet: struct.pack("!H", ether_type(packet)) + bytes(18) + packet,
            packets.PPPOE: lambda packet: struct.pack("!HHH", 0x1100, 1, len(packet) + 2) + b"\x00\x21" + packet,
        }
        for link, wrap in wraps.items():
            with self.subTest(link):
                self.check_golden(pcap(self.whole(), link, wrap), "tls13")

    def test_tags_and_tunnels(self):
        def outer(protocol, payload):
            return ethernet(ip("192.0.2.1", "192.0.2.2", protocol, payload))

        wraps = {
            "qinq": lambda packet: bytes(12) + struct.pack("!HHHHH", 0x88A8, 7, 0x8100, 8, 0x0800) + packet,
            "mpls": lambda packet: bytes(12) + struct.pack("!HI", 0x8847, 0x00010140) + packet,
            "gre": lambda packet: outer(packets.GRE, struct.pack("!HH", 0, 0x0800) + packet),
            "vxlan": lambda packet: outer(packets.UDP, udp(4789, struct.pack("!II", 8 << 24, 7 << 8) + ethernet(packet))),
            "geneve": lambda packet: outer(packets.UDP, udp(6081, struct.pack("!HHI", 0, 0x6558, 7) + ethernet(packet))),
            "4in4": lambda packet: outer(packets.IPV4_IN_IP, packet),
            "4in6": lambda packet: ethernet(ip("2001:db8::8", "2001:db8::9", packets.IPV4_IN_IP, packet)),
        }
        for name, wrap in wraps.items():
            with self.subTest(name):
                self.check_golden(pcap(self.whole(), wrap=wrap), "tls13")

    def test_ipv6(self):
        record = self.check_golden(pcap(self.whole(client=("2001:db8::1", 40000), server=("2001:db8::2", 443))), "tls13",
                                   ("client.address", "server.address"))
        self.assertEqual((record["client"]["address"], record["server"]["address"]), ("2001:db8::1", "2001:db8::2"))

    def test_ip_fragments_in_reverse(self):
        pieces = []
        for ident, (time, packet) in enumerate(self.whole()):
            pieces += [(time, piece) for piece in reversed(list(packets.fragments(packet, ident)))]
        self.assertGreater(len(pieces), len(self.whole()))
        self.check_golden(pcap(pieces), "tls13")

    # TCP ---------------------------------------------------------------------------------------------------------------------

    def test_small_segments_out_of_order_and_sent_again(self):
        sent = self.whole("tls12", mss=90)
        opening, data, closing = sent[:3], sent[3:-3], sent[-3:]
        disorder = []
        for at in range(0, len(data), 3):  # of each three the last one first, and the middle one twice
            group = [packet for _, packet in data[at:at + 3]]
            times = [time for time, _ in data[at:at + 3]]
            disorder += list(zip(times, reversed(group))) + [(times[-1], group[len(group) // 2])]
        self.check_golden(pcap(opening + disorder + closing), "tls12", TIMES)

    def test_sequence_numbers_that_wrap(self):
        self.check_golden(pcap(self.whole(isn=(2**32 - 100, 2**32 - 300))), "tls13")

    def test_a_connection_that_is_met_in_mid_stream(self):
        self.check_golden(pcap(Conversation().say(flights("tls13")).packets), "tls13", TIMES)

    def test_ports_that_are_used_again(self):
        first = Conversation().open().say(flights("tls13"))
        second = Conversation(isn=(777_000, 888_000), start=first.time + 10 * MS).open().say(flights("tls12")).close()
        run = self.read_good(pcap(first.packets + second.packets))
        self.assertEqual([record["tls"]["protocol"]["version"] for record in run.records], ["1.3", "1.2"])

    def test_fast_open_and_keep_alive_probes(self):
        (_, hello), *rest = flights("tls13")
        said = Conversation().segment("client", SYN, hello).segment("server", SYN | ACK).segment("client", ACK)
        for _ in range(2):  # a probe repeats the last byte
            said.next["client"] -= 1
            said.segment("client", ACK, hello[-1:])
        self.check_golden(pcap(said.say(rest).close().packets), "tls13", TIMES)

    def test_a_reset_in_the_handshake_is_an_aborted_one(self):
        (run,) = self.read_good(pcap(Conversation().open().say(flights("tls13")[:1]).segment("server", RST).packets)).records
        self.assertEqual(run["tlsmeter"]["result"], "aborted")

    def test_silence_is_a_timeout_by_the_time_of_packets(self):
        said = Conversation().open().say(flights("tls13")[:1])
        later = Conversation(client=("10.0.0.9", 1), start=said.time + 61_000 * MS).open()
        (record,) = self.read_good(pcap(said.packets + later.packets)).records
        self.assertEqual((record["tlsmeter"]["result"], record["tlsmeter"]["failure"]["reason"]), ("aborted", "timeout"))

    def test_a_capture_that_ends_in_a_handshake_cannot_tell_its_result(self):
        (record,) = self.read_good(pcap(Conversation().open().say(flights("tls13")[:1]).packets)).records
        self.assertEqual(record["tlsmeter"]["result"], "unknown")

    def test_bytes_that_were_not_captured_are_said(self):
        run = self.read_good(pcap(self.whole("tls12"), snaplen=200))
        self.assertRegex(run.stderr, r"payloads cut short")
        self.assertRegex(run.stderr, r"handshakes with bytes missing")
        lost = [packet for packet in self.whole("tls13") if len(packet[1]) < 700]  # without the server's first flight
        (record,) = self.read_good(pcap(lost)).records
        self.assertNotIn("cipher", record["tls"])
        self.assertEqual(record["tls"]["client"]["server_name"], "tls13.example.com")

    def test_bulk_after_the_handshake_changes_nothing(self):
        said = Conversation().open().say(flights("tls13"))
        bulk = b"\x17\x03\x03\x40\x00" + bytes(16384)
        said.say([("server", bulk * 40), ("client", bulk * 40)]).close()
        self.check_golden(pcap(said.packets), "tls13")

    # Files -------------------------------------------------------------------------------------------------------------------

    def test_two_files_are_read_as_one_capture(self):
        sent = self.whole()
        run = read(self.write(pcap(sent[:5]), "1.pcap"), self.write(pcapng(sent[5:]), "2.pcapng"))
        self.assertEqual(run.code, 0, run.stderr)
        self.assertEqual(len(run.records), 1)
        self.check_contains(run.records[0], golden("tls13"))

    def test_a_hole_between_two_files_is_no_timeout(self):
        hello = Conversation().open().say(flights("tls13")[:1])
        for later in (-3600_000 * MS, 3600_000 * MS):
            # The same ports go on in mid-stream: another connection for all that is known.
            other = Conversation(start=packets.START + later).say(flights("tls12"))
            run = read(self.write(pcap(hello.packets), "1.pcap"), self.write(pcap(other.packets), "2.pcap"))
            self.assertEqual(run.code, 0, run.stderr)
            self.assertEqual([record["tls"]["client"]["server_name"] for record in run.records],
                             ["tls13.example.com", "tls12.example.com"])
            self.assertEqual(run.records[0]["tlsmeter"]["result"], "unknown")

    def test_standard_input(self):
        with open(self.write(pcap(self.whole())), "rb") as file:
            run = read("-", stdin=file)
        self.assertEqual((run.code, len(run.records)), (0, 1), run.stderr)

    def test_interfaces_of_one_link_type(self):
        self.check_golden(pcapng(self.whole(), links=(packets.ETHERNET, packets.ETHERNET)), "tls13")

    def check_bad(self, path, *words, records=0):
        run = read(path)
        self.assertEqual((run.code, len(run.records)), (2, records), run)
        sentence, last = run.stderr.splitlines()
        for word in ("tlsmeter: ", *words):
            self.assertIn(word, sentence)
        self.assertTrue(last.startswith("tlsmeter: read "), run)

    def test_what_was_read_of_a_torn_file_is_printed(self):
        whole = pcap(self.whole())
        self.check_bad(self.write(whole[:-5]), "test.pcap", "truncated", records=1)

    def test_files_that_are_no_captures(self):
        self.check_bad(self.write(b""), "test.pcap")
        self.check_bad(self.write(b"\x1f\x8b\x08" + bytes(100)), "test.pcap", "pcapng")
        self.check_bad(self.write(pcap([], link=105)), "IEEE802_11")
        self.check_bad(self.write(pcapng([], links=(packets.ETHERNET, packets.SLL)) + b"\x00"), "a file of its own")
        self.check_bad(os.path.join(self.folder, "none.pcap"), "none.pcap", "No such file")
        self.check_bad("/dev/zero", "/dev/zero")
        self.check_bad(self.folder, "directory")

    def test_a_bad_file_does_not_hide_the_good_ones(self):
        run = read(self.write(b"no capture", "bad"), self.write(pcap(self.whole()), "good"))
        self.assertEqual((run.code, len(run.records)), (2, 1), run)

    def test_an_endless_pipe_is_printed_as_it_comes_and_left_by_a_signal(self):
        argv = [tlsmeter_path(), "read", "-o", "json", "-"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(pcap(self.whole()[:-3]))
            process.stdin.flush()
            self.check_contains(json.loads(process.stdout.readline()), golden("tls13"))
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            out, err = process.stdout.read(), process.stderr.read()
            self.assertEqual(process.wait(10), 0, err)
        self.assertEqual(out, b"")
        self.assertEqual(len(err.splitlines()), 1, err)

    # Output ------------------------------------------------------------------------------------------------------------------

    def many(self, count):
        """Handshakes one after the other."""
        sent = []
        for index in range(count):
            client = ("10.0.0.1", 20000 + index)
            sent += Conversation(client=client, start=packets.START + index * 100 * MS).open().say(flights("tls13")).close().packets
        return sent

    def test_columns_are_the_default(self):
        done = tlsmeter("read", self.write(pcap(self.whole())))
        header, line = (line.split() for line in done.stdout.splitlines())
        self.assertEqual(header, COLUMNS)
        row = dict(zip(COLUMNS, line))
        self.assertEqual((row["ROLE"], row["PID"], row["SNI"], row["RESULT"]), ("observer", "-", "tls13.example.com", "success"))

    def test_stops_after_a_number_of_lines(self):
        done = tlsmeter("read", "-N", "3", "-o", "json", self.write(pcap(self.many(10))))
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 3), done)

    def test_the_last_line_says_what_was_skipped(self):
        arp = (packets.START, b"")
        dns = (packets.START, ip("10.0.0.1", "10.0.0.2", packets.UDP, udp(53, bytes(20))))
        piece = (packets.START, ip("10.0.0.1", "10.0.0.2", packets.TCP, bytes(64), 1, 0x2000))
        content = pcap([*self.whole(), dns, dns, piece]) + pcap([arp], wrap=lambda _: bytes(12) + b"\x08\x06" + bytes(28))[24:]
        run = self.read_good(content)
        sent = len(self.whole())
        self.assertRegex(run.stderr, rf"\Atlsmeter: read {sent + 4} packets, \d+ bytes, 1 connections, 1 handshakes; "
                                     r"without TLS: none; skipped: "
                                     r"1 not IP, 2 not TCP, 1 datagrams that lack fragments\n\Z")

    def test_the_last_line_says_what_was_not_encrypted(self):
        said = Conversation().open().say([("client", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ("server", b"HTTP/1.1 200 OK\r\n\r\n")])
        run = self.read_good(pcap(said.close().packets))
        self.assertEqual(run.records, [])
        self.assertIn(" 1 connections, 0 handshakes; without TLS: 1 http; skipped: none", run.stderr)

    def read_on_a_terminal(self, *arguments):
        """What standard error shows while a file takes longer than a second."""
        argv = [tlsmeter_path(), "read", "--summary", *arguments, "-"]
        master, terminal = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        content = pcap(self.many(400))
        process.stdin.write(content)
        process.stdin.flush()
        time.sleep(1.1)
        process.stdin.write(content[24:])
        process.stdin.close()
        process.stdout.read()
        self.assertEqual(process.wait(10), 0)
        process.stdout.close()
        try:
            return os.read(master, 4096).decode()
        except OSError:  # nothing was written, and the other end is closed
            return ""

    def test_progress_shows_on_a_terminal_after_a_second(self):
        self.assertRegex(self.read_on_a_terminal(), r"\A(\r\x1b\[K-: \d+ packets)+\r\x1b\[Ktlsmeter: read 9600 packets")

    def test_quiet_shows_no_progress_and_no_last_line_but_errors(self):
        self.assertEqual(self.read_on_a_terminal("-q"), "")
        done = tlsmeter("read", "-q", os.path.join(self.folder, "none"))
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)

    def test_wrong_usage(self):
        for arguments, word in (([], "FILE"), (["--no-such-flag", "a"], "--no-such-flag"), (["-N", "0", "a"], "--count"),
                                (["-o", "yaml", "a"], "yaml")):
            with self.subTest(arguments):
                done = tlsmeter("read", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done)
                self.assertEqual(len(done.stderr.splitlines()), 1, done)
                self.assertIn(word, done.stderr)

    def test_summary(self):
        content = pcap(self.many(40) + Conversation(start=packets.START + 9000 * MS).open().say(flights("refused")).packets)
        done = tlsmeter("read", "--summary", self.write(content))
        self.assertEqual(done.returncode, 0, done)
        lines = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(lines[0], ["41", "handshakes"])
        self.assertIn(["40", "1.3"], lines)
        self.assertIn(["40", "tls13.example.com"], lines)
        self.assertIn(["1", "refused.example.com"], lines)
        self.assertIn(["1", "failure:protocol_version"], lines)
        (handshake,) = (line for line in lines if line[1:2] == ["handshake"])
        self.assertEqual(handshake[0], "40")
        expected = golden("tls13")["tlsmeter"]["timing"]["handshake_ms"]
        for percentile in handshake[2:]:
            self.assertAlmostEqual(float(percentile), expected, delta=0.011 * expected)


class CertsTest(unittest.TestCase):
    """`tlsmeter certs` on captures; on the answer of a running serve it is tests/live/test_cli.py's business."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tlsmeter-replay-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "test.pcap")
        with open(self.path, "wb") as file:
            file.write(pcap(Conversation().open().say(flights("tls12")).close().packets))

    def test_of_a_file_and_of_a_pipe(self):
        with open(self.path, "rb") as file:
            content = file.read()
        piped = subprocess.run([tlsmeter_path(), "certs", "-"], input=content, capture_output=True).stdout.decode()
        done = tlsmeter("certs", self.path)
        self.assertEqual((done.returncode, done.stdout), (0, piped), done)
        self.assertRegex(done.stderr, r"\Atlsmeter: read \d+ packets, .*\n\Z")
        header, line, *_ = done.stdout.splitlines()
        self.assertEqual(header.split()[:3], ["NOT_AFTER", "DAYS", "SENDER"])
        not_after, days, *rest = line.split()
        self.assertEqual([not_after, *rest], ["2036-11-21", "server", "leaf", "EC:prime256v1", "tls12.example.com", "__unknown__",
                                              "384042751524E44B", "CN=example.com"])
        self.assertAlmostEqual(int(days), (datetime.date(2036, 11, 21) - datetime.date.today()).days, delta=1)

    def test_what_ends_soon_only(self):
        for days, count in ((0, 0), (1_000_000, 1)):
            done = tlsmeter("certs", "--within", str(days), "-o", "json", self.path)
            found = [json.loads(text)["subject"] for text in done.stdout.splitlines()]
            self.assertEqual(found[:1], ["CN=example.com"] * count, done)

    def test_a_file_that_cannot_be_read_does_not_hide_the_others(self):
        done = tlsmeter("certs", "/no/such/file", self.path)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stdout.splitlines()), len(tlsmeter("certs", self.path).stdout.splitlines()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
