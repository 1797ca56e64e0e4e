"""What the tests of deploy/ share: the project's helpers, imported in this one place, and a real nginx on loopback."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters import Hmac, Request
from bench.servers import free_port
from tests.support.bare_server import answer, saying, serving
from tests.support.paths import ROOT
from tests.support.processes import SECRET, Running, Sender, Site, together
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

#: What the test files take from here: the project's helpers are imported in this place only.
__all__ = [
    "DEPLOY",
    "MELHOR_ENVIO",
    "PAGE",
    "ROOT",
    "Answer",
    "Nginx",
    "Rig",
    "Running",
    "Sender",
    "Site",
    "answer",
    "free_port",
    "heard",
    "is_ready",
    "needs",
    "order",
    "package",
    "patiently",
    "posted",
    "saying",
    "serving",
    "shell",
    "together",
    "webhook",
]

DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
#: The name of the public server in the sample.
NAME = "hooks.example.com"


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped. CI installs nginx, and fails without it."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is not None:
        return found
    if program == "nginx" and os.environ.get("CI"):
        pytest.fail("CI must test with nginx, and it is not installed")
    pytest.skip(f"{program} is not installed")


def patiently(happens: Callable[[], Any]) -> Any:
    """What ``happens`` returns once it is true: for processes that start or end, on a machine that is busy."""
    ends = time.monotonic() + 60
    while not (found := happens()):
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.05)
    return found


def is_ready(port: int) -> bool:
    """What the page's `curl` waits for."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection, contextlib.suppress(OSError):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


def shell(page: str, containing: str) -> str:
    """The one command of a page's shell blocks that contains the text, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if containing in line]
    assert 1 == len(lines), f"{len(lines)} commands with {containing!r}"
    return lines[0].strip()


@dataclass(frozen=True)
class Answer:
    """What a client got; ``status`` 0: the connection broke."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Nginx:
    """A real nginx with the sample's own files, on free ports of loopback; ``changes`` are texts to replace in them.

    ``receivers`` are the addresses of the web processes behind it.
    """

    def __init__(self, folder: Path, receivers: Sequence[str], **changes: str) -> None:
        program = needs("nginx")
        self.folder = folder / "nginx"
        self.folder.mkdir()
        self.public, self.plain, self.inner = free_port(), free_port(), free_port()
        self._trusted = certificate(self.folder)
        sample = (DEPLOY / "nginx" / "receiver.conf").read_text(encoding="utf-8")
        replaced = {
            "/etc/nginx/tls/": f"{self.folder}/",
            "/var/log/nginx/": f"{self.folder}/",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.public} ssl;",
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen 127.0.0.1:8443 ssl;": f"listen 127.0.0.1:{self.inner} ssl;",
            "    listen [::]:443 ssl;\n": "",
            "    listen [::]:80;\n": "",
            **changes,
        }
        for text, other in replaced.items():
            assert text in sample, f"{text!r} is not in the sample"
            sample = sample.replace(text, other)
        (self.folder / "receiver.conf").write_text(sample)
        upstream = (DEPLOY / "nginx" / "upstream.conf").read_text(encoding="utf-8")
        servers = re.findall(r"server (\S+)(.*;)\n", upstream)
        behind = "".join(f"server {address}{servers[0][1]}\n" for address in receivers)
        (self.folder / "upstream.conf").write_text(f"upstream receiver {{ {behind} }}\n")
        (self.folder / "nginx.conf").write_text(self._main())
        command = [program, "-e", f"{self.folder}/main.log", "-c", f"{self.folder}/nginx.conf", "-g", "daemon off;"]
        with (self.folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        patiently(self._listens)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)

    @property
    def logs(self) -> dict[str, str]:
        """Every log it wrote, by name."""
        return {path.name: path.read_text() for path in self.folder.glob("*.log")}

    def connect(self, *, port: int = 0) -> socket.socket:
        """A connection as a carrier opens it."""
        raw = socket.create_connection(("127.0.0.1", port or self.public), timeout=20)
        return raw if port == self.plain else self._trusted.wrap_socket(raw, server_hostname=NAME)

    def send(self, request: bytes, *, port: int = 0) -> Answer:
        """The answer to a request of exactly these bytes."""
        with self.connect(port=port) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nginx may answer before the end
                connection.sendall(request)
            return heard(connection)

    def ask(self, method: str, path: str, body: bytes = b"", *, port: int = 0, **headers: str) -> Answer:
        """The answer to a plain request; underscores in the names of ``headers`` stand for hyphens."""
        return self.send(written(method, path, body, **headers), port=port)

    def post(self, number: int, endpoint: str = "melhor-envio") -> int:
        """What `Sender.post` sends, through nginx; the status."""
        return self.send(webhook(number, endpoint)).status

    def _listens(self) -> bool:
        assert self._process.poll() is None, f"nginx ended: {self.logs}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.inner)):
            return True
        return False

    def _main(self) -> str:
        """What Debian's nginx.conf does, in a folder of our own."""
        user = "user root;" if os.geteuid() == 0 else ""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        included = "".join(f"include {self.folder}/{name};\n" for name in ("receiver.conf", "upstream.conf"))
        return (
            f"{user} pid {self.folder}/pid; worker_processes 1; events {{ }}\n"
            f"http {{ {folders} access_log {self.folder}/others.log; gzip on;\n{included} }}\n"
        )


def heard(connection: socket.socket) -> Answer:
    """One answer off a connection."""
    answer = HTTPResponse(connection)
    try:
        answer.begin()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    except OSError:
        return Answer(0)


def written(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request's bytes."""
    named = {"Host": NAME, "Content-Length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "Connection: close", "", ""]).encode() + body


def webhook(number: int, endpoint: str = "melhor-envio", *, spacing: str = " ", **said: Any) -> bytes:
    """A signed webhook's bytes: the parcel of order and invoice ``number`` was posted; ``spacing`` stands in its JSON
    where no one cares."""
    payload = posted(
        f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR", at="2024-03-01T12:00:00+00:00", **said
    )
    body = json.dumps(payload, separators=(f",{spacing}", f":{spacing}")).encode() + spacing.encode()
    path = f"/webhooks/{endpoint}"
    request = Request(method="POST", path=path, headers={}, body=body, received_at=datetime.now(UTC))
    return written("POST", path, body, **Hmac(header="x-me-signature", encoding="base64").sign(request, SECRET).headers)


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate of its own for `NAME`, where the sample expects it; what a client needs to trust it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "fullchain.pem").write_bytes(made.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(secret)
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
