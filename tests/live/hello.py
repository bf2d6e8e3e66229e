"""Handshake bytes made by hand, for what no TLS library would send."""

import os
import struct


def _block(length_bytes, body):
    return len(body).to_bytes(length_bytes, "big") + body


def extension(number, body):
    return struct.pack(">H", number) + _block(2, body)


def client_hello(server_name=None, padding=0):
    """A record with a TLS 1.2 ClientHello. `server_name` is raw bytes; `padding` is the length of the padding extension's body."""
    extensions = extension(10, _block(2, b"\x00\x1d\x00\x17")) + extension(13, _block(2, b"\x04\x03\x08\x04"))
    if server_name is not None:
        extensions = extension(0, _block(2, b"\x00" + _block(2, server_name))) + extensions
    if padding:
        extensions += extension(21, bytes(padding))
    body = b"\x03\x03" + os.urandom(32) + _block(1, b"") + _block(2, b"\xc0\x2b\xc0\x2f") + b"\x01\x00" + _block(2, extensions)
    return record(22, b"\x01" + _block(3, body))


def record(content_type, body, version=b"\x03\x01"):
    return bytes([content_type]) + version + _block(2, body)


def alert(description, level=2):
    return record(21, bytes([level, description]), b"\x03\x03")


HANDSHAKE_FAILURE = 40

# Server names that could break a page of metrics, a line of JSON or a terminal.
HOSTILE_NAMES = [
    b"\xff\xfe.example.test", b"\xc3\x28", b"\xed\xa0\x80", b"b\xc3\xbccher.example", b"zero\x00byte", b'a"b\\c\nd{e="f"} 1',
    b'a"b\\c\nd{e="f"} 1\n', b"\n\n# EOF\n", b"\xe2\x80\xae.example.test", b"\xff" * 255, b"x" * 255, b"x" * 300, b"", b".", b"..",
    b"-", b" ", b"192.0.2.1", b"2001:db8::1", b"[::1]:443", b"host:443", b"__other__", b"UPPER.example.test", b"*", b"%00",
    b"'; DROP TABLE names; --", b"\x7f" * 20, b"\x1b[31mred\x1b[0m", b"a." * 120,
]
