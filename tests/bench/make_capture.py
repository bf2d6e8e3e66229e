#!/usr/bin/env python3
"""Makes a capture file of many TLS handshakes.

A few thousand real handshakes (openssl s_server, Python's ssl as the client; three of four TLS 1.3, the rest TLS 1.2, each with a
request and a small answer) are recorded by tcpdump on the loopback of a network namespace of their own, in segments of an
ordinary network. Then they are written as often as needed, each copy with other client addresses, other hello randoms and later
times. So all that a reader parses is real; ciphertext does not belong to the new randoms, which no reader can tell. TCP checksums
are not valid, as in any capture of a machine that leaves them to its network card.

    tests/bench/make_capture.py FILE [--handshakes 100000] [--recorded 2000]
"""

import argparse
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

from certificates import NAME, certificates  # noqa: E402
from harness import scaled, search_path, temporary_folder, wait_until  # noqa: E402
from network import free_port, is_listening, new_network_namespace  # noqa: E402
from peers import client_context  # noqa: E402
from processes import die_with_the_test, stop  # noqa: E402

CLIENTS = 4  # at one time, so that connections interleave
PCAP_HEADER = struct.Struct("<IHHiIII")
PACKET_HEADER = struct.Struct("<IIII")
ETHERNET, IPV4 = 14, 20
RANDOM = 5 + 4 + 2  # of a hello, in its record


def start(argv, **options):
    environment = {**os.environ, "PATH": search_path()}
    return subprocess.Popen(argv, env=environment, preexec_fn=die_with_the_test, stdin=subprocess.DEVNULL, **options)


def serve(folder, version, certificate):
    port = free_port()
    process = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", version, "-cert", certificate.certificate,
                     "-cert_chain", certificate.chain, "-key", certificate.key, "-HTTP", "-quiet"],
                    cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: is_listening(port), what="s_server")
    return process, port


def connect(ports, count):
    """The body of one client process."""
    contexts = [client_context(version) for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)]
    for i in range(count):
        older = i % 4 == 3
        with socket.create_connection(("127.0.0.1", ports[older])) as connection:
            with contexts[older].wrap_socket(connection, server_hostname=f"host-{i % 500}.{NAME}") as tls:
                tls.sendall(b"GET /answer HTTP/1.0\r\n\r\n")
                while tls.recv(4096):
                    pass


def record(path, count):
    """Writes `count` real handshakes to the capture file `path`; returns the servers' ports."""
    new_network_namespace()
    subprocess.run(["ip", "link", "set", "lo", "mtu", "1500", "gso_max_segs", "1"], check=True, env={"PATH": search_path()})
    with temporary_folder() as folder:
        with open(os.path.join(folder, "answer"), "wb") as file:
            file.write(b"x" * 200)
        made = certificates()
        servers = [serve(folder, "-tls1_3", made.leaf), serve(folder, "-tls1_2", made.rsa)]
        ports = [port for _, port in servers]
        dump = start(["tcpdump", "-i", "lo", "-n", "-B", "65536", "-s", "0", "-U", "-Z", "root", "-w", path, "tcp"],
                     stderr=subprocess.PIPE)
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) >= PCAP_HEADER.size, what="tcpdump")
        clients = []
        for _ in range(CLIENTS):
            if (pid := os.fork()) == 0:
                try:
                    connect(ports, count // CLIENTS)
                    os._exit(0)
                except BaseException as error:
                    print(f"make_capture.py: client: {error}", file=sys.stderr)
                    os._exit(1)
            clients.append(pid)
        codes = [os.waitpid(pid, 0)[1] for pid in clients]
        time.sleep(scaled(2))  # tcpdump reads its ring at least once a second
        dump.send_signal(signal.SIGINT)
        said = dump.communicate(timeout=scaled(20))[1].decode()
        for process, _ in servers:
            stop(process)
        if any(codes) or "\n0 packets dropped by kernel" not in said:
            raise AssertionError(f"a client failed, or packets were lost: {said}")
    return ports


class Recording:
    """The packets of a capture file, and where in them a copy differs."""

    def __init__(self, path, ports):
        with open(path, "rb") as file:
            data = file.read()
        magic, *_, link = PCAP_HEADER.unpack_from(data)
        if (magic, link) != (0xA1B2C3D4, 1):
            raise AssertionError(f"{path}: not a microsecond capture of Ethernet")
        self.header = data[:PCAP_HEADER.size]
        self.packets = bytearray(data[PCAP_HEADER.size:])
        self.times, self.clients, self.servers, self.ip_headers, self.randoms = [], [], [], [], []
        ports = {struct.pack(">H", port) for port in ports}
        at = 0
        while at < len(self.packets):
            seconds, microseconds, length, _ = PACKET_HEADER.unpack_from(self.packets, at)
            self.times.append((at, seconds * 1_000_000 + microseconds))
            ip = at + PACKET_HEADER.size + ETHERNET
            tcp = ip + IPV4
            from_server = bytes(self.packets[tcp:tcp + 2]) in ports
            self.clients.append(ip + (16 if from_server else 12))
            self.servers.append(ip + (12 if from_server else 16))
            self.ip_headers.append(ip)
            payload = tcp + (self.packets[tcp + 12] >> 4) * 4
            if self.packets[payload:payload + 2] == b"\x16\x03" and self.packets[payload + 5:payload + 6] in (b"\x01", b"\x02"):
                self.randoms.append(payload + RANDOM)
            at += PACKET_HEADER.size + length
        self.first = self.times[0][1]
        self.duration = self.times[-1][1] - self.first + 1

    def copy(self, number):
        """The packets of copy `number`, as they stand in a capture file."""
        packets = self.packets
        for at, when in self.times:
            struct.pack_into("<II", packets, at, *divmod(when + number * self.duration, 1_000_000))
        client = struct.pack(">I", 0x0A000000 + number)
        for at in self.clients:
            packets[at:at + 4] = client
        for at in self.servers:
            packets[at:at + 4] = b"\xc0\x00\x02\x01"
        for at in self.ip_headers:
            packets[at + 10:at + 12] = b"\0\0"
            total = sum(struct.unpack_from(">10H", packets, at))
            total = (total & 0xFFFF) + (total >> 16)
            struct.pack_into(">H", packets, at + 10, ~(total + (total >> 16)) & 0xFFFF)
        for at in self.randoms:
            struct.pack_into(">I", packets, at, number)
        return packets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--handshakes", type=int, default=100_000, help="at least so many")
    parser.add_argument("--recorded", type=int, default=2000, help="real ones; the rest are copies of them")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make_capture.py: needs root for a network namespace")
    recorded = max(CLIENTS, options.recorded // CLIENTS * CLIENTS)
    copies = -(-options.handshakes // recorded)
    with temporary_folder() as folder:
        path = os.path.join(folder, "recorded.pcap")
        recording = Recording(path, record(path, recorded))
    with open(options.file, "wb") as file:
        file.write(recording.header)
        for number in range(1, copies + 1):
            file.write(recording.copy(number))
    print(f"{options.file}: {recorded} handshakes recorded, {copies} copies: {recorded * copies} handshakes, "
          f"{len(recording.times) * copies} packets, {os.path.getsize(options.file) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
