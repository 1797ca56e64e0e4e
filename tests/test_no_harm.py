"""No invoice twice, no delivery taken back, no pause without end, no call out of turn."""

import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters import Shipment, Status, TrackingEvent
from receiver.calls.background import Errands
from receiver.http import Http
from receiver.operations.comparing import Comparing
from receiver.operations.invoicing import NotPosted
from receiver.shipments import Known, Update, fold
from receiver.store import Background, Paused, Queue
from receiver.vtex.answers import Throttled
from receiver.vtex.client import Vtex
from receiver.vtex.tracking import tracking
from tests.console import Desk, receiver
from tests.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.test_events import prepared, scanned
from tests.test_invoicing import BILL, Clerk, an_order, clerk
from tests.test_manners import states

__all__ = ["clerk"]
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def delivered(at: datetime | None, *, heard: datetime) -> Update:
    said = Shipment(key="p", status=Status.DELIVERED, happened_at=heard, delivered_at=at)
    return Update(shipment=said, received_at=heard, digest="")


def posting(desk: Desk, bill: dict[str, Any]) -> Any:
    (file := desk.rig.folder / "bill.json").write_text(json.dumps(bill))
    return receiver("invoice", "1-01", file, config=desk.config)


@pytest.fixture
def desk_of_order(rig: Rig) -> Desk:
    desk = Desk(rig)
    rig.add_order(an_order())
    return desk


class TestEvents:
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


class TestManners:
    def test_refused_news(self, rig: Rig):
        """An order that is refused is not read every other second because of a pause that is long over."""
        Background(rig.database).note_news("lux", "1-01", now=rig.now)
        rig.worker.queue.pause("lux", until=rig.now + 60, reason="429", own_fault=False, now=rig.now)
        rig.faults(forbidden=frozenset({"1-01"}))
        rig.now += 61
        for _ in range(600):
            rig.later(1)

        assert 10 > len(rig.calls("GET"))

    def test_refused_for_good(self, rig: Rig):
        """Three orders that are refused for good end up held, and do not keep the account paused for ever."""
        for number in range(1, 31):
            rig.add_order(order(f"{number}-01", package("900")))
            rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))
        rig.faults(forbidden=frozenset({"1-01", "2-01", "3-01"}))
        rig.works_until(DAY)

        assert {("in_step", None), ("held", "vtex_refused")} == states(rig)
        assert not [paused for paused in rig.desk.paused_accounts(now=rig.now) if paused["until"] > rig.now]

    def test_one_probe_of_two_hosts(self, rig_on_either: Rig):
        """Of two hosts that look at one moment after a pause, one sends the probe."""
        rig = rig_on_either
        seen = set()
        for turn in range(40):
            for number in range(4):
                rig.post(posted(f"{turn}{number}-01", parcel=f"p{turn}-{number}", number=f"TN{turn}{number}"))
            queues = [Queue(rig.database, holder=name, lease=60) for name in "ab"]
            queues[0].pause("lux", until=rig.now + 60, reason="429", own_fault=False, now=rig.now)
            rig.now += 61
            barrier = threading.Barrier(2)

            def look(queue: Queue, barrier: threading.Barrier = barrier) -> int:
                barrier.wait()
                return len(queue.claim("lux", most=9, now=rig.now))

            with ThreadPoolExecutor(2) as pool:
                seen.add(sum(pool.map(look, queues)))
            rig.now += 61

        assert {1} == seen

    @pytest.mark.parametrize("who", ["errand", "comparing"])
    def test_paused_while_waiting(self, rig: Rig, who: str):
        """An errand that waits for its place does not call any more once VTEX asks for quiet."""
        rig.configure(account={"requests_per_minute": 2})
        rig.add_order(order("1-01", package("900")))
        queue = Queue(rig.database, holder="a", lease=60)

        def sleep(seconds: float) -> None:
            rig.now += seconds
            if not rig.desk.paused_accounts(now=rig.now):
                queue.pause("lux", until=rig.now + 600, reason="429", own_fault=False, now=rig.now)

        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        queue.take_place("lux", span=30.0, now=rig.now)
        errands = Errands(queue, vtex, clock=lambda: rig.now, sleep=sleep)
        comparing = Comparing(queue, {"lux": vtex}, clock=lambda: rig.now, sleep=sleep)
        nothing = dict.fromkeys(("trackingNumber", "trackingUrl", "courier"))
        sent = {"order": "1-01", "invoice": "900", "at": 0, **nothing}
        one = {"account": "lux", "shipment": "ep/1", "tracking_number": "TN1", "sent": sent}
        with contextlib.suppress(Paused):
            if who == "errand":
                errands.call(lambda: vtex.get_order("1-01"), order_id="1-01", patience=60)
            else:
                list(comparing.differing([one]))

        assert [] == rig.calls()


class TestInvoicing:
    def test_accepted_earlier(self, clerk: Clerk):
        """ "The same command looks again": what it posted itself is told as posted, not as somebody's to --replace."""
        clerk.rig.faults(visible_after=3_600.0)
        assert "accepted" == clerk.post().outcome
        clerk.rig.now += 2 * HOUR

        told = clerk.post()
        assert ("visible", True) == (told.outcome, told.earlier)

    def test_lost_replacement_again(self, clerk: Clerk):
        """A replacement whose answer was lost is not posted twice either, unless a person says --again."""
        clerk.rig.add_order(an_order(package("900", value=9_000)))
        clerk.rig.faults(reset_after_applying=1.0, visible_after=3_600.0, repost="doubled", methods=frozenset({"POST"}))
        assert "unknown" == clerk.post(BILL, "replace").outcome
        clerk.rig.faults(visible_after=3_600.0, repost="doubled")
        clerk.rig.now += 120
        with contextlib.suppress(NotPosted):
            clerk.post(BILL, "replace")

        assert 1 == len(clerk.rig.calls("POST"))

    def test_no_return(self, clerk: Clerk):
        """An invoice whose number a return bears is no return, and refunds nothing: the reason must not say so."""
        clerk.rig.add_order(an_order(package("900", kind="Input")))

        assert not [reason for reason in clerk.refused() if "refund again" in reason]

    def test_items_missing(self, clerk: Clerk):
        """An invoice for the order's whole value without one of its SKUs differs from the order."""
        clerk.refused({**BILL, "items": BILL["items"][:1]})

    def test_naive_date(self, tmp_path: Any, rig: Rig):
        """A dispatch date without an offset is a fault: what VTEX makes of it nobody says."""
        desk = Desk(rig)
        rig.add_order(an_order())
        (file := rig.folder / "bill.json").write_text(
            json.dumps({**BILL, "trackingNumber": "TN1", "dispatchedDate": "2026-11-17T10:00:00"})
        )

        assert 1 == receiver("invoice", "1-01", file, "--dry-run", config=desk.config).exit_code

    def test_quantity(self, desk_of_order: Desk):
        """9.0 pieces are nine, as JSON Schema has it: more than were ordered."""
        bill = {**BILL, "items": [{"id": "4101", "price": 4000, "quantity": 9.0}]}

        assert 0 != posting(desk_of_order, bill).exit_code
        assert [] == desk_of_order.rig.calls("POST")

    def test_value(self, desk_of_order: Desk):
        """Cents are digits, and nothing behind them: no line's end either."""
        assert 0 != posting(desk_of_order, {**BILL, "invoiceValue": "10000\n"}).exit_code
        assert [] == desk_of_order.rig.calls("POST")
