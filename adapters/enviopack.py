"""Enviopack: a GET whose query names a shipment, and nothing else; its history and the shipment are fetched."""

import re
from datetime import timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Exchange,
    Fetch,
    Ignored,
    Path,
    Query,
    Reply,
    Request,
    Retries,
    Scan,
    Shipment,
    Status,
    Unreadable,
    courier_name,
    day,
    form,
    line,
    look_up,
    moment,
    name,
    oldest_first,
    page,
    says_returned,
    text,
)

NAME = "Enviopack"
DOCS = "https://developers.enviopack.com.ar/"
AUTH = (Path(), Query())  # nothing is signed: the secret is in the URL that the merchant registers
REPLY = Reply(unreadable=200)  # an answer other than 200 within 5 s makes Enviopack send again
PROBE = None
RETRIES = Retries(times=10, over=timedelta(minutes=20))  # as integrators have it from the documentation
ZONE = ZoneInfo("America/Argentina/Buenos_Aires")  # times have no offset; assumed of an Argentine gateway
TRACKING_PAGE = "https://seguimiento.enviopack.com/?id={number}"
REFERENCES = ()  # the fetched shipment names Enviopack's own order, whose structure is not documented publicly

METHODS = ("GET", "POST")  # integrators see GET
QUERY = ("tipo", "id")
HOSTS = ("api.enviopack.com",)
# POST /auth, as the vendor's plugins do it: the token is good for four hours, and is renewed before.
CREDENTIALS = Exchange(
    url="https://api.enviopack.com/auth",
    fields=("api-key", "secret-key"),
    token="token",
    query="access_token",
    lives=timedelta(hours=3, minutes=50),
)

PROCESSED = "envio-procesado"  # there is a label, and no history yet
TYPES = (PROCESSED, "envio-cambio-condicion")

# `condicion` of GET /envios/{id}, as the code of seven integrators reads it; Enviopack shows the list itself
# (GET /envios/condiciones) to customers only. Read 2026-11-28.
CONDITIONS = {
    "T": Status.IN_TRANSIT,  # sent
    "E": Status.DELIVERED,
    "C": Status.CANCELLED,
    **dict.fromkeys(("R", "D", "A"), Status.EXCEPTION),  # alerts, to be looked at in the panel
}

# `codigo` of a step on Enviopack's public tracking page, as the code of an integrator reads it. Read 2026-11-28.
STEPS = {
    "INLD": Status.ANNOUNCED,  # ready to be sent
    "COLE": Status.DISPATCHED,
    "RETI": Status.DISPATCHED,  # fetched from the sender
    "ENVI": Status.IN_TRANSIT,
    "REPO": Status.OUT_FOR_DELIVERY,
    "ENTR": Status.DELIVERED,
    "DEVU": Status.RETURNED,
}

_SHIPMENT = re.compile(r"/envios/(\d+)(?:$|/tracking)")


def decode(request: Request) -> dict[str, str]:
    """The message, which is in the query; a body is not read."""
    return form(request.query.encode("latin-1", "replace")) if request.query else {}


def notice(payload: dict[str, str], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    if payload["tipo"] not in TYPES:
        raise Unreadable("$.tipo", "is none of the types of notices that are known")
    number = name(payload["id"], "$.id")
    if not (number.isascii() and number.isdecimal()):
        raise Unreadable("$.id", "is no number")
    shipment = Fetch(url=f"https://api.enviopack.com/envios/{number}")
    if payload["tipo"] == PROCESSED:
        return [shipment]
    # The history first: it has the dates, and a number that is written without a date is not written again for it.
    return [Fetch(url=f"{shipment.url}/tracking?formato=ISO")]


def more(payload: dict[str, Any] | list[Any], request: Request) -> list[Fetch]:
    return [Fetch(url=request.fetched.partition("/tracking")[0])] if isinstance(payload, list) else []


def read(payload: dict[str, Any] | list[Any], request: Request) -> list[Shipment]:
    shipment = _SHIPMENT.search(request.fetched)
    if shipment is None:
        raise Unreadable("$", "is a shipment or its history, and its URL names none")
    key = shipment.group(1)
    return [_history(key, payload, request) if isinstance(payload, list) else _shipment(key, payload)]


def _shipment(key: str, payload: dict[str, Any]) -> Shipment:
    number = text(payload.get("tracking_number"), "$.tracking_number")
    if number is None:
        raise Ignored("no tracking number yet")
    status, unknown_word = look_up(CONDITIONS, text(payload.get("condicion"), "$.condicion"))
    carrier = payload.get("correo") or {}
    code = text(carrier.get("id"), "$.correo.id") or ""
    return Shipment(
        key=key,
        status=status,
        tracking_number=number,
        tracking_url=page(TRACKING_PAGE, number),
        courier=line(carrier.get("nombre"), "$.correo.nombre") or courier_name(code),
        courier_code=code,
        unknown_words=(unknown_word,) if unknown_word else (),
    )


def _history(key: str, payload: list[Any], request: Request) -> Shipment:
    if not payload:
        raise Ignored("no history yet")
    zone = request.zone or ZONE
    history = oldest_first((_scan(entry, f"$[{n}]", zone) for n, entry in enumerate(payload)), "$")
    status = history.settled(history.scans[-1].status)
    return Shipment(
        key=key,
        status=status,
        happened_at=history.last(),
        dispatched_at=history.first(*UNDERWAY),
        delivered_at=history.first(Status.DELIVERED) if status is Status.DELIVERED else None,
        events=history.events,
        returned=history.returned_before(status),
        unknown_words=history.unknown_words,
    )


def _scan(entry: dict[str, Any], path: str, zone: tzinfo) -> Scan:
    words = line(entry.get("mensaje"), f"{path}.mensaje")
    status, unknown_word = look_up(STEPS, text(entry.get("codigo"), f"{path}.codigo"))
    return Scan.of(
        Status.RETURNED if says_returned(words) else status,
        unknown_word,
        on=day(entry["fecha"], f"{path}.fecha"),
        happened_at=moment(entry["fecha"], f"{path}.fecha", zone=zone),
        words=words,
    )
