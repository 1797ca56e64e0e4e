"""``[notify]``: who is told when a person is needed."""

from importlib.util import find_spec
from urllib.parse import urlsplit

from receiver.config.model import Notify, NotifyWebhook, Smtp
from receiver.config.tables import THIS_MACHINE, Table

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SECRET = "whsec_"


def read_notify(table: Table) -> Notify:
    """The table's settings; each fault is noted."""
    urls = table.texts("urls", ())
    if urls and find_spec("apprise") is None:
        table.fault("urls", "needs the extra for Apprise: pip install '.[notify]'")
    console = _console(table)
    notify = Notify(
        smtp=_smtp(smtp) if (smtp := table.table("smtp")).given else None,
        webhook=_webhook(webhook) if (webhook := table.table("webhook")).given else None,
        urls=urls,
        at_least=table.choice("at_least", ("warning", "critical"), "warning"),
        quiet_seconds=3600 * table.number("repeat_hours", 6, least=0.1),
        quiet_hours=_span(table),
        digest_minutes=_digest_minutes(table),
        zone=table.zone("zone") or Notify().zone,
        link=table.text("link", None) or console,
        console=console,
    )
    table.finish()
    return notify


def _console(table: Table) -> str | None:
    """The console's address without a slash at its end."""
    written = table.text("console", None)
    parts = urlsplit(written or "")
    if written and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        table.fault("console", f"{written!r} is not the console's address, such as https://receiver.example/console")
    return written.rstrip("/") if written else None


def _digest_minutes(table: Table) -> int:
    written = table.text("digest_at", None) or "08:00"
    minutes = _minutes(written)
    if minutes is None:
        table.fault("digest_at", f"{written!r} is no time of day, such as 08:00")
    return minutes or 0


def _span(table: Table) -> tuple[int, int] | None:
    written = table.text("quiet_hours", None)
    if written is None:
        return None
    begin, end = (_minutes(part.strip()) for part in (written.partition("-")[0], written.partition("-")[2]))
    if begin is None or end is None or begin == end:
        table.fault("quiet_hours", f"{written!r} is no part of the day, such as 22:00-07:00")
        return None
    return begin, end


def _minutes(written: str) -> int | None:
    """A time of day in minutes after midnight; ``None``: it is none."""
    hour, _, minute = written.partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        return None
    return 60 * int(hour) + int(minute)


def _smtp(table: Table) -> Smtp:
    security = table.choice("security", tuple(_PORTS), "starttls")
    written = table.text("server") or ""
    host, _, port = written.rpartition(":") if ":" in written else (written, "", str(_PORTS[security]))
    if written and not (host and port.isdecimal()):
        table.fault("server", f"{written!r} is not HOST or HOST:PORT")
    smtp = Smtp(
        host=host.strip("[]"),
        port=int(port) if port.isdecimal() else 0,
        security=security,
        user=table.text("user", None),
        password=table.text("password", None),
        sender=table.text("from") or "",
        to=table.texts("to"),
    )
    if (smtp.user is None) != (smtp.password is None):
        table.fault("user", "goes with password")
    for name, credential in (("user", smtp.user), ("password", smtp.password)):
        if not (credential or "").isascii():
            table.fault(name, "may have ASCII letters only: Python's mail client sends no others")
    if security == "none" and smtp.user and smtp.host not in THIS_MACHINE:
        table.fault("security", "must be starttls or tls: a password is sent")
    for address in (smtp.sender, *smtp.to):
        if address and ("@" not in address or not address.isprintable()):
            table.fault("to" if address in smtp.to else "from", f"{address!r} is no mail address")
    table.finish()
    return smtp


def _webhook(table: Table) -> NotifyWebhook:
    webhook = NotifyWebhook(url=table.text("url") or "", secret=table.text("secret") or "")
    parts = urlsplit(webhook.url)
    if webhook.url and (parts.scheme not in ("http", "https") or not parts.hostname):
        table.fault("url", "must be https://host/path")
    elif parts.scheme == "http" and parts.hostname not in THIS_MACHINE:
        table.fault("url", "must be https (http only to this machine)")
    if webhook.secret and not webhook.key:
        table.fault("secret", f"must be {_SECRET} and at least 24 bytes in base64, as Standard Webhooks write it")
    table.finish()
    return webhook
