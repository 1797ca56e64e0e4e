"""Several Frenet parcels of one order, and where each of them rests."""

from typing import Any

from tests.support.reconciling import FRENET
from tests.support.rig import Rig, order, package


def scanned(parcel: int, *, day: int = 10, order_id: str = "A-01", kind: str = "0", **rest: Any) -> dict[str, Any]:
    """Frenet's word of one parcel of the order, on a day of November 2026; its number is TN and the parcel's."""
    told = {"EventType": kind, "EventDescription": f"{parcel} on {day}", "EventLocation": ""}
    return {
        "OrderId": order_id,
        "ShipmentId": parcel,
        "TrackingNumber": f"TN{parcel}",
        "TrackingUrl": None,
        "TrackingEvents": [{"EventDateTime": f"{day}/11/2026 12:00", **told}],
        **rest,
    }


def prepared(rig: Rig, *, events: bool = False, read_back_seconds: float = 10, **settings: Any) -> Rig:
    rig.configure(endpoints={"frenet": {**FRENET, "events": events, **settings}}, read_back_seconds=read_back_seconds)
    rig.add_order(order("A-01", package("900")))
    return rig


def tell(rig: Rig, parcel: int, **rest: Any) -> None:
    assert 200 == rig.post(scanned(parcel, **rest), endpoint="frenet").status_code


def rests(rig: Rig, parcel: int) -> tuple[str, str | None]:
    row = rig.shipment(f"frenet/{parcel}")
    return row["state"], row["reason"]


def patches(rig: Rig) -> list[str]:
    return [call.body["trackingNumber"] for call in rig.calls("PATCH")]
