"""Session resumption: session id, ticket, PSK, early data; offered is not accepted."""

import harness
from certificates import NAME, certificates
from livetest import LiveTest
from resuming_client import ResumingClient
from servers import Nginx, OpensslServer

FULL = {"tlsmeter.result": "success", "tls.resumed": False, "tlsmeter.resumption": None, "tls.client.server_name": NAME}
RESUMED = {**FULL, "tls.resumed": True}


class ResumptionTest(ResumingClient, LiveTest):
    def first(self, server, *arguments):
        done = self.s_client(server.port, "-sess_out", self.session_file, *arguments)
        self.assertIn(b"New, ", done.stdout)
        return self.pair(server.port, FULL)

    def second(self, server, expected, *arguments):
        """Offers the stored session."""
        done = self.s_client(server.port, "-sess_in", self.session_file, *arguments)
        self.assertIn(b"Reused, " if expected["tls.resumed"] else b"New, ", done.stdout)
        client, answer = self.pair(server.port, expected)
        self.check_owner(client, done.pid, "openssl")
        self.check_owner(answer, server.pid, "openssl")

    def test_session_id(self):
        with OpensslServer(self.cgroup, "-tls1_2", "-no_ticket") as server:
            self.first(server)
            self.second(server, {**RESUMED, "tls.protocol.version": "1.2", "tlsmeter.resumption": "session_id"})

    def test_ticket(self):
        with OpensslServer(self.cgroup, "-tls1_2") as server:
            self.first(server)
            self.second(server, {**RESUMED, "tls.protocol.version": "1.2", "tlsmeter.resumption": "ticket"})

    def test_psk(self):
        with OpensslServer(self.cgroup, "-tls1_3") as server:
            self.first(server)
            self.second(server, {**RESUMED, "tls.protocol.version": "1.3", "tlsmeter.resumption": "psk", "tls.curve": "x25519"})

    def test_psk_with_hello_retry(self):
        with OpensslServer(self.cgroup, "-tls1_3", "-groups", "P-384") as server:
            self.first(server)
            self.second(server, {**RESUMED, "tlsmeter.resumption": "psk", "tlsmeter.hello_retry": True, "tls.curve": "secp384r1"})

    def test_offered_to_a_restarted_server_is_not_resumed(self):
        for version in ("-tls1_2", "-tls1_3"):
            for tickets in ([], ["-no_ticket"]):
                with self.subTest(version=version, tickets=tickets):
                    with OpensslServer(self.cgroup, version, *tickets) as server:
                        self.first(server)
                    with OpensslServer(self.cgroup, version, *tickets) as server:
                        self.second(server, FULL)

    def test_nginx_shared_session_cache_across_workers(self):
        harness.require("nginx")
        servers = {"cache": "ssl_protocols TLSv1.2; ssl_session_cache shared:S:1m; ssl_session_tickets off;"}
        with Nginx(self.cgroup, servers) as nginx:
            port = nginx.ports["cache"]
            self.s_client(port, "-sess_out", self.session_file)
            self.pair(port, FULL)
            for _ in range(3):
                self.s_client(port, "-sess_in", self.session_file)
                self.pair(port, {**RESUMED, "tlsmeter.resumption": "session_id"})

    def early(self, server, reused, expected):
        self.assertIn(reused, self.send_early_data(server).stdout)
        self.pair(server.port, expected)

    def store_session(self, server):
        super().store_session(server)
        self.pair(server.port, FULL)

    def test_early_data_accepted(self):
        with OpensslServer(self.cgroup, "-tls1_3", "-early_data", www=False) as server:
            self.store_session(server)
            self.early(server, b"Early data was accepted",
                       {**RESUMED, "tlsmeter.resumption": "psk", "tlsmeter.early_data": "accepted"})

    def test_early_data_rejected_by_a_restarted_server(self):
        with OpensslServer(self.cgroup, "-tls1_3", "-early_data", www=False) as server:
            self.store_session(server)
        with OpensslServer(self.cgroup, "-tls1_3", "-early_data", www=False) as server:
            self.early(server, b"Early data was rejected", {**FULL, "tlsmeter.early_data": "rejected"})

    def test_early_data_is_absent_when_it_was_not_offered(self):
        with OpensslServer(self.cgroup, "-tls1_3", "-early_data", www=False) as server:
            self.store_session(server)
            done = self.cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME,
                                    "-sess_in", self.session_file])
            self.assertIn(b"Reused, ", done.stdout)
            self.pair(server.port, {**RESUMED, "tlsmeter.resumption": "psk", "tlsmeter.early_data": None})

    def test_client_certificate_is_not_asked_again_on_resumption(self):
        mine = certificates().client
        verify = ["-Verify", "2", "-CAfile", certificates().root.certificate]
        with OpensslServer(self.cgroup, "-tls1_2", *verify) as server:
            self.first(server, "-cert", mine.certificate, "-key", mine.key)
            self.second(server, {**RESUMED, "tlsmeter.resumption": "ticket", "tlsmeter.mtls": {None}})


if __name__ == "__main__":
    harness.main()
