"""TLS clients and servers in Python, as bodies of actors (see processes.Actor): body(channel, ...)."""

import contextlib
import json
import os
import socket
import ssl
import struct

from certificates import NAME, certificates
from harness import scaled
from hello import HANDSHAKE_FAILURE, alert, client_hello

REQUEST = b"hello\n"
TIMEOUT = 15


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def listen(host="127.0.0.1", port=0, options=(), backlog=512):
    """A listening socket; `options` are (level, name, value) and set before listen."""
    listener = socket.socket(family_of(host), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in options:
        listener.setsockopt(*option)
    listener.bind((host, port))
    listener.listen(backlog)
    return listener


def connect(address, options=(), source=None):
    """A connected socket with a time limit; `options` are set before connect, `source` is the (host, port) to bind to."""
    client = socket.socket(family_of(address[0]), socket.SOCK_STREAM)
    client.settimeout(scaled(TIMEOUT))
    for option in options:
        client.setsockopt(*option)
    if source:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(source)
    client.connect(address)
    return client


def reset(connection):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def server_context(certificate=None, version=None, alpn=(), **attributes):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = certificate or certificates().leaf
    context.load_cert_chain(certificate.chain, certificate.key)
    return _configure(context, version, alpn, attributes)


def client_context(version=None, alpn=(), trust=None, **attributes):
    """Trusts `trust` (a Certificate), or with None any server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(trust.certificate)
    return _configure(context, version, alpn, attributes)


def _configure(context, version, alpn, attributes):
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


def answer(tls):
    """Reads one request, answers with the pid of who serves, and waits for the client to close. No request: says good-bye."""
    if not tls.recv(len(REQUEST)):
        tls.unwrap()
    else:
        tls.sendall(b"%d\n" % os.getpid())
        with contextlib.suppress(OSError):
            while tls.recv(4096):
                pass


def shake(connection, context):
    """The server's side of one connection; a refused handshake or a reset is part of the game."""
    connection.settimeout(scaled(TIMEOUT))
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            answer(tls)
    except OSError:  # ssl.SSLError is one
        connection.close()


def serve_tls(channel, context=None, host="127.0.0.1", options=(), handle=shake):
    """Sends its (host, port), then serves one connection after the other until it is stopped. `context` may be a function."""
    listener = listen(host, options=options)
    context = context() if callable(context) else context or server_context()
    channel.send(listener.getsockname()[:2])
    while True:
        handle(listener.accept()[0], context)


def exchange(connection, context, server_name=NAME):
    """The client's side: handshake, request, answer, orderly close. Returns what was negotiated."""
    local = connection.getsockname()[:2]
    with context.wrap_socket(connection, server_hostname=server_name) as tls:
        tls.sendall(REQUEST)
        said = tls.recv(100)
        facts = {"local": local, "version": tls.version(), "cipher": tls.cipher()[0], "alpn": tls.selected_alpn_protocol(),
                 "resumed": tls.session_reused, "server_pid": int(said)}
    return facts


def connect_tls(_channel, address, context=None, server_name=NAME, options=(), source=None):
    """One connection; returns exchange()'s facts, or {"error": ..., "local": ...} when the handshake fails."""
    connection = connect(address, options, source)
    local = connection.getsockname()[:2]
    try:
        return exchange(connection, context or client_context(), server_name)
    except (ssl.SSLError, ConnectionError) as error:
        connection.close()
        return {"error": str(error), "local": local}


def refuse_hello(connection, _):
    """To be given to serve_tls as `handle`: the hello is read, and refused."""
    with connection:
        connection.recv(4096)
        connection.sendall(alert(HANDSHAKE_FAILURE))


def say_hellos(_channel, address, server_names):
    """A ClientHello for each of `server_names`, which are raw bytes, on a connection of its own."""
    for name in server_names:
        with connect(address) as connection:
            connection.sendall(client_hello(name))
            connection.recv(100)


def shake_in_pieces(connection, context, sizes, server_name=NAME):
    """exchange() over a memory buffer: what TLS wants to send goes out in pieces of `sizes` (an endless iterator)."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    sent = 0

    def flush():
        nonlocal sent
        data = outgoing.read()
        while data:
            size = next(sizes)
            connection.sendall(data[:size])
            data = data[size:]
            sent += 1

    def pump(step):
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                flush()
                data = connection.recv(65536)
                if not data:
                    raise ConnectionError("closed during the handshake") from None
                incoming.write(data)
            else:
                flush()
                return result

    pump(tls.do_handshake)
    pump(lambda: tls.write(REQUEST))
    said = pump(lambda: tls.read(100))
    local = connection.getsockname()[:2]
    with contextlib.suppress(ssl.SSLError):
        tls.unwrap()
    flush()
    connection.close()
    return {"local": local, "version": tls.version(), "server_pid": int(said), "segments": sent}


def serve_pods(channel, pods, token="secret"):
    """A kubelet: answers each request that bears the token with the list `pods`, and sends whether it did."""
    listener, context = listen(), server_context()
    channel.send(listener.getsockname())
    while True:
        with contextlib.suppress(OSError):
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                allowed = f"Authorization: Bearer {token}\r\n".encode() in connection.recv(65536)
                status, body = ("200 OK", json.dumps(pods).encode()) if allowed else ("401 Unauthorized", b"")
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                channel.send(allowed)
