"""The words every carrier module speaks: what comes in, what goes out, and the three ways to decline."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl


class Ignored(Exception):
    """The carrier's message is known and asks nothing of us."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unreadable(Exception):
    """The payload cannot be understood; ``path`` says where, as a JSON path, and ``why`` says what is wrong there."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class NotAuthentic(Exception):
    """The sender is not proven; the reason is for the operator and never for the sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Status(StrEnum):
    """Where a parcel is, as far as VTEX's fields need to know."""

    ANNOUNCED = "announced"  #: a label exists; the carrier does not have the parcel
    CANCELLED = "cancelled"  #: the label was voided
    DISPATCHED = "dispatched"  #: the carrier took the parcel, in these very words
    IN_TRANSIT = "in_transit"  #: the carrier has the parcel
    OUT_FOR_DELIVERY = "out_for_delivery"
    EXCEPTION = "exception"  #: something is wrong; whether the carrier has the parcel is not said
    DELIVERED = "delivered"  #: handed to the shopper, on an exact and listed status only
    RETURNED = "returned"  #: on its way back, or back
    OTHER = "other"  #: the word says nothing of where the parcel is, or the adapter does not know it; never guessed

    @property
    def words(self) -> str:
        """What a shopper may read where the carrier has nothing but a code; ``""`` where it is not for shoppers."""
        return _WORDS.get(self, "")

    @property
    def in_possession(self) -> bool:
        """True where the status alone proves that the carrier has, or had, the parcel."""
        return self in _IN_POSSESSION


_WORDS = {
    Status.DISPATCHED: "Picked up",
    Status.IN_TRANSIT: "On its way",
    Status.OUT_FOR_DELIVERY: "Out for delivery",
    Status.DELIVERED: "Delivered",
    Status.RETURNED: "Returned to the sender",
}
_IN_POSSESSION = frozenset(
    {Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.RETURNED}
)


class ReferenceKind(StrEnum):
    """What a merchant's reference names. ``invoice_series`` only narrows an ``invoice_number``."""

    ORDER_ID = "order_id"
    ORDER_GROUP = "order_group"
    SEQUENCE = "sequence"
    INVOICE_NUMBER = "invoice_number"
    INVOICE_SERIES = "invoice_series"
    INVOICE_KEY = "invoice_key"
    TRACKING_NUMBER = "tracking_number"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One of the merchant's own names for the order or the invoice, as the carrier repeats it."""

    kind: ReferenceKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingEvent:
    """One line of a parcel's history.

    ``day`` is the local calendar date as the carrier wrote it (VTEX shows that one); ``happened_at`` is the instant,
    ``None`` where no zone is known.
    """

    day: date
    description: str
    happened_at: datetime | None = None
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What one message says of one parcel.

    ``key`` is the carrier's own stable id of the parcel (the tracking number only where there is none); everything
    else may be unknown. Times are aware. ``volume`` tells several volumes under one key apart. ``tracking_number`` is
    the number shoppers search for; every other number of the same parcel is a reference of the kind
    ``tracking_number``. ``courier_code`` is the gateway's own code of the company that carries the parcel; the
    endpoint's setting ``couriers`` maps such codes to names. ``reverse``: the carrier itself marks the parcel as a
    return or exchange label. ``unknown_words`` are the carrier's status words or codes in this message that the
    adapter has no entry for, as written.
    """

    key: str
    status: Status
    happened_at: datetime | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    courier: str | None = None
    courier_code: str = ""
    dispatched_at: datetime | None = None
    delivered_at: datetime | None = None
    references: tuple[Reference, ...] = ()
    events: tuple[TrackingEvent, ...] = ()
    volume: str = ""
    reverse: bool = False
    unknown_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("a shipment needs a key")
        for name in ("happened_at", "dispatched_at", "delivered_at"):
            value: datetime | None = getattr(self, name)
            if value is not None and value.tzinfo is None:
                raise ValueError(f"{name} has no zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as it arrived: header names in lower case, the body's exact bytes.

    ``zone`` is the endpoint's setting or else the carrier's ``ZONE``: what a time without an offset means here.
    ``token`` is the last path segment of ``/webhooks/<endpoint>/<token>``. ``fetched`` is the URL whose answer this is;
    empty for whatever the carrier sent by itself.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    query: str = ""
    token: str = ""
    zone: tzinfo | None = None
    fetched: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A call that a message asks for, before there is anything to read, or before the carrier sends more.

    ``url`` leads to one of the carrier's ``HOSTS``. ``headers`` travel with it besides the merchant's credentials;
    they may hold a secret of the message's own, and are forgotten once the call was made. Of an answer that is not
    ``wanted`` only its status counts.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    wanted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Credentials that a carrier wants to have exchanged for a token first.

    A form with the two halves of the endpoint's ``fetch_credentials`` (``key:secret``), under the names ``fields``, is
    POSTed to ``url``; the text at ``token`` of the JSON answer then travels as the query parameter ``query``, and is
    used for as long as it ``lives``.
    """

    url: str
    fields: tuple[str, str]
    token: str
    query: str
    lives: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The statuses a carrier needs to hear: ``unreadable`` is 200 where a 4xx would do the carrier's sending harm."""

    success: int = 200
    unreadable: int = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a carrier repeats a delivery that was not acknowledged, and until how long after the first try: what an
    operator wants to know during an outage. Either is ``None`` where nobody says; ``times=0``: it never does."""

    times: int | None
    over: timedelta | None = None


#: A carrier's check of a URL is short; what is longer is no check, and nobody's text is sent back at length.
_MOST_CHECKED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A carrier's check that the URL lives, answered with success and without any effect.

    ``methods`` are answered always. A POST is a probe only if its stripped body is in ``bodies`` and none of
    ``unless_headers`` is there: whatever looks like a real event must prove itself. Where the carrier expects a text of
    its own back, ``echo`` names the query parameter that holds it, or ``challenge`` the field of a JSON object that has
    none of ``unless_fields``; it is answered in the same form.
    """

    methods: tuple[str, ...] = ()
    bodies: tuple[bytes, ...] = ()
    unless_headers: tuple[str, ...] = field(default=())
    echo: str = ""
    challenge: str = ""
    unless_fields: tuple[str, ...] = field(default=())

    def matches(self, request: Request) -> bool:
        if request.method in self.methods:
            return True
        if any(name in request.headers for name in self.unless_headers):
            return False
        return request.body.strip() in self.bodies or self._challenged(request) is not None

    def answer(self, request: Request) -> str | dict[str, str] | None:
        """The text or the JSON object that the carrier expects back, ``None`` where any success will do."""
        if self.echo and request.method in self.methods:
            asked = [value for name, value in parse_qsl(request.query) if name == self.echo]
            return asked[0] if len(asked) == 1 and _harmless(asked[0]) else None
        return self._challenged(request)

    def _challenged(self, request: Request) -> dict[str, str] | None:
        if not self.challenge or len(request.body) > _MOST_CHECKED:
            return None
        try:
            payload: Any = json.loads(request.body)
        except (ValueError, RecursionError):
            return None
        if not isinstance(payload, dict) or any(name in payload for name in self.unless_fields):
            return None
        asked = payload.get(self.challenge)
        return {self.challenge: asked} if isinstance(asked, str) and _harmless(asked) else None


def _harmless(asked: str) -> bool:
    return len(asked) <= _MOST_CHECKED and asked.isascii() and asked.isprintable()
