"""Clients that store a session and offer it later."""

import os
import subprocess

import harness
from certificates import NAME
from processes import stop


class ResumingClient:
    """For a LiveTest: self.session_file is a test's own."""

    def setUp(self):
        folder = self.enterContext(harness.temporary_folder())
        self.session_file = os.path.join(folder, "session")
        self.request_file = os.path.join(folder, "request")
        with open(self.request_file, "w") as file:
            file.write("GET / HTTP/1.0\r\n\r\n")

    def store_session(self, server):
        """A session that allows early data; the ticket must have come before s_client ends, so that it waits for more data."""
        client = self.cgroup.popen(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME,
                                    "-sess_out", self.session_file],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(stop, client)
        harness.wait_until(lambda: os.path.exists(self.session_file) and os.path.getsize(self.session_file), what="the session")
        client.stdin.close()
        client.wait(harness.scaled(10))

    def send_early_data(self, server):
        # Without -www nobody answers the request: the end of the input ends the connection.
        return self.cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME,
                                "-sess_in", self.session_file, "-early_data", self.request_file])
