"""Returns as UPS, FedEx, USPS and the gateways over many couriers send them."""

import json
from collections.abc import Callable
from typing import Any

from adapters import Shipment, shipstation_v1
from tests.support.parcels import body_of, read, reader, recorded


def sent(slug: str, case: str, **changes: Any) -> Callable[[], list[Shipment]]:
    """What is read in a recording with these changes."""
    return lambda: [reader(slug, case)(**changes)]


def return_label() -> list[Shipment]:
    """ShipStation marks the label in the list that its notice leads to."""
    return shipstation_v1.read({"shipmentId": 48100011, "isReturnLabel": True}, recorded("shipstation_v1", "voided"))


def summarized() -> list[Shipment]:
    """USPS says in its summary alone to whom the piece was delivered."""
    envelope = body_of("usps", "delivered_to_original_sender")
    piece = json.loads(envelope["payload"])
    piece["trackingEvents"] = [{"eventCode": "01", "eventTimestamp": "2026-11-19T10:00:00Z", "eventType": "Delivered"}]
    piece["statusSummary"] = "Your item was delivered to the original sender at 10:00 am."
    return read("usps", envelope | {"payload": json.dumps(piece)}, "delivered_to_original_sender")


ROWS = [
    ("ups", "delivery code UA with a date of delivery", sent("ups", "return_reported_as_delivery")),
    ("ups", "status code 034", sent("ups", "returned_to_sender")),
    ("ups", "status code 081", sent("ups", "returned_to_sender", activityStatus__descriptionCode="081")),
    (
        "ups",
        "delivered, in the words of a return",
        sent(
            "ups",
            "delivered_v2",
            activityStatus={"type": "D", "code": "FS", "descriptionCode": "011", "description": "Returned to shipper"},
        ),
    ),
    ("easypost", "delivered, to the original sender", sent("easypost", "delivered_to_original_sender")),
    (
        "ups",
        "exception UA, under a general description",
        sent(
            "ups",
            "returned_to_sender",
            activityStatus={"type": "X", "code": "UA", "descriptionCode": "013", "description": "Exception"},
        ),
    ),
    (
        "ups",
        "exception in the words of a return",
        sent(
            "ups",
            "returned_to_sender",
            activityStatus={"type": "X", "code": "ZZ", "description": "UPS has returned your package to the sender."},
        ),
    ),
    (
        "easypost",
        "delivered, with the detail of a return",
        sent("easypost", "delivered_to_original_sender", result__status_detail="return", result__tracking_details=[]),
    ),
    ("easypost", "return_to_sender", sent("easypost", "return_to_sender")),
    ("easypost", "delivered after return_to_sender", sent("easypost", "return_to_sender", result__status="delivered")),
    ("easypost", "label of a return", sent("easypost", "return_label")),
    ("shippo", "RETURNED", sent("shippo", "returned_has_begun")),
    ("shippo", "delivered after RETURNED", sent("shippo", "delivered_after_return")),
    (
        "shippo",
        "delivered, in the courier's words to the sender",
        sent("shippo", "delivered", data__tracking_status__status_details="Delivered, To Original Sender"),
    ),
    (
        "shippo",
        "delivered, with the substatus of a return",
        sent("shippo", "delivered", data__tracking_status__substatus={"code": "return_to_sender"}),
    ),
    (
        "shipengine",
        "DE without events, in the carrier's words to the sender",
        sent(
            "shipengine",
            "delivered_after_return",
            data__events=[],
            data__status_detail_code=None,
            data__carrier_status_description="Delivered, To Original Sender",
        ),
    ),
    ("shipengine", "DE with RETURN_TO_SENDER", sent("shipengine", "returned_to_sender")),
    ("shipengine", "DE after REFUSED_BY_CUSTOMER", sent("shipengine", "delivered_after_return")),
    ("karrio", "return_to_sender", sent("karrio", "delivered", data__status="return_to_sender")),
    ("karrio", "delivered after return_to_sender", sent("karrio", "delivered_after_return")),
    (
        "ship24",
        "code exception_return",
        sent("ship24", "in_transit", trackings__0__shipment__statusCode="exception_return"),
    ),
    ("ship24", "delivered after exception_return", sent("ship24", "delivered_after_return")),
    ("aftership", "return_to_sender beside Delivered", sent("aftership", "return_to_sender_delivered")),
    ("aftership", "subtag Exception_011", sent("aftership", "returned")),
    ("aftership", "delivered after Exception_010", sent("aftership", "delivered_after_return")),
    (
        "seventeen_track",
        "delivered after the milestone Returning",
        sent("seventeen_track", "delivered_after_returning"),
    ),
    (
        "seventeen_track",
        "substatus Exception_Returned",
        sent(
            "seventeen_track",
            "picked_up",
            data__track_info__latest_status={"status": "Exception", "sub_status": "Exception_Returned"},
        ),
    ),
    ("fedex", "DL after RS", sent("fedex", "returned_to_shipper")),
    (
        "fedex",
        "DL in the words of a return",
        sent(
            "fedex",
            "returned_to_shipper",
            output__completeTrackResults__0__trackResults__0__scanEvents=[
                {"date": "2026-11-19T10:41:00-06:00", "eventType": "DL", "eventDescription": "Returned to shipper"}
            ],
        ),
    ),
    (
        "fedex",
        "DL after an exception in the words of a return",
        sent(
            "fedex",
            "returned_to_shipper",
            output__completeTrackResults__0__trackResults__0__scanEvents=[
                {"date": "2026-11-19T10:41:00-06:00", "eventType": "DL", "eventDescription": "Delivered"},
                {"date": "2026-11-17T10:41:00-06:00", "eventType": "SE", "eventDescription": "Returning to shipper"},
            ],
        ),
    ),
    ("usps", "code 01, whose summary says to the original sender", summarized),
    ("usps", "code 01, to the original sender", sent("usps", "delivered_to_original_sender")),
    ("usps", "code 01 after code 27", sent("usps", "delivered_after_return")),
    ("shipstation_v1", "label of a return", return_label),
]
