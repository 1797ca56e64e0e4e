"""What VTEX's answers mean, as an error tree. Statuses and bodies: VTEX developer portal, "Handling errors" and "Orders
API"; an HTML page with 200 or 3xx is a login page: the key lacks the permission. With 400, 404, 405 or 414 it is about
the URL: VTEX's web server refuses some invoice numbers (KI-1302085; field)."""

import json
import re
from typing import Any

from receiver.http import LEAST_PAUSE, Answer, pause

_NO_INVOICE = "invoice not found"
_EMAIL = re.compile(r"[^\s@\"']+@[^\s@\"']+")
#: Eleven or more digits, also in the notations of documents and telephone numbers.
_LONG_DIGITS = re.compile(r"\+?\(?\d(?:[ ().\-/]{0,2}\d){10,}")
#: Characters of an answer's words that are looked at: what the search for personal data costs grows with the square.
_MOST_READ = 4_000


#: A status, and VTEX's words to the end of the text: see `message`.
_WORDS = re.compile(r"(HTTP \d{3}): .*", re.DOTALL)


class VtexError(Exception):
    """A call to VTEX failed."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unanswered(VtexError):
    """No answer arrived, so whether a write was applied is unknown."""


class Transient(VtexError):
    """A failure of VTEX itself: 5xx, 408, or a body that is not JSON."""


class Throttled(VtexError):
    """429 or 503: the whole account must be quiet for ``pause`` seconds; ``None``: VTEX does not say for how long."""

    def __init__(self, message: str, status: int, pause: float | None) -> None:
        super().__init__(message, status)
        self.pause = pause


class Misconfigured(VtexError):
    """401, a redirect or a login page: the key or the account's settings are wrong."""


class Refused(VtexError):
    """403: the key may not do this, or not for this order."""


class NotFound(VtexError):
    """404 with a JSON body or none, or another 4xx with the words for it: no such order, or no such invoice."""


class Rejected(VtexError):
    """Another 4xx: the request itself is wrong."""


class Unroutable(Rejected):
    """Another 4xx as an HTML page: VTEX's web server refused the URL. It says nothing about the key."""


def decipher(answer: Answer, *, now: float, least_pause: float = LEAST_PAUSE) -> Any:
    """The JSON of a success (``None`` for an empty body). Raises a `VtexError`."""
    error = _error(answer, now, least_pause)
    if error is not None:
        raise error
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Transient("the answer is not JSON", answer.status) from None


def outcome_of(error: Exception) -> str:
    """The outcome of an attempt for this error, in one or two words."""
    return "no answer" if isinstance(error, Unanswered) else type(error).__name__.lower()


def leaves_open(error: VtexError) -> bool:
    """Whether a write may have been applied: a server error, a gateway's 503 and a garbled answer do not tell. A 429
    means it was not."""
    return isinstance(error, Unanswered | Transient) or (isinstance(error, Throttled) and error.status == 503)


def message(answer: Answer) -> str:
    """VTEX's own message, shortened and without possible personal data."""
    if _is_html(answer):
        return f"HTTP {answer.status} with an HTML page"
    text = answer.body[:_MOST_READ].decode(errors="replace")
    try:
        found = _message_in(json.loads(answer.body))
    except (ValueError, RecursionError):
        found = None
    words = " ".join((found or text)[:_MOST_READ].split())  # one line: it goes into logs
    return f"HTTP {answer.status}: {storable(redact(words)[:500])}".rstrip(": ")


def _error(answer: Answer, now: float, least_pause: float) -> VtexError | None:
    status = answer.status
    if 300 <= status < 400:
        target = re.split(r"[?#]", answer.headers.get("location", ""))[0]  # what follows may be a token
        return Misconfigured(f"redirected to {target or 'nowhere'}", status)
    if status == 401:
        return Misconfigured(f"the app key is not accepted: {message(answer)}", status)
    if status in (429, 503):
        written = answer.headers.get("retry-after")
        says_nothing = status == 503 and not (written or "").strip()
        seconds = None if says_nothing else pause(written, now, least=least_pause)
        return Throttled(f"asked to slow down: {message(answer)}", status, seconds)
    if status >= 500 or status == 408:
        return Transient(message(answer), status)
    if status >= 400:
        return _about_the_request(answer)
    return Misconfigured("a login page instead of an answer", status) if _is_html(answer) else None


def _about_the_request(answer: Answer) -> VtexError:
    words = message(answer)
    if answer.status == 403:
        return Refused(words, answer.status)
    if _is_html(answer):
        return Unroutable(f"{words}: it is about this URL, not about the key", answer.status)
    # VTEX does not document the status for a missing invoice (KI-631970), so its words count.
    is_missing = answer.status == 404 or _NO_INVOICE in words.lower()
    return (NotFound if is_missing else Rejected)(words, answer.status)


def without_words(text: str) -> str:
    """The text without what VTEX said in its own words: `redact` knows no names."""
    return _WORDS.sub(r"\1: …", text)


def storable(text: str) -> str:
    """The text without unprintable characters: databases refuse a NUL or half a surrogate pair, and logs should too."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def redact(text: str) -> str:
    """The text without e-mail addresses and long runs of digits (documents, phones, cards), dotted, dashed or plain."""
    return _LONG_DIGITS.sub("[digits]", _EMAIL.sub("[e-mail]", text))


def _message_in(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        parts = [str(error[name]) for name in ("code", "message") if error.get(name)]
        return " ".join(parts)
    for name in ("message", "Message", "title", "error"):
        if isinstance(body.get(name), str):
            return str(body[name])
    return None


def _is_html(answer: Answer) -> bool:
    if "html" in answer.headers.get("content-type", "").lower():
        return True
    return answer.body[:200].lstrip().lower().startswith((b"<!doctype", b"<html"))
