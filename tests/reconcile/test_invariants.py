"""What VTEX was told stays true: deliveries are not taken back, days stay local, an applied write is ours."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from adapters import Shipment, Status, TrackingEvent
from receiver.shipments import Known, Update, fold
from receiver.vtex.answers import Throttled
from receiver.vtex.client import Vtex
from receiver.vtex.tracking import tracking
from tests.support.frenet_events import prepared, scanned
from tests.support.outages import states
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR, MINUTE


class TestDelivery:
    def test_not_taken_back(self, rig: Rig):
        """A delivery that was told without its time, which lay days ahead, is not taken back when that comes nearer."""
        prepared(rig)
        at = datetime.fromtimestamp(rig.now, UTC) + timedelta(hours=30)
        rig.post(scanned("entregue", kind="9", at=at), endpoint="frenet")
        rig.works_until(HOUR)
        rig.works_until(10 * HOUR)
        rig.post({**scanned("entregue", kind="9", at=at), "Note": "again"}, endpoint="frenet")
        rig.works_until(HOUR)

        told = [call.body["isDelivered"] for call in rig.calls("PUT")]
        assert sorted(told) == told, told

    def twins(self, rig: Rig, *, events_of_first: bool) -> None:
        """Two endpoints that tell one parcel: the first has written the number, the second hears of the delivery."""
        twin = {**MELHOR_ENVIO, "events": True}
        rig.configure(endpoints={"first": {**MELHOR_ENVIO, "events": events_of_first}, "second": twin})
        rig.add_order(order("1-01", package("900")))
        for endpoint in ("first", "second"):
            rig.post(posted(), endpoint=endpoint)
            rig.works_until(MINUTE)
        rig.post(posted(event="order.delivered"), endpoint="second")
        rig.works_until(HOUR)

    def test_local_day(self):
        """A scan at half past midnight in Chicago, told with its offset, stays on its day, whatever the zone."""
        at = datetime(2026, 11, 10, 0, 30, tzinfo=timezone(timedelta(hours=-6)))
        scan = TrackingEvent(day=at.date(), description="Arrived", happened_at=at)
        said = Shipment(key="p", status=Status.DELIVERED, happened_at=at, delivered_at=at, events=(scan,))
        known = fold(Known(), [Update(shipment=said, received_at=at, digest="")])
        body = tracking([known], now=at.timestamp() + DAY, zone=ZoneInfo("America/Los_Angeles")).body

        assert "2026-11-10 00:30" == body["deliveredDate"]
        assert ["2026-11-10"] == [event["date"] for event in body["events"]]


class TestWrites:
    def test_unavailable_after_applying(self, rig: Rig):
        """A PATCH that was applied before a gateway's 503 is ours: a new number of the parcel takes its place."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())

        class Gateway(Vtex):
            def patch_invoice(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> Any:
                super().patch_invoice(order_id, invoice_number, body)
                raise Throttled("asked to slow down", 503, 60.0)

        queue, reconciler = rig.hands("gateway", Gateway)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reconciler.run(claim)
        assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]
        rig.now += 1
        rig.post(posted(number="TN2BR", event="order.delivered"))
        rig.works_until(HOUR)

        assert {("in_step", None)} == states(rig)
        assert "TN2BR" == rig.package_of("1-01", "900")["trackingNumber"]
