"""What VTEX and people are told is so: invoices, dates, lists, and what is kept from both."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from adapters import Shipment, Status, TrackingEvent
from receiver.http import Answer, Http
from receiver.operations.comparing import Comparing
from receiver.operations.invoicing import Invoicing
from receiver.shipments import Known, Update, fold
from receiver.store import Busy, Paused
from receiver.store.accounts import Accounts
from receiver.store.gaps import Gaps
from receiver.vtex.answers import message
from receiver.vtex.client import Vtex
from receiver.vtex.tracking import events, tracking
from tests.console import Desk, receiver
from tests.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.test_cli_reconcile import desk, tell
from tests.test_invoicing import BILL, HALF, ITEMS, Clerk, an_order, clerk

__all__ = ["clerk", "desk"]
BRASILIA = timezone(timedelta(hours=-3))
KEY = "35261112345678000195550010000009001123456789"
HOUR, DAY = 3600.0, 86_400.0


class TestReconcileTellsTheTruth:
    def test_told_by_another(self, rig: Rig):
        """Of two endpoints that tell one parcel, the one that did not write there sent nothing that could differ."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "twin": {**MELHOR_ENVIO}})
        rig.add_order(order("1-01", package("900")))
        for endpoint in ("melhor-envio", "twin"):
            rig.post(posted(), endpoint=endpoint)
            rig.work()
        rig.now += HOUR
        rig.post(posted(tracking_url="https://better.example/TN1BR", event="order.delivered"))
        rig.work()
        assert "https://better.example/TN1BR" == rig.package_of("1-01", "900")["trackingUrl"]

        rig.now += HOUR
        comparing = Comparing(Accounts(rig.database), {"lux": Clerk(rig).vtex}, clock=lambda: rig.now)
        assert [] == [one["note"] for one in comparing.differing(Gaps(rig.database).written()) if one]

    def test_learns(self, desk: Desk):
        """Every order that is read teaches the index, also what `invoice` reads to see its invoice."""
        desk.rig.add_order(an_order())
        (file := desk.rig.folder / "bill.json").write_text(json.dumps(BILL))
        desk.says("invoice", "1-01", file)

        assert ["1-01"] == [row["order_id"] for row in desk.rig.index.orders_named("lux", "invoice_number", "900")]

    def test_no_age(self, desk: Desk):
        """What is no number of hours is a typing error, and no good news."""
        tell(desk, 1)
        result = receiver("reconcile", "--older-than", "nan", config=desk.config)

        assert "everything agrees" not in result.output


class TestShowTellsTheTruth:
    def test_not_there(self, desk: Desk):
        """What VTEX does not show is not what VTEX has."""
        desk.rig.configure(read_back_seconds=10)
        desk.rig.faults(unapplied=1.0, methods=frozenset({"PATCH"}))
        tell(desk, 1, package("A"))
        desk.rig.works_until(2 * HOUR)

        assert "VTEX has" not in desk.says("show", "melhor-envio/p1")


class TestInvoicing:
    def test_lost_replacement(self, clerk: Clerk):
        """The answer to a replacement is lost, and it was never applied: what the order shows is the former one."""
        clerk.rig.add_order(an_order(package("900", invoiceUrl="https://former.example")))
        clerk.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))

        told = clerk.post({**BILL, "invoiceUrl": "https://new.example"}, "replace")
        assert "https://former.example" == clerk.rig.package_of("1-01", "900")["invoiceUrl"]
        assert "visible" != told.outcome

    def test_same_number_padded(self, clerk: Clerk):
        """000900 and 900 are one invoice to every other rule of this house: not posted beside each other."""
        half = an_order(package("000900", value=5_000, items=[{"itemIndex": 0, "quantity": 1, "price": 4000}]))
        clerk.rig.add_order(half)

        clerk.refused(HALF)

    def test_same_key(self, clerk: Clerk):
        """The very same NF-e, by its key, is on the order under another number."""
        half = an_order(
            package("900-1", value=5_000, invoiceKey=KEY, items=[{"itemIndex": 0, "quantity": 1, "price": 4000}])
        )
        clerk.rig.add_order(half)

        clerk.refused({**HALF, "invoiceKey": KEY})

    @pytest.mark.parametrize("value", ["100", "1"])
    def test_reais_for_cents(self, clerk: Clerk, value: str):
        """All the order's items, for a hundredth of the order's value: that differs, and is said."""
        clerk.refused({**BILL, "invoiceValue": value})

    def test_price(self, clerk: Clerk):
        """Items at prices that the order does not have differ from the order."""
        priced = [{**item, "price": 4000 if item["id"] == "4101" else 2000, "sellingPrice": 4000} for item in ITEMS]
        clerk.rig.add_order(an_order(items=priced))
        wrong = [{**item, "price": 40} for item in BILL["items"]]

        clerk.refused({**BILL, "items": wrong})

    def test_return_replaced(self, clerk: Clerk):
        """A return refunds at each call: that of a number which is there cannot be replaced, only paid out twice."""
        clerk.rig.add_order(an_order(package("900"), package("D1", value=4_000, kind="Input"), status="invoiced"))
        part = {**BILL, "type": "Input", "invoiceNumber": "D1", "invoiceValue": "4000", "items": [BILL["items"][1]]}
        clerk.rig.faults(repost="doubled")

        clerk.refused(part, "return", "replace")

    def test_unavailable(self, desk: Desk):
        """After a 503 nobody knows whether it was posted: the person is told so."""
        desk.rig.add_order(an_order())
        desk.rig.faults(unavailable=1.0, methods=frozenset({"POST"}))
        (file := desk.rig.folder / "bill.json").write_text(json.dumps(BILL))

        said = desk.fails("invoice", "1-01", file)
        assert any(word in said for word in ("may ", "unknown", "look")), said

    def test_another_bill(self, clerk: Clerk):
        """What an earlier call may have posted was another body: with --replace, this one is still to be posted."""
        clerk.rig.faults(reset_after_applying=1.0, visible_after=1_000, methods=frozenset({"POST"}))
        assert "unknown" == clerk.post().outcome
        clerk.rig.faults(repost="replaced")
        clerk.rig.now += 2_000

        clerk.post({**BILL, "invoiceUrl": "https://new.example"}, "replace")
        assert "https://new.example" == clerk.rig.package_of("1-01", "900").get("invoiceUrl")

    def test_paused_while_waiting(self, rig: Rig):
        """Who waits for his place while VTEX asks for quiet does not call any more."""
        rig.configure(account={"requests_per_minute": 2})
        rig.add_order(an_order())
        accounts = Accounts(rig.database)

        def sleep(seconds: float) -> None:
            rig.now += seconds
            accounts.pause("lux", until=rig.now + 600, reason="429", own_fault=False, now=rig.now)

        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        accounts.take_place("lux", span=30.0, now=rig.now)
        with pytest.raises(Exception):  # noqa: B017
            Invoicing(accounts, vtex, clock=lambda: rig.now, sleep=sleep).post("1-01", BILL)
        assert [] == rig.calls()


class TestManners:
    def test_one_probe_of_all(self, rig: Rig):
        """After a pause one call sees whether VTEX answers, also before those that a command makes."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        queue = rig.worker.queue
        queue.pause("lux", until=rig.now + 60, reason="429", own_fault=False, now=rig.now)
        rig.now += 61
        [probe] = queue.claim("lux", most=9, now=rig.now)
        assert probe.probing

        with pytest.raises((Busy, Paused)):
            Accounts(rig.database).take_place("lux", span=0.1, now=rig.now, longest_wait=60)


class TestPrivacy:
    @pytest.mark.parametrize("private", ["123.456.789-09", "(11) 98765-4321", "+55 11 98765-4321"])
    def test_written_as_people_do(self, private: str):
        """A document or a phone with its dots and dashes is as private as without: it goes to log, store and `show`."""
        body = json.dumps({"message": f"client {private} is blocked"}).encode()

        assert private not in message(Answer(400, {"content-type": "application/json"}, body))


class TestEvents:
    def test_utc_carrier(self, rig: Rig):
        """22:30 in São Paulo, as a carrier writes it in UTC: the endpoint's zone tells the local time."""
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "events": True, "zone": "America/Sao_Paulo"}})
        rig.add_order(order("1-01", package("900")))
        rig.post(posted(event="order.delivered", at="2026-11-11T01:30:00+00:00", posted_at="2026-11-09T12:00:00+00:00"))
        rig.work()

        [call] = rig.calls("PUT")
        assert "2026-11-10 22:30" == call.body["deliveredDate"], call.body
        assert {"2026-11-10"} >= {one["date"] for one in call.body["events"]}

    def test_days_in_order(self):
        """Events go out in the order of the days that VTEX is told."""
        late = TrackingEvent(
            day=datetime(2026, 11, 10).date(),
            description="late evening",
            happened_at=datetime(2026, 11, 10, 22, tzinfo=BRASILIA),
        )
        bare = TrackingEvent(day=datetime(2026, 11, 11).date(), description="next day", happened_at=None)
        dates = [one["date"] for one in events([late, bare])]

        assert sorted(dates) == dates

    def test_within_the_minute(self):
        """Never before the dispatch, as VTEX is told both: minutes cut off put 12:00:40 before 12:00:30."""
        at = datetime(2026, 11, 10, 12, 0, 30, tzinfo=BRASILIA)
        one = Update(
            shipment=Shipment(
                key="p",
                status=Status.DELIVERED,
                happened_at=at,
                dispatched_at=at,
                delivered_at=at + timedelta(seconds=10),
            ),
            received_at=at,
            digest="",
        )
        body = tracking([fold(Known(), [one])], now=at.timestamp() + 999).body

        assert body["deliveredDate"] is None or body["deliveredDate"] > "2026-11-10 12:00"
