"""One Frenet parcel with its scans, and what VTEX hears of them."""

from datetime import datetime
from typing import Any

from tests.support.reconciling import FRENET
from tests.support.rig import Rig, order, package

INVOICE = ("A-01", "900")


def scanned(
    *texts: str, kind: str = "1", parcel: int = 1, number: str = "TN1", at: datetime | None = None
) -> dict[str, Any]:
    """A Frenet payload: an hour and a scan for each text, from 10 November 2026, noon, unless ``at`` says otherwise."""
    moments = [f"10/11/2026 {12 + hour}:00" for hour in range(len(texts))]
    if at:
        moments = [f"{at:%d/%m/%Y %H:%M}"]
    told = [
        {"EventDateTime": moment, "EventType": kind, "EventDescription": text, "EventLocation": "Recife-PE"}
        for moment, text in zip(moments, texts, strict=True)
    ]
    return {
        "OrderId": "A-01",
        "ShipmentId": parcel,
        "TrackingNumber": number,
        "TrackingUrl": None,
        "TrackingEvents": told,
    }


def prepared(rig: Rig, **settings: Any) -> Rig:
    rig.configure(endpoints={"frenet": {**FRENET, **settings}}, read_back_seconds=10)
    rig.add_order(order("A-01", package("900")))
    return rig


def tell(rig: Rig, *texts: str, **rest: Any) -> None:
    assert 200 == rig.post(scanned(*texts, **rest), endpoint="frenet").status_code


def called(rig: Rig) -> list[str]:
    return [call.method for call in rig.calls()]


def puts(rig: Rig) -> list[list[str]]:
    """The descriptions of each PUT, in the order of the calls."""
    return [[event["description"] for event in call.body["events"]] for call in rig.calls("PUT")]


def status(rig: Rig) -> dict[str, Any]:
    shown: dict[str, Any] = rig.package_of(*INVOICE)["courierStatus"]
    return shown
