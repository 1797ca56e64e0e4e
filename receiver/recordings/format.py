"""Recordings: one ``.http`` file is one request in the format of RFC 9112. ``<case>.expected.json`` beside it has the
settings and the expected result. Bulk files are JSON Lines of the same.

The ``.http`` file: request line, headers, an empty line, the exact body bytes. Lines end with LF or CRLF; nothing is
stripped from the body. Credentials are stored as ``[redacted]``: a recording is signed again when it is sent.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adapters import Request, Unreadable
from receiver.carriers.schemas import validator

#: A file that has so many lines and no recording is looked at no further.
_MOST_FAULTS = 100


class BadRecording(Exception):
    """A file is not a recording; the message names the file and the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded request with its expected result.

    ``expected`` fits ``schemas/recording.json``, which explains each member; ``shipments`` are as
    `receiver.shipments.shipment_to_json` writes them. ``earlier`` are the recordings that ``after`` names.
    """

    name: str
    request: Request
    expected: dict[str, Any] = field(default_factory=dict)
    earlier: tuple["Recording", ...] = ()

    @property
    def carrier(self) -> str | None:
        """The slug of the carrier that sent it, if the recording says so."""
        settings: dict[str, Any] = self.expected.get("endpoint", {})
        return settings.get("carrier")

    @property
    def answers(self) -> dict[str, Request]:
        """The API's readable answers by URL."""
        return {
            str(one.get("url")): replace(
                self.request, method="GET", path="", query="", token="", headers={"content-type": "application/json"},
                body=json.dumps(one.get("body")).encode(), fetched=str(one.get("url")),
            )
            for one in self.expected.get("fetched", ())
            if one.get("status", 200) == 200
        }  # fmt: skip


def read_http(raw: bytes, *, received_at: datetime, name: str = "") -> Request:
    """A ``.http`` file's bytes as a `Request`. Raises `BadRecording`."""
    head, separator, body = _split_head(raw)
    lines = [line.removesuffix("\r") for line in head.decode("latin-1").split("\n")]
    try:
        method, target, _version = lines[0].split(" ")
    except (IndexError, ValueError):
        raise BadRecording(f"{name}: the first line is not 'METHOD /path HTTP/1.1'") from None
    if not separator:
        raise BadRecording(f"{name}: no empty line ends the headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        header, colon, value = line.partition(":")
        if not colon:
            raise BadRecording(f"{name}: {line[:40]!r} is not a header")
        headers[header.strip(" \t").lower()] = value.strip(" \t")
    path, _, query = target.partition("?")
    return Request(method=method, path=path, query=query, headers=headers, body=body, received_at=received_at)


def write_http(request: Request) -> bytes:
    """The `Request` as a ``.http`` file."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + request.body


def load(path: Path) -> Recording:
    """Load one ``.http`` file, its expectation, and the earlier recordings. Raises `BadRecording`."""
    recording = _one(path)
    earlier = tuple(_one(path.with_name(f"{name}.http")) for name in recording.expected.get("after", ()))
    return replace(recording, earlier=earlier)


def _one(path: Path) -> Recording:
    beside = path.with_suffix(".expected.json")
    expected: dict[str, Any] = {}
    try:
        raw = path.read_bytes()
        if beside.exists():
            expected = json.loads(beside.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecording(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadRecording(f"{beside}: is not JSON: {error}") from None
    return _recording(raw, expected, name=str(path))


def from_json(line: str, *, name: str) -> Recording:
    """One line of a bulk file: ``{"name", "http", "expected"}``, the request as latin-1 text. Raises `BadRecording`."""
    try:
        plain = json.loads(line)
        raw, expected = plain["http"].encode("latin-1"), plain.get("expected", {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRecording(f"{name}: is not a recording: {type(error).__name__}: {error}") from None
    return _recording(raw, expected, name=plain.get("name", name))


def to_json(recording: Recording) -> str:
    """The recording as one line of a bulk file."""
    http = write_http(recording.request).decode("latin-1")
    return json.dumps({"name": recording.name, "http": http, "expected": recording.expected})


def walk(path: Path) -> Iterator[Recording | BadRecording]:
    """Every recording of a file, a folder of them, or a JSON Lines file, in order, one at a time."""
    if path.is_dir():
        for file in sorted(path.rglob("*.http")):
            yield from walk(file)
    elif path.suffix == ".http":
        try:
            yield load(path)
        except BadRecording as error:
            yield error
    else:
        yield from _lines(path)


def _lines(path: Path) -> Iterator[Recording | BadRecording]:
    """The recordings of a JSON Lines file, and each bad line among them. A file of another kind is told once, and not
    line by line."""
    faults: list[BadRecording] | None = []  # of the lines before the first recording
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found: Recording | BadRecording = from_json(line, name=f"{path}:{number}")
            except BadRecording as error:
                found = error
            if faults is None:
                yield found
            elif isinstance(found, Recording):
                yield from faults
                yield found
                faults = None
            elif len(faults) < _MOST_FAULTS:
                faults.append(found)
            else:
                break
    if faults:
        yield faults[0] if len(faults) == 1 else _no_recordings(path, faults[0])


def _no_recordings(path: Path, first: BadRecording) -> BadRecording:
    return BadRecording(f"{path}: is neither an .http file nor exported JSON Lines: {first}")


def _recording(raw: bytes, expected: dict[str, Any], *, name: str) -> Recording:
    try:
        validator("recording")(expected)
    except Unreadable as fault:
        raise BadRecording(f"{name}: what it expects is against schemas/recording.json: {fault}") from None
    try:
        received_at = datetime.fromisoformat(expected["received_at"])
    except KeyError:
        received_at = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    except ValueError:
        raise BadRecording(f"{name}: received_at is not an ISO 8601 time") from None
    if received_at.tzinfo is None:
        raise BadRecording(f"{name}: received_at has no offset")
    request = read_http(raw, received_at=received_at, name=name)
    return Recording(name=name, request=request, expected=expected)


def _split_head(raw: bytes) -> tuple[bytes, bytes, bytes]:
    ends = [(position, mark) for mark in (b"\r\n\r\n", b"\n\n") if (position := raw.find(mark)) >= 0]
    if not ends:
        return raw, b"", b""
    position, mark = min(ends)
    return raw[:position], mark, raw[position + len(mark) :]
