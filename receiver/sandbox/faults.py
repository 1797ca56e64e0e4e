"""Faults between a client and VTEX, as switches. docs/sandbox.md explains each, with its source."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

_FRACTIONS = ("throttle", "unavailable", "server_error", "reset_before", "reset_after_applying", "unapplied")
_SECONDS = ("invoice_delay", "visible_after", "index_lag")
_SWITCHES = (
    *("login_page", "redirect", "unauthorized", "empty_answers", "odd_orders", "two_years"),
    *("append_events", "merge_patch"),
)
_METHODS = frozenset({"GET", "PATCH", "PUT", "POST", "DELETE"})
_ONE_OF: Mapping[str, tuple[int | str, ...]] = {
    "error_status": (500, 502, 504, 408),
    "error_form": ("", "html", "problem", "message", "empty", "login"),
    "missing_status": (404, 400),
    "repost": ("receipt", "refused", "replaced", "doubled"),
}
_SOME_OF = {
    "lacking": frozenset({"view", "list", "notify", "refund", "hook"}),
    "hook_trouble": frozenset({"twice", "disorder", "bare", "unfiltered", "lost"}),
    "methods": _METHODS,
}
_SETS = ("forbidden", "broken", "unroutable", *_SOME_OF)
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class BadFaults(ValueError):
    """A fault is unknown or its value makes no sense; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The faults that are switched on; none by default. Raises `BadFaults`.

    Fractions are between 0 and 1: the share of calls with that fault, by the sandbox's seeded dice.
    """

    throttle: float = 0.0  #: fraction answered 429
    per_minute: int = 0  #: calls within a minute after which 429 is answered; 0: no limit
    unavailable: float = 0.0  #: fraction answered 503
    #: ``Retry-After`` of 429 and 503: whole seconds, ``date:30`` for an HTTP date 30 s ahead, any other text as it is
    #: (nonsense happens), ``""`` for no such header
    retry_after: int | str = ""
    server_error: float = 0.0  #: fraction answered ``error_status``, nothing applied
    error_status: int = 500  #: 500, 502, 504 or 408
    #: the format of refusals and errors: ``""`` each in its known format, ``html`` a page, ``problem`` JSON of RFC
    #: 9110, ``message`` a bare message, ``empty`` no body; ``login``: 401 and 403 redirect to a login page
    error_form: str = ""
    missing_status: int = 404  #: the status of "Invoice Not Found": 404 or 400; VTEX does not say
    empty_answers: bool = False  #: 200 carries no body
    slow: tuple[float, float] = (0.0, 0.0)  #: fraction, and the seconds their answers take; writes are applied first
    reset_before: float = 0.0  #: fraction whose connection is closed without an answer, nothing applied
    reset_after_applying: float = 0.0  #: fraction of good writes that are applied, then closed without an answer

    login_page: bool = False  #: every call is answered 200 with the HTML of a login page
    redirect: bool = False  #: every call is answered 302 to that page
    unauthorized: bool = False  #: the key is revoked: 401
    #: resources that the key's role lacks, answered 403: ``view``, ``list``, ``notify``, ``refund``, ``hook``
    lacking: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()  #: order ids answered 403, ``*`` for all
    #: order ids and invoice numbers whose URL the web server refuses: 400 with an HTML page
    unroutable: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()  #: order ids for which every call is answered 500: the order itself is broken

    unapplied: float = 0.0  #: fraction of good writes that get their receipt and are never applied
    invoice_delay: float = 0.0  #: seconds from the first call that names an order until it has its packages
    visible_after: float = 0.0  #: seconds until GET shows what a write did
    index_lag: float = 0.0  #: seconds until the list of orders shows an invoice
    odd_orders: bool = False  #: GET shows optional fields as null, and fields in formats that integrators met
    two_years: bool = False  #: orders created more than two years ago are no longer shown

    #: PUT tracking adds its events to those before; otherwise they replace them. VTEX documents neither.
    append_events: bool = False
    #: PATCH leaves a field alone where it is null; otherwise null blanks it. VTEX documents neither.
    merge_patch: bool = False
    #: POST of an existing invoice number, on which sources conflict: ``receipt`` a new receipt and no change,
    #: ``refused``, ``replaced`` by the new invoice, ``doubled`` as it happens before the first one is visible
    repost: str = "receipt"
    #: order hook: ``twice`` each, ``disorder`` a minute late and the newest first, ``bare`` without ``LastState`` and
    #: ``CurrentChange``, ``unfiltered`` for any status, ``lost`` never
    hook_trouble: frozenset[str] = frozenset()
    #: faults that answer in VTEX's place, ``slow``, ``empty_answers`` and ``unapplied`` apply only to these methods
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
        for name, known in _SOME_OF.items():
            _demand(name, getattr(self, name) <= known, f"some of {', '.join(sorted(known))}")
        for name, choices in _ONE_OF.items():
            right = getattr(self, name) in choices
            _demand(name, right, f"one of {', '.join(map(str, choices))}")
        limit = self.per_minute
        _demand("per_minute", isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0, "a whole number")
        pair = self.slow
        right = isinstance(pair, tuple) and len(pair) == 2 and _is_fraction(pair[0]) and _is_seconds(pair[1])
        _demand("slow", right, "a fraction and seconds")
        wait = self.retry_after
        _demand("retry_after", isinstance(wait, int | str) and not isinstance(wait, bool), "seconds or text")
        if isinstance(wait, str) and wait.startswith("date:"):
            _demand("retry_after", wait.removeprefix("date:").isdecimal(), "date: and whole seconds")

    def forbids(self, orders: Iterable[str]) -> bool:
        """True if one of these orders is forbidden to the key."""
        return "*" in self.forbidden or any(order in self.forbidden for order in orders)

    def breaks(self, orders: Iterable[str]) -> bool:
        """True if one of these orders makes every call fail."""
        return any(order in self.broken for order in orders)


def parse_faults(words: Iterable[str]) -> Faults:
    """Parse faults as people write them: ``throttle=0.1``, ``retry_after=30``, ``slow=0.2:5``, ``forbidden=ID,ID``,
    ``methods=PATCH,PUT``; a switch alone means on. Raises `BadFaults`."""
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
    """Faults from the result of `faults_to_json`; missing ones are off. Raises `BadFaults`."""
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
    if name in _ONE_OF or name == "per_minute":
        return int(text) if text.isdecimal() else text
    numbers = tuple(_number(part) for part in text.split(":"))
    return numbers if name == "slow" else numbers[0] if len(numbers) == 1 else text


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
