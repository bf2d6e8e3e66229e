"""Packets and capture files, made from the bytes that two ends of a connection said.

A flight is ("client" or "server", bytes); a packet is (time in nanoseconds, bytes from the IP header on).
"""

import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, UDP, GRE, IPV4_IN_IP, IPV6_IN_IP = 6, 17, 47, 4, 41
ETHERNET, NULL, RAW, PPP, SLL, SLL2, PPPOE = 1, 0, 101, 9, 113, 276, 51  # link types of capture files
START = 1_800_000_000_000_000_000
MS = 1_000_000


def ip(source, destination, protocol, payload, ident=0, fragment=0):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + source.packed + destination.packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0)
    return head + source.packed + destination.packed + payload


def udp(port, payload):
    return struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload


def ether_type(packet):
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def ethernet(packet):
    return bytes(12) + struct.pack("!H", ether_type(packet)) + packet


class Conversation:
    """The packets of one connection, a millisecond apart, with at most `mss` bytes each."""

    def __init__(self, client=("10.0.0.1", 40000), server=("10.0.0.2", 443), mss=1460, isn=(1000, 5000), start=START):
        self.ends = {"client": client, "server": server}
        self.next = {"client": isn[0], "server": isn[1]}
        self.mss = mss
        self.time = start
        self.packets = []

    def segment(self, sender, flags, payload=b""):
        peer = "server" if sender == "client" else "client"
        (source, source_port), (destination, destination_port) = self.ends[sender], self.ends[peer]
        ack = self.next[peer] if flags & ACK else 0
        head = struct.pack("!HHIIBBHHH", source_port, destination_port, self.next[sender], ack, 5 << 4, flags, 65535, 0, 0)
        self.packets.append((self.time, ip(source, destination, TCP, head + payload)))
        self.time += MS
        self.next[sender] = (self.next[sender] + len(payload) + (1 if flags & (SYN | FIN) else 0)) % 2**32
        return self

    def open(self):
        return self.segment("client", SYN).segment("server", SYN | ACK).segment("client", ACK)

    def say(self, flights):
        for sender, text in flights:
            for at in range(0, len(text), self.mss):
                self.segment(sender, PSH | ACK, text[at:at + self.mss])
        return self

    def close(self):
        return self.segment("client", FIN | ACK).segment("server", FIN | ACK).segment("client", ACK)


def pcap(packets, link=ETHERNET, wrap=ethernet, snaplen=65535):
    """A pcap file with nanoseconds."""
    out = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, snaplen, link)
    for time, packet in packets:
        frame = wrap(packet)
        out += struct.pack("<IIII", time // 10**9, time % 10**9, min(len(frame), snaplen), len(frame)) + frame[:snaplen]
    return out


def pcapng(packets, links=(ETHERNET,), wrap=ethernet):
    """A pcapng file of which each interface, with nanoseconds, captured every len(links)-th packet."""

    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for link in links:
        out += block(1, struct.pack("<HHIHHB3xI", link, 0, 65535, 9, 1, 9, 0))
    for index, (time, packet) in enumerate(packets):
        frame = wrap(packet)
        head = struct.pack("<IIIII", index % len(links), time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        out += block(6, head + frame)
    return out


def fragments(packet, ident, size=600):
    """An IPv4 packet as fragments of `size` bytes, a multiple of eight."""
    payload = packet[20:]
    source, destination = (str(ipaddress.ip_address(packet[at:at + 4])) for at in (12, 16))
    for at in range(0, len(payload), size):
        more = 0x2000 if at + size < len(payload) else 0
        yield ip(source, destination, packet[9], payload[at:at + size], ident, more | at // 8)
