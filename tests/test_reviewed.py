"""Ways to a wrong or lost write that a review found, each told as it would happen."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from receiver.store.tables import shipments, updates
from tests.rig import MELHOR_ENVIO, Rig, order, package, posted

DAY = 86_400.0
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


def event(parcel: int, order_id: str, number: str, url: str | None = None, kind: str = "0") -> dict[str, Any]:
    """A Frenet payload."""
    at = "10/11/2026 12:00" if kind == "0" else "11/11/2026 12:00"
    told = {"EventDateTime": at, "EventType": kind, "EventDescription": "x", "EventLocation": "Recife-PE"}
    return {
        "OrderId": order_id,
        "ShipmentId": parcel,
        "TrackingNumber": number,
        "TrackingUrl": url,
        "TrackingEvents": [told],
    }


def test_number_of_another_order(rig: Rig) -> None:
    """The carrier names an order that is not there yet: the same invoice number on another order is no substitute."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900"), package("901"), value=20_000))
    rig.post(posted("A-01"))
    rig.work()
    rig.post(shipped("B-01", "900"), endpoint="intelipost")
    rig.work()

    assert ("awaiting_order", "order_not_found") == tuple(
        rig.shipment("intelipost/P1")[name] for name in ("state", "reason")
    )
    assert [] == rig.calls("PATCH")


def test_number_alone(rig: Rig) -> None:
    """An invoice number without any order waits for a link: numbers repeat across series and sellers."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900"), package("901"), value=20_000))
    rig.post(posted("A-01"))
    rig.work()
    rig.post(shipped(None, "900"), endpoint="intelipost")
    rig.work()

    assert "no_reference" == rig.shipment("intelipost/P1")["reason"]


def test_number_learnt_long_ago(rig: Rig) -> None:
    """A tracking number seen on an order long before the parcel was first heard of belongs to another parcel."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900"), package("901", trackingNumber="IP1BR"), value=20_000))
    rig.now -= 400 * DAY
    rig.post(posted("A-01", at="2025-10-01T12:00:00+00:00"))
    rig.work()
    rig.now += 400 * DAY
    rig.post(shipped(None, None), endpoint="intelipost")
    rig.work()

    assert "no_reference" == rig.shipment("intelipost/P1")["reason"]


def test_corrected_link(rig: Rig) -> None:
    """A link told wrongly and then rightly sends the parcel to the right order, though it was in step already."""
    rig.add_order(order("A-01", package("900")), order("B-01", package("950")))
    rig.post(posted(None))
    rig.link("TN1BR", "A-01")
    rig.work()
    assert "A-01" == rig.shipment()["order_id"]

    assert 0 == len(rig.link("TN1BR", "A-01", "900").woken)
    assert 1 == len(rig.link("TN1BR", "B-01", "950").woken)
    rig.work()

    assert "TN1BR" == rig.package_of("B-01", "950")["trackingNumber"]
    assert ("in_step", "B-01") == tuple(rig.shipment()[name] for name in ("state", "order_id"))


def test_news_after_a_lost_answer(rig: Rig) -> None:
    """The answer to a write was lost; the webhook that names the right invoice meanwhile still counts."""
    rig.configure(endpoints={"intelipost": INTELIPOST})
    rig.add_order(order("A-01", package("900")))
    rig.faults(reset_after_applying=1.0)
    rig.post(shipped("A-01", None), endpoint="intelipost")
    rig.work()
    assert "IP1BR" == rig.package_of("A-01", "900")["trackingNumber"]

    rig.faults()
    rig.add_order(order("A-01", package("900", trackingNumber="IP1BR", courier="Intelipost"), package("902")))
    rig.post(shipped("A-01", "902"), endpoint="intelipost")
    rig.later(3_600)

    assert "IP1BR" == rig.package_of("A-01", "902")["trackingNumber"]


def test_news_before_the_read_back(rig: Rig) -> None:
    """A webhook that names another invoice while the write is still to be read back is decided upon afterwards."""
    rig.configure(endpoints={"intelipost": INTELIPOST}, read_back_seconds=10)
    rig.add_order(order("A-01", package("900")))
    rig.post(shipped("A-01", None), endpoint="intelipost")
    rig.work()
    held = rig.package_of("A-01", "900")
    rig.add_order(order("A-01", held, package("902")))
    rig.post(shipped("A-01", "902"), endpoint="intelipost")
    rig.later(5)
    rig.later(15)
    rig.later(20)

    assert "IP1BR" == rig.package_of("A-01", "902")["trackingNumber"]
    assert ("902", True) == tuple(rig.shipment("intelipost/P1")["sent"][name] for name in ("invoice", "verified"))


def test_assignment_counts_once(rig: Rig) -> None:
    """Of two parcels assigned to one invoice the later one stays, whatever news the earlier one brings."""
    rig.configure(endpoints={"frenet": FRENET})
    rig.add_order(order("A-01", package("900")))
    for parcel in (1, 2):
        rig.post(event(parcel, "A-01", f"TN{parcel}"), endpoint="frenet")
        rig.work()
        rig.desk.assign(f"frenet/{parcel}", order_id="A-01", invoice_number="900", now=rig.now)
        rig.work()
    assert "TN2" == rig.package_of("A-01", "900")["trackingNumber"]

    rig.post(event(1, "A-01", "TN1", "https://track.example/TN1", kind="9"), endpoint="frenet")
    rig.work()

    assert "TN2" == rig.package_of("A-01", "900")["trackingNumber"]
    assert ("held", "second_parcel") == tuple(rig.shipment("frenet/1")[name] for name in ("state", "reason"))


def test_other_parcels_page(rig: Rig) -> None:
    """Assigned over another parcel's number, a parcel does not inherit that one's tracking page and courier."""
    rig.configure(endpoints={"frenet": FRENET})
    held = {"trackingNumber": "OLD", "trackingUrl": "https://loggi.example/OLD", "courier": "Loggi"}
    rig.add_order(order("A-01", package("900", **held)))
    rig.post(event(1, "A-01", "NEW"), endpoint="frenet")
    rig.work()
    rig.desk.assign("frenet/1", order_id="A-01", invoice_number="900", now=rig.now)
    rig.work()

    package_now = rig.package_of("A-01", "900")
    assert ("NEW", None, "Frenet") == tuple(package_now[name] for name in held)


def test_unread_news_is_looked_at_again(rig: Rig) -> None:
    """News that this version cannot read keeps its shipment due: another version may read it."""
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    rig.post(posted(event="order.delivered", at="2026-11-12T12:00:00+00:00"))
    odd = json.dumps({"key": "p1", "status": "teleported"})
    last = rig.database.rows(updates.select().order_by(updates.c.id.desc()))[0]["id"]
    rig.database.write(lambda c: c.execute(update(updates).where(updates.c.id == last).values(said=odd)))
    rig.work()

    assert ("in_step", rig.now + 3_600.0) == tuple(rig.shipment()[name] for name in ("state", "due_at"))


def test_slow_answers_under_a_short_lease(rig: Rig) -> None:
    """However short the lease, a call ends before it: a slow VTEX is told of, and not a lease lost for ever."""
    rig.configure(lease=5)
    longest = rig.worker._reconciler._clients["lux"]._http._total

    assert longest + rig.config.lease / 2 <= rig.config.lease


def test_held_date_comes_round(rig: Rig) -> None:
    """A dispatch date days ahead is held for a person, and looked at again once it has passed."""
    rig.add_order(order("1-01", package("900")))
    ahead = "2026-11-21T10:00:00+00:00"
    rig.post(posted(at=ahead))
    rig.work()
    if rig.shipment()["state"] != "held":
        pytest.fail(f"the clock of the rig has moved: {rig.shipment()}")
    rig.later(4 * DAY)

    assert "in_step" == rig.shipment()["state"]
    assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]


def test_errors_do_not_quote(rig: Rig) -> None:
    """A database's refusal, as the log shows it, does not quote what was to be stored."""
    with pytest.raises(Exception, match="hidden") as caught:
        rig.database.write(lambda c: c.execute(shipments.insert(), {"id": "Rua das Flores"}))

    assert "Flores" not in str(caught.value)
