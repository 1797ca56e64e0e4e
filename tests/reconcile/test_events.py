"""Events and delivery, from webhooks to VTEX: one PUT for each change of the set, after the number is there."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.http import Http
from receiver.operations.story import story
from receiver.vtex.client import Vtex
from tests.support.console import Operator, receiver
from tests.support.frenet_events import INVOICE, called, prepared, puts, scanned, status, tell
from tests.support.reconciling import FRENET, INTELIPOST, rest, shipped
from tests.support.replaying import lines, recording, replay
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR
from tests.support.vtex_contract import request_faults


@pytest.fixture
def frenet(rig_on_either: Rig) -> Rig:
    return prepared(rig_on_either)


class TestFewCalls:
    def test_ten_webhooks(self, frenet: Rig):
        """Ten webhooks with three sets of events: one GET, one PATCH, one read-back, and one PUT for each set."""
        for texts in ([["a"]] * 4) + ([["a", "b"]] * 3) + ([["a", "b", "c"]] * 3):
            frenet.post({**scanned(*texts), "Note": len(frenet.calls())}, endpoint="frenet")
            frenet.works_until(HOUR)

        assert ["GET", "PATCH", "GET", "PUT", "PUT", "PUT"] == called(frenet)
        assert [["a"], ["a", "b"], ["a", "b", "c"]] == puts(frenet)
        assert ["GET order", "PATCH", "GET read-back", "PUT", "PUT", "PUT"] == [
            attempt["call"] for attempt in frenet.attempts("frenet/1")
        ]
        assert "in_step" == frenet.shipment("frenet/1")["state"]

    def test_together(self, frenet: Rig):
        """Ten webhooks that come together are one set."""
        for turn in range(10):
            tell(frenet, *"abcdefghij"[: turn + 1])
        frenet.works_until(HOUR)

        assert ["GET", "PATCH", "GET", "PUT"] == called(frenet)
        assert [list("abcdefghij")] == puts(frenet)

    def test_news_of_events_alone(self, frenet: Rig):
        """News that brings an event and nothing else costs one PUT and no GET, also once all is settled."""
        tell(frenet, "a")
        frenet.works_until(DAY)
        before = len(frenet.calls())
        tell(frenet, "a", "b")
        frenet.work()

        assert ["PUT"] == called(frenet)[before:]

    def test_number_there_already(self, frenet: Rig):
        """A parcel whose number VTEX had already gets its events too."""
        held = {"trackingNumber": "TN1", "courier": "Frenet", "trackingUrl": None}
        frenet.add_order(order("A-01", package("900", **held)))
        tell(frenet, "a")
        frenet.works_until(HOUR)

        assert ["GET", "PUT"] == called(frenet)

    def test_another_number_of_the_parcel(self, frenet: Rig):
        """A new number on the same invoice is no new set."""
        tell(frenet, "a")
        frenet.works_until(HOUR)
        tell(frenet, "a", number="TN2")
        frenet.works_until(HOUR)

        assert "TN2" == frenet.package_of(*INVOICE)["trackingNumber"]
        assert [["a"]] == puts(frenet)

    def test_switched_off(self, rig: Rig):
        """``events = false`` sends none."""
        tell(prepared(rig, events=False), "a")
        rig.works_until(DAY)

        assert ["GET", "PATCH", "GET"] == called(rig)

    def test_nothing_to_tell(self, rig: Rig):
        """A parcel without events has no PUT."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("A-01", package("900")))
        rig.post(shipped("A-01", "900"), endpoint="intelipost")
        rig.work()

        assert ["GET", "PATCH"] == called(rig)


class TestDelivered:
    def test_told(self, frenet: Rig):
        """Delivered: VTEX shows it finished, at the carrier's local time, with the history."""
        tell(frenet, "Objeto postado", kind="0")
        tell(frenet, "Objeto entregue", kind="9", at=datetime(2026, 11, 12, 15, 4))
        frenet.works_until(HOUR)

        assert {
            "isDelivered": True,
            "deliveredDate": "2026-11-12 15:04",
            "events": [
                {"city": "Recife", "state": "PE", "description": "Objeto postado", "date": "2026-11-10"},
                {"city": "Recife", "state": "PE", "description": "Objeto entregue", "date": "2026-11-12"},
            ],
        } == frenet.calls("PUT")[-1].body
        assert (True, 2) == (status(frenet)["finished"], len(status(frenet)["data"]))
        assert [] == [fault for call in frenet.calls("PUT") for fault in request_faults("PUT", call.path, call.body)]

    def test_returned(self, frenet: Rig):
        """A parcel that goes back to its sender is an event and never a delivery."""
        tell(frenet, "Objeto postado", kind="0")
        tell(frenet, "Objeto devolvido ao remetente", kind="3", at=datetime(2026, 11, 13, 9, 0))
        tell(frenet, "Objeto entregue", kind="9", at=datetime(2026, 11, 14, 9, 0))
        frenet.works_until(HOUR)

        assert (False, None) == (status(frenet)["finished"], status(frenet).get("deliveredDate"))
        assert "Objeto devolvido ao remetente" in puts(frenet)[-1]

    def test_years_ahead(self, frenet: Rig):
        """A scan of 2036 reaches no shopper, and a person who looks is told so."""
        tell(frenet, "Objeto postado", kind="0")
        tell(frenet, "Em trânsito", at=datetime(2036, 11, 13, 9, 0))
        frenet.works_until(HOUR)

        assert [["Objeto postado"]] == puts(frenet)
        told = "event dated 2036-11-13: no shopper sees it, for that day was still to come"
        assert [told] == story(frenet.database, "frenet/1", now=frenet.now)["kept_back"]

    def test_clock_ahead(self, frenet: Rig):
        """A delivery ahead of our clock is told when it has passed, without any further webhook."""
        ahead = datetime.fromtimestamp(frenet.now, UTC).replace(tzinfo=None)  # three hours, as Frenet's zone reads it
        tell(frenet, "Objeto postado", kind="0")
        tell(frenet, "Objeto entregue", kind="9", at=ahead)
        frenet.works_until(HOUR)
        assert not status(frenet)["finished"]

        frenet.works_until(3 * HOUR)
        assert status(frenet)["finished"]
        assert 2 == len(puts(frenet))
        assert frenet.shipment("frenet/1")["due_at"] is None


class TestTrouble:
    @pytest.mark.parametrize("fault", [{"server_error": 1.0}, {"reset_before": 1.0}, {"throttle": 1.0}])
    def test_down(self, frenet: Rig, fault: dict[str, float]):
        """VTEX's own trouble at the PUT is ridden out, and nothing but the PUT is made again."""
        tell(frenet, "a")
        frenet.faults(**fault, methods=frozenset({"PUT"}))
        frenet.works_until(HOUR)
        assert "due" == frenet.shipment("frenet/1")["state"]

        before = len(frenet.calls())
        tell(frenet, "a", "b")
        frenet.work()
        assert before == len(frenet.calls())  # news does not cut the pause short

        frenet.faults()
        frenet.works_until(2 * HOUR)
        assert ["GET", "PATCH", "GET"] == [method for method in called(frenet) if method != "PUT"]
        assert ["a", "b"] == puts(frenet)[-1]
        assert ("in_step", None) == tuple(frenet.shipment("frenet/1")[name] for name in ("state", "reason"))

    def test_lost_answer(self, frenet: Rig):
        """A PUT whose answer is lost is made again, whole: a set sent twice is the same set."""
        tell(frenet, "a")
        frenet.faults(reset_after_applying=1.0, methods=frozenset({"PUT"}))
        frenet.later(0)
        frenet.faults()
        frenet.later(10)
        frenet.faults(reset_after_applying=1.0)
        tell(frenet, "a", "b")
        frenet.work()
        frenet.faults()
        frenet.works_until(HOUR)

        assert [["a"], ["a", "b"], ["a", "b"]] == puts(frenet)
        assert ["a", "b"] == [one["description"] for one in status(frenet)["data"]]
        assert "no answer" in [one["outcome"] for one in frenet.attempts("frenet/1") if one["call"] == "PUT"]

    def test_crash(self, frenet: Rig):
        """A worker that dies after the PUT leaves it to the next one, who makes it again when the lease has expired."""
        tell(frenet, "a")
        frenet.works_until(HOUR)
        tell(frenet, "a", "b")

        class Dies(Vtex):
            def put_tracking(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> Any:
                super().put_tracking(order_id, invoice_number, body)
                raise KeyboardInterrupt

        queue, reconciler = frenet.hands("doomed", Dies)
        with pytest.raises(KeyboardInterrupt):
            reconciler.run(queue.claim("lux", most=1, now=frenet.now)[0])
        frenet.later(61)

        assert [["a"], ["a", "b"], ["a", "b"]] == puts(frenet)
        assert "in_step" == frenet.shipment("frenet/1")["state"]
        assert ["done", "cut off", "done"] == [
            one["outcome"] for one in frenet.attempts("frenet/1") if one["call"] == "PUT"
        ]

    def test_lease_lapsed(self, frenet: Rig):
        """Who slept through the lease before the PUT makes none."""
        tell(frenet, "a")
        frenet.works_until(HOUR)
        tell(frenet, "a", "b")

        queue = frenet.hands("slow")[0]
        (claim,) = queue.claim("lux", most=1, now=frenet.now)
        reconciler = frenet.hands("slow", sleep=lambda _: None)[1]
        claim.lease.until = frenet.now  # as if the pace had kept it waiting
        frenet.later(61)
        reconciler.run(claim)

        assert [["a"], ["a", "b"]] == puts(frenet)

    def test_not_there_yet(self, rig: Rig):
        """A 404 right after the PATCH is waited for with growing pauses, and held only past the horizon."""
        prepared(rig)
        rig.configure(endpoints={"frenet": FRENET})
        tell(rig, "a")
        rig.on_slow = lambda _: rig.add_order(order("A-01"))
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}))
        rig.work()

        row = rig.shipment("frenet/1")
        assert ("in_step", rig.now + 30) == (row["state"], row["due_at"])
        assert "wait for the invoice" in row["note"]

        rig.faults()
        rig.add_order(order("A-01", package("900", trackingNumber="TN1", courier="Frenet")))
        rig.later(30)
        assert ["GET", "PATCH", "PUT", "PUT"] == called(rig)
        assert ["a"] == [one["description"] for one in status(rig)["data"]]

    def test_never_there(self, rig: Rig):
        """An invoice that never takes its events is for a person in the end; a retry tries again."""
        prepared(rig)
        rig.configure(endpoints={"frenet": FRENET}, horizon_days=1)
        tell(rig, "a")
        rig.on_slow = lambda _: rig.add_order(order("A-01"))
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}))
        rig.works_until(2 * DAY)

        assert ("held", "events_rejected") == tuple(rig.shipment("frenet/1")[name] for name in ("state", "reason"))
        rig.faults()
        rig.add_order(order("A-01", package("900", trackingNumber="TN1", courier="Frenet")))
        rig.decisions.retry("frenet/1", now=rig.now)
        rig.work()
        assert "in_step" == rig.shipment("frenet/1")["state"]

    def test_rejected(self, rig: Rig):
        """Events that VTEX rejects are for a person; the write that went before stands."""
        prepared(rig)
        rig.configure(endpoints={"frenet": FRENET})
        tell(rig, "a")
        blank = order("A-01", package("900"))  # without a number VTEX takes no events
        rig.on_slow = lambda _: rig.add_order(blank)
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}))
        rig.work()

        row = rig.shipment("frenet/1")
        assert ("held", "events_rejected") == (row["state"], row["reason"])
        assert "the invoice has no tracking number" in row["note"]
        assert "TN1" == row["sent"]["trackingNumber"]

    @pytest.mark.parametrize("number", ["900", "901"])
    def test_made_again(self, frenet: Rig, number: str):
        """An invoice that was made again since the write, under its number or another, is written again; then its
        events follow. No person is needed."""
        tell(frenet, "a")
        frenet.works_until(HOUR)
        frenet.add_order(order("A-01", package(number)))
        tell(frenet, "a", "b")
        frenet.works_until(HOUR)

        assert ("in_step", None) == rest(frenet, "frenet/1")
        assert ["PUT", "GET", "PATCH", "GET", "PUT"] == called(frenet)[4:]
        assert "GET after refusal" == frenet.attempts("frenet/1")[5]["call"]
        shown = frenet.package_of("A-01", number)
        assert ("TN1", ["b", "a"]) == (
            shown["trackingNumber"],
            [one["description"] for one in shown["courierStatus"]["data"]][::-1],
        )

    def test_gone(self, rig: Rig):
        """An invoice that is gone from an order to which no other is to come is a person's at once, although VTEX only
        says that it takes no events."""
        rig.configure(endpoints={"intelipost": INTELIPOST}, read_back_seconds=10)
        rig.add_order(order("A-01", package("900")))
        told = {"shipment_volume_micro_state": {"name": "Despachado"}}
        first = shipped("A-01", "900")
        rig.post({**first, "history": {**first["history"], **told}}, endpoint="intelipost")
        rig.works_until(HOUR)
        rig.add_order(order("A-01", package("902")))
        news = {"shipment_volume_micro_state": {"name": "Em rota"}, "created": 1_794_000_000_000}
        rig.post({**first, "history": {**first["history"], **news}}, endpoint="intelipost")
        rig.work()

        assert ("held", "named_invoice_missing") == rest(rig, "intelipost/P1")
        assert {"902"} == set(rig.shipment("intelipost/P1")["evidence"]["candidates"])

    def test_number_not_shown(self, frenet: Rig):
        """Where VTEX never showed the number, refused events say so, and not that the number is there."""
        frenet.faults(unapplied=1.0, methods=frozenset({"PATCH"}))
        tell(frenet, "a")
        frenet.works_until(5)
        frenet.configure(endpoints={"frenet": FRENET})
        tell(frenet, "a", "b")
        frenet.works_until(DAY)

        assert ("held", "not_applied") == rest(frenet, "frenet/1")
        assert "shows no tracking number; VTEX does not take its events" in frenet.shipment("frenet/1")["note"]

    def test_later_reference(self, rig: Rig):
        """Trouble at the PUT does not make us deaf to a webhook that names another invoice."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("A-01", package("900")))
        told = {"shipment_volume_micro_state": {"name": "Despachado"}}
        first = shipped("A-01", None)
        rig.post({**first, "history": {**first["history"], **told}}, endpoint="intelipost")
        rig.faults(server_error=1.0, methods=frozenset({"PUT"}))
        rig.work()
        assert ["GET", "PATCH", "PUT"] == called(rig)
        rig.faults()
        rig.add_order(order("A-01", rig.package_of("A-01", "900"), package("902")))
        rig.post(shipped("A-01", "902"), endpoint="intelipost")
        rig.works_until(HOUR)

        assert "IP1BR" == rig.package_of("A-01", "902")["trackingNumber"]


def test_two_endpoints(rig: Rig) -> None:
    """Of two endpoints that tell one parcel, the one that wrote the number tells the events: they do not take turns."""
    with_events = {**MELHOR_ENVIO, "events": True}
    rig.configure(endpoints={"one": with_events, "other": with_events})
    rig.add_order(order("1-01", package("900")))
    for day in (10, 11, 12):
        for name in ("one", "other"):
            rig.post(posted(at=f"2026-11-{day}T12:00:00+00:00", note=name), endpoint=name)
            rig.work()

    assert 3 == len(rig.calls("PUT"))
    assert {"one/p1"} == {one["shipment"] for name in ("one/p1", "other/p1") for one in rig.attempts(name)
                          if one["call"] == "PUT"}  # fmt: skip
    assert "one/p1" == rig.shipment("other/p1")["sent"]["tracking"]["told_by"]


def test_two_endpoints_one_silent(rig: Rig) -> None:
    """Where the endpoint that wrote the number tells no events, the other does; the former goes on writing."""
    rig.configure(endpoints={"one": {**MELHOR_ENVIO, "events": False}, "other": {**MELHOR_ENVIO, "events": True}})
    rig.add_order(order("1-01", package("900")))
    for day in (10, 11, 12):
        for name in ("one", "other"):
            rig.post(posted(at=f"2026-11-{day}T12:00:00+00:00", note=name), endpoint=name)
            rig.work()
    rig.post(posted(at="2026-11-12T13:00:00+00:00", tracking_url="https://t.example/new"), endpoint="one")
    rig.work()
    rig.post(posted(at="2026-11-13T12:00:00+00:00", note="other"), endpoint="other")
    rig.work()

    done = {name: [one["call"] for one in rig.attempts(name) if one["request"]] for name in ("one/p1", "other/p1")}
    assert {"one/p1": ["PATCH", "PATCH"], "other/p1": ["PUT"] * 4} == done
    assert {("in_step", None)} == {(row["state"], row["reason"]) for row in rig.queries.shipments()}
    assert "https://t.example/new" == rig.package_of("1-01", "900")["trackingUrl"]


def test_through_the_wire(rig: Rig) -> None:
    """The call as VTEX documents it: method, path with the number encoded, and the JSON body."""
    rig.add_order(order("A-01", package("NF.900", trackingNumber="X")))
    vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
    receipt = vtex.put_tracking("A-01", "NF.900", {"isDelivered": False, "deliveredDate": None, "events": []})

    assert "/api/oms/pvt/orders/A-01/invoice/NF.900/tracking" == rig.calls("PUT")[0].path
    assert {"date", "orderId", "receipt"} == receipt.keys()


class TestShown:
    """What operators see of it."""

    @pytest.fixture
    def operator(self, rig: Rig) -> Operator:
        operator = Operator(rig, frenet=FRENET)
        rig.add_order(order("A-01", package("900")))
        tell(rig, "Objeto postado", kind="0")
        tell(rig, "Objeto entregue", kind="9", at=datetime(2026, 11, 12, 15, 4))
        rig.work()
        return operator

    def test_show(self, operator: Operator):
        """A parcel's story has its events, its delivery and each PUT with its body."""
        told = operator.says("show", "frenet/1")

        assert "events           2 events, delivered 2026-11-12 15:04, sent 2026-11-18T11:06:40Z\n" in told
        (put,) = [line for line in told.splitlines() if "  PUT  " in line]
        assert "A-01, invoice 900" in put
        assert '"description": "Objeto entregue"' in put

    def test_json(self, operator: Operator):
        """So it has as JSON, times in UTC."""
        (story,) = operator.tells("show", "frenet/1")
        (put,) = [one for one in story["attempts"] if one["call"] == "PUT"]

        assert ("done", True) == (put["outcome"], put["request"]["isDelivered"])
        delivered = {"delivered": True, "delivered_date": "2026-11-12 15:04"}
        told = {"at": "2026-11-18T11:06:40Z", "events": 2, **delivered, "sent_by": None}
        assert told == story["shipment"]["sent"]["tracking"]

    def test_left_to_another(self, rig: Rig):
        """Where another shipment tells the events, its name stands there."""
        with_events = {**MELHOR_ENVIO, "events": True}
        operator = Operator(rig, one=with_events, other=with_events)
        rig.add_order(order("1-01", package("900")))
        for name in ("one", "other"):
            rig.post(posted(note=name), endpoint=name)
            rig.work()

        assert "1 event: left to one/p1, whose invoice it is\n" in operator.says("show", "other/p1")

    def test_replay(self, tmp_path: Path):
        """A dry run tells the PUT, and whether it is the one expected."""
        settings = {**MELHOR_ENVIO, "events": True}
        body = {
            "isDelivered": False,
            "deliveredDate": None,
            "events": [{"city": "", "state": "", "description": "Encomenda postada", "date": "2026-11-10"}],
        }
        put = {"order": "1-01", "invoice": "900", "body": body}
        orders = [order("1-01", package("900"))]
        right = recording(endpoint=settings, orders=orders, tracking=put)
        wrong = recording(endpoint=settings, orders=orders, tracking=None)
        file = lines(tmp_path / "two.jsonl", right, wrong)

        code, rows = replay(file)

        assert (1, [True, False], put) == (
            code,
            [row["as_expected"] for row in rows],
            rows[0]["shipments"][0]["tracking"],
        )
        assert rows[1]["differences"][0].startswith('tracking: {"order": "1-01"')
        assert f"invoice 900 of 1-01: PUT tracking {json.dumps(body)}\n" in receiver("replay", file).stdout
