"""Correios (CWS, service wh-rastro): one tracking event of one object per POST, in a body nobody has published.

The documentation is behind a login, and no integrator has shown a message. The fields that its OpenAPI and the tracking
API name are looked for; a message with none of them is kept as unreadable and can be read once they are known.
"""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Hmac,
    Ignored,
    Path,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    Unreadable,
    day,
    inner_json,
    line,
    moment,
    strict_json,
    text,
)

NAME = "Correios"
DOCS = "https://cws.correios.com.br"
# "Resumo HMAC" of the body under the secret chosen at registration; neither the digest nor its writing is published.
# SHA-256 is presumed, as the one integrator does. Should it be another, nothing is let in until the URL holds a secret.
AUTH = (Hmac(header="x-correios-signature", encoding="either", tolerated="sha256="), Path())
REPLY = Reply(unreadable=200)  # a 4xx is believed to be sent again
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # the tracking API's times have no offset and are Brasília's
TRACKING_PAGE = None  # the public page takes no number that Correios documents, and asks for a captcha
HEADERS = ("x-correios-hook-event",)
REFERENCES = ()

# "Web Service de Rastreamento", Correios, "Lista de Status de eventos"; 67, 70 and the CO and OEC other than 1 and 9 as
# integrators of this webhook read them. Types have no leading zeros here; the tracking API writes them.
HOME = ("BDE", "BDI", "BDR")  # three offices that may close an object, with the same types
STATUSES = {
    **dict.fromkeys(("PO-1", "PO-2", "PO-9", "CO-1", "CO-15", "CO-16", "CMT-0"), Status.DISPATCHED),
    **dict.fromkeys(("RO-1", "DO-1", "DO-2", "PMT-1", "CD-1", "CD-2", "CD-3", "CUN-1", "FC-10"), Status.IN_TRANSIT),
    **dict.fromkeys(("LDI-1", "LDI-2", "LDI-3", "LDI-4", "LDI-14"), Status.IN_TRANSIT),  # waits for the shopper
    **dict.fromkeys(("OEC-1", "OEC-3"), Status.OUT_FOR_DELIVERY),
    **dict.fromkeys(("OEC-9", "LDE-9", "FC-1", "FC-47"), Status.RETURNED),  # out for delivery, but to the sender
    **dict.fromkeys(("BLQ-1", "BLQ-2", "FC-4"), Status.EXCEPTION),
    **{
        f"{office}-{kind}": status
        for office in HOME
        for kind, status in {
            **dict.fromkeys((1, 67, 70), Status.DELIVERED),
            **dict.fromkeys((2, 18, 20, 25), Status.IN_TRANSIT),  # who tried to deliver it has it
            **dict.fromkeys((24, 68), Status.IN_TRANSIT),  # in a box or locker, waiting for the shopper
            **dict.fromkeys((4, 5, 6, 8, 10, 21, 26, 23), Status.RETURNED),  # "será devolvido", and 23: it was
            **dict.fromkeys((7, 9, 19), Status.EXCEPTION),
        }.items()
    },
}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)

NUMBERS = ("codigoObjeto", "codObjeto", "objeto")
KINDS = ("tipoEvento", "tpEvento")
TIMES = ("dtEvento", "dataEvento", "dtHrCriado")
WORDS = ("descricaoEvento", "descricao")
OBJECT = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")  # UPU S10
KIND = re.compile(r"([A-Z]{2,3})-?0*([0-9]{1,3})")

Field = tuple[Any, str]


def decode(request: Request) -> Any:
    """The OpenAPI's ``payload`` is text, presumably JSON: it is unfolded where it stands."""
    body = strict_json(request.body)
    if isinstance(body, dict) and isinstance(body.get("payload"), str):
        return {**body, "payload": inner_json(body["payload"], "$.payload")}
    return body


def encode(payload: Any) -> bytes:
    """The envelope with its payload folded again."""
    if not isinstance(payload, dict) or not isinstance(payload.get("payload"), dict):
        return json.dumps(payload).encode()
    return json.dumps({**payload, "payload": json.dumps(payload["payload"])}).encode()


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = _number(payload)
    kind = _kind(payload, request)
    if kind.startswith("EST-"):
        raise Ignored("Correios takes back an event, without saying which")
    status = STATUSES.get(kind, Status.OTHER)
    written, path = _first(payload, TIMES)
    happened_at, happened_on = moment(written, path, zone=request.zone), day(written, path)
    words = line(*_first(payload, WORDS)) or kind
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=happened_at if status in ON_THE_WAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=(TrackingEvent(day=happened_on, description=words, happened_at=happened_at),) if happened_on else (),
        )
    ]


def _number(payload: dict[str, Any]) -> str:
    written, path = _first(payload, NUMBERS)
    number = text(written, path)
    if number is None:
        raise Unreadable("$", f"names no object: there is none of {', '.join(NUMBERS)}")
    if not OBJECT.fullmatch(number):
        raise Unreadable(path, "is no object's code, such as AA123456785BR")
    return number


def _kind(payload: dict[str, Any], request: Request) -> str:
    """The event as ``BDE-1``. Raises `Unreadable`: an event that says not what happened is not to be understood."""
    written, path = _first(payload, KINDS)
    if written is None:
        written, path = _pair(payload)
    if written is None:
        written, path = request.headers.get("x-correios-hook-event"), "$"
    match = KIND.fullmatch((text(written, path) or "").upper())
    if not match:
        raise Unreadable(path, "names no kind of event, such as BDE-1, and neither does x-correios-hook-event")
    return f"{match[1]}-{match[2]}"


def _pair(payload: dict[str, Any]) -> Field:
    """The tracking API writes ``"codigo": "BDE", "tipo": "01"``."""
    code, path = _first(payload, ("codigo",))
    kind, kind_path = _first(payload, ("tipo",))
    return (None, path) if code is None else (f"{text(code, path)}-{text(kind, kind_path) or ''}", path)


def _first(payload: dict[str, Any], names: tuple[str, ...]) -> Field:
    """The first of these fields that says something, inside ``payload`` before beside it, and its path."""
    inside = payload.get("payload")
    for node, at in ((inside, "$.payload"), (payload, "$")):
        for name in names:
            if isinstance(node, dict) and node.get(name) not in (None, ""):
                return node[name], f"{at}.{name}"
    return None, f"$.{names[0]}"
