"""What is known of a parcel: the fold of all updates, its state and reasons, what was sent, and all of it as JSON."""

from receiver.shipments.as_json import (
    known_from_json,
    known_to_json,
    shipment_from_json,
    shipment_to_json,
    stamp_from_json,
    stamp_to_json,
)
from receiver.shipments.known import (
    RECYCLED_AFTER,
    Known,
    Stamp,
    Stamped,
    Update,
    Volume,
    advance,
    fold,
    local_time,
    restart,
    with_local_days,
)
from receiver.shipments.reasons import Kind, Reason, unknown_word
from receiver.shipments.record import Assignment, Decision, Generation, NextState, ShipmentRecord, held, kept, waiting
from receiver.shipments.sent import Parcels, PendingEvents, Sent, SentTracking, Visibility
from receiver.shipments.state import State

__all__ = [
    "RECYCLED_AFTER",
    "Assignment",
    "Decision",
    "Generation",
    "Kind",
    "Known",
    "NextState",
    "Parcels",
    "PendingEvents",
    "Reason",
    "Sent",
    "SentTracking",
    "ShipmentRecord",
    "Stamp",
    "Stamped",
    "State",
    "Update",
    "Visibility",
    "Volume",
    "advance",
    "fold",
    "held",
    "kept",
    "known_from_json",
    "known_to_json",
    "local_time",
    "restart",
    "shipment_from_json",
    "shipment_to_json",
    "stamp_from_json",
    "stamp_to_json",
    "unknown_word",
    "waiting",
    "with_local_days",
]
