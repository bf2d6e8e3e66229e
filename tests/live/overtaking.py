"""A segment that overtakes those before it: sent by a raw socket in the name of a connection, whose own stack knows nothing of it
and sends the same bytes again in their turn. IPv4 only; needs root."""

import socket
import struct

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECEIVED, SENT = 1, 2
LEAVE_WITHOUT_PROBE = -1
PUSH_AND_ACK = 0x18


def _next_numbers(connection):
    """The next sequence number to send and the next one that is expected."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    numbers = []
    for queue in (SENT, RECEIVED):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        numbers.append(struct.unpack("I", connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, 4))[0])
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, LEAVE_WITHOUT_PROBE)
    return numbers


def _checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send_ahead(connection, skipped, data):
    """Sends `data` as the segment that follows `skipped` bytes which are still to be sent."""
    (source, source_port), (destination, destination_port) = connection.getsockname(), connection.getpeername()
    number, expected = _next_numbers(connection)
    header = struct.pack(">HHIIBBHHH", source_port, destination_port, (number + skipped) % 2**32, expected, 5 << 4, PUSH_AND_ACK,
                         512, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", socket.IPPROTO_TCP, len(header + data))
    header = header[:16] + struct.pack(">H", _checksum(pseudo + header + data)) + header[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0, socket.inet_aton(source),
                     socket.inet_aton(destination))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(ip + header + data, (destination, 0))
