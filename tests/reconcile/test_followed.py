"""An endpoint that knows a parcel by its number alone finds it on an invoice where another endpoint's shipment of the
same parcel was written by mistake. Where that one goes, it goes, too."""

from typing import Any

import pytest

from receiver.operations.decisions import Actor, Decisions
from tests.support.reconciling import rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY

WITH_EVENTS = {**MELHOR_ENVIO, "events": True}


def delivered(rig: Rig, endpoint: str) -> None:
    said = posted(None, event="order.delivered", at="2026-11-12T12:00:00+00:00")
    rig.post(said, endpoint=endpoint)
    rig.works_until(DAY)


def volume_of(parcel: str, volume: str) -> dict[str, Any]:
    """An Intelipost payload."""
    return {
        "history": {
            "shipment_order_volume_state": "SHIPPED",
            "provider_message": "posted",
            "shipment_volume_micro_state": {"name": "posted"},
            "event_date_iso": "2026-11-10T12:00:00+00:00",
        },
        "order_number": parcel,
        "sales_order_number": "1-01",
        "tracking_code": f"TN1{volume}BR",
        "volume_number": volume,
    }


def told(rig: Rig, invoice: str) -> list[bool]:
    """What each PUT for the invoice said of its delivery."""
    return [call.body["isDelivered"] for call in rig.calls("PUT") if call.invoice == invoice]


@pytest.fixture(params=["link", "assigned"])
def mistaken(rig_on_either: Rig, request: pytest.FixtureRequest) -> Rig:
    """A person or a system took the parcel of order 2-01 for that of 1-01, and noticed it after the write."""
    rig = rig_on_either
    rig.configure(endpoints={"gateway": WITH_EVENTS, "tracker": WITH_EVENTS})
    rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
    person = Decisions(rig.config, rig.database, Actor("ana", "api"), clock=lambda: rig.now)
    if request.param == "link":
        rig.link("gateway/p1", "1-01", "900", kind="shipment")
    rig.post(posted("2-01"), endpoint="gateway")
    if request.param == "assigned":
        person.assign("gateway/p1", "1-01", "900")
    rig.work()
    rig.post(posted(None), endpoint="tracker")
    rig.work()
    assert rig.package_of("1-01", "900")["trackingNumber"] == "TN1BR"
    assert ("in_step", None) == rest(rig, "tracker/p1")
    if request.param == "link":
        rig.link("gateway/p1", "2-01", "901", kind="shipment")
    else:
        person.assign("gateway/p1", "2-01", "901")
    rig.works_until(DAY)
    return rig


def test_delivery(mistaken: Rig) -> None:
    """The delivery is told where the parcel is now, and not where its number is left over."""
    before = told(mistaken, "900")
    delivered(mistaken, "tracker")

    assert mistaken.package_of("2-01", "901")["trackingNumber"] == "TN1BR"
    assert told(mistaken, "901")[-1]
    assert before == told(mistaken, "900")
    assert {"2-01"} == {mistaken.shipment(name)["order_id"] for name in ("gateway/p1", "tracker/p1")}


def test_within_its_order(rig_on_either: Rig) -> None:
    """So it is between two invoices of one order, and where the tracker's word is worked on before the correction."""
    rig = rig_on_either
    rig.configure(endpoints={"gateway": WITH_EVENTS, "tracker": WITH_EVENTS})
    rig.add_order(order("1-01", package("900", value=5_000), package("901", value=5_000)))
    person = Decisions(rig.config, rig.database, Actor("ana", "api"), clock=lambda: rig.now)
    rig.post(posted("1-01"), endpoint="gateway")
    rig.work()
    person.assign("gateway/p1", "1-01", "900")
    rig.work()
    rig.post(posted(None, tracking_url="https://track.example/other"), endpoint="tracker")
    rig.now += 1
    person.assign("gateway/p1", "1-01", "901")
    rig.works_until(DAY)

    assert {"901"} == {call.invoice for call in rig.calls("PATCH")[1:]}
    assert {"901"} == {rig.shipment(name)["invoice_number"] for name in ("gateway/p1", "tracker/p1")}


def test_gave_way(rig_on_either: Rig) -> None:
    """A gateway's parcel that gave way to another one tells its delivery, once the tracker's word of one of its volumes
    is put on the invoice."""
    rig = rig_on_either
    volumes = {"carrier": "intelipost", "secrets": ["user:secret"], "second_parcel": "first"}
    rig.configure(endpoints={"gateway": {**WITH_EVENTS, "second_parcel": "first"}, "volumes": volumes})
    rig.add_order(order("1-01", package("900")))
    rig.post(posted("1-01", parcel="other", number="TN9BR"), endpoint="gateway")
    rig.work()
    for volume in ("1", "2"):
        rig.post(volume_of("p1", volume), endpoint="volumes")
    rig.work()
    assert ("kept", "other_parcel") == rest(rig, "volumes/p1")

    rig.post(posted(None, parcel="p1", number="TN12BR"), endpoint="gateway")
    person = Decisions(rig.config, rig.database, Actor("ana", "api"), clock=lambda: rig.now)
    person.assign("gateway/p1", "1-01", "900")
    rig.works_until(DAY)

    assert rig.package_of("1-01", "900")["trackingNumber"] == "TN12BR"
    assert ("in_step", None) == rest(rig, "volumes/p1")


def test_number_used_again(rig_on_either: Rig) -> None:
    """A parcel of which nothing is heard any more is left alone when a carrier gives its number to another one."""
    rig = rig_on_either
    rig.configure(endpoints={"gateway": MELHOR_ENVIO})
    rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
    rig.post(posted("1-01"), endpoint="gateway")
    rig.works_until(75 * DAY)
    before = [call["begun_at"] for call in rig.attempts("gateway/p1")]
    rig.post(posted("2-01", parcel="p2", at="2027-01-29T12:00:00+00:00"), endpoint="gateway")
    rig.works_until(DAY)

    assert rig.package_of("2-01", "901")["trackingNumber"] == "TN1BR"
    assert before == [call["begun_at"] for call in rig.attempts("gateway/p1")]
