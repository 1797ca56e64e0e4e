"""Conversions from carriers' notations to values. Each returns a value, returns ``None`` for "not said", or raises
`Unreadable` with the JSON path."""

import base64
import binascii
import codecs
import json
import re
import unicodedata
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from adapters._contract import Unreadable

MAX_TEXT = 500  # characters; no carrier's id, number or URL is nearly as long
MAX_DEPTH = 64
MAX_NUMBER = 64  # characters
#: Commas and opening brackets of one message: what parsing, checking and reading it cost grows with them, up to 20 µs
#: each, and not with its bytes. It is room for a thousand parcels with a dozen fields each, or for a thousand scans.
MAX_MARKS = 25_000
_LEAST_MILLISECONDS = 10**11
#: An earlier date is what a program writes where it has none: 0001-01-01, 1900-01-01, the Unix time 0. As the earliest
#: date that is known it would stay for ever.
_FIRST_YEAR = 2000
#: The characters of a date of zeros, such as 0000-00-00 00:00:00, which a database writes for none.
_OF_ZEROS = "0-/.:TZ+ "
#: Kiribati is furthest from UTC.
_MOST_OFFSET = timedelta(hours=14)

#: The next bracket outside of strings, or the end: a pattern that could find nothing would be tried at every byte.
_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"?+)*+(?:([\[\]{}])|\Z)', re.DOTALL)
_CANONICAL = json.JSONEncoder(sort_keys=True).encode
_BARE_DATE = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(?:-?\d)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def text(value: object, path: str, *, most: int = MAX_TEXT) -> str | None:
    """A trimmed string, ``None`` for null and for blank. Whole numbers become their digits: ids must stay text.

    Raises `Unreadable` for other types, for control characters, lone surrogates, marks of direction or of no width, and
    more than ``most`` characters.
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**most:
            raise Unreadable(path, f"is a number of more than {most} digits")
        return str(value)
    if not isinstance(value, str):
        raise Unreadable(path, f"expected text, got {_kind(value)}")
    trimmed = value.strip()
    if not (trimmed.isascii() and trimmed.isprintable() and len(trimmed) <= most):  # as nearly every text is
        _refuse_unfit(trimmed, path, most)
    return trimmed or None


def name(value: object, path: str) -> str:
    """A required text, such as an id. Raises `Unreadable` like `text`, and if it is blank."""
    written = text(value, path)
    if written is None:
        raise Unreadable(path, "is blank")
    return written


def line(value: object, path: str) -> str:
    """Words for people on one line, ``""`` for none. White space is folded, what is too long is cut and what is
    invisible left out: nothing is identified by them. Raises `Unreadable` like `text` for what is no text at all."""
    if not isinstance(value, str):
        return text(value, path) or ""
    folded = " ".join(value.split())[:MAX_TEXT]
    visible = folded if folded.isascii() else "".join(one for one in folded if not _is_invisible(one))
    return text(visible, path) or ""


def url(value: object, path: str) -> str | None:
    """An absolute http(s) URL without the stray white space some carriers put in; ``None`` for anything else, and for
    one with a user's name in it: it looks like a link to another host. Raises `Unreadable` like `text`."""
    written = text(value, path, most=2000)
    if written is None:
        return None
    joined = "".join(written.split())
    try:
        parts = urlsplit(joined)
    except ValueError:
        return None
    return joined if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else None


def moment(value: object, path: str, *formats: str, zone: tzinfo | None) -> datetime | None:
    """An aware instant, or ``None`` if nothing was said or no zone is known. A date before 2000, or of zeros, says
    nothing.

    ``formats`` are ``strptime`` patterns, tried in order; without any the text is ISO 8601. A time without an offset
    is read in ``zone``; a bare date is the start of that day there.

    Raises `Unreadable` if the text is not a time.
    """
    parsed = _parse(value, path, formats)
    if parsed is None or (parsed.tzinfo is None and zone is None):
        return None
    return _instant(parsed if parsed.tzinfo else parsed.replace(tzinfo=zone), path)


def instant(value: object, path: str, *formats: str, zone: tzinfo | None) -> datetime | None:
    """Like `moment`, but ``None`` for a bare date: a day is no instant, and its start would sort before all that
    happened on it."""
    at = moment(value, path, *formats, zone=zone)
    return None if isinstance(value, str) and _BARE_DATE.fullmatch(value.strip()) else at


def local_moment(value: object, path: str, *formats: str, zone: tzinfo | None) -> datetime | None:
    """Like `moment`, but a time in UTC is converted to ``zone``: its date is the parcel's local day.

    Any other offset is the carrier's local time already.
    """
    at = moment(value, path, *formats, zone=zone)
    if at is None or zone is None or at.utcoffset():
        return at
    try:
        return _instant(at.astimezone(zone), path)
    except OverflowError:
        raise Unreadable(path, f"{at.isoformat()} is outside the calendar") from None


def with_offset_of(local: datetime | None, at: datetime) -> datetime:
    """The instant with the offset of the local time that stands beside it, whose own offset may be a false Z. As it is
    where the two are no quarter hours apart, or further than any zone is."""
    difference = local.replace(tzinfo=UTC) - at if local is not None else timedelta(0)
    plausible = abs(difference) <= _MOST_OFFSET and not difference % timedelta(minutes=15)
    return at.astimezone(timezone(difference)) if difference and plausible else at


def day(value: object, path: str, *formats: str) -> date | None:
    """The local calendar date as written, whether or not the zone is known; ``None`` for what says nothing to `moment`.
    Raises `Unreadable` like it."""
    parsed = _parse(value, path, formats)
    return None if parsed is None else parsed.date()


def epoch(value: object, path: str) -> datetime | None:
    """The UTC instant of a Unix time in seconds or milliseconds, as a number or as its digits; ``None`` for null, for
    blank, and before 2000. The size decides which: in seconds, it would be after the year 5138.

    Raises `Unreadable`.
    """
    written = text(str(value) if isinstance(value, float) else value, path)
    if written is None:
        return None
    if not re.fullmatch(r"\d{1,15}(\.\d+)?", written):
        raise Unreadable(path, f"written as {_shape(written)} is no Unix time")
    number = float(written)
    try:
        at = datetime.fromtimestamp(number / 1000 if number >= _LEAST_MILLISECONDS else number, UTC)
    except (ValueError, OverflowError):
        raise Unreadable(path, f"{written} is outside the calendar") from None
    return at if at.year >= _FIRST_YEAR else None


def page(template: str, number: str | None) -> str | None:
    """The carrier's public tracking page of a parcel: ``template`` with the encoded number for ``{number}``."""
    return template.replace("{number}", quote(number, safe="")) if number else None


def form(body: bytes) -> dict[str, str]:
    """A form-urlencoded body's fields. Raises `Unreadable`, also for a field with two different values."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise Unreadable("$", "is not a form (application/x-www-form-urlencoded, UTF-8)") from None
    return _no_differing_duplicates(list(pairs))


def inner_json(value: object, path: str, *, in_base64: bool = False) -> Any:
    """The JSON inside a text field, as strict as `strict_json`. Raises `Unreadable`."""
    if not isinstance(value, str):
        raise Unreadable(path, f"expected text, got {_kind(value)}")
    try:
        inside = base64.b64decode(value, validate=True) if in_base64 else value.encode()
    except (ValueError, binascii.Error):
        why = "is not base64" if in_base64 else "contains a lone surrogate, which is not text"
        raise Unreadable(path, why) from None
    try:
        return strict_json(inside)
    except Unreadable as error:
        raise Unreadable(path, f"holds no JSON: {error.why}") from None


def strict_json(body: bytes) -> Any:
    """The body as JSON, strictly: UTF-8, no NaN or Infinity, bounded depth and numbers, no key twice with
    different values (RFC 8259 leaves all of these open; a guess here would be a guess about money).

    Raises `Unreadable`.
    """
    try:
        decoded = body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise Unreadable("$", f"is not UTF-8 (byte {error.start})") from None
    if not decoded.strip():
        raise Unreadable("$", "is empty")
    opened = body.count(b"[") + body.count(b"{")
    if opened + body.count(b",") > MAX_MARKS:
        raise Unreadable("$", f"has more than {MAX_MARKS:,} commas and opening brackets")
    if opened > MAX_DEPTH:
        _refuse_depth(body)
    try:
        return _STRICT.decode(decoded)
    except json.JSONDecodeError as error:
        raise Unreadable("$", f"is not JSON (character {error.pos + 1})") from None


def _parse(value: object, path: str, formats: tuple[str, ...]) -> datetime | None:
    written = text(value, path)
    if written is None or not written.strip(_OF_ZEROS):
        return None
    parsed = _parsed(written, path, formats)
    return parsed if parsed.year >= _FIRST_YEAR else None


def _parsed(written: str, path: str, formats: tuple[str, ...]) -> datetime:
    if not formats:
        if written.isdecimal():  # else Unix milliseconds would be read as a day of the year 1712
            raise Unreadable(path, f"is a bare number ({_shape(written)}), not an ISO 8601 time")
        try:
            return datetime.fromisoformat(written)
        except ValueError:
            raise Unreadable(path, f"written as {_shape(written)} is not an ISO 8601 time") from None
    for pattern in formats:
        try:
            return datetime.strptime(written, pattern)  # noqa: DTZ007  the caller adds the zone
        except ValueError:
            continue
    raise Unreadable(path, f"written as {_shape(written)} is not {' or '.join(formats)}")


def _instant(aware: datetime, path: str) -> datetime:
    """The time with a fixed offset: a zone's local times do not compare as instants when clocks change."""
    try:
        aware.astimezone(UTC)
        offset = aware.utcoffset()
    except (OverflowError, ValueError):
        raise Unreadable(path, f"{aware.isoformat()} is outside the calendar") from None
    return aware if offset is None else aware.replace(tzinfo=timezone(offset))


def _refuse_unfit(trimmed: str, path: str, most: int) -> None:
    if _CONTROL.search(trimmed):
        raise Unreadable(path, "contains a control character")
    try:
        trimmed.encode()
    except UnicodeEncodeError:
        raise Unreadable(path, "contains a lone surrogate, which is not text") from None
    if len(trimmed) > most:
        raise Unreadable(path, f"is {len(trimmed)} characters long, more than {most}")
    if any(map(_is_invisible, trimmed)):
        raise Unreadable(path, "contains an invisible character: it would look like another text")


def _is_invisible(letter: str) -> bool:
    """Whether it only tells others how to stand: bidirectional marks, letters of no width (Unicode's category Cf)."""
    return unicodedata.category(letter) == "Cf"


def _shape(written: str) -> str:
    """The format of a text without its content: a person needs the format, and a wrong field may hold a name."""
    masked = "".join("9" if one.isdigit() else "a" if one.isalpha() else one for one in written[:40])
    return repr(masked + ("…" if len(written) > 40 else ""))


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", bool: "true/false", float: "a fraction"}
    return names.get(type(value), type(value).__name__)


def _refuse_depth(body: bytes) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(body):
        if bracket[1] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable("$", f"is nested deeper than {MAX_DEPTH} levels (at byte {bracket.start(1)})")
        elif bracket[1]:
            depth -= 1  # below 0 it is no JSON, and the parser says why


def _no_differing_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        _refuse_differing(pairs, result)
    return result


def _refuse_differing(pairs: list[tuple[str, Any]], last: dict[str, Any]) -> None:
    """Only values whose key repeats are looked at: what stands beside them may hold the whole message, at every level
    of it."""
    times = Counter(key for key, _ in pairs)
    for key, value in pairs:
        if times[key] > 1 and not _same(last[key], value):
            raise Unreadable(f"$..{key[:60]!a}", "is there twice, with different values")


def _same(one: object, other: object) -> bool:
    """Equal as JSON: to Python alone, 1 and true are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict | list):
        return one is other or _CANONICAL(one) == _CANONICAL(other)
    return one == other


def _refuse_constant(name: str) -> None:
    raise Unreadable("$", f"contains {name}, which is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_NUMBER:
        raise Unreadable("$", f"contains a number of {len(digits)} digits, more than {MAX_NUMBER}")
    return int(digits)


def _bounded_float(digits: str) -> float:
    if len(digits) > MAX_NUMBER:
        raise Unreadable("$", f"contains a number of {len(digits)} characters, more than {MAX_NUMBER}")
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise Unreadable("$", f"contains {digits[:20]}, which is too large")
    return value


_STRICT = json.JSONDecoder(
    object_pairs_hook=_no_differing_duplicates,
    parse_constant=_refuse_constant,
    parse_int=_bounded_int,
    parse_float=_bounded_float,
)
