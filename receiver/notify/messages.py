"""PURE: a message: its fields, how people read it, and how machines do."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from receiver.timing import stamp

#: A message, as it is stored, and as the channels take it.
Message = dict[str, Any]
_BEGINNINGS = {"opened": "", "more": "still, and more: ", "resolved": "over: ", "digest": "this morning: ", "test": ""}
#: What cannot stand in a mail's subject, nor should in a line of a chat.
_MOST_SUBJECT = 150


def message(
    kind: str,
    severity: str,
    title: str,
    *,
    cause: str | None = None,
    about: str | None = None,
    lines: Iterable[str] = (),
    command: str | None = None,
    count: int = 1,
    since: float | None = None,
) -> Message:
    """A message with all its fields. ``kind`` is ``opened``, ``more``, ``resolved``, ``digest`` or ``test``; ``about``
    is the subject of its cause; ``since`` is Unix time."""
    return {
        "kind": kind,
        "cause": cause,
        "subject": about,
        "severity": severity,
        "title": title,
        "lines": list(lines),
        "command": command,
        "count": count,
        "since": since,
    }


def subject(message: Mapping[str, Any]) -> str:
    """One line."""
    line = f"[receiver] {message['severity']}: {_BEGINNINGS[message['kind']]}{message['title']}"
    return "".join(letter if letter.isprintable() else " " for letter in line)[:_MOST_SUBJECT]


def text(message: Mapping[str, Any], *, link: str | None) -> str:
    """What happened, to which things, and what to do; ``link`` leads to where people look. What is over concerns no
    thing any more: its last examples would read as if it went on."""
    is_over = message["kind"] == "resolved"
    examples = [] if is_over else message["lines"]
    parts = [f"{_BEGINNINGS[message['kind']]}{message['title']}"]
    if message["since"] is not None:
        parts.append(f"since {stamp(message['since'])}")
    lines = [", ".join(parts), ""]
    lines += [f"- {line}" for line in examples]
    if message["kind"] != "digest" and message["count"] > len(examples) > 0:
        lines.append(f"- and {message['count'] - len(examples)} more")
    if message["command"] and not is_over:
        lines += ["", f"What to do: {message['command']}"]
    if link:
        lines += ["", link]
    return "\n".join(lines) + "\n"


def payload(message: Mapping[str, Any], *, at: float) -> bytes:
    """The body of a webhook, as Standard Webhooks recommends it: type, timestamp, data."""
    kind = ".".join(part for part in ("receiver", message["cause"], message["kind"]) if part)
    data = {**message, "since": stamp(message["since"]) if message["since"] is not None else None}
    return json.dumps({"type": kind, "timestamp": stamp(at), "data": data}).encode()


def signed_headers(name: str, body: bytes, key: bytes, *, at: float) -> dict[str, str]:
    """The headers that prove a webhook (Standard Webhooks, symmetric: HMAC-SHA256 over id, time and body)."""
    seconds = str(int(at))
    signature = hmac.new(key, b".".join((name.encode(), seconds.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": seconds,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
        "content-type": "application/json",
    }
