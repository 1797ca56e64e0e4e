"""Coordinadora: one state or incident of one guide per POST, inside a message of Google Cloud Pub/Sub."""

import base64
import json
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Ignored,
    Path,
    Query,
    Reply,
    Request,
    Shipment,
    Status,
    Unreadable,
    day,
    inner_json,
    line,
    look_up,
    moment,
    name,
    says_returned,
    single_event,
    strict_json,
    text,
)

NAME = "Coordinadora"
DOCS = "https://cloud.google.com/pubsub/docs/push"  # Coordinadora's own pages are a PDF, handed out on request
AUTH = (Path(), Query())  # "sin autenticación": only the URL can hold a secret
REPLY = Reply(unreadable=200)  # Pub/Sub sends again what is not acknowledged by a 2xx
PROBE = None
RETRIES = None  # until Coordinadora's retention ends; its length is not published
ZONE = ZoneInfo("America/Bogota")  # times have no offset; assumed of a Colombian carrier
TRACKING_PAGE = None
REFERENCES = ("message.data.referencia",)

# "Notificacion-push-Tracking-v3.pdf", the nine states with "0" (there is no 7), as an integrator quotes it; "9" as two
# guides of integrators for Coordinadora's incidents explain it. Read 2026-11-28.
STATUSES = {
    "1": Status.ANNOUNCED,  # to be received by Coordinadora
    "2": Status.IN_TRANSIT,  # at the terminal of origin
    "3": Status.IN_TRANSIT,
    "4": Status.IN_TRANSIT,  # at the terminal of destination
    "5": Status.OUT_FOR_DELIVERY,
    "6": Status.DELIVERED,
    "8": Status.EXCEPTION,  # closed by an incident
    "9": Status.IN_TRANSIT,  # "en punto DROP": waits at an office of Coordinadora for the shopper
}
NO_SUCH_GUIDE = "0"

_URL_SAFE = str.maketrans("-_", "+/")


def decode(request: Request) -> Any:
    """The message as it came, with the event in place of its base64 in ``message.data``."""
    payload = strict_json(request.body)
    if not isinstance(payload, dict) or not isinstance(payload.get("message"), dict):
        raise Unreadable("$.message", "is missing: this is no message of Pub/Sub")
    data = payload["message"].get("data")
    if isinstance(data, str):  # either alphabet of base64, with or without its padding
        data = data.translate(_URL_SAFE) + "=" * (-len(data) % 4)
    event = inner_json(data, "$.message.data", in_base64=True)
    return {**payload, "message": {**payload["message"], "data": event}}


def encode(payload: dict[str, Any]) -> bytes:
    """The message with its event in base64 again."""
    event = base64.b64encode(json.dumps(payload["message"]["data"]).encode()).decode()
    return json.dumps({**payload, "message": {**payload["message"], "data": event}}).encode()


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event = payload["message"]["data"]
    code = name(event["codigo"], "$.message.data.codigo")
    if code == NO_SUCH_GUIDE:
        raise Ignored("Coordinadora does not know the guide")
    words = line(event.get("comment"), "$.message.data.comment")
    status, unknown_word = _status(event, code)
    if status in (Status.DELIVERED, Status.EXCEPTION) and says_returned(words):
        status = Status.RETURNED
    number = name(event["tracking_number"], "$.message.data.tracking_number")
    happened_on, at = _when(event, request)
    happened_at = at if text(event.get("hora"), "$.message.data.hora") else None  # a day alone is no instant
    events = single_event(status, on=happened_on, happened_at=happened_at, words=words)
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            events=() if status is Status.ANNOUNCED else events,
            unknown_words=(unknown_word,) if unknown_word else (),
        )
    ]


def event_id(payload: dict[str, Any], request: Request) -> str | None:  # noqa: ARG001  the contract's signature
    return text(payload["message"].get("messageId"), "$.message.messageId")


def _status(event: dict[str, Any], code: str) -> tuple[Status, str]:
    """The status, and the code that the table lacks. Incidents have their own codes, whose list is not published. They
    name the guide's present state, but not since when."""
    if code in STATUSES or "codigo_estado" not in event:
        return look_up(STATUSES, code)
    _, unknown_state = look_up(STATUSES, text(event["codigo_estado"], "$.message.data.codigo_estado"))
    return Status.EXCEPTION, unknown_state


def _when(event: dict[str, Any], request: Request) -> tuple[date | None, datetime | None]:
    """Day and instant, from two fields; without a day there is neither."""
    written = text(event.get("fecha"), "$.message.data.fecha")
    hour = text(event.get("hora"), "$.message.data.hora")
    if written and hour:
        written = f"{written} {''.join(hour.split())}"  # some are written "13: 51: 43.456818"
    path = "$.message.data.fecha"
    return day(written, path), moment(written, path, zone=request.zone)
