"""A certificate authority of our own, made by the openssl command; tests point SSL_CERT_FILE at it."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_CONFIG = """
[ca]
default_ca = ours
[ours]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


@dataclass(frozen=True)
class Authority:
    """Its certificate is `ca.pem`."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Authority:
        authority = cls(folder)
        (folder / "index.txt").touch()
        (folder / "ca.cnf").write_text(_CONFIG.format(folder=folder))
        authority._openssl(
            *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"],
            *["-subj", "/CN=ours", "-addext", "basicConstraints=critical,CA:TRUE"],
            *["-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key", "-out", "ca.pem"],
        )
        return authority

    @property
    def path(self) -> Path:
        return self.folder / "ca.pem"

    def server(self, name: str, begins: timedelta, ends: timedelta, host: str = "IP:127.0.0.1") -> ssl.SSLContext:
        """For a server whose certificate is valid between these times from now."""
        self._openssl(
            *[
                "req",
                "-new",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-config",
                "ca.cnf",
            ],
            *f"-subj /CN=server -addext subjectAltName={host} -keyout {name}.key -out {name}.csr".split(),
        )
        self._openssl(
            *f"ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in {name}.csr -out {name}.pem".split(),
            *f"-startdate {_stamp(begins)} -enddate {_stamp(ends)}".split(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _stamp(from_now: timedelta) -> str:
    return f"{datetime.now(UTC) + from_now:%Y%m%d%H%M%SZ}"
