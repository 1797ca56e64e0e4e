"""Returns as the carriers of Latin America and the two same-day services send them, each built from a recording."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters import Shipment
from receiver import recordings
from receiver.carriers import discover
from tests.support.parcels import SAMPLES, body_of, read, recorded

Row = tuple[str, str, Callable[[], list[Shipment]]]


def _row(slug: str, kind: str, case: str, **changes: Any) -> Row:
    """A recording with other members in its body (``a__b=1`` is ``{"a": {"b": 1}}``)."""

    def sent() -> list[Shipment]:
        payload = body_of(slug, case)
        for dotted, value in changes.items():
            node, *names = payload, *dotted.split("__")
            for one in names[:-1]:
                node = node[one]
            node[names[-1]] = value
        return read(slug, payload, case)

    return slug, kind, sent


def _coordinadora(kind: str, case: str, comment: str) -> Row:
    """A recording whose event, inside the base64, has another comment."""

    def sent() -> list[Shipment]:
        request = recorded("coordinadora", case)
        payload = json.loads(request.body)
        event = json.loads(base64.b64decode(payload["message"]["data"])) | {"comment": comment}
        payload["message"]["data"] = base64.b64encode(json.dumps(event).encode()).decode()
        return read("coordinadora", payload, case)

    return "coordinadora", kind, sent


def _answer(slug: str, kind: str, case: str, number: int, change: Callable[[Any], None] | None = None) -> Row:
    """The answer of that number to the fetches of a recorded notice."""

    def sent() -> list[Shipment]:
        answer = list(recordings.load(SAMPLES / slug / f"{case}.http").answers.values())[number]
        payload = json.loads(answer.body)
        if change:
            change(payload)
        carrier = discover()[slug]
        return carrier.convert(replace(answer, zone=carrier.zone, body=json.dumps(payload).encode())).shipments

    return slug, kind, sent


def _minutos(code: str) -> Row:
    """A history that ends with a delivery after the event of this code."""
    history = [
        {"StatusCode": one, "StatusName": one, "CreatedAt": f"2026-11-17 10:0{n}:00"}
        for n, one in enumerate(("2003", "4101", code, "4002"))
    ]
    return _row("ninety_nine_minutos", f"delivered after {code}", "returned", Events=history)


BACK = "Devuelto al remitente"

ROWS: list[Row] = [
    _answer("zippin", "a history that ends with a generated return", "returned", 0),
    _answer("zippin", "a shipment with a generated return", "returned", 1),
    _answer("zippin", "the history of the way back", "the_way_back", 0),
    _answer("zippin", "the shipment of the way back", "the_way_back", 1),
    _answer(
        "zippin",
        "delivered after a generated return",
        "returned",
        0,
        lambda steps: steps.append(
            {"created_at": "2026-11-20T09:00:00+00:00", "status": {"code": "delivered", "visible_name": "Entregado"}}
        ),
    ),
    _row("shipit", "a return label, delivered", "return_delivered"),
    _row("shipit", "going back by its sub_status", "going_back_by_patch"),
    *(
        _row("shipit", f"status {word}", "delivered", status=word, sub_status=None)
        for word in ("returned", "returned_in_route", "returned_failed", "back_in_route", "at_shipit")
    ),
    _row("shipit", "delivered, with a sub_status of a return", "delivered", sub_status="returned"),
    _row("shipit", "delivered, to the sender in the courier's words", "delivered", courier_status=BACK),
    _coordinadora("delivered, to the sender in its words", "delivered", BACK),
    _coordinadora("an incident, back to the sender in its words", "incident_during_delivery", BACK),
    _row("pickit", "a refund with the courier", "going_back_with_the_courier"),
    _row("pickit", "waits for its shipper at a drop-off point", "return_waits_at_the_drop_off"),
    *(
        _row("pickit", f"store's status {word}", "store_delivered", status=word)
        for word in ("refund", "refundRetailer", "returnToSender", "returnedToSender", "returnedToSenderPoint")
    ),
    _row(
        "pickit", "delivered, signed by the retailer", "delivered", state__subState={"tag": "returnedToSenderRetailer"}
    ),
    _answer("enviopack", "delivered after a return", "delivered_back", 0),
    _answer(
        "enviopack",
        "returned in its words",
        "delivered_without_codes",
        0,
        lambda steps: steps[-1].update(mensaje="Entregado: devuelto al remitente"),
    ),
    _row("envia", "delivered at origin", "delivered_at_origin"),
    _row("envia", "returned", "delivered", data__status="Returned"),
    _row("envia", "delivered, to the sender in its words", "returned_by_its_words"),
    _row("envia", "legacy: returned", "legacy_shipped", status="returned"),
    *(_row("enviame", f"status {code}", "return_delivered", status_id=code) for code in (14, 30, 33, 44, 55)),
    _row("enviame", "delivered, to the sender in the courier's words", "delivered_to_the_sender"),
    _row("enviame", "fetched, by the sender in the courier's words", "delivered_to_the_sender", status_id=13),
    _row("skydropx", "delivered, with returned beside it", "delivered_back"),
    _row("skydropx", "in return", "delivered", data__attributes__status="in_return"),
    _row("skydropx", "delivered, to the sender in the carrier's words", "delivered_to_the_sender"),
    _row("ninety_nine_minutos", "returned", "returned"),
    _row("ninety_nine_minutos", "delivered after a return", "delivered_back_in_local_time"),
    *(_minutos(code) for code in ("5001", "5002", "5101")),
    _row("doordash_drive", "returned", "returned"),
    *(
        _row("doordash_drive", word, "dropped_off", event_name=word)
        for word in ("DELIVERY_RETURN_INITIALIZED", "dasher_enroute_to_return", "DASHER_CONFIRMED_RETURN_ARRIVAL")
    ),
    _row("uber_direct", "returned", "returned"),
    _row("uber_direct", "returned after a drop-off that was completed", "delivered", status="returned"),
]
