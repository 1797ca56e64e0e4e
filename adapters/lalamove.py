"""Lalamove: one event of one same-day order per POST, in no promised order, with the signature inside the body."""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, ClassVar

from adapters import (
    Ignored,
    NotAuthentic,
    Path,
    Probe,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    day,
    epoch,
    local_moment,
    look_up,
    moment,
    name,
    single_event,
    text,
    url,
)
from adapters._auth import AnySecret, matches_any, utf8
from adapters._members import members
from adapters._signatures import decoded


@dataclass(frozen=True, slots=True)
class InBody(AnySecret):
    """``signature`` is the hex HMAC-SHA256 of ``{timestamp}\\r\\nPOST\\r\\n{path}\\r\\n\\r\\n{data}``.

    The path is that of our URL as Lalamove calls it, and ``data`` is its exact text in the body ("Tutorial on Lalamove
    Webhook", v3_Webhook_v1.4.pdf, and two integrators' code). Type and id of the event are not covered, so `read` and
    `event_id` use only ``data`` and ``timestamp``.
    """

    kind: ClassVar[str] = "hmac"
    signature: ClassVar[str] = (
        "HMAC-SHA256 of `{timestamp}\\r\\nPOST\\r\\n{path}\\r\\n\\r\\n{data}`, in hex, in the body's `signature`"
    )
    credential_headers: ClassVar[tuple[str, ...]] = ()

    def check(self, request: Request, secrets: Sequence[str]) -> None:
        fields = self._fields(request)
        given = decoded(_unquoted(request.body, fields["signature"]), "hex", "signature, in the body,")
        message = self._message(request, fields)
        macs = [self._mac(message, secret) for secret in secrets]
        if not any([matches_any(one, macs) for one in given]):  # noqa: C419  every one is looked at
            raise NotAuthentic("the body's signature does not match its data, the URL's path and any configured secret")

    def sign(self, request: Request, secret: str) -> Request:
        start, end = self._fields(request)["signature"]
        signature = json.dumps(self._mac(self.message(request), secret).hex()).encode()
        return replace(request, body=request.body[:start] + signature + request.body[end:])

    def message(self, request: Request) -> bytes:
        """What is signed. Raises `NotAuthentic` where a part of it is missing."""
        return self._message(request, self._fields(request))

    def _message(self, request: Request, fields: dict[str, tuple[int, int]]) -> bytes:
        stamp, data = _unquoted(request.body, fields["timestamp"]), request.body[slice(*fields["data"])]
        return f"{stamp}\r\nPOST\r\n{request.path}\r\n\r\n".encode() + data

    def _fields(self, request: Request) -> dict[str, tuple[int, int]]:
        fields = members(request.body)
        missing = {"signature", "timestamp", "data"} - fields.keys()
        if missing:
            raise NotAuthentic(f"the body has no {' and no '.join(sorted(missing))}")
        return fields

    def _mac(self, message: bytes, secret: str) -> bytes:
        return hmac.digest(utf8(secret), message, hashlib.sha256)


NAME = "Lalamove"
DOCS = "https://developers.lalamove.com/files/v3_Webhook_v1.4.pdf"
AUTH = (InBody(), Path())  # `Path` is for proxies that change the URL's path
REPLY = Reply(unreadable=200)  # after the tenth failure the URL is disabled
PROBE = Probe(methods=("GET", "HEAD"), bodies=(b"", b"{}"))  # saving the URL sends an empty body, or {}, and wants 200
RETRIES = Retries(times=10, over=timedelta(hours=24))
ZONE = None  # only `timestamp` is read as an instant; `updatedAt` shows the market's clocks
TRACKING_PAGE = None
REFERENCES = ()
SECRET_FIELDS = ("signature",)

# https://developers.lalamove.com, `order.status` of ORDER_STATUS_CHANGED, read 2026-11-22
STATUSES = {
    "ASSIGNING_DRIVER": Status.ANNOUNCED,
    "ON_GOING": Status.ANNOUNCED,  # a driver was found, and is on the way to the shop
    "PICKED_UP": Status.DISPATCHED,
    "COMPLETED": Status.DELIVERED,
    "CANCELED": Status.CANCELLED,
    "REJECTED": Status.EXCEPTION,
    "EXPIRED": Status.EXCEPTION,  # no driver was found
}
# Same place, "Stop Level Status", `POD.status` of a stop, read 2026-11-30: FAILED is "couldn't complete the delivery to
# the stop". An integrator looks at it when the order is COMPLETED, which it may be all the same.
STOPS = {"PENDING": Status.OTHER, "DELIVERED": Status.OTHER, "SIGNED": Status.OTHER, "FAILED": Status.EXCEPTION}
# Same place, `eventType`: those about an order, and those that need no action
PROOF = "POD_STATUS_CHANGED"
TELLING = ("ORDER_STATUS_CHANGED", "ORDER_REPLACED", PROOF)
ASKING_NOTHING = (
    "ORDER_CREATED",
    "DRIVER_ASSIGNED",
    "ORDER_AMOUNT_CHANGED",
    "ORDER_EDITED",
    "WALLET_BALANCE_CHANGED",
    "POP_STATUS_CHANGED",
    "DELIVERY_CODE_STATUS_CHANGED",
)
CLOCK = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{1,2}:\d{2})")
QUARTER = timedelta(minutes=15)  # of an hour: every zone is a multiple of it
FARTHEST = timedelta(hours=14)  # from UTC


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    kind = name(payload["eventType"], "$.eventType")
    if kind in ASKING_NOTHING:
        raise Ignored(f"{kind} carries no status of the order")
    if kind not in TELLING:
        raise Unreadable("$.eventType", "is none of the kinds of events that are known")
    data, order = payload["data"], payload["data"]["order"]
    share_link = url(order.get("shareLink"), "$.data.order.shareLink")
    if payload.get("apiKey", "").startswith("pk_test_") or "//share.sandbox." in (share_link or ""):
        raise Ignored("sandbox")
    if kind == PROOF:
        status, unknown = _of_stops(order)
    else:
        status, unknown = look_up(STATUSES, text(order.get("status"), "$.data.order.status"))
    number = name(order["orderId"], "$.data.order.orderId")
    replaced = _replaced(data)
    happened_at = _happened_at(payload, request)
    former = [] if replaced is None else [_former(replaced, number, happened_at)]
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            tracking_url=share_link,
            courier=NAME,
            dispatched_at=happened_at if status is Status.DISPATCHED else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.TRACKING_NUMBER, replaced),) if replaced else (),
            events=_events(data, status, happened_at),
            replaces=replaced or "",
            returned=kind == PROOF and status is Status.EXCEPTION,  # a COMPLETED that follows is no proof of a delivery
            unknown_words=(unknown,) if unknown else (),
        ),
        *former,
    ]


def _of_stops(order: dict[str, Any]) -> tuple[Status, str]:
    """The status of an order whose stop failed, or a stop's word that the table lacks. Raises `Ignored` for neither:
    the proof of one stop is not the delivery of all."""
    proofs = [((stop.get("POD") or {}).get("status"), n) for n, stop in enumerate(order.get("stops") or [])]
    found = [look_up(STOPS, text(word, f"$.data.order.stops[{n}].POD.status")) for word, n in proofs]
    status = Status.EXCEPTION if (Status.EXCEPTION, "") in found else Status.OTHER
    unknown = next((word for _, word in found if word), "")
    if status is Status.OTHER and not unknown:
        raise Ignored(f"{PROOF}: no stop failed")
    return status, unknown


def _replaced(data: dict[str, Any]) -> str | None:
    """The order that this one replaces: beside the order as three integrators read it, inside as one does."""
    beside = text(data.get("prevOrderId"), "$.data.prevOrderId")
    return beside or text(data["order"].get("previousOrderId"), "$.data.order.previousOrderId")


def _former(number: str, successor: str, at: datetime | None) -> Shipment:
    """The order that another one has replaced: what Lalamove says of it later is not about the parcel any more."""
    return Shipment(key=number, status=Status.OTHER, happened_at=at, tracking_number=number, replaced_by=successor)


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    """An id from the signed parts: ``eventId`` is not signed, so a captured message with another one is not news. One
    second may bring several events of an order, such as a stop's and its completion."""
    if payload["eventType"] not in TELLING:
        return None
    data = payload["data"]
    order = name(data["order"]["orderId"], "$.data.order.orderId")
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    return f"{order}:{name(payload['timestamp'], '$.timestamp')}:{digest[:16]}"


def _happened_at(payload: dict[str, Any], request: Request) -> datetime | None:
    """``timestamp``, in the endpoint's zone or else in the market's."""
    at = epoch(payload["timestamp"], "$.timestamp")
    if at is None:
        return None
    zone = request.zone or _market(at, payload["data"].get("updatedAt"))
    return local_moment(at.isoformat(), "$.timestamp", zone=zone)


def _market(at: datetime, updated_at: str | None) -> tzinfo | None:
    """The market's offset: ``updatedAt`` reads ``19:21.00Z`` and is in the market's time, in spite of the Z."""
    clock = CLOCK.match(text(updated_at, "$.data.updatedAt") or "")
    local = moment(" ".join(clock.groups()), "$.data.updatedAt", "%Y-%m-%d %H:%M", zone=UTC) if clock else None
    offset = round((local - at) / QUARTER) * QUARTER if local else FARTHEST + QUARTER
    return timezone(offset) if abs(offset) <= FARTHEST else None


def _events(data: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The event; ``updatedAt`` gives its day in the market's time."""
    written = text(data.get("updatedAt"), "$.data.updatedAt") or ""
    on = day(written[:10], "$.data.updatedAt")
    if not status.in_possession or on is None:
        return ()
    return single_event(status, on=on, happened_at=happened_at, words=status.words)


def _unquoted(body: bytes, extent: tuple[int, int]) -> str:
    return body[slice(*extent)].decode(errors="replace").strip('"')
