"""What goes wrong between a client and VTEX, as switches, and how each trouble looks on the wire.

Sources: the guides "How to load test a store" (429, 503, Retry-After) and "Orders feed" at
https://developers.vtex.com/docs/guides, and VTEX's known issues (KI, by number) at
https://help.vtex.com/en/known-issues. What a 429, 503 or 403 carries as its body is documented nowhere.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

_FRACTIONS = ("throttle", "unavailable", "server_error", "reset_before", "reset_after_applying")
_SECONDS = ("invoice_delay", "visible_after", "index_lag")
_SWITCHES = ("html_errors", "login_page", "redirect", "unauthorized", "append_events")
_SETS = ("forbidden", "broken", "methods")
_METHODS = frozenset({"GET", "PATCH", "PUT", "POST"})
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class BadFaults(ValueError):
    """A fault is unknown or its value makes no sense; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which of VTEX's troubles are switched on; none of them by default. Raises `BadFaults`.

    Fractions lie between 0 and 1: the share of calls that meet the trouble, by the sandbox's seeded dice.
    """

    throttle: float = 0.0  #: fraction answered 429
    unavailable: float = 0.0  #: fraction answered 503
    #: ``Retry-After`` of both: whole seconds, ``date:30`` for an HTTP date 30 s ahead, any other text as it is
    #: (nonsense happens), ``""`` for no such header
    retry_after: int | str = ""
    server_error: float = 0.0  #: fraction answered 500, nothing applied
    html_errors: bool = False  #: 403, 429, 500 and 503 carry an HTML page where JSON is expected
    slow: tuple[float, float] = (0.0, 0.0)  #: fraction, and the seconds its answers take; writes are applied before
    reset_before: float = 0.0  #: fraction whose connection is closed without an answer, nothing applied
    reset_after_applying: float = 0.0  #: fraction of good writes that are applied, then closed without an answer
    invoice_delay: float = 0.0  #: seconds from the first call that names an order until it has its packages
    visible_after: float = 0.0  #: seconds until GET shows what a write did
    index_lag: float = 0.0  #: seconds until the list of orders shows an invoice
    login_page: bool = False  #: every call is answered 200 with the HTML of a login page
    redirect: bool = False  #: every call is answered 302 to that page
    unauthorized: bool = False  #: the key is revoked: 401
    forbidden: frozenset[str] = frozenset()  #: order ids answered 403, ``*`` for all: the key's role lacks a resource
    broken: frozenset[str] = frozenset()  #: order ids about which every call is answered 500: the order itself is ill
    #: PUT tracking adds its events to those before; otherwise they replace them. VTEX documents neither.
    append_events: bool = False
    #: the troubles that answer in place of VTEX, and slowness, strike only these methods
    methods: frozenset[str] = _METHODS

    def __post_init__(self) -> None:
        for name in _FRACTIONS:
            _demand(name, _is_fraction(getattr(self, name)), "a fraction between 0 and 1")
        for name in _SECONDS:
            _demand(name, _is_seconds(getattr(self, name)), "seconds")
        for name in _SWITCHES:
            _demand(name, isinstance(getattr(self, name), bool), "true or false")
        for name in _SETS:
            texts = getattr(self, name)
            _demand(name, isinstance(texts, frozenset) and all(isinstance(text, str) for text in texts), "texts")
        _demand("methods", self.methods <= _METHODS, f"some of {', '.join(sorted(_METHODS))}")
        pair = self.slow
        right = isinstance(pair, tuple) and len(pair) == 2 and _is_fraction(pair[0]) and _is_seconds(pair[1])
        _demand("slow", right, "a fraction and seconds")
        wait = self.retry_after
        _demand("retry_after", isinstance(wait, int | str) and not isinstance(wait, bool), "seconds or text")
        if isinstance(wait, str) and wait.startswith("date:"):
            _demand("retry_after", wait.removeprefix("date:").isdecimal(), "date: and whole seconds")

    def forbids(self, orders: Iterable[str]) -> bool:
        """True where one of these orders is closed to the key."""
        return "*" in self.forbidden or any(order in self.forbidden for order in orders)

    def breaks(self, orders: Iterable[str]) -> bool:
        """True where one of these orders makes every call fail."""
        return any(order in self.broken for order in orders)


def parse_faults(words: Iterable[str]) -> Faults:
    """Faults as people write them: ``throttle=0.1``, ``retry_after=30``, ``slow=0.2:5``, ``forbidden=ID,ID``,
    ``methods=PATCH,PUT``; a switch alone means on. Raises `BadFaults`.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name, text = name.strip(), text.strip()
        if name in values:
            raise BadFaults(f"{name}: is given twice")
        _known(name)
        if not equals and name not in _SWITCHES:
            raise BadFaults(f"{name}: has no value; write {name}=…")
        values[name] = _read(name, text if equals else "true")
    return Faults(**values)


def faults_from_json(plain: object) -> Faults:
    """Faults as `faults_to_json` writes them; what is absent is off. Raises `BadFaults`."""
    if not isinstance(plain, Mapping):
        raise BadFaults("faults: expected an object of names and values")
    values = dict(plain)
    for name, value in plain.items():
        _known(name)
        if isinstance(value, list):
            values[name] = tuple(value) if name == "slow" else frozenset(map(str, value))
    return Faults(**values)


def faults_to_json(faults: Faults) -> dict[str, Any]:
    """Every fault by name; sets are sorted lists."""
    plain = asdict(faults)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in plain.items()}


def _known(name: str) -> None:
    names = [field.name for field in fields(Faults)]
    if name not in names:
        raise BadFaults(f"{name!r} is no fault; known are {', '.join(names)}")


def _demand(name: str, right: bool, expected: str) -> None:  # noqa: FBT001  the condition reads best in the middle
    if not right:
        raise BadFaults(f"{name}: expected {expected}")


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and _is_seconds(value) and value <= 1


def _read(name: str, text: str) -> Any:
    if name in _SWITCHES:
        return _WORDS.get(text.lower(), text)
    if name in _SETS:
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    if name == "retry_after":
        return text
    numbers = tuple(_number(part) for part in text.split(":"))
    return numbers if name == "slow" else numbers[0] if len(numbers) == 1 else text


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer: ``html`` where there is any, else ``body`` as JSON. ``applied``: a write took effect."""

    status: int = 200
    body: Any = None
    html: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    applied: bool = False


LOGIN_PATH = "/login"
#: What a client meets that follows the redirect: a page, with status 200.
LOGIN_PAGE = Answer(html="<!doctype html><html><title>Login</title><body><form>E-mail</form></body></html>")
REDIRECT = Answer(status=302, html="<!doctype html><title>Moved</title>", headers=(("Location", LOGIN_PATH),))
#: No route fits. A "/" in an invoice number ends here: the platform decodes %2F before it routes (KI-1302085).
NO_ROUTE = Answer(status=404, html="<!doctype html><html><title>404</title><body>File or directory not found.</body>")


def oms_error(status: int, message: str, *, code: str = "1") -> Answer:
    """The order management's own error shape."""
    return Answer(status=status, body={"error": {"code": code, "message": message, "exception": None}})


def plain_error(status: int, message: str) -> Answer:
    """The bare shape of "Invoice Not Found" and "An error has occurred"."""
    return Answer(status=status, body={"message": message})


UNAUTHORIZED = oms_error(401, "Unauthorized access")


def trouble(faults: Faults, roll: Callable[[str, float], bool], now: float) -> Answer | None:
    """What answers in VTEX's place, or ``None``. ``roll(name, fraction)`` throws the dice; ``now`` is Unix time."""
    if faults.redirect:
        return REDIRECT
    if faults.login_page:
        return LOGIN_PAGE
    if roll("unavailable", faults.unavailable):
        return _problem(faults, 503, "Service Unavailable", now)
    if roll("throttle", faults.throttle):
        return _problem(faults, 429, "Too Many Requests", now)
    if roll("server_error", faults.server_error):
        return page_if(faults, plain_error(500, "An error has occurred."))
    return UNAUTHORIZED if faults.unauthorized else None


def page_if(faults: Faults, answer: Answer) -> Answer:
    """The answer, as an HTML page where ``html_errors`` is on."""
    if not faults.html_errors:
        return answer
    page = f"<!doctype html><html><title>{answer.status}</title><body>Server Error</body></html>"
    return Answer(status=answer.status, html=page, headers=answer.headers)


def _problem(faults: Faults, status: int, title: str, now: float) -> Answer:
    wait = str(faults.retry_after)
    if wait.startswith("date:"):
        ahead = datetime.fromtimestamp(now, UTC) + timedelta(seconds=int(wait.removeprefix("date:")))
        wait = format_datetime(ahead, usegmt=True)
    body = {"type": "about:blank", "title": title, "status": status}
    return page_if(faults, Answer(status=status, body=body, headers=(("Retry-After", wait),) if wait else ()))
