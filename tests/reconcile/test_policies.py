"""Two parcels for one invoice, and a number that a person changed: what the endpoint's settings make of them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from receiver.sandbox.answers import Refused, oms_error
from receiver.shipments import Visibility
from receiver.vtex.client import Vtex
from tests.support.frenet_events import called, status
from tests.support.frenet_parcels import patches, prepared, rests, tell
from tests.support.reconciling import INTELIPOST, fields, rest, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR


def number(rig: Rig, invoice: str = "900") -> str | None:
    shown: str | None = rig.package_of("A-01", invoice)["trackingNumber"]
    return shown


class TestHold:
    def test_default(self, rig: Rig):
        """Without a setting the second parcel is for a person."""
        prepared(rig)
        for parcel in (1, 2):
            tell(rig, parcel)
            rig.works_until(HOUR)

        assert [("in_step", None), ("held", "second_parcel")] == [rests(rig, 1), rests(rig, 2)]
        assert ["TN1"] == patches(rig)

    @pytest.mark.parametrize("lag", [0.0, 20.0])
    def test_overwritten_by_a_person(self, rig: Rig, lag: float):
        """A person who overwrites the first parcel's number is obeyed, and the first one is in step no more: neither
        where VTEX shows its number for a while yet."""
        prepared(rig)
        for parcel in (1, 2):
            tell(rig, parcel)
            rig.works_until(HOUR)
        rig.faults(visible_after=lag)
        rig.decisions.assign("frenet/2", order_id="A-01", invoice_number="900", now=rig.now)
        rig.works_until(HOUR)

        assert [("kept", "other_parcel"), ("in_step", None)] == [rests(rig, 1), rests(rig, 2)]
        assert ["TN1", "TN2"] == patches(rig)


class TestVoidedLabel:
    @pytest.mark.parametrize("policy", ["hold", "first", "latest", "join"])
    def test_made_again(self, rig: Rig, policy: str):
        """A label that was voided before the carrier had its parcel is none of two: the one made in its place takes the
        invoice, and the person who hears of the voided one has nothing to correct there."""
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "second_parcel": policy}}, send_on="label")
        rig.add_order(order("1-01", package("900")))
        for parcel, label, event in (
            ("p1", "TN1", "generated"),
            ("p1", "TN1", "cancelled"),
            ("p2", "TN2", "generated"),
        ):
            rig.post(posted(parcel=parcel, number=label, event=f"order.{event}"))
            rig.works_until(HOUR)

        assert "TN2" == fields(rig)["trackingNumber"]
        assert ("held", "cancelled_after_send") == rest(rig)

    def test_overruled(self, rig: Rig):
        """A person who says that the voided label goes all the same keeps the invoice for it."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO}, send_on="label")
        rig.add_order(order("1-01", package("900")))
        for event in ("generated", "cancelled"):
            rig.post(posted(number="TN1", event=f"order.{event}"))
            rig.works_until(HOUR)
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.works_until(HOUR)
        assert ("in_step", None) == rest(rig)
        rig.post(posted(parcel="p2", number="TN2", event="order.generated"))
        rig.works_until(HOUR)

        assert "TN1" == fields(rig)["trackingNumber"]
        assert ("held", "second_parcel") == rest(rig, "melhor-envio/p2")


class TestFirst:
    def test_stays(self, rig_on_either: Rig):
        """The first parcel's number stays; the second rests where everybody sees it, and asks no more."""
        rig = prepared(rig_on_either, second_parcel="first")
        for parcel in (1, 2):
            tell(rig, parcel)
            rig.works_until(HOUR)

        assert [("in_step", None), ("kept", "other_parcel")] == [rests(rig, 1), rests(rig, 2)]
        row = rig.shipment("frenet/2")
        assert (None, None, "900") == (row["sent"], row["due_at"], row["invoice_number"])
        assert 'invoice 900 carries TN1 of frenet/1; second_parcel = "first"' in row["note"]

        before = len(rig.calls())
        tell(rig, 2, day=11, TrackingUrl="https://t.example/TN2")
        rig.works_until(30 * DAY)
        assert (before, ["TN1"]) == (len(rig.calls()), patches(rig))

    def test_a_person_decides_otherwise(self, rig: Rig):
        """A person may still overwrite it."""
        prepared(rig, second_parcel="first")
        for parcel in (1, 2):
            tell(rig, parcel)
            rig.works_until(HOUR)
        rig.decisions.assign("frenet/2", order_id="A-01", invoice_number="900", now=rig.now)
        rig.works_until(HOUR)

        assert ("TN2", ("in_step", None)) == (number(rig), rests(rig, 2))

    def test_foreign_number(self, rig: Rig):
        """A number that is of no parcel of ours is still for a person."""
        prepared(rig, second_parcel="latest")
        rig.add_order(order("A-01", package("900", trackingNumber="THEIRS")))
        tell(rig, 1)
        rig.works_until(HOUR)

        assert ("held", "number_differs") == rests(rig, 1)


class TestLatest:
    def test_newer(self, rig_on_either: Rig):
        """The parcel dispatched last is told, the one before sees that it is not, and both say so."""
        rig = prepared(rig_on_either, second_parcel="latest")
        tell(rig, 1, day=10)
        rig.works_until(HOUR)
        tell(rig, 2, day=11)
        rig.works_until(HOUR)

        assert ("TN2", ("in_step", None), ("kept", "other_parcel")) == (number(rig), rests(rig, 2), rests(rig, 1))
        (wrote,) = [one for one in rig.attempts("frenet/2") if one["call"] == "PATCH"]
        assert ("TN1", 'second_parcel = "latest"') == (wrote["evidence"]["overwrites"], wrote["evidence"]["because"])
        assert ["TN1", "TN2"] == patches(rig)

        before = len(rig.calls())
        tell(rig, 1, day=12, TrackingUrl="https://t.example/TN1")
        rig.works_until(30 * DAY)
        assert before == len(rig.calls())

    @pytest.mark.parametrize("day", [9, 10])
    def test_not_newer(self, rig: Rig, day: int):
        """One dispatched earlier, or at the same time, does not overwrite."""
        prepared(rig, second_parcel="latest")
        tell(rig, 1, day=10)
        rig.works_until(HOUR)
        tell(rig, 2, day=day)
        rig.works_until(HOUR)

        assert (["TN1"], ("kept", "other_parcel")) == (patches(rig), rests(rig, 2))

    @pytest.mark.parametrize("gap", [0.0, 1.0, HOUR])
    @pytest.mark.parametrize("days", [(10, 11, 12), (12, 11, 10), (11, 12, 10)])
    def test_any_order(self, rig: Rig, days: tuple[int, ...], gap: float):
        """Whatever order they come in, VTEX ends with the parcel dispatched last."""
        prepared(rig, second_parcel="latest")
        for parcel, day in enumerate(days, 1):
            tell(rig, parcel, day=day)
            rig.works_until(gap)
        rig.works_until(DAY)

        last = days.index(12) + 1
        assert (f"TN{last}", ("in_step", None)) == (number(rig), rests(rig, last))
        assert [("kept", "other_parcel")] * 2 == [rests(rig, other) for other in (1, 2, 3) if other != last]

    def test_events_of_the_latest(self, rig: Rig):
        """The events on the invoice are those of the parcel whose number is there."""
        prepared(rig, second_parcel="latest", events=True)
        tell(rig, 1, day=10)
        rig.works_until(HOUR)
        tell(rig, 2, day=11)
        rig.works_until(HOUR)
        tell(rig, 1, day=12, kind="9")
        rig.works_until(HOUR)

        assert (["2 on 11"], False) == ([one["description"] for one in status(rig)["data"]], status(rig)["finished"])

    def test_lost_place(self, rig: Rig):
        """A write over another parcel's that VTEX refuses for good gives the place back."""
        prepared(rig, second_parcel="latest")
        tell(rig, 1, day=10)
        rig.works_until(HOUR)
        rig.on_slow = lambda _: rig.add_order(order("A-01", package("901", kind="Input")))
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"GET"}))
        tell(rig, 2, day=11)
        rig.work()
        rig.faults()

        assert "awaiting_invoice" == rests(rig, 2)[0]
        assert "frenet/1" == rig.hands("look")[0].owners("lux", "A-01")["900"].shipment


class TestJoin:
    def test_two(self, rig_on_either: Rig):
        """Both numbers stand there in the order of dispatch, and both parcels agree: by the read-back, and later."""
        rig = prepared(rig_on_either, second_parcel="join")
        tell(rig, 2, day=11)
        rig.work()
        tell(rig, 1, day=10)
        rig.works_until(HOUR)

        assert "TN1;TN2" == number(rig)
        assert [("in_step", None)] * 2 == [rests(rig, 1), rests(rig, 2)]
        assert {"TN1;TN2"} == {row["sent"].tracking_number for row in rig.queries.shipments()}
        assert {Visibility.SEEN} == {row["sent"].visibility for row in rig.queries.shipments()}
        assert ["TN2", "TN1;TN2"] == patches(rig)
        assert "2026-11-10T12:00:00-03:00" == rig.calls("PATCH")[-1].body["dispatchedDate"]

        before = len(rig.calls())
        for parcel in (1, 2):
            tell(rig, parcel, day=12, kind="1")
            rig.works_until(DAY)
        assert before == len(rig.calls())

    def test_page_of_the_first(self, rig: Rig):
        """Page and courier are those of the parcel dispatched first; the other's news do not touch them."""
        prepared(rig, second_parcel="join")
        for parcel, day in ((1, 10), (2, 11)):
            tell(rig, parcel, day=day, TrackingUrl=f"https://t.example/{parcel}")
            rig.works_until(HOUR)
        assert ("TN1;TN2", "https://t.example/1") == (number(rig), rig.package_of("A-01", "900")["trackingUrl"])

        before = len(rig.calls())
        tell(rig, 2, day=12, TrackingUrl="https://t.example/2-new")
        rig.works_until(HOUR)
        assert before == len(rig.calls())
        tell(rig, 1, day=12, TrackingUrl="https://t.example/1-new")
        rig.works_until(HOUR)

        assert ("TN1;TN2", "https://t.example/1-new") == (number(rig), rig.package_of("A-01", "900")["trackingUrl"])
        assert ["TN1", "TN1;TN2", "TN1;TN2"] == patches(rig)

    def test_another_number(self, rig: Rig):
        """A parcel whose number changes changes its own part, whichever it is."""
        prepared(rig, second_parcel="join")
        for parcel in (1, 2, 3):
            tell(rig, parcel, day=9 + parcel)
            rig.works_until(HOUR)
        tell(rig, 1, day=13, TrackingNumber="NEW1")
        rig.works_until(HOUR)
        tell(rig, 2, day=13, TrackingNumber="NEW2")
        rig.works_until(HOUR)

        assert "NEW1;NEW2;TN3" == number(rig)
        assert {("in_step", None)} == {rests(rig, parcel) for parcel in (1, 2, 3)}

    def test_events_of_both(self, rig_on_either: Rig):
        """The invoice shows the events of both, and is delivered once both are, no matter which endpoint tells it."""
        rig = prepared(rig_on_either, second_parcel="join", events=True)
        for parcel, day, kind in ((1, 10, "0"), (2, 11, "0"), (1, 12, "9")):
            tell(rig, parcel, day=day, kind=kind)
            rig.works_until(HOUR)
        assert ["1 on 10", "2 on 11", "1 on 12"] == [one["description"] for one in status(rig)["data"]]
        assert not status(rig)["finished"]

        tell(rig, 2, day=13, kind="9")
        rig.works_until(HOUR)
        assert (True, "2026-11-13T12:00:00+00:00") == (status(rig)["finished"], status(rig)["deliveredDate"])

    def test_lost_answer(self, rig: Rig):
        """A joint write whose answer was lost is found, and still known as a joint one."""
        prepared(rig, second_parcel="join")
        tell(rig, 1, day=10)
        rig.works_until(HOUR)
        rig.faults(reset_after_applying=1.0)
        tell(rig, 2, day=11)
        rig.work()
        rig.faults()
        rig.works_until(HOUR)
        tell(rig, 2, day=12, kind="1")
        rig.works_until(HOUR)

        assert ("TN1;TN2", ["TN1", "TN1;TN2"]) == (number(rig), patches(rig))
        assert [("in_step", None)] * 2 == [rests(rig, 1), rests(rig, 2)]
        assert ["frenet/1", "frenet/2"] == list(rig.shipment("frenet/2")["sent"]["parcels"])

    def test_a_person_edits(self, rig: Rig):
        """A number of no one's is not joined."""
        prepared(rig, second_parcel="join")
        tell(rig, 1, day=10)
        rig.works_until(HOUR)
        rig.add_order(order("A-01", package("900", trackingNumber="TYPED")))
        tell(rig, 2, day=11)
        rig.works_until(HOUR)

        assert (["TN1"], ("held", "number_differs")) == (patches(rig), rests(rig, 2))


@pytest.mark.parametrize(
    ("policy", "ends"), [("first", {"TN1", "TN2", "TN3"}), ("latest", {"TN3"}), ("join", {"TN1;TN2;TN3"})]
)
def test_race(rig_on_either: Rig, policy: str, ends: set[str]) -> None:
    """Three workers with three parcels of one invoice at the very same time: the invoice's row decides, nothing is
    lost, and in the end each parcel knows what became of it."""
    rig = prepared(rig_on_either, second_parcel=policy, read_back_seconds=0)
    for parcel in (1, 2, 3):
        tell(rig, parcel, day=9 + parcel)
    together = threading.Barrier(3, timeout=20)

    class Together(Vtex):
        """All have read the order before anybody writes."""

        def get_order(self, order_id: str) -> Any:
            document = super().get_order(order_id)
            together.wait()
            return document

    workers = [rig.hands(f"w{number}", Together) for number in range(3)]
    claims = [queue.claim("lux", most=1, now=rig.now)[0] for queue, _ in workers]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda pair: pair[0][1].run(pair[1]), zip(workers, claims, strict=True)))
    rig.works_until(HOUR)

    assert number(rig) in ends
    rested = {rests(rig, parcel)[0] for parcel in (1, 2, 3)}
    assert {"join": {"in_step"}}.get(policy, {"in_step", "kept"}) == rested
    told = [parcel for parcel in (1, 2, 3) if rests(rig, parcel)[0] == "in_step"]
    assert ";".join(f"TN{parcel}" for parcel in told) == number(rig)


@pytest.mark.parametrize("policy", ["hold", "first", "latest", "join"])
def test_volumes(rig: Rig, policy: str) -> None:
    """Volumes of one gateway order are one shipment: no policy of two parcels ever comes up."""
    rig.configure(endpoints={"intelipost": {**INTELIPOST, "second_parcel": policy}})
    rig.add_order(order("A-01", package("900")))
    for volume in ("2", "1"):
        payload = {**shipped("A-01", "900", number=f"IP{volume}BR"), "volume_number": volume}
        rig.post(payload, endpoint="intelipost")
    rig.works_until(HOUR)

    assert ["in_step"] == [row["state"] for row in rig.queries.shipments()]
    assert ["IP1BR"] == patches(rig)


class TestNumberChanged:
    """A person changed the number on the invoice since our last write."""

    def changed(self, rig: Rig, **settings: Any) -> Rig:
        """Written by us, then typed over; then the carrier brings a page."""
        prepared(rig, **settings)
        tell(rig, 1)
        rig.works_until(HOUR)
        rig.add_order(order("A-01", package("900", trackingNumber="TYPED", trackingUrl="https://typed.example")))
        tell(rig, 1, day=11, TrackingUrl="https://t.example/TN1")
        rig.works_until(HOUR)
        return rig

    def test_keep(self, rig: Rig):
        """It stays, recorded as what stands there, and is not asked about again and again."""
        self.changed(rig)
        row = rig.shipment("frenet/1")

        assert (("kept", "number_changed"), "TYPED") == (rests(rig, 1), number(rig))
        assert ("TYPED", None) == (row["evidence"]["vtex_tracking_number"], row["due_at"])
        assert "invoice 900 holds TYPED, not TN1" in row["note"]

        before = len(rig.calls())
        for day in range(12, 17):
            tell(rig, 1, day=day, TrackingUrl=f"https://t.example/{day}")
            rig.works_until(DAY)
        assert (before, ["TN1"]) == (len(rig.calls()), patches(rig))

    def test_retry(self, rig: Rig):
        """A retry looks again and finds the same; an assignment overwrites."""
        self.changed(rig)
        rig.decisions.retry("frenet/1", now=rig.now)
        rig.work()
        assert ("kept", "number_changed") == rests(rig, 1)

        rig.decisions.assign("frenet/1", order_id="A-01", invoice_number="900", now=rig.now)
        rig.work()
        assert (("in_step", None), "TN1") == (rests(rig, 1), number(rig))

    def test_no_events(self, rig: Rig):
        """Under a number that is not the parcel's its events have no place."""
        self.changed(rig, events=True)
        before = called(rig).count("PUT")
        tell(rig, 1, day=12, kind="9")
        rig.works_until(DAY)

        assert before == called(rig).count("PUT")

    def test_overwrite(self, rig: Rig):
        """It is written again, once, with the reason; the page of what was typed goes with it."""
        self.changed(rig, number_changed="overwrite")
        last = [one for one in rig.attempts("frenet/1") if one["call"] == "PATCH"][-1]

        assert (["TN1", "TN1"], ("in_step", None)) == (patches(rig), rests(rig, 1))
        assert ("TYPED", 'number_changed = "overwrite"') == (
            last["evidence"]["overwrites"],
            last["evidence"]["because"],
        )
        assert "https://t.example/TN1" == rig.package_of("A-01", "900")["trackingUrl"]

    @pytest.mark.parametrize("policy", ["keep", "overwrite"])
    def test_there_before_us(self, rig: Rig, policy: str):
        """A number that was there before we ever wrote is for a person, whatever the setting."""
        prepared(rig, number_changed=policy)
        rig.add_order(order("A-01", package("900", trackingNumber="TYPED")))
        tell(rig, 1)
        rig.works_until(HOUR)

        assert ("held", "number_differs") == rests(rig, 1)

    @pytest.mark.parametrize("policy", ["keep", "overwrite"])
    def test_never_seen(self, rig: Rig, policy: str):
        """So is one that stands there before our own write was ever seen: two systems may be at it."""
        prepared(rig, number_changed=policy)
        tell(rig, 1)
        rig.work()
        rig.add_order(order("A-01", package("900", trackingNumber="TYPED")))
        rig.works_until(DAY)

        assert (("held", "number_differs"), ["TN1"]) == (rests(rig, 1), patches(rig))


class TestReleased:
    """An invoice belongs to a parcel only as long as its tracking is there."""

    def test_moved_by_a_person(self, rig_on_either: Rig):
        """The invoice that a person took a parcel from is free for the next; the number left there is no obstacle."""
        rig = prepared(rig_on_either)
        rig.add_order(order("A-01", package("900"), package("901"), value=20_000))
        tell(rig, 1)
        rig.work()
        for invoice in ("900", "901"):
            rig.decisions.assign("frenet/1", order_id="A-01", invoice_number=invoice, now=rig.now)
            rig.works_until(HOUR)
        assert ["TN1", "TN1"] == [number(rig, "900"), number(rig, "901")]

        tell(rig, 2)
        rig.link("TN2", "A-01", "900")
        rig.works_until(HOUR)
        assert ["TN2", "TN1"] == [number(rig, "900"), number(rig, "901")]
        assert [("in_step", None)] * 2 == [rests(rig, 1), rests(rig, 2)]

    @pytest.mark.parametrize("status", [404, 400, 403])
    def test_definite_failure(self, rig: Rig, status: int):
        """A write that VTEX refused for good leaves the invoice to others."""
        prepared(rig)
        if status == 404:
            rig.on_slow = lambda _: rig.add_order(order("A-01"))
            rig.faults(slow=(1.0, 1.0), methods=frozenset({"GET"}))
        elif status == 403:
            rig.faults(forbidden=frozenset({"A-01"}), methods=frozenset({"PATCH"}))
        else:
            rig.sandbox.patch_invoice = rejects
        tell(rig, 1)
        rig.work()
        assert rests(rig, 1)[0] in ("awaiting_invoice", "held")
        assert {} == rig.hands("look")[0].owners("lux", "A-01")

        rig.faults()
        vars(rig.sandbox).pop("patch_invoice", None)
        rig.on_slow = lambda _: None
        rig.add_order(order("A-01", package("900")))
        rig.decisions.dismiss("frenet/1", now=rig.now)
        tell(rig, 2)
        rig.works_until(HOUR)
        assert ("TN2", ("in_step", None)) == (number(rig), rests(rig, 2))

    def test_own_place_stays(self, rig: Rig):
        """A failure of a later write does not lose the place that an earlier one won."""
        prepared(rig)
        tell(rig, 1)
        rig.works_until(HOUR)
        rig.sandbox.patch_invoice = rejects
        tell(rig, 1, day=11, TrackingUrl="https://t.example/TN1")
        rig.works_until(HOUR)

        assert ("held", "vtex_rejected") == rests(rig, 1)
        assert "frenet/1" == rig.hands("look")[0].owners("lux", "A-01")["900"].shipment


def rejects(order_id: str, invoice: str, body: Any) -> Any:
    """A VTEX that finds fault with every write."""
    raise Refused(oms_error(400, "no"))
