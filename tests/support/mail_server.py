"""A mail server on loopback that keeps what it takes."""

import email
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.servers import free_port


class MailServer:
    """``mails`` are what it took; ``refuses`` is what it answers to a recipient instead, if anything: to each, or to
    those in ``refused``."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses: str | None = None
        self.refused: set[str] = set()
        self._login = login
        options: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls else {}
        if login:
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": bool(tls)}
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def settings(self) -> dict[str, Any]:
        """What stands in ``[notify.smtp]`` for it."""
        return {
            "server": f"127.0.0.1:{self.port}",
            "security": "none",
            "from": "receiver@shop.example",
            "to": ["ana@shop.example", "rui@shop.example"],
        }

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: Any) -> str:  # noqa: N802
        if self.refuses and (not self.refused or to in self.refused):
            return self.refuses
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail: Message = email.message_from_bytes(envelope.content or b"", policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, way: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=self._login == (given.login.decode(), given.password.decode()), handled=False)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS on loopback, and the file that a client must trust for it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
    builder = builder.serial_number(1).add_extension(address, critical=False)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    pem, trusted = serialization.Encoding.PEM, folder / "trusted.pem"
    trusted.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, folder / "key.pem")
    return context, trusted
