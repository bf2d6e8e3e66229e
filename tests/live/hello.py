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
