"""Handshakes that succeed: versions, ciphers, groups, names, address families, application protocols, by several programs."""

import os
import ssl
import subprocess
import tempfile
import unittest

import harness
from certificates import NAME, certificates
from livetest import LiveTest
from network import has_ipv6
from peers import client_context, connect, reset, serve_tls, server_context
from processes import stop
from servers import Nginx, OpensslServer

TLS13 = {"tlsmeter.result": "success", "tls.protocol.version": "1.3", "tls.resumed": False, "tlsmeter.resumption": None,
         "tlsmeter.alert.description": None, "tls.client.server_name": NAME}
TLS12 = {**TLS13, "tls.protocol.version": "1.2"}


class OpensslTest(LiveTest):
    def one(self, server_arguments, client_arguments, expected, host="127.0.0.1", **named):
        sni = named.pop("sni", NAME)
        with OpensslServer(self.cgroup, *server_arguments, host=host, **named) as server:
            done = self.s_client(server.port, *client_arguments, host=host, sni=sni)
            client, answer = self.pair(server.port, expected)
        self.check_owner(client, done.pid, "openssl")
        self.check_owner(answer, server.pid, "openssl")
        self.assertEqual(client["server.address"], host)
        self.assertEqual(client["client.address"], host)
        return client, answer

    def test_tls13_names_version_cipher_group_and_both_owners(self):
        client, server = self.one(
            ["-tls1_3"], ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256", "-groups", "X25519"],
            {**TLS13, "tls.cipher": "TLS_AES_128_GCM_SHA256", "tls.curve": "x25519", "tlsmeter.hello_retry": {None, False},
             "tlsmeter.offered.versions": ["1.3"], "tlsmeter.offered.groups": ["x25519"]})
        self.assertIn("TLS_AES_128_GCM_SHA256", client["tlsmeter.offered.ciphers"])
        for record in (client, server):
            self.assertGreater(record["tlsmeter.timing.tcp_ms"], 0, record)
            self.assertGreater(record["tlsmeter.timing.first_app_byte_ms"], 0, record)

    def test_tls13_chacha20_and_p256(self):
        self.one(["-tls1_3"], ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "-groups", "P-256"],
                 {**TLS13, "tls.cipher": "TLS_CHACHA20_POLY1305_SHA256", "tls.curve": "secp256r1"})

    def test_tls12_ecdsa(self):
        self.one(["-tls1_2"], ["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-groups", "X25519:P-256"],
                 {**TLS12, "tls.cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "tls.curve": "x25519"})

    def test_tls12_rsa_certificate(self):
        self.one(["-tls1_2"], ["-cipher", "ECDHE-RSA-AES256-GCM-SHA384", "-groups", "P-256"],
                 {**TLS12, "tls.cipher": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "tls.curve": "secp256r1"},
                 certificate=certificates().rsa)

    def test_tls12_rsa_key_exchange_has_no_group(self):
        self.one(["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-cipher", "AES128-GCM-SHA256"],
                 {**TLS12, "tls.cipher": "TLS_RSA_WITH_AES_128_GCM_SHA256", "tls.curve": None}, certificate=certificates().rsa)

    def test_tls12_finite_field_diffie_hellman(self):
        self.one(["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], [],
                 {**TLS12, "tls.cipher": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"}, certificate=certificates().rsa)

    def test_tls12_certificate_message_above_16_kib(self):
        self.one(["-tls1_2"], [], TLS12, certificate=certificates().big)

    def test_tls13_certificate_message_above_16_kib(self):
        self.one(["-tls1_3"], [], TLS13, certificate=certificates().big)

    def test_client_certificate(self):
        mine = certificates().client
        server = ["-Verify", "2", "-CAfile", certificates().root.certificate, "-verify_return_error"]
        client = ["-cert", mine.certificate, "-key", mine.key]
        self.one(["-tls1_2", *server], client, {**TLS12, "tlsmeter.mtls": "presented"})
        self.one(["-tls1_3", *server], client, TLS13)

    def test_hello_retry_is_one_handshake(self):
        self.one(["-tls1_3", "-groups", "P-384"], [],
                 {**TLS13, "tls.curve": "secp384r1", "tlsmeter.hello_retry": True})
        self.one(["-tls1_3", "-groups", "P-384"], ["-groups", "X25519:P-384"],
                 {**TLS13, "tls.curve": "secp384r1", "tlsmeter.hello_retry": True,
                  "tlsmeter.offered.groups": ["x25519", "secp384r1"]})

    def test_no_server_name(self):
        for version, expected in (("-tls1_2", TLS12), ("-tls1_3", TLS13)):
            with self.subTest(version):
                self.one([version], [], {**expected, "tls.client.server_name": None}, sni=None)

    def test_server_name_is_reported_in_lower_case(self):
        self.one([], [], TLS13, sni=NAME.upper())

    @unittest.skipUnless(has_ipv6(), "needs IPv6 on loopback")
    def test_ipv6(self):
        self.one(["-tls1_3"], [], TLS13, host="::1")
        self.one(["-tls1_2"], [], TLS12, host="::1")

    def test_renegotiation_is_not_a_second_handshake(self):
        with OpensslServer(self.cgroup, "-tls1_2", "-client_renegotiation", www=False) as server, \
                tempfile.TemporaryFile("w+b") as output:
            argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME]
            client = self.cgroup.popen(argv, stdin=subprocess.PIPE, stdout=output, stderr=output)
            self.addCleanup(stop, client)

            def said(text):
                return os.pread(output.fileno(), 1 << 20, 0).count(text)

            def type_in(command):
                client.stdin.write(command)
                client.stdin.flush()

            harness.wait_until(lambda: said(b"Extended master secret"), what="the first handshake of s_client")
            verified = said(b"verify return:1")
            type_in(b"R\n")
            harness.wait_until(lambda: said(b"verify return:1") > verified, what="the renegotiation of s_client")
            type_in(b"Q\n")
            client.wait(harness.scaled(10))
            self.pair(server.port, TLS12)


class NginxTest(LiveTest):
    programs = ("nginx", "curl")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nginx = cls.enterClassContext(Nginx(cls.cgroup, {
            "tls13": "ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;",
            "tls12": "ssl_protocols TLSv1.2; ssl_ecdh_curve X25519;",
            "http2": "ssl_protocols TLSv1.2 TLSv1.3;",
            "retry": "ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1;",
        }))

    def curl(self, name, *arguments):
        port = self.nginx.ports[name]
        done = self.cgroup.run(["curl", "-sS", "--cacert", certificates().root.certificate, "--connect-to",
                                f"{NAME}:443:127.0.0.1:{port}", *arguments, f"https://{NAME}/"])
        self.assertEqual(done.stdout, b"hello\n")
        return done.pid

    def one(self, name, expected, *arguments):
        pid = self.curl(name, *arguments)
        client, server = self.pair(self.nginx.ports[name], expected)
        self.check_owner(client, pid, "curl")
        self.assertEqual(server["process.name"], "nginx", server)
        if harness.IN_INITIAL_PID_NAMESPACE:
            self.assertIn(server["process.pid"], self.nginx.worker_pids(), server)
        self.assertGreater(server["tlsmeter.timing.first_app_byte_ms"], 0, server)
        return client, server

    def test_curl_with_tls13(self):
        self.one("tls13", {**TLS13, "tls.cipher": "TLS_AES_256_GCM_SHA384", "tls.curve": "x25519"})

    def test_curl_with_tls12(self):
        self.one("tls12", {**TLS12, "tls.cipher": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "tls.curve": "x25519"})

    def test_hello_retry_by_nginx(self):
        self.one("retry", {**TLS13, "tls.curve": "secp384r1", "tlsmeter.hello_retry": True})

    def test_http2_is_offered_in_both_versions_and_the_choice_seen_in_tls12(self):
        offered = {"tlsmeter.offered.alpn": ["h2", "http/1.1"]}
        self.one("http2", {**TLS12, **offered, "tls.next_protocol": "h2"}, "--http2", "--tls-max", "1.2")
        self.one("http2", {**TLS13, **offered, "tls.next_protocol": None}, "--http2")

    def test_without_alpn_nothing_is_offered_or_chosen(self):
        self.one("tls12", {**TLS12, "tlsmeter.offered.alpn": None, "tls.next_protocol": None}, "--no-alpn")


class PythonTest(LiveTest):
    def test_addresses_and_ports_are_those_of_the_sockets(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                server = self.serve(server_context(version=version))
                facts = self.connect(server)
                client, answer = self.pair(server.port, TLS12 if "1.2" in facts["version"] else TLS13)
                for record in (client, answer):
                    self.check_addresses(record, facts["local"], server.address)
                self.check_owner(client, facts["pid"], "py-client")
                self.check_owner(answer, server.pid, "py-server")

    def test_alpn_chosen_by_the_server(self):
        server = self.serve(server_context(alpn=["http/1.1"], version=ssl.TLSVersion.TLSv1_2))
        facts = self.connect(server, context=client_context(alpn=["h2", "http/1.1"]))
        self.assertEqual(facts["alpn"], "http/1.1")
        self.pair(server.port, {**TLS12, "tls.next_protocol": "http/1.1", "tlsmeter.offered.alpn": ["h2", "http/1.1"]})

    def test_closing_at_once_after_the_handshake_is_no_failure(self):
        def greet_and_leave(channel, address, version, tickets_follow):
            connection = connect(address)
            tls = client_context(version=version).wrap_socket(connection, server_hostname=NAME)
            if tickets_follow:
                reset(tls)  # whatever the server sends now is refused
            else:
                tls.unwrap().close()  # both say close_notify

        for version, expected in ((ssl.TLSVersion.TLSv1_2, TLS12), (ssl.TLSVersion.TLSv1_3, TLS13)):
            for tickets in (0, 2):
                with self.subTest(version=version, tickets=tickets):
                    context = server_context(version=version, num_tickets=tickets)
                    server = self.serve(context, body=serve_tls)
                    self.actor(greet_and_leave, server.address, version, tickets > 0).receive()
                    self.pair(server.port, expected)


if __name__ == "__main__":
    harness.main()
