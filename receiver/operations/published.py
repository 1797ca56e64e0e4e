"""What `receiver show --json` and the API publish of a shipment: without what is the queue's own, and the form in
which it is stored."""

from collections.abc import Mapping
from typing import Any

from receiver.shipments import Known, Sent, known_from_json
from receiver.shipments.as_json import known_to_json
from receiver.store.operator.fields import SHIPMENT_FIELDS

#: The fields of a call to VTEX.
ATTEMPT_FIELDS = (
    *("id", "shipment", "account", "call", "order_id", "invoice_number", "rule", "evidence", "request", "begun_at"),
    *("finished_at", "status", "outcome", "answer"),
)
#: What a shipment has besides the fields of the lists.
_MORE = ("assigned_at", "companion_of", "generation", "evidence")


def published_story(story: Mapping[str, Any]) -> dict[str, Any]:
    """`receiver.operations.story.story` as it is published."""
    return {
        **story,
        "shipment": published_shipment(story["shipment"]),
        "attempts": [published_attempt(one) for one in story["attempts"]],
    }


def published_order(order: Mapping[str, Any]) -> dict[str, Any]:
    """`receiver.store.OperatorQueries.order` as it is published."""
    return {
        **order,
        "shipments": [published_shipment(one) for one in order["shipments"]],
        "attempts": [published_attempt(one) for one in order["attempts"]],
    }


def published_shipment(row: Mapping[str, Any]) -> dict[str, Any]:
    """A shipment with what the carrier said of it (``known``) and what VTEX got (``sent``)."""
    shown = {name: row[name] for name in (*SHIPMENT_FIELDS, *_MORE)}
    known = _known(known_from_json(row["known"] or {}))
    return {**shown, "known": known, "sent": _sent(row["sent"]) if row["sent"] else None}


def published_attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    """A call to VTEX."""
    return {name: row[name] for name in ATTEMPT_FIELDS}


def _known(known: Known) -> dict[str, Any]:
    whole = known_to_json(known)
    return {
        "status": known.status.value if known.status else None,
        "unknown_word": known.unknown_word or None,
        "courier": known.courier.value if known.courier else None,
        "dispatched_at": whole.get("dispatched_at"),
        "delivered": known.delivered,
        "cancelled": known.cancelled is not None,
        "reverse": known.reverse,
        "volumes": [
            {
                "volume": name,
                "tracking_number": one.tracking_number.value if one.tracking_number else None,
                "tracking_url": one.tracking_url.value if one.tracking_url else None,
                "delivered": one.delivered,
                "delivered_at": one.delivered_at.isoformat() if one.delivered_at else None,
            }
            for name, one in sorted(known.volumes.items())
        ],
        "references": whole.get("references", []),
        "events": whole.get("events", []),
        "first_heard": whole.get("first_heard"),
        "last_heard": whole.get("last_heard"),
        "replaces": sorted(known.replaces),
        "replaced_by": known.replaced_by.value if known.replaced_by else None,
    }


def _sent(sent: Sent) -> dict[str, Any]:
    tracking = sent.tracking
    return {
        **sent.body,
        "order_id": sent.order_id,
        "invoice_number": sent.invoice_number,
        "at": sent.at,
        "visibility": sent.visibility.name.lower(),
        "written": sent.written,
        "tracking": {
            "at": tracking.at,
            "events": tracking.events,
            "delivered": tracking.delivered,
            "delivered_date": tracking.delivered_date,
            "sent_by": tracking.sent_by,
        }
        if tracking
        else None,
    }
