"""What we know of a parcel: the fold of all news, as JSON, with the reasons and next steps that people read."""

from receiver.shipments.as_json import (
    known_from_json,
    known_to_json,
    shipment_from_json,
    shipment_to_json,
    stamp_to_json,
)
from receiver.shipments.known import RECYCLED_AFTER, Known, Said, Stamp, Update, Volume, advance, fold, local_day

__all__ = [
    "RECYCLED_AFTER",
    "Known",
    "Said",
    "Stamp",
    "Update",
    "Volume",
    "advance",
    "fold",
    "known_from_json",
    "known_to_json",
    "local_day",
    "shipment_from_json",
    "shipment_to_json",
    "stamp_to_json",
]
