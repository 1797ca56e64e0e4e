"""Correios (CWS, service wh-rastro): one tracking event of one object per POST, in an unpublished body.

The documentation is behind a login, and no integrator has shown a message. The adapter looks for the fields that its
OpenAPI and the tracking API name. A message without them is kept as unreadable, until they are known.
"""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Hmac,
    Ignored,
    Path,
    Reply,
    Request,
    Shipment,
    Status,
    Unreadable,
    inner_json,
    line,
    local_moment,
    look_up,
    single_event,
    strict_json,
    text,
    unless_returned,
)

NAME = "Correios"
DOCS = "https://cws.correios.com.br"
# "Resumo HMAC" of the body under the secret chosen at registration; neither the digest nor its writing is published.
# SHA-256 is presumed, as the one integrator does. If it is another, requests are refused until the URL holds a secret.
AUTH = (Hmac(header="x-correios-signature", encoding="either", tolerated="sha256="), Path())
REPLY = Reply(unreadable=200)  # a 4xx is believed to be sent again
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # the tracking API's times have no offset and are Brasília's
TRACKING_PAGE = None  # the public page takes no number that Correios documents, and asks for a captcha
HEADER = "x-correios-hook-event"  # not signed: it ends no parcel by itself
HEADERS = (HEADER,)
REFERENCES = ()

# "Web Service de Rastreamento", Correios, "Lista de Status de eventos" (2016 and 2017), and the newer types as two
# integrators list them with Correios' own words, read 2026-11-28; 67 and 70 as integrators of this webhook read
# them. Types have no leading zeros here; the tracking API writes them.
HOME = {  # of the three offices that may close an object: BDE, BDI and BDR
    Status.DELIVERED: (0, 1, 67, 70),
    Status.IN_TRANSIT: (
        *(15, 22, 30, 31, 32, 41, 44, 45, 47, 53, 55, 57, 58, 59, 66, 69, 77, 84),
        *(2, 18, 20, 25, 35, 46),  # the delivery was tried, so Correios has it
        *(24, 68),  # in a post box or a locker, where it waits for the shopper
    ),
    # "será devolvido ao remetente", or back at the sender's office; 23: the sender has it
    Status.RETURNED: (3, 4, 5, 6, 8, 10, 12, 21, 23, 26, 33, 36, 42, 48, 49, 62, 64, 89),
    Status.EXCEPTION: (
        *(7, 9, 13, 19, 28, 29, 34, 37, 38, 39, 40, 43, 50, 51, 52, 54, 56, 60, 61, 63),
        *(*range(71, 77), 80, 81, 82, 83, 85, 86, 87, 98),
    ),
    Status.OTHER: (14, 79),  # the posting was given up, or never was: read in two ways
}
ELSEWHERE = {
    Status.ANNOUNCED: "CO-2 CO-3 CO-5 CO-6 CO-7 CO-9 CO-13",  # the collection is ahead, failed or was called off
    Status.DISPATCHED: "PO-0 PO-1 PO-2 PO-9 CO-1 CO-15 CO-16 CMT-0",
    Status.IN_TRANSIT: (
        "RO-0 RO-1 DO-0 DO-1 DO-2 TRI-0 TRI-1 PMT-1 CD-0 CD-1 CD-2 CD-3 CUN-0 CUN-1 CAR-1 CMR-1 "
        "FC-2 FC-3 FC-5 FC-7 FC-8 FC-10 FC-12 FC-13 FC-19 FC-24 FC-26 FC-27 FC-31 FC-32 FC-33 FC-34 FC-35 FC-37 FC-55 "
        "PAR-10 PAR-11 PAR-12 PAR-14 PAR-15 PAR-16 PAR-17 PAR-18 PAR-19 PAR-20 PAR-21 PAR-22 PAR-27 PAR-28 PAR-30 "
        "PAR-31 PAR-32 PAR-34 PAR-42 "
        "LDI-0 LDI-1 LDI-2 LDI-3 LDI-4 LDI-11 LDI-13 LDI-14"  # waits for the shopper
    ),
    Status.OUT_FOR_DELIVERY: "OEC-0 OEC-1 OEC-3",
    Status.RETURNED: "OEC-9 LDE-0 LDE-9 FC-1 FC-9 FC-47 PAR-13 PAR-24 PAR-40",  # OEC-9, LDE: on its way to the sender
    Status.EXCEPTION: (
        "BLQ-1 BLQ-2 BLQ-4 BLQ-5 BLQ-11 BLQ-21 BLQ-22 BLQ-31 BLQ-41 BLQ-42 BLQ-51 CO-11 FC-4 FC-11 FC-29 FC-41 FC-42 "
        "FC-51 IDC-1 IDC-2 IDC-3 IDC-4 IDC-5 IDC-6 IDC-7 PAR-23 PAR-25 PAR-26 PAR-33 PAR-41"
    ),
    # read in two ways (CO-8), or about the order of the collection, the office or a block that was lifted
    Status.OTHER: "CO-4 CO-8 CO-10 CO-12 CO-14 BLQ-24 BLQ-30 BLQ-44 BLQ-54 BLQ-61 PAR-29",
}
STATUSES = {
    **{
        f"{office}-{kind}": status
        for office in ("BDE", "BDI", "BDR")
        for status, kinds in HOME.items()
        for kind in kinds
    },
    **{word: status for status, words in ELSEWHERE.items() for word in words.split()},
}

NUMBERS = ("codigoObjeto", "codObjeto", "objeto")
KINDS = ("tipoEvento", "tpEvento")
TIMES = ("dtEvento", "dataEvento", "dtHrCriado")
WORDS = ("descricaoEvento", "descricao")
OBJECT = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")  # UPU S10
FINAL = (Status.DELIVERED, Status.RETURNED)
KIND = re.compile(r"([A-Z]{2,3})-?0*([0-9]{1,3})")

Field = tuple[Any, str]


def decode(request: Request) -> Any:
    """The message with its ``payload`` decoded in place: in the OpenAPI it is text, presumably JSON."""
    body = strict_json(request.body)
    if isinstance(body, dict) and isinstance(body.get("payload"), str):
        return {**body, "payload": inner_json(body["payload"], "$.payload")}
    return body


def encode(payload: Any) -> bytes:
    """The envelope with its payload as text again."""
    if not isinstance(payload, dict) or not isinstance(payload.get("payload"), dict):
        return json.dumps(payload).encode()
    return json.dumps({**payload, "payload": json.dumps(payload["payload"])}).encode()


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    number = _number(payload)
    kind, is_signed = _kind(payload, request)
    if kind.startswith("EST-"):
        raise Ignored("Correios takes back an event, without saying which")
    status, unknown = look_up(STATUSES, kind)
    happened_at = local_moment(*_first(payload, TIMES), zone=request.zone)
    words = line(*_first(payload, WORDS))
    status = unless_returned(status, words)
    if status in FINAL and not is_signed:
        raise Unreadable(
            "$", f"names no kind of event; only {HEADER}, which is not signed, says {kind}: {status.value}"
        )
    return [
        Shipment(
            key=number,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            courier=NAME,
            dispatched_at=happened_at if status in UNDERWAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=()
            if happened_at is None or status is Status.ANNOUNCED
            else single_event(status, on=happened_at.date(), happened_at=happened_at, words=words or status.words),
            unknown_words=(unknown,) if unknown else (),
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


def event_id(payload: dict[str, Any], request: Request) -> str | None:
    """The object and the kind of event: where only the header tells the kind, the bodies of two events are the same."""
    return f"{_number(payload)}:{_kind(payload, request)[0]}"


def _kind(payload: dict[str, Any], request: Request) -> tuple[str, bool]:
    """The event as ``BDE-1``: as one field, as two (the tracking API writes ``"codigo": "BDE", "tipo": "01"``), or in
    the header. And whether the body says so, which is signed. Raises `Unreadable` if none says what happened."""
    kind, kind_path = _first(payload, ("tipo",))
    suffix = f"-{text(kind, kind_path) or ''}"
    fields = [_first(payload, KINDS), _first(payload, ("codigo",))]
    header = text(request.headers.get(HEADER), "$")
    written = [text(value, path) for value, path in fields]
    whole = [word for word in written if word]
    signed = [*whole, *(word + suffix for word in whole)]
    for candidate, is_signed in (*((one, True) for one in signed), (header or "", False)):
        if match := KIND.fullmatch(candidate.upper()):
            return f"{match[1]}-{match[2]}", is_signed
    path = next((path for value, path in fields if value is not None), "$")
    raise Unreadable(path, f"names no kind of event, such as BDE-1, and neither does {HEADER}")


def _first(payload: dict[str, Any], names: tuple[str, ...]) -> Field:
    """The first of these fields with a value, and its path: inside ``payload`` first, then beside it."""
    inside = payload.get("payload")
    for node, at in ((inside, "$.payload"), (payload, "$")):
        for name in names:
            if isinstance(node, dict) and node.get(name) not in (None, ""):
                return node[name], f"{at}.{name}"
    return None, f"$.{names[0]}"
