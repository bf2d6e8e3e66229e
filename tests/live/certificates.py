"""Certificates for one test run, made with openssl in a temporary folder."""

import functools
import atexit
import os
import subprocess

from harness import search_path, temporary_folder

NAME = "example.test"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
EC_384 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1")
RSA = ("-newkey", "rsa:2048")
LEAF_EXTENSIONS = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName="
NAMES = f"DNS:{NAME},DNS:*.{NAME},IP:127.0.0.1,IP:::1"


class Certificate:
    """A certificate and its private key, both PEM files; `chain` also holds the issuer's certificate, if it has another."""

    def __init__(self, folder, name):
        self.certificate = os.path.join(folder, f"{name}.pem")
        self.key = os.path.join(folder, f"{name}.key")
        self.chain = os.path.join(folder, f"{name}.chain.pem")


class Certificates:
    """root signs leaf (P-256), p384, rsa (RSA-2048), client, expired, local (for `localhost` only), big (its message exceeds
    16 KiB) and middle, which signs far; other_root signs stranger."""

    def __init__(self, folder):
        self._folder = folder
        self.root = self._authority("root")
        self.other_root = self._authority("other")
        self.leaf = self._issue("leaf", EC)
        self.p384 = self._issue("p384", EC_384)
        self.rsa = self._issue("rsa", RSA)
        self.client = self._issue("client", EC)
        self.expired = self._issue("expired", EC, days=-1)
        self.local = self._issue("local", EC, names="DNS:localhost")
        self.middle = self._issue("middle", EC, extensions="basicConstraints=critical,CA:TRUE\nsubjectAltName=")
        self.far = self._issue("far", EC, by=self.middle)
        self.stranger = self._issue("stranger", EC, by=self.other_root)
        many = ",".join(f"DNS:host-{number:04}.a-rather-long-name.{NAME}" for number in range(600))
        self.big = self._issue("big", EC, names=f"{NAMES},{many}")

    def _authority(self, name):
        made = Certificate(self._folder, name)
        made.chain = made.certificate
        _openssl("req", "-x509", *EC, "-nodes", "-keyout", made.key, "-out", made.certificate, "-days", "30",
                 "-subj", f"/O=tlsmeter test/CN={name}")
        return made

    def _issue(self, name, key, names=NAMES, days=30, by=None, extensions=LEAF_EXTENSIONS):
        by = by or self.root
        made = Certificate(self._folder, name)
        request, extension_file = (os.path.join(self._folder, f"{name}.{suffix}") for suffix in ("csr", "ext"))
        with open(extension_file, "w") as file:
            file.write(extensions + names + "\n")
        _openssl("req", *key, "-nodes", "-keyout", made.key, "-out", request, "-subj", f"/O=tlsmeter test/CN={name}.{NAME}")
        _openssl("x509", "-req", "-in", request, "-CA", by.certificate, "-CAkey", by.key, "-CAcreateserial",
                 "-days", str(days), "-extfile", extension_file, "-out", made.certificate)
        with open(made.chain, "w") as chain:
            for part in (made, by):
                with open(part.certificate) as file:
                    chain.write(file.read())
        return made

    def revocations(self, *revoked):
        """The path of a list of the root's in which these certificates are revoked."""
        path = os.path.join(self._folder, "revoked.crl")
        template = os.path.join(self._folder, "revoked.template")
        with open(template, "w") as file:
            file.write("crl_next_update = 30\ncrl_number = 1\n")
        _run("certtool", "--generate-crl", "--load-ca-privkey", self.root.key, "--load-ca-certificate", self.root.certificate,
             *(argument for certificate in revoked for argument in ("--load-certificate", certificate.certificate)),
             "--template", template, "--outfile", path)
        return path


def _openssl(*arguments):
    _run("openssl", *arguments)


def _run(*command):
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": search_path()})


@functools.cache
def certificates():
    """The certificates of this run, made on first use and removed when the process ends."""
    folder = temporary_folder()
    atexit.register(folder.cleanup)
    return Certificates(folder.name)
