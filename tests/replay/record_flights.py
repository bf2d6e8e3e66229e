"""Records what two OpenSSL ends say to each other, in memory: no socket, no capture. Run by hand to add a case to data/:

    record_flights.py CERTIFICATE KEY CASE > data/CASE.flights

Each line is the sender and its bytes in hexadecimal, up to the turn of the other.
"""

import ssl
import sys


class End:
    """One end, and what it has sent so far."""

    def __init__(self, context, **named):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, **named)

    def turn(self, action):
        """Does `action` as far as the bytes suffice, and returns what it made the end send."""
        try:
            action(self.tls)
        except ssl.SSLError:  # wants more, or the handshake failed
            pass
        return self.outgoing.read()


def record(client, server, server_name):
    """The flights of one handshake, the client's request and the server's answer."""
    ends = {"client": End(client, server_hostname=server_name), "server": End(server, server_side=True)}
    flights = []

    def turn(sender, action):
        if text := ends[sender].turn(action):
            flights.append((sender, text))
            ends["client" if sender == "server" else "server"].incoming.write(text)

    for _ in range(3):
        for sender in ends:
            turn(sender, lambda tls: tls.do_handshake())
    turn("client", lambda tls: tls.write(b"GET / HTTP/1.0\r\n\r\n"))
    turn("server", lambda tls: (tls.read(4096), tls.write(b"HTTP/1.0 200 OK\r\n\r\n")))
    return flights


def contexts(certificate, key):
    client = ssl.create_default_context()
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return client, server


def main():
    certificate, key, case = sys.argv[1:]
    client, server = contexts(certificate, key)
    if case == "tls12":
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        for context in (client, server):
            context.set_alpn_protocols(["h2", "http/1.1"])
    elif case == "refused":  # no version in common: the server's alert is in the clear
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        server.minimum_version = ssl.TLSVersion.TLSv1_3
    elif case != "tls13":
        sys.exit(f"no such case: {case}")
    for sender, text in record(client, server, f"{case}.example.com"):
        print(sender, text.hex())


if __name__ == "__main__":
    main()
