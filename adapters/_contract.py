"""The types of the adapters' contract: requests, shipments, and the three exceptions that refuse a message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl


class Ignored(Exception):
    """The carrier's message is known and needs no action."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OrderNamed(Ignored):
    """The message is about no parcel: it says that the carrier's order ``carrier_order`` is the merchant's ``order``. A
    parcel that refers to the carrier's order is linked to it."""

    def __init__(self, carrier_order: str, order: str) -> None:
        super().__init__(f"the carrier's order {carrier_order} is {order}")
        self.carrier_order = carrier_order
        self.order = order


class Unreadable(Exception):
    """The payload is unreadable; ``path`` says where, as a JSON path, and ``why`` says what is wrong there."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class NotAuthentic(Exception):
    """Authentication failed; the reason is for the operator, never for the sender."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Status(StrEnum):
    """Where a parcel is, as far as VTEX's fields need it."""

    ANNOUNCED = "announced"  #: a label exists; the carrier does not have the parcel
    CANCELLED = "cancelled"  #: the label was voided
    DISPATCHED = "dispatched"  #: the carrier says explicitly that it took the parcel
    IN_TRANSIT = "in_transit"  #: the carrier has the parcel
    OUT_FOR_DELIVERY = "out_for_delivery"
    EXCEPTION = "exception"  #: something is wrong; the carrier may or may not have the parcel
    DELIVERED = "delivered"  #: handed to the shopper; only for an exact, listed status
    RETURNED = "returned"  #: on its way back, or back
    OTHER = "other"  #: the word does not say where the parcel is, or the adapter does not know it; never guessed

    @property
    def words(self) -> str:
        """The text for shoppers if the carrier sends only a code; ``""`` if the status is not for shoppers."""
        return _WORDS.get(self, "")

    @property
    def in_possession(self) -> bool:
        """True if the status alone proves that the carrier has, or had, the parcel."""
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
    """What a merchant's reference names. ``invoice_series`` only narrows an ``invoice_number``; ``carrier_order`` is
    the carrier's own order, which another message may link to the merchant's (`OrderNamed`)."""

    ORDER_ID = "order_id"
    ORDER_GROUP = "order_group"
    SEQUENCE = "sequence"
    INVOICE_NUMBER = "invoice_number"
    INVOICE_SERIES = "invoice_series"
    INVOICE_KEY = "invoice_key"
    TRACKING_NUMBER = "tracking_number"
    CARRIER_ORDER = "carrier_order"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One of the merchant's own names for the order or the invoice, as the carrier repeats it."""

    kind: ReferenceKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingEvent:
    """One line of a parcel's history.

    ``day`` is the local calendar date as the carrier wrote it (VTEX shows that one); ``happened_at`` is the instant,
    ``None`` if no zone is known.
    """

    day: date
    description: str
    happened_at: datetime | None = None
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One parcel's data in one message.

    ``key`` is the carrier's own stable id of the parcel (the tracking number only if there is none); everything else
    may be unknown. Times are aware. ``volume`` distinguishes several volumes under one key. ``tracking_number`` is the
    number that shoppers search for; every other number of the same parcel is a reference of the kind
    ``tracking_number``. ``replaces`` is the key of an earlier parcel that this one stands in for, and ``replaced_by``
    the key of the one that stands in for this. ``courier_code`` is the gateway's own code of the company that carries
    the parcel; the endpoint's setting ``couriers`` maps such codes to names. ``reverse``: the carrier itself marks the
    parcel as a return or exchange label. ``returned``: a return stands in the message's history before its delivery,
    which may be to the merchant. ``unknown_words`` are the carrier's status words or codes in this message that
    the adapter has no entry for, as written.
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
    returned: bool = False
    replaces: str = ""
    replaced_by: str = ""
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

    ``zone`` is the endpoint's setting or else the carrier's ``ZONE``: the zone of times without an offset. ``token`` is
    the last path segment of ``/webhooks/<endpoint>/<token>``. ``client`` is the sender's address, which proves nothing.
    ``fetched`` is the URL whose answer this is; empty for a
    request that the carrier sent.
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
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A call that a message asks for, to get data or to make the carrier send more.

    ``url`` is at one of the carrier's ``HOSTS``. ``headers`` are sent in addition to the merchant's credentials. They
    may hold a secret from the message, and are deleted after the call. Of an answer that is not ``wanted`` only the
    status counts.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    wanted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Credentials that must first be exchanged for a token.

    A form with the two halves of the endpoint's ``fetch_credentials`` (``key:secret``), under the names ``fields``, is
    POSTed to ``url``; the text at ``token`` of the JSON answer is then sent as the query parameter ``query``, for as
    long as it ``lives``.
    """

    url: str
    fields: tuple[str, str]
    token: str
    query: str
    lives: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The statuses that a carrier needs: ``unreadable`` is 200 if a 4xx would harm the carrier's sending."""

    success: int = 200
    unreadable: int = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a carrier retries an unacknowledged delivery, and for how long after the first try. An operator needs
    this in an outage. Either is ``None`` if it is not documented; ``times=0``: it never retries."""

    times: int | None
    over: timedelta | None = None


#: The longest body of a carrier's URL check, in bytes: a longer body is not a check, and is never sent back.
_MOST_CHECKED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A carrier's check that the URL works, answered with success and without any effect.

    ``methods`` are always answered. A POST is a probe only if its stripped body is in ``bodies`` and none of
    ``unless_headers`` is present: anything like a real event must authenticate. ``hollow``: two fields of
    a JSON object; with the first, and nothing in the second, it is an event about nothing. If the carrier expects its
    own text back, ``echo`` names the query parameter that holds it, or ``challenge`` the field of a JSON object without
    ``unless_fields``. The answer has the same format. ``unsigned``: a check may look like an event in all but its
    signature. What has none of ``unless_headers`` gets a check's answer, and is recorded like all that is not proven.
    """

    methods: tuple[str, ...] = ()
    bodies: tuple[bytes, ...] = ()
    hollow: tuple[str, str] | None = None
    unless_headers: tuple[str, ...] = field(default=())
    echo: str = ""
    challenge: str = ""
    unless_fields: tuple[str, ...] = field(default=())
    unsigned: bool = False

    def matches(self, request: Request) -> bool:
        if request.method in self.methods:
            return True
        if self._is_signed(request):
            return False
        if request.body.strip() in self.bodies or self._is_hollow(request):
            return True
        return self._challenged(request) is not None

    def may_be_unsigned(self, request: Request) -> bool:
        """Whether a request that is not proven may be the carrier's check all the same."""
        return self.unsigned and not self._is_signed(request)

    def answer(self, request: Request) -> str | dict[str, str] | None:
        """The text or the JSON object that the carrier expects back; ``None`` if any success is enough."""
        if self.echo and request.method in self.methods:
            asked = [value for name, value in parse_qsl(request.query) if name == self.echo]
            return asked[0] if len(asked) == 1 and _harmless(asked[0]) else None
        return self._challenged(request)

    def _is_signed(self, request: Request) -> bool:
        return any(name in request.headers for name in self.unless_headers)

    def _is_hollow(self, request: Request) -> bool:
        if self.hollow is None:
            return False
        payload, (event, content) = _checked(request), self.hollow
        return event in payload and not payload.get(content)

    def _challenged(self, request: Request) -> dict[str, str] | None:
        payload = _checked(request) if self.challenge else {}
        if any(name in payload for name in self.unless_fields):
            return None
        asked = payload.get(self.challenge)
        return {self.challenge: asked} if isinstance(asked, str) and _harmless(asked) else None


def _checked(request: Request) -> dict[str, Any]:
    """The body of what may be a check, as a JSON object; empty for anything else."""
    if len(request.body) > _MOST_CHECKED:
        return {}
    try:
        payload = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _harmless(asked: str) -> bool:
    return len(asked) <= _MOST_CHECKED and asked.isascii() and asked.isprintable()
