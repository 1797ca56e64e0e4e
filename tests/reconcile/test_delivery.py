"""The look before VTEX is reported a delivery: whose number the invoice shows, and whether the order still stands."""

import itertools
from datetime import datetime
from typing import Any

import pytest

from tests.support.frenet_events import INVOICE, called, prepared, puts, status
from tests.support.frenet_events import tell as tell_scan
from tests.support.reconciling import FRENET, INTELIPOST, rest, shipped
from tests.support.rig import Rig, order, package
from tests.support.times import DAY, HOUR

SHIPMENT = "frenet/1"
HANDED_OVER = datetime(2026, 11, 12, 15, 4)
#: What the carrier's messages cost before the delivery: the decision, the write, the read-back and the events.
WRITTEN = ["GET", "PATCH", "GET", "PUT"]
#: Every order of arrival of three messages.
TURNS = list(itertools.permutations(range(3)))


@pytest.fixture
def written(rig: Rig) -> Rig:
    """A parcel whose number VTEX shows, with one event."""
    prepared(rig)
    tell_scan(rig, "Objeto postado", kind="0")
    rig.works_until(HOUR)
    assert WRITTEN == called(rig)
    return rig


def deliver(rig: Rig, **rest: Any) -> None:
    """The carrier says that the parcel was handed over."""
    tell_scan(rig, "Objeto entregue", **{"kind": "9", "at": HANDED_OVER, **rest})
    rig.work()


def shows(rig: Rig, number: str | None, **of_order: Any) -> None:
    """Someone changes the invoice's number, or the order, in VTEX Admin."""
    rig.add_order(order("A-01", package("900", trackingNumber=number, courier="Frenet"), **of_order))


class TestCalls:
    def test_one_look(self, written: Rig):
        """The delivery costs one GET besides its PUT, and so does each event that is heard of later."""
        deliver(written)
        assert [*WRITTEN, "GET", "PUT"] == called(written)
        assert "GET before delivery" == written.attempts(SHIPMENT)[-2]["call"]
        assert status(written)["finished"]

        tell_scan(written, "Comprovante enviado", kind="9", at=datetime(2026, 11, 12, 18, 0))
        written.works_until(DAY)
        assert [*WRITTEN, "GET", "PUT", "GET", "PUT"] == called(written)

    def test_read_back_counts(self, rig: Rig):
        """A parcel that is delivered before the read-back needs no further GET: the read-back is the look."""
        prepared(rig)
        tell_scan(rig, "Objeto entregue", kind="9", at=HANDED_OVER)
        rig.works_until(HOUR)

        assert ["GET", "PATCH", "GET", "PUT"] == called(rig)
        assert status(rig)["finished"]

    def test_decision_counts(self, rig: Rig):
        """Without read-backs the order that the decision has read counts: the write's answer is believed."""
        rig.configure(endpoints={"frenet": FRENET})
        rig.add_order(order("A-01", package("900")))
        deliver(rig)

        assert ["GET", "PATCH", "PUT"] == called(rig)
        assert status(rig)["finished"]


class TestAnotherNumber:
    def test_typed_since(self, written: Rig):
        """An invoice that bears another parcel's number is not told of this one's delivery; both numbers are named."""
        shows(written, "NEW7BR")
        deliver(written)

        assert ("kept", "number_changed") == rest(written, SHIPMENT)
        assert [*WRITTEN, "GET"] == called(written)
        note = written.shipment(SHIPMENT)["note"]
        assert "invoice 900 holds NEW7BR, not TN1" in note
        assert "The carrier reports TN1 delivered; VTEX was not told so of TN1." in note

        tell_scan(written, "Comprovante enviado", kind="9", at=datetime(2026, 11, 12, 18, 0))
        written.works_until(DAY)
        assert [*WRITTEN, "GET"] == called(written)

    def test_overwritten(self, rig: Rig):
        """Where the merchant's setting says so, our number is written again; then the delivery follows."""
        prepared(rig, number_changed="overwrite")
        tell_scan(rig, "Objeto postado", kind="0")
        rig.works_until(HOUR)
        shows(rig, "NEW7BR")
        deliver(rig)
        rig.works_until(HOUR)

        assert [*WRITTEN, "GET", "PATCH", "GET", "PUT"] == called(rig)
        assert "TN1" == rig.package_of(*INVOICE)["trackingNumber"]
        assert status(rig)["finished"]

    @pytest.mark.parametrize("number", ["tn-1", " T N 1 ", "TN1;OTHER", "OTHER; TN-1", "OTHER,TN1"])
    def test_own_number(self, written: Rig, number: str):
        """The parcel's number in another notation, or joined with another one, is its own."""
        shows(written, number)
        deliver(written)

        assert ("in_step", None) == rest(written, SHIPMENT)
        assert status(written)["finished"]

    def test_another_number_of_the_parcel(self, written: Rig):
        """A number that the carrier gave the parcel since is no other parcel's."""
        shows(written, "TN2")
        deliver(written, number="TN2")
        written.works_until(HOUR)

        assert ("in_step", None) == rest(written, SHIPMENT)
        assert status(written)["finished"]


class TestAfterTheDelivery:
    """What the carrier says after the delivery says once more that it is delivered: the order is read again, too."""

    @pytest.mark.parametrize(
        ("number", "of_order", "ended", "said"),
        [
            ("NEW7BR", {}, ("kept", "number_changed"), "invoice 900 holds NEW7BR, not TN1"),
            ("TN1", {"status": "canceled"}, ("held", "order_cancelled"), "order A-01 is canceled"),
            (None, {}, ("held", "not_applied"), "invoice 900 shows no tracking number"),
        ],
    )
    def test_changed_since(
        self, written: Rig, number: str | None, of_order: dict[str, Any], ended: tuple[str, str], said: str
    ):
        """Another parcel's invoice, or a cancelled order, is told nothing more of this one's delivery."""
        deliver(written)
        before = len(written.calls("PUT"))
        shows(written, number, **of_order)
        tell_scan(written, "Saiu para entrega", kind="1", at=datetime(2026, 11, 12, 9, 0))
        written.works_until(DAY)

        assert ended == rest(written, SHIPMENT)
        assert before == len(written.calls("PUT"))
        note = written.shipment(SHIPMENT)["note"]
        assert said in note
        assert "VTEX was told of the delivery before, not of its later events" in note


class TestOrder:
    @pytest.mark.parametrize("kind", ["Output", "Input"])
    def test_same_number_since(self, written: Rig, kind: str):
        """An order that has got another package of the invoice's number, a return perhaps, gets no delivery."""
        both = [package("900", trackingNumber="TN1", courier="Frenet"), package("900", kind=kind)]
        written.add_order(order("A-01", *both))
        deliver(written)

        assert ("held", "shared_invoice_number") == rest(written, SHIPMENT)
        assert not any(call.body["isDelivered"] for call in written.calls("PUT"))
        note = written.shipment(SHIPMENT)["note"]
        assert "order A-01: 2 packages bear 900" in note
        assert "The carrier reports TN1 delivered; VTEX was not told so of TN1." in note

    @pytest.mark.parametrize(
        ("state", "said"), [("canceled", "order A-01 is canceled"), ("replaced", "order A-01 is replaced")]
    )
    def test_cancelled(self, written: Rig, caplog: pytest.LogCaptureFixture, state: str, said: str):
        """An order that was cancelled since the write is not told of a delivery; a person is."""
        shows(written, "TN1", status=state)
        deliver(written)

        assert ("held", "order_cancelled") == rest(written, SHIPMENT)
        assert [*WRITTEN, "GET"] == called(written)
        assert said in written.shipment(SHIPMENT)["note"]
        assert "VTEX was not told so of TN1" in written.shipment(SHIPMENT)["note"]
        assert 1 == len([line for line in caplog.messages if "order_cancelled" in line])

    def test_read_back(self, rig: Rig):
        """The read-back sees a cancellation, too."""
        prepared(rig)
        tell_scan(rig, "Objeto entregue", kind="9", at=HANDED_OVER)
        rig.work()
        shows(rig, "TN1", status="canceled")
        rig.works_until(HOUR)

        assert ["GET", "PATCH", "GET"] == called(rig)
        assert ("held", "order_cancelled") == rest(rig, SHIPMENT)

    def test_person(self, written: Rig):
        """A person who assigns the cancelled order has its delivery told."""
        shows(written, "TN1", status="canceled")
        deliver(written)
        written.decisions.assign(SHIPMENT, order_id="A-01", invoice_number="900", now=written.now)
        written.works_until(HOUR)

        assert ("in_step", None) == rest(written, SHIPMENT)
        assert ["Objeto postado", "Objeto entregue"] == puts(written)[-1]


class TestNotYet:
    """VTEX shows a write seconds after its answer."""

    @pytest.fixture
    def unseen(self, rig: Rig) -> Rig:
        """A parcel whose write VTEX does not show for a while; read-backs are switched off."""
        rig.configure(endpoints={"frenet": FRENET})
        rig.add_order(order("A-01", package("900")))
        rig.faults(visible_after=45.0)
        tell_scan(rig, "Objeto postado", kind="0")
        rig.work()
        rig.later(3)
        return rig

    def test_waits(self, unseen: Rig):
        """The delivery waits on the read-back schedule, and is told once the invoice shows the number."""
        wrote = unseen.shipment(SHIPMENT)["sent"]["at"]
        deliver(unseen)

        row = unseen.shipment(SHIPMENT)
        assert ("in_step", None, wrote + 10) == (row["state"], row["reason"], row["due_at"])
        assert "waits until the invoice shows the number" in row["note"]

        unseen.works_until(HOUR)
        assert status(unseen)["finished"]
        assert [wrote + 3, wrote + 10, wrote + 70] == [call.at for call in unseen.calls("GET")][1:]

    def test_number_before(self, rig: Rig):
        """The number that our write replaced is no other parcel's, as long as the write may not be visible."""
        rig.configure(endpoints={"frenet": FRENET})
        rig.add_order(order("A-01", package("900", trackingNumber="OLD", courier="Frenet")))
        tell_scan(rig, "Objeto postado", kind="0")
        rig.work()
        rig.faults(visible_after=45.0)
        rig.decisions.assign(SHIPMENT, order_id="A-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.later(3)
        deliver(rig)
        assert ("in_step", None) == rest(rig, SHIPMENT)
        assert not status(rig)["finished"]

        rig.works_until(HOUR)
        assert status(rig)["finished"]

    def test_never(self, unseen: Rig):
        """A number that never shows is for a person, and VTEX is reported no delivery."""
        unseen.add_order(order("A-01", package("900")))
        deliver(unseen)
        unseen.works_until(DAY)

        assert ("held", "not_applied") == rest(unseen, SHIPMENT)
        assert [["Objeto postado"]] == puts(unseen)
        assert "invoice 900 shows no tracking number" in unseen.shipment(SHIPMENT)["note"]

    def test_no_invoice(self, written: Rig):
        """An invoice that is gone is waited for, as for any events."""
        written.add_order(order("A-01"))
        deliver(written)

        row = written.shipment(SHIPMENT)
        assert ("in_step", written.now + 30) == (row["state"], row["due_at"])
        assert "order A-01 shows no invoice 900" in row["note"]

        shows(written, "TN1")
        written.later(30)
        assert status(written)["finished"]


class TestReissued:
    """The merchant cancels the invoice after the write and issues another one: its number went with the former."""

    @pytest.fixture
    def reissued(self, written: Rig) -> Rig:
        written.add_order(order("A-01", package("901")))
        return written

    def test_only_one(self, reissued: Rig):
        """No other invoice is to come: what decides about a new parcel decides again, and the delivery follows."""
        deliver(reissued)
        reissued.works_until(HOUR)

        assert ("in_step", "901") == (rest(reissued, SHIPMENT)[0], reissued.shipment(SHIPMENT)["invoice_number"])
        shown = reissued.package_of("A-01", "901")
        assert ("TN1", True) == (shown["trackingNumber"], shown["courierStatus"]["finished"])

    def test_several(self, reissued: Rig):
        """Where nothing decides, a person is asked at once."""
        halves = (package("901", value=5_000), package("902", value=5_000))
        reissued.add_order(order("A-01", *halves))
        deliver(reissued)

        assert ("held", "ambiguous_invoice") == rest(reissued, SHIPMENT)
        note, _, command = reissued.shipment(SHIPMENT)["note"].partition(" To decide: ")
        assert note.endswith("The carrier reports TN1 delivered; VTEX was not told so of TN1.")
        assert "receiver assign frenet/1 --order A-01 --invoice 901   (or 902)" == command
        assert 1 == len(reissued.calls("PATCH"))


class TestDoubt:
    """A delivery that VTEX was told of is never taken back by us."""

    def test_late_return(self, written: Rig, caplog: pytest.LogCaptureFixture):
        """A return of an earlier day that comes late: a person hears of both facts, VTEX of the event alone."""
        deliver(written)
        tell_scan(written, "Objeto devolvido", kind="3", at=datetime(2026, 11, 11, 9, 0))
        written.works_until(DAY)

        assert ("held", "delivery_doubted") == rest(written, SHIPMENT)
        assert [False, True, True] == told_delivered(written)
        assert ["Objeto postado", "Objeto devolvido", "Objeto entregue"] == puts(written)[-1]
        assert "2026-11-12 15:04" == written.calls("PUT")[-1].body["deliveredDate"]
        note = written.shipment(SHIPMENT)["note"]
        assert "VTEX was told that it is delivered (2026-11-12 15:04)" in note
        assert "turned back on 2026-11-11T09:00-03:00 and was delivered on 2026-11-12T15:04-03:00" in note
        assert " Order A-01, invoice 900. To decide: receiver dismiss frenet/1" in note
        assert 1 == len([line for line in caplog.messages if "delivery_doubted" in line])

        calls = len(written.calls())
        written.decisions.retry(SHIPMENT, now=written.now)
        written.works_until(DAY)
        assert ("held", "delivery_doubted") == rest(written, SHIPMENT)
        assert ["GET"] == called(written)[calls:]

    def test_later_volume(self, rig: Rig):
        """A volume that is heard of after the delivery of the first one: held until it is delivered, too."""
        rig.configure(endpoints={"intelipost": {**INTELIPOST, "events": True}})
        rig.add_order(order("A-01", package("900")))
        states = []
        for volume, state in (("1", "DELIVERED"), ("2", "SHIPPED"), ("2", "DELIVERED")):
            day = len(states) + 10
            rig.post(of_volume(volume, state, day=day), endpoint="intelipost")
            rig.work()
            states.append(rest(rig, "intelipost/P1"))

        assert [("in_step", None), ("held", "delivery_doubted"), ("in_step", None)] == states
        assert {True} == set(told_delivered(rig))
        assert "2026-11-12 12:00" == rig.calls("PUT")[-1].body["deliveredDate"]

    def test_scan_long_after(self, rig: Rig):
        """A scan so late that it begins another generation, of the same order and invoice: VTEX gets nothing of it."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("A-01", package("900")))
        rig.post(said_of("DELIVERED", "2026-11-12", "Entregue"), endpoint="intelipost")
        rig.works_until(HOUR)
        rig.now += 75 * DAY
        rig.post(said_of("IN_TRANSIT", "2027-01-30", "Objeto localizado"), endpoint="intelipost")
        rig.works_until(DAY)

        assert ("held", "delivery_doubted") == rest(rig, "intelipost/P1")
        assert [["Entregue"]] == puts(rig)
        doubt = "told that it is delivered (2026-11-12 12:00); the carrier says of volume 1 of IP1BR that it is not"
        assert doubt in rig.shipment("intelipost/P1")["note"]

        rig.post(said_of("DELIVERED", "2027-01-31", "Entregue"), endpoint="intelipost")
        rig.works_until(DAY)
        assert ("in_step", None) == rest(rig, "intelipost/P1")
        assert {True} == set(told_delivered(rig))

    def test_told_by_another_system(self, rig: Rig):
        """What another system told VTEX stands, too, where the order has been read."""
        prepared(rig)
        rig.add_order(order("A-01", package("900", courierStatus={"finished": True}, trackingNumber="TN1")))
        tell_scan(rig, "Objeto postado", kind="0")
        rig.works_until(HOUR)
        assert ("held", "delivery_doubted") == rest(rig, SHIPMENT)
        assert [] == puts(rig)

        deliver(rig)
        assert ("in_step", None) == rest(rig, SHIPMENT)
        assert [True] == told_delivered(rig)

    @pytest.mark.parametrize("back", [("turned back", "3"), ("Objeto em devolução ao remetente", "1")])
    @pytest.mark.parametrize("turn", TURNS)
    def test_any_order(self, rig: Rig, turn: tuple[int, ...], back: tuple[str, str]):
        """Posted, turned back by its code or in words, delivered: in every order of arrival the same state in the end,
        and never a delivery that is taken back."""
        scans = [("posted", "0", 10), (*back, 12), ("handed over", "9", 13)]
        prepared(rig)
        for text, kind, day in (scans[index] for index in turn):
            tell_scan(rig, text, kind=kind, at=datetime(2026, 11, day, 9, 0))
            rig.works_until(HOUR)

        assert ("held", "delivery_doubted") == rest(rig, SHIPMENT)
        assert [text for text, *_ in scans] == puts(rig)[-1]
        assert sorted(told_delivered(rig)) == told_delivered(rig)

    @pytest.mark.parametrize("turn", TURNS)
    def test_returned_alone(self, rig: Rig, turn: tuple[int, ...]):
        """A parcel that turns back and is never delivered is no doubt, in whatever order it is heard of."""
        scans = [("posted", "0", 10), ("on its way", "1", 11), ("turned back", "3", 12)]
        prepared(rig)
        for text, kind, day in (scans[index] for index in turn):
            tell_scan(rig, text, kind=kind, at=datetime(2026, 11, day, 9, 0))
            rig.works_until(HOUR)

        assert ("in_step", None) == rest(rig, SHIPMENT)
        assert {False} == set(told_delivered(rig))


def told_delivered(rig: Rig) -> list[bool]:
    """What each PUT said of the delivery."""
    return [call.body["isDelivered"] for call in rig.calls("PUT")]


def said_of(state: str, day: str, text: str) -> dict[str, Any]:
    """Intelipost's word of a parcel, with a text that is an event."""
    body = shipped("A-01", "900")
    body["history"] |= {"shipment_order_volume_state": state, "event_date_iso": f"{day}T12:00:00-03:00"}
    body["history"] |= {"shipment_volume_micro_state": {"name": text}}
    return body


def of_volume(volume: str, state: str, *, day: int) -> dict[str, Any]:
    """Intelipost's word of one volume of a parcel."""
    history = {"shipment_order_volume_state": state, "event_date_iso": f"2026-11-{day}T12:00:00-03:00"}
    return {**shipped("A-01", "900", number=f"IP{volume}BR"), "history": history, "volume_number": volume}


def test_what_the_invoice_held(rig: Rig) -> None:
    """The record of a PATCH says what the invoice held when it was read: what a write overwrote leaves a trace."""
    prepared(rig)
    tell_scan(rig, "Objeto postado", kind="0")
    rig.works_until(HOUR)
    shows(rig, "TYPED")
    rig.decisions.assign(SHIPMENT, order_id="A-01", invoice_number="900", now=rig.now)
    rig.work()

    first, second = (one["evidence"]["held"] for one in rig.attempts(SHIPMENT) if one["call"] == "PATCH")
    assert {} == first
    assert {"trackingNumber": "TYPED", "courier": "Frenet"} == second
    assert "TN1" == rig.package_of(*INVOICE)["trackingNumber"]
