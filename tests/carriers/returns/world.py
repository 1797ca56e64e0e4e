"""Returns as the world's carriers report them: the carrier, the kind of return, and what its adapter reads."""

from collections.abc import Callable
from typing import Any

from adapters import Shipment
from tests.support.parcels import body_of, read

Row = tuple[str, str, Callable[[], list[Shipment]]]


def _row(slug: str, kind: str, case: str, change: Callable[[Any], None] | None = None) -> Row:
    """A recording as it is, or with a change of its body."""

    def build() -> list[Shipment]:
        payload = body_of(slug, case)
        if change:
            change(payload)
        return read(slug, payload, case)

    return slug, kind, build


def _inpost(status: str) -> Callable[[Any], None]:
    return lambda body: body["payload"].update(status=status)


def _sendcloud(**status: Any) -> Callable[[Any], None]:
    return lambda body: body["parcel"]["status"].update(status)


def _sendcloud_event(**event: Any) -> Callable[[Any], None]:
    return lambda body: body["data"]["event"].update(event)


def _bluedart(**scan: str) -> Callable[[Any], None]:
    return lambda body: [
        detail.update(scan)
        for member in body["statustracking"]
        for detail in member["Shipment"]["Scans"]["ScanDetail"][:1]
    ]


def _bluedart_mode(mode: str) -> Callable[[Any], None]:
    return lambda body: [member["Shipment"].update(ShipmentMode=mode) for member in body["statustracking"]]


def _uber(**data: Any) -> Callable[[Any], None]:
    return lambda body: body["data"].update(data)


def _dhl(status: dict[str, str], *events: dict[str, str]) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        body["shipments"] = body["shipments"][:1]
        body["shipments"][0] |= {"service": "express", "status": status, "events": list(events)}

    return change


def _shiprocket(number: int, scan: dict[str, str] | None = None, **fields: Any) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        body.update(fields, shipment_status_id=number)
        body["scans"][1].update(scan or {})

    return change


def _delhivery(kind: str, word: str) -> Callable[[Any], None]:
    return lambda body: body["Shipment"]["Status"].update(StatusType=kind, Status=word)


def _with(**fields: Any) -> Callable[[Any], None]:
    return lambda body: body.update(fields)


def _easyship(**fields: Any) -> Callable[[Any], None]:
    return lambda body: body["tracking_status"].update(fields)


ROWS: list[Row] = [
    _row("shipbob", "a return that the shopper sends", "return_created"),
    _row("inpost", "returned to the sender", "delivered", _inpost("returned_to_sender")),
    _row("inpost", "taken from a point for the sender", "taken_from_a_point_for_the_sender"),
    _row("sendcloud", "a return label that is delivered", "return_parcel_delivered"),
    _row("sendcloud", "returned to sender", "returned_to_sender"),
    _row(
        "sendcloud",
        "delivered, in words to the sender",
        "delivered",
        _sendcloud(message="Delivered to original sender"),
    ),
    _row("sendcloud", "an event of a return that is delivered", "event_delivered", _sendcloud_event(is_returned=True)),
    _row("sendcloud", "an event with a return", "event_delivered", _sendcloud_event(exception="returned_sender")),
    _row("sendcloud", "an event in words", "event_delivered", _sendcloud_event(description="Returned to sender")),
    _row("bluedart", "delivered in the group of returns", "returned"),
    _row("bluedart", "delivered after a return", "delivered_after_a_return"),
    _row("bluedart", "a pickup from the shopper that is delivered", "reverse_pickup"),
    _row("bluedart", "a pickup from the shopper in a padded text", "delivered_plus_repeated", _bluedart_mode("R ")),
    _row("uber_direct", "the delivery back to the store, by its id", "delivered", _uber(id="ret_31DemoReturn04")),
    _row(
        "uber_direct",
        "the delivery back to the store, by what it relates to",
        "delivered",
        _uber(related_deliveries=[{"id": "del_31DemoDelivery04", "relationship": "original"}]),
    ),
    _row(
        "bluedart",
        "delivered back to the shipper",
        "delivered_plus_repeated",
        _bluedart(ScanGroupType="T", ScanType="DL", ScanCode="188"),
    ),
    _row("dhl", "delivered after a return", "delivered_after_a_return"),
    _row(
        "dhl",
        "delivered, in words to the shipper",
        "first_transit",
        _dhl({"statusCode": "delivered", "timestamp": "2026-11-24T14:02:00Z", "description": "Returned to shipper"}),
    ),
    _row(
        "dhl",
        "Express's own code of a return",
        "first_transit",
        _dhl(
            {"statusCode": "delivered", "timestamp": "2026-11-24T14:02:00Z"}, {"statusCode": "transit", "status": "RT"}
        ),
    ),
    _row("shiprocket", "a return label that is delivered", "return_delivered"),
    _row("shiprocket", "delivered after an RTO", "delivered_after_rto"),
    _row("shiprocket", "an RTO that is delivered", "delivered", _shiprocket(10)),
    _row("shiprocket", "an RTO that is out for delivery", "delivered", _shiprocket(41)),
    _row(
        "shiprocket",
        "delivered after a return in words",
        "delivered",
        _shiprocket(7, {"sr-status": "NA", "activity": "Shipment returned to shipper"}),
    ),
    _row("delhivery", "closed as RTO", "closed_as_rto"),
    _row("delhivery", "delivered in the type of returns", "delivered", _delhivery("RT", "Delivered")),
    _row("delhivery", "a pickup from the shopper that is delivered", "reverse_delivered"),
    _row("delhivery", "a pickup from the shopper on its way", "delivered", _delhivery("PU", "Dispatched")),
    _row("ninjavan", "delivered on the leg to the sender", "delivered_to_the_sender_v2"),
    _row("ninjavan", "completed after a return", "completed_after_return_v1"),
    _row("ninjavan", "at a point on the leg to the sender", "at_a_point_v2", _with(is_parcel_on_rts_leg=True)),
    _row("ninjavan", "returned to the sender", "completed_after_return_v1", _with(status="Returned to Sender")),
    _row("easyship", "returned to sender", "delivered", _easyship(status="Returned To Sender")),
    _row("easyship", "delivered after a return in a checkpoint", "delivered_after_a_return"),
]
