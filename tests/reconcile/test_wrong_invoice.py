"""Nothing is written where another parcel belongs: recycled and repeated numbers, words taken back or come too late."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.operations.story import story
from receiver.store import Link
from receiver.vtex.choice import Choice, Clues, choose
from receiver.vtex.orders import read_order
from tests.support.frenet_parcels import patches, prepared, rests
from tests.support.frenet_parcels import tell as tell_frenet
from tests.support.reconciling import FRENET, INTELIPOST, NAMELESS, UPS, fields, learn, rest, scanned, shipped
from tests.support.rig import Rig, order, package, posted
from tests.support.times import DAY, HOUR

#: The key of invoice 900 of series 1.
KEY = "35261112345678000195550010000009001123456789"


def intelipost(rig: Rig, **settings: Any) -> Rig:
    rig.configure(endpoints={"intelipost": {**INTELIPOST, "secrets": ["user:secret"], **settings}})
    return rig


class TestWrongInvoice:
    """Two parcels, two invoices, two words: which goes where."""

    @pytest.mark.parametrize("told_by", ["link", "index"])
    def test_recycled_number(self, rig: Rig, told_by: str):
        """A link told for the next parcel of a recycled number is not about the one that was delivered long ago: its
        delivery is not told to the next one's order."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        if told_by == "link":
            rig.link("1Z1", "1-01")
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.later(DAY)
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.works_until(70 * DAY)
        before = len(rig.calls())
        if told_by == "link":
            rig.link("1Z1", "2-01")
        else:
            rig.add_order(order("2-01", package("950", trackingNumber="1Z1")))
            learn(rig, rig.sandbox.orders["2-01"])
        rig.works_until(HOUR)

        assert [] == [(call.method, call.order, call.body) for call in rig.calls()[before:] if call.method != "GET"]

    def test_recycled_date(self, rig: Rig):
        """The next parcel's dispatch date is its own, also where its link came before its first webhook."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.link("1Z1", "1-01")
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.later(DAY)
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.works_until(70 * DAY)
        rig.link("1Z1", "2-01")
        rig.works_until(HOUR)
        first = datetime.fromtimestamp(rig.now, UTC)
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.works_until(HOUR)

        assert first.isoformat(timespec="seconds") == fields(rig, "2-01", "950")["dispatchedDate"]

    @pytest.mark.parametrize("series", [None, "2"])
    def test_link_of_another_invoice_of_that_number(self, rig: Rig, series: str | None):
        """Invoice numbers repeat: a link that tells of one parcel by its number and its invoice does not lead another
        parcel, whose carrier names its order, to the first one's order."""
        intelipost(rig)
        rig.add_order(order("A-01", package("900")), order("B-01", package("900")))
        rig.index.link(
            "lux", [Link((("tracking_number", "TN1"), ("invoice_number", "900")), "A-01", "900")], now=rig.now
        )
        told = shipped("B-01", "900")
        told["invoice"]["invoice_series"] = series
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert [] == [call.order for call in rig.calls("PATCH") if call.order != "B-01"]

    def test_link_that_was_forgotten(self, rig: Rig):
        """Who takes a wrong link back is obeyed, also where a parcel awaits the invoice of its order."""
        rig.add_order(order("1-01", package("900")), order("2-01"))
        rig.link("TN1BR", "2-01")
        rig.post(posted("1-01"))
        rig.work()
        assert ("awaiting_invoice", "2-01") == (rest(rig)[0], rig.shipment()["order_id"])
        assert rig.index.unlink("lux", "tracking_number", "TN1BR", now=rig.now)
        rig.add_order(order("2-01", package("950")))
        rig.works_until(DAY)

        assert ["1-01"] == [call.order for call in rig.calls("PATCH")]

    @pytest.mark.parametrize("order_id", ["2-01", "1-01"])
    def test_link_of_an_assigned_one(self, rig: Rig, order_id: str):
        """A person's word goes before a link, and overwrites once: a link that comes later neither moves the parcel nor
        makes it overwrite what someone has typed since."""
        rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
        rig.post(posted(None))
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.add_order(order("1-01", package("900", trackingNumber="TYPED")))
        rig.link("TN1BR", order_id, "901")
        rig.works_until(HOUR)

        assert (1, "TYPED") == (len(rig.calls("PATCH")), fields(rig)["trackingNumber"])

    def test_series_alone(self):
        """A series that is not the invoice's disagrees, also where the carrier gives no number with it."""
        known = read_order(order("1-01", package("900", invoiceKey=KEY)))

        assert not isinstance(choose(known, Clues(tracking_number="TN1", invoice_series=["2"])), Choice)

    def test_series_alone_through_the_wire(self, rig: Rig):
        """So it is with a real payload."""
        intelipost(rig).add_order(order("A-01", package("900", invoiceKey=KEY)))
        told = shipped("A-01", None)
        told["invoice"]["invoice_series"] = "2"
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert [] == rig.calls("PATCH")

    @pytest.mark.parametrize("policy", ["keep", "overwrite"])
    def test_never_seen_and_news(self, rig: Rig, policy: str):
        """A number that stands there before our own write was ever seen is for a person, also where news of the parcel
        came before the read-back."""
        prepared(rig, number_changed=policy)
        tell_frenet(rig, 1)
        rig.work()
        rig.add_order(order("A-01", package("900", trackingNumber="TYPED")))
        tell_frenet(rig, 1, day=11, TrackingUrl="https://t.example/TN1")
        rig.works_until(DAY)

        assert (("held", "number_differs"), ["TN1"]) == (rests(rig, 1), patches(rig))

    def test_voided_after_assigning(self, rig: Rig):
        """A person's word is about what was known then: a label that is voided afterwards is not written."""
        rig.configure(send_on="label")
        rig.add_order(order("1-01"))
        rig.post(posted(event="order.generated"))
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.post(posted(event="order.cancelled", canceled_at="2026-11-18T12:00:00+00:00"))
        rig.work()
        rig.add_order(order("1-01", package("900")))
        rig.works_until(DAY)

        assert [] == rig.calls("PATCH")


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
    """Of two parcels assigned to one invoice the later one stays, whatever news the earlier one brings: that one rests,
    since a person has put another in its place."""
    rig.configure(endpoints={"frenet": FRENET})
    rig.add_order(order("A-01", package("900")))
    for parcel in (1, 2):
        rig.post(event(parcel, "A-01", f"TN{parcel}"), endpoint="frenet")
        rig.work()
        rig.decisions.assign(f"frenet/{parcel}", order_id="A-01", invoice_number="900", now=rig.now)
        rig.work()
    assert "TN2" == rig.package_of("A-01", "900")["trackingNumber"]
    # Until the lease of the other one is over, it is in step and due; no delivery is promised.
    assert "it is looked at again" == story(rig.database, "frenet/1", now=rig.now)["next"]["what"]

    rig.post(event(1, "A-01", "TN1", "https://track.example/TN1", kind="9"), endpoint="frenet")
    rig.work()

    assert "TN2" == rig.package_of("A-01", "900")["trackingNumber"]
    assert ("kept", "other_parcel") == tuple(rig.shipment("frenet/1")[name] for name in ("state", "reason"))
    assert "a person assigned it in this parcel's place" in rig.shipment("frenet/1")["note"]


def test_other_parcels_page(rig: Rig) -> None:
    """Assigned over another parcel's number, a parcel does not inherit that one's tracking page and courier."""
    rig.configure(endpoints={"frenet": FRENET})
    held = {"trackingNumber": "OLD", "trackingUrl": "https://loggi.example/OLD", "courier": "Loggi"}
    rig.add_order(order("A-01", package("900", **held)))
    rig.post(event(1, "A-01", "NEW"), endpoint="frenet")
    rig.work()
    rig.decisions.assign("frenet/1", order_id="A-01", invoice_number="900", now=rig.now)
    rig.work()

    package_now = rig.package_of("A-01", "900")
    assert ("NEW", None, "Frenet") == tuple(package_now[name] for name in held)


ISSUER = "11222333000181"


def nfe_key(issuer: str, number: int) -> str:
    """An NF-e key of series 1."""
    return f"352611{issuer}55001{number:09}1123456780"


class TestTheRightInvoice:
    """What the index remembers is no evidence of what an order shows now."""

    def test_number_moved_by_hand(self, rig_on_either: Rig):
        """A number typed at the wrong order, and corrected since, does not lead to that order's open invoice."""
        rig = rig_on_either
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        dated = {"issuanceDate": "2026-11-10T12:00:00Z"}
        learn(rig, order("1-01", package("900", trackingNumber="TN1BR", **dated)))
        rig.add_order(order("1-01", package("900")), order("2-01", package("901", trackingNumber="TN1BR", **dated)))
        rig.post(posted(None))
        rig.work()

        assert [] == rig.calls("PATCH")
        assert "awaiting_order" == rig.shipment()["state"]

        learn(rig, rig.sandbox.orders["2-01"])
        rig.work()

        assert None is rig.package_of("1-01", "900")["trackingNumber"]
        assert ("2-01", "901", "tracking_number") == tuple(
            rig.shipment()[name] for name in ("order_id", "invoice_number", "rule")
        )

    @pytest.mark.parametrize("other", [ISSUER, "99888777000166"])
    def test_two_issuers(self, rig_on_either: Rig, other: str):
        """Series and number name an invoice only where one issuer invoices: each counts its own series."""
        rig = rig_on_either
        rig.configure(endpoints={"intelipost": {"carrier": "intelipost", "secrets": ["user:secret"]}})
        rig.add_order(order("1-01", package("900", invoiceKey=nfe_key(ISSUER, 900))))
        learn(rig, rig.sandbox.orders["1-01"], order("2-01", package("7", invoiceKey=nfe_key(other, 7))))
        told = shipped(None, "000900")
        told["invoice"]["invoice_series"] = "1"
        rig.post(told, endpoint="intelipost")
        rig.work()

        ended = ("in_step", None) if other == ISSUER else ("held", "ambiguous_order")
        row = rig.shipment("intelipost/P1")
        assert ended == (row["state"], row["reason"])
        assert len(rig.calls("PATCH")) == (other == ISSUER)
