"""The stand-in's HTTP answers: VTEX's refusals and failures, and the formats in which they may come.

Sources: the guides "How to load test a store" (429, 503, Retry-After), "Handling errors" and "Orders feed" at
https://developers.vtex.com/docs/guides, and VTEX's known issues (KI, by number) at
https://help.vtex.com/en/known-issues. The bodies of 429, 503 and 403 are not documented.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from receiver.sandbox.faults import Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer: no body if ``empty``, ``html`` if there is any, else ``body`` as JSON.

    ``applied``: a write took effect.
    """

    status: int = 200
    body: Any = None
    html: str | None = None
    empty: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    applied: bool = False


class Refused(Exception):
    """The order management refuses; ``answer`` is its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.body))
        self.answer = answer


LOGIN_PATH = "/login"
#: The answer for a client that follows the redirect: a page with status 200.
LOGIN_PAGE = Answer(html="<!doctype html><html><title>Login</title><body><form>E-mail</form></body></html>")
REDIRECT = Answer(status=302, html="<!doctype html><title>Moved</title>", headers=(("Location", LOGIN_PATH),))
#: No route matches. A "/" in an invoice number leads here: the platform decodes %2F before it routes (KI-1302085).
NO_ROUTE = Answer(status=404, html="<!doctype html><html><title>404</title><body>File or directory not found.</body>")
#: The web server rejects this URL as an attack, such as an invoice number with a ":" (field; the status is unknown).
BAD_URL = Answer(
    status=400,
    html="<!doctype html><html><title>Error</title><body>A potentially dangerous Request.Path value.</body></html>",
)


def oms_error(status: int, message: str) -> Answer:
    """An error in the order management's own format."""
    return Answer(status=status, body={"error": {"code": "1", "message": message, "exception": None}})


def plain_error(status: int, message: str) -> Answer:
    """An error in the bare format of "Invoice Not Found" and "An error has occurred"."""
    return Answer(status=status, body={"message": message})


UNAUTHORIZED = oms_error(401, "Unauthorized access")


def trouble(faults: Faults, roll: Callable[[str, float], bool], now: float, lately: Callable[[], int]) -> Answer | None:
    """The injected failure that answers in VTEX's place, or ``None``. ``roll(name, fraction)`` throws the dice; ``now``
    is Unix time, ``lately()`` the number of calls in the last minute."""
    if faults.redirect:
        return REDIRECT
    if faults.login_page:
        return LOGIN_PAGE
    if roll("unavailable", faults.unavailable):
        return _told_to_wait(faults, 503, now)
    if roll("throttle", faults.throttle) or (faults.per_minute and lately() >= faults.per_minute):
        return _told_to_wait(faults, 429, now)
    if roll("server_error", faults.server_error):
        return plain_error(faults.error_status, "An error has occurred.")
    return UNAUTHORIZED if faults.unauthorized else None


def in_form(form: str, answer: Answer) -> Answer:
    """A refusal or error in one of the formats of ``Faults.error_form``; any other answer is unchanged."""
    status, title = answer.status, HTTP_STATUS_CODES[answer.status]
    if status < 400 or answer.html is not None:
        return answer
    if form == "login" and status in (401, 403):
        return REDIRECT
    if form == "html":
        page = f"<!doctype html><html><title>{status}</title><body>{title}</body></html>"
        return replace(answer, body=None, html=page)
    if form == "empty":
        return replace(answer, body=None, empty=True)
    if form == "message":
        return replace(answer, body={"message": _message(answer.body) or title})
    return replace(answer, body=_problem(status)) if form == "problem" else answer


def _message(body: Any) -> str | None:
    error = body.get("error", body)
    found: str | None = error.get("message")
    return found


def _problem(status: int) -> dict[str, Any]:
    kind = "https://tools.ietf.org/html/rfc9110#section-15"
    trace = "00-00000000000000000000000000000000-0000000000000000-00"
    return {"type": kind, "title": HTTP_STATUS_CODES[status], "status": status, "traceId": trace}


def _told_to_wait(faults: Faults, status: int, now: float) -> Answer:
    wait = str(faults.retry_after)
    if wait.startswith("date:"):
        ahead = datetime.fromtimestamp(now, UTC) + timedelta(seconds=int(wait.removeprefix("date:")))
        wait = format_datetime(ahead, usegmt=True)
    body = {"type": "about:blank", "title": HTTP_STATUS_CODES[status], "status": status}
    return Answer(status=status, body=body, headers=(("Retry-After", wait),) if wait else ())
