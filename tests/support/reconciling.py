"""What tests of the reconciler send and look at: endpoints, payloads, and what VTEX was told."""

from datetime import UTC, datetime
from typing import Any

from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import read_order
from tests.support.rig import MELHOR_ENVIO, Rig

UPS = {"carrier": "ups", "secrets": ["ups-secret"]}
TAGS = "data.tags[*].tag"


def naming(kind: str, pattern: str | None = None) -> dict[str, Any]:
    """Settings whose tags hold something else than order ids."""
    rule = {"path": TAGS, "is": kind, **({"pattern": pattern} if pattern else {})}
    return {"melhor-envio": {**MELHOR_ENVIO, "references": [rule]}}


def scanned(number: str, at: float, *, kind: str = "I", code: str = "PU") -> dict[str, Any]:
    """A UPS payload."""
    moment = datetime.fromtimestamp(at, UTC)
    pair = {"ActivityDate": f"{moment:%Y%m%d}", "ActivityTime": f"{moment:%H%M%S}"}
    return {
        "trackingNumber": number,
        **{f"{clock}{name}": value for clock in ("local", "gmt") for name, value in pair.items()},
        "activityLocation": {"city": "", "stateProvince": "", "country": "US"},
        "activityStatus": {"type": kind, "code": code, "description": ""},
    }


def fields(rig: Rig, order_id: str = "1-01", number: str = "900") -> dict[str, Any]:
    """What VTEX was last told for an invoice."""
    shown = rig.package_of(order_id, number)
    return {name: shown[name] for name in ("trackingNumber", "trackingUrl", "courier")} | {
        "dispatchedDate": rig.sandbox.dispatched.get((order_id, number))
    }


def methods(rig: Rig) -> list[str]:
    return [call.method for call in rig.calls()]


def rest(rig: Rig, name: str = "melhor-envio/p1") -> tuple[str, str | None]:
    row = rig.shipment(name)
    return row["state"], row["reason"]


INTELIPOST = {"carrier": "intelipost", "secrets": ["key"]}
FRENET = {"carrier": "frenet", "secrets": ["token"]}


def shipped(order_id: str | None, invoice: str | None, *, parcel: str = "P1", number: str = "IP1BR") -> dict[str, Any]:
    """An Intelipost payload."""
    return {
        "history": {"shipment_order_volume_state": "SHIPPED", "event_date_iso": "2026-11-10T12:00:00-03:00"},
        "invoice": {"invoice_number": invoice},
        "order_number": parcel,
        "sales_order_number": order_id,
        "tracking_code": number,
        "volume_number": "1",
    }


#: A carrier that names no order: only the index and links lead to one.
NAMELESS = {**MELHOR_ENVIO, "references": []}


def learn(rig: Rig, *orders: dict[str, Any]) -> None:
    for one in orders:
        rig.index.learn("lux", index_facts(read_order(one)), now=rig.now)
