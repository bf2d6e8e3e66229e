"""`tlsmeter serve --web.config.file`: HTTPS and passwords as curl and people meet them."""

import os
import shutil
import ssl
import subprocess
import unittest
import warnings

import harness
from certificates import NAME, certificates
from harness import scaled, search_path, temporary_folder, tlsmeter_path, wait_until
from processes import Cgroup
from session import Serve

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt


class WebConfigTest(unittest.TestCase):
    def setUp(self):
        harness.require("curl")
        self.folder = self.enterContext(temporary_folder())
        self.cgroup = self.enterContext(Cgroup())

    def write(self, text):
        path = os.path.join(self.folder, "web.yml")
        with open(path, "w") as file:
            file.write(text)
        return path

    def curl(self, *arguments):
        """Returns (exit code, HTTP status)."""
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "10", *arguments],
                              capture_output=True, text=True, env={"PATH": search_path()}, timeout=scaled(20))
        return done.returncode, int(done.stdout)

    def test_https_with_a_password(self):
        made = certificates()
        hashed = crypt.crypt("s3cret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 10))
        path = self.write(f"tls_server_config: {{cert_file: {made.leaf.chain}, key_file: {made.leaf.key}}}\n"
                          f"basic_auth_users: {{prometheus: {hashed}}}\n")
        session = self.enterContext(Serve(self.cgroup, "--web.config.file", path))
        secure = ["--cacert", made.root.certificate, "--connect-to", f"{NAME}:443:127.0.0.1:{session.port}",
                  f"https://{NAME}/metrics"]
        self.assertEqual(self.curl("-u", "prometheus:s3cret", *secure), (0, 200))
        self.assertEqual(self.curl("-u", "prometheus:secret", *secure), (0, 401))
        self.assertEqual(self.curl(*secure), (0, 401))
        self.assertNotEqual(self.curl(f"http://127.0.0.1:{session.port}/metrics")[1], 200)
        self.assertEqual(session.finish(), 0)

    def test_certs_and_metrics_list_ask_with_tls_and_credentials(self):
        made = certificates()
        hashed = crypt.crypt("s3cret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 5))
        path = self.write(f"tls_server_config: {{cert_file: {made.leaf.chain}, key_file: {made.leaf.key}, client_ca_file: "
                          f"{made.root.certificate}, client_auth_type: RequireAndVerifyClientCert}}\n"
                          f"basic_auth_users: {{me: {hashed}}}\n")
        session = self.enterContext(Serve(self.cgroup, "--web.config.file", path))

        def write(name, text):
            with open(os.path.join(self.folder, name), "w") as file:
                file.write(text)
            return file.name

        def ask(*command, password="s3cret", certificate=True, authority=made.root.certificate, url=f"https://{session.address}"):
            write("password", password)
            own = f", cert_file: {made.leaf.chain}, key_file: {made.leaf.key}" if certificate else ""
            config = write("http.yml", f"tls_config: {{ca_file: {authority}{own}}}\n"
                                       "basic_auth: {username: me, password_file: password}\n")
            done = subprocess.run([tlsmeter_path(), *command, "--url", url, "--http.config.file", config],
                                  capture_output=True, text=True, timeout=scaled(20))
            self.assertNotIn("s3cret", done.stdout + done.stderr)
            return done

        done = ask("metrics", "list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^tlsmeter_handshakes_total +counter +0 ")
        done = ask("certs")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((ask("certs", password="other").returncode), 3)
        for wrong in ({"certificate": False}, {"authority": made.other_root.certificate}, {"url": f"http://{session.address}"}):
            with self.subTest(wrong):
                done = ask("certs", **wrong)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(session.finish(), 0)

    def test_a_renewed_certificate_and_another_password_while_it_runs_confined(self):
        made = certificates()
        pair = [os.path.join(self.folder, name) for name in ("server.pem", "server.key")]

        def install(certificate, password):
            for source, target in zip((certificate.chain, certificate.key), pair):
                shutil.copy(source, target)
            hashed = crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 5))
            return self.write(f"tls_server_config: {{cert_file: {pair[0]}, key_file: {pair[1]}}}\n"
                              f"basic_auth_users: {{prometheus: {hashed}}}\n")

        def shown():
            """The certificate that the server shows."""
            done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{session.port}"], input="", text=True,
                                  capture_output=True, env={"PATH": search_path()}, timeout=scaled(20))
            return ssl.PEM_cert_to_DER_cert(done.stdout[done.stdout.index("-----BEGIN"):].partition("-----END")[0] +
                                            ssl.PEM_FOOTER)

        def der(certificate):
            with open(certificate.certificate) as file:
                return ssl.PEM_cert_to_DER_cert(file.read())

        session = self.enterContext(Serve(self.cgroup, "--web.config.file", install(made.leaf, "before")))
        secure = ["--cacert", made.root.certificate, "--connect-to", f"{NAME}:443:127.0.0.1:{session.port}",
                  f"https://{NAME}/metrics"]
        self.assertEqual(self.curl("-u", "prometheus:before", *secure), (0, 200))
        self.assertEqual(shown(), der(made.leaf))
        self.assertTrue(session.is_confined(), session.threads())
        install(made.rsa, "after")
        wait_until(lambda: self.curl("-u", "prometheus:after", *secure) == (0, 200), what="the new password")
        self.assertEqual(self.curl("-u", "prometheus:before", *secure), (0, 401))
        self.assertEqual(shown(), der(made.rsa))
        self.assertTrue(session.is_confined(), session.threads())
        self.assertEqual(session.finish(), 0)
        self.assertNotIn("web configuration", session.stderr())

    def test_a_mistake_is_told_with_its_place(self):
        path = self.write("tls_server_config:\n  certfile: x\n")
        done = subprocess.run([tlsmeter_path(), "serve", "--cgroup", self.cgroup.path, "--web.config.file", path],
                              capture_output=True, text=True, timeout=scaled(20))
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{path}:2:3: unknown key \"certfile\"", done.stderr)


if __name__ == "__main__":
    harness.main()
