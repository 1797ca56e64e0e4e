"""How messages reach people: mail, a signed webhook, and whatever Apprise knows."""

import logging
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from importlib import import_module
from typing import Any, Protocol

from receiver.config import Notify, NotifyWebhook, Smtp
from receiver.http import Http, NoAnswer
from receiver.notify import messages
from receiver.store import new_id
from receiver.timing import moment

log = logging.getLogger("receiver.notify")

#: Seconds of silence of a mail server, and of a whole webhook.
PATIENCE = 15.0


class NotSent(Exception):
    """The channel did not take the message. The text holds no secret."""


class Channel(Protocol):
    """One way to people."""

    def send(self, name: str, message: Mapping[str, Any], *, at: float) -> None:
        """Send the message; ``name`` is its own, and stays the same when it is tried again. Raises `NotSent`."""


def open_channels(notify: Notify) -> dict[str, Channel]:
    """The channels of the settings, by name."""
    found: dict[str, Channel] = {}
    if notify.smtp:
        found["smtp"] = _Mail(notify.smtp, notify.link)
    if notify.webhook:
        found["webhook"] = _Webhook(notify.webhook)
    for number, url in enumerate(notify.urls, 1):
        found[f"apprise-{number}"] = _Apprise(url, notify.link)
    return found


def send_now(channels: Mapping[str, Channel], message: Mapping[str, Any], *, at: float) -> dict[str, str | None]:
    """Send a message over each channel at once; by channel, why it was not sent, ``None`` where it was."""
    found: dict[str, str | None] = {}
    for name, channel in channels.items():
        try:
            channel.send(new_id(), message, at=at)
        except NotSent as error:
            found[name] = str(error)
        else:
            found[name] = None
    return found


class _Mail:
    def __init__(self, smtp: Smtp, link: str | None) -> None:
        self._smtp, self._link = smtp, link

    def send(self, name: str, message: Mapping[str, Any], *, at: float) -> None:
        mail = EmailMessage()
        mail["Subject"] = messages.subject(message)
        mail["From"], mail["To"] = self._smtp.sender, ", ".join(self._smtp.to)
        mail["Date"] = format_datetime(moment(at))
        # The same each time it is tried: a mailbox shows it once.
        mail["Message-ID"] = f"<{name}@{self._smtp.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
        mail.set_content(messages.text(message, link=self._link))
        try:
            with self._server() as server:
                refused = server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_why(error)) from None
        except UnicodeError:
            raise NotSent(
                "user and password may have ASCII letters only: Python's mail client sends no others"
            ) from None
        if refused:  # the others have it, and would get it again with each try
            log.error("notification refused for some addresses: refused=%d of=%d", len(refused), len(self._smtp.to))

    def _server(self) -> smtplib.SMTP:
        smtp, context = self._smtp, ssl.create_default_context()
        server: smtplib.SMTP
        if smtp.security == "tls":
            server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=PATIENCE, context=context)
        else:
            server = smtplib.SMTP(smtp.host, smtp.port, timeout=PATIENCE)
        try:
            if smtp.security == "starttls":
                server.starttls(context=context)
            if smtp.user is not None and smtp.password is not None:
                server.login(smtp.user, smtp.password)
        except BaseException:
            server.close()
            raise
        return server


class _Webhook:
    def __init__(self, webhook: NotifyWebhook) -> None:
        self._webhook = webhook
        self._http = Http([webhook.url], total=PATIENCE)

    def send(self, name: str, message: Mapping[str, Any], *, at: float) -> None:
        body = messages.payload(message, at=at)
        headers = messages.signed_headers(name, body, self._webhook.key, at=at)
        try:
            answer = self._http.call("POST", self._webhook.url, headers=headers, body=body)
        except NoAnswer as error:
            raise NotSent(str(error)) from None
        if not 200 <= answer.status < 300:
            raise NotSent(f"HTTP {answer.status}")


class _Apprise:
    def __init__(self, url: str, link: str | None) -> None:
        self._url, self._link = url, link

    def send(self, name: str, message: Mapping[str, Any], *, at: float) -> None:  # noqa: ARG002  a chat has neither
        apprise = import_module("apprise")  # the extra `notify`; slow to import, and most do without
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines quote URLs, which hold secrets
        sender = apprise.Apprise()
        kind = {"critical": "failure", "warning": "warning"}[message["severity"]]
        if message["kind"] in ("resolved", "test"):
            kind = "success" if message["kind"] == "resolved" else "info"
        if not sender.add(self._url):
            raise NotSent("Apprise does not know such a URL")
        body = messages.text(message, link=self._link)
        plain = apprise.NotifyFormat.TEXT  # else a `<` in what a stranger sent is a tag to chats that take HTML
        if not sender.notify(title=messages.subject(message), body=body, notify_type=kind, body_format=plain):
            raise NotSent("the service did not take it")


def _why(error: Exception) -> str:
    """The server's own status, without its words: they may quote the login."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__}: {error.smtp_code}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"all of {len(error.recipients)} addresses refused"
    return (
        type(error).__name__ if isinstance(error, smtplib.SMTPException) else str(error.args[-1] if error.args else "")
    )
