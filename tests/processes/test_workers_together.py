"""Several workers on one store: each parcel is in one pair of hands, and the account's pace is theirs together."""

import threading
from collections.abc import Sequence

import pytest

from tests.support.rig import MELHOR_ENVIO, Rig, eventually, order, package, posted


def at_once(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def fill(rig: Rig, parcels: int) -> None:
    """Parcels of as many orders, posted and not worked on yet."""
    for number in range(parcels):
        rig.add_order(order(f"{number}-01", package("900")))
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))


def meet(rig: Rig) -> None:
    """Two workers take one parcel each, and neither has its order before the other has asked as well."""
    barrier = threading.Barrier(2, timeout=10)
    rig.on_slow = lambda _: barrier.wait()
    rig.faults(slow=(1.0, 1.0), methods=frozenset({"GET"}))
    threads = []
    for name in ("one", "two"):
        queue, reconciler = rig.hands(name)
        threads += [
            threading.Thread(target=reconciler.run, args=(claim,)) for claim in queue.claim("lux", most=1, now=rig.now)
        ]
    at_once(threads)
    rig.faults()


class TestOneInvoice:
    """Two shipments of one invoice, worked at the same instant."""

    @pytest.mark.parametrize("turn", range(3))
    def test_two_parcels(self, rig_on_either: Rig, turn: int):
        """Two parcels: exactly one PATCH, the other is held."""
        rig = rig_on_either
        rig.add_order(order("1-01", package("900")))
        for parcel in ("p1", "p2"):
            rig.post(posted(parcel=parcel, number=f"TN-{parcel}"))
        meet(rig)
        assert 1 == len(rig.calls("PATCH"))
        rig.works_until(600)

        assert 1 == len(rig.calls("PATCH"))
        assert [("held", "second_parcel"), ("in_step", None)] == sorted(
            (row["state"], row["reason"]) for row in rig.queries.shipments()
        )

    def test_one_parcel_twice(self, rig_on_either: Rig):
        """One parcel, told by two endpoints: exactly one PATCH, and both are in step."""
        rig = rig_on_either
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "second": MELHOR_ENVIO})
        rig.add_order(order("1-01", package("900")))
        for endpoint in ("melhor-envio", "second"):
            rig.post(posted(), endpoint=endpoint)
        meet(rig)
        rig.works_until(600)

        assert 1 == len(rig.calls("PATCH"))
        assert ["in_step", "in_step"] == [row["state"] for row in rig.queries.shipments()]

    def test_first_teller_in_trouble(self, rig: Rig):
        """One parcel, told by two endpoints, the first of which has yet to write: the other waits for it in peace."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "second": MELHOR_ENVIO})
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.faults(reset_before=1.0, methods=frozenset({"PATCH"}))
        rig.work()
        rig.post(posted(), endpoint="second")
        rig.work()
        assert ("due", None) == (rig.shipment("second/p1")["state"], rig.shipment("second/p1")["reason"])

        rig.faults()
        rig.works_until(60)
        assert ["in_step", "in_step"] == [row["state"] for row in rig.queries.shipments()]
        assert 1 == len(rig.sandbox.writes("1-01", "900"))

    def test_holder_never_writes(self, rig: Rig):
        """A parcel whose invoice another has taken without ever writing it is for a person in the end."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.faults(server_error=1.0, methods=frozenset({"PATCH"}))
        rig.work()
        rig.post(posted(parcel="p2", number="TN2BR"))
        rig.works_until(600)

        second = rig.shipment("melhor-envio/p2")
        assert ("held", "second_parcel") == (second["state"], second["reason"])


def test_many(rig_on_either: Rig):
    """Four workers share thirty parcels: each is asked for and written once."""
    rig = rig_on_either
    fill(rig, 30)
    at_once([threading.Thread(target=rig.new_worker(name).run_until_idle) for name in "abcd"])

    assert {"in_step"} == {row["state"] for row in rig.queries.shipments()}
    assert [30, 30] == [len(rig.calls(method)) for method in ("GET", "PATCH")]


class TestPace:
    """``requests_per_minute`` is the account's, not a worker's."""

    def test_two_workers(self, rig_on_either: Rig):
        """At 600 a minute two workers together have a place every tenth of a second, and no two the same."""
        rig = rig_on_either
        rig.configure(account={"requests_per_minute": 600})
        fill(rig, 12)
        waits: list[float] = []
        at_once([threading.Thread(target=rig.new_worker(name, sleep=waits.append).run_until_idle) for name in "ab"])

        assert 24 == len(rig.calls())
        assert [pytest.approx(place / 10, abs=1e-4) for place in range(1, 24)] == sorted(waits)

    def test_patient_second_call(self, rig: Rig):
        """Whose GET is made waits longer for its PATCH: put back, it would have to ask again."""
        rig.configure(account={"requests_per_minute": 4})
        fill(rig, 1)
        waits: list[float] = []
        rig.new_worker("one", sleep=waits.append).run_until_idle()

        assert [pytest.approx(15)] == waits
        assert ["GET", "PATCH"] == [call.method for call in rig.calls()]

    def test_put_back(self, rig: Rig):
        """Who would wait too long for his place is put back until then, without a try and without a place."""
        rig.configure(account={"requests_per_minute": 4})
        fill(rig, 2)
        (queue, first), (_, second) = rig.hands("one", sleep=lambda _: None), rig.hands("two")
        claims = queue.claim("lux", most=2, now=rig.now)
        first.run(claims[0])
        second.run(claims[1])

        row = rig.shipment(claims[1].id)
        assert ("due", None, 0) == (row["state"], row["reason"], row["tries"])
        assert rig.now + 30 == pytest.approx(row["due_at"])
        assert [] == rig.attempts(claims[1].id)

    def test_many_hands(self, rig: Rig):
        """More hands than the pace feeds starve no one: every parcel goes out in its time."""
        rig.configure(account={"requests_per_minute": 60}, concurrency=16)
        fill(rig, 20)
        begun = rig.now

        def sleep(seconds: float) -> None:
            ends = rig.now + seconds
            eventually(lambda: rig.now >= ends)

        def done() -> bool:
            rig.now += 0.2
            return {"in_step"} == {row["state"] for row in rig.queries.shipments()}

        worker = rig.new_worker("many", sleep=sleep)
        worker.start()
        try:
            eventually(done)
        finally:
            worker.stop()

        assert 20 == len(rig.calls("PATCH"))
        assert rig.now - begun < 120


def test_two_writes_without_an_end(rig_on_either: Rig):
    """A write that VTEX failed, and the next one, whose worker died: both have their end, and no one who comes to the
    invoice later takes it for being written."""
    rig = rig_on_either
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "second_parcel": "latest"}})
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    rig.faults(server_error=1.0, methods=frozenset({"PATCH"}))
    rig.work()
    rig.now += 10
    queue, reconciler = rig.hands("dies")
    [claim] = queue.claim("lux", most=1, now=rig.now)
    rig.on_slow = lambda _: setattr(rig, "now", claim.lease.until)  # it hangs until its lease has expired
    rig.faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}))
    reconciler.run(claim)
    rig.faults()
    rig.works_until(600)
    assert ("in_step", "TN1BR") == (rig.shipment()["state"], rig.package_of("1-01", "900")["trackingNumber"])

    rig.post(posted(parcel="p2", number="TN2", at="2026-11-11T12:00:00+00:00"))
    rig.works_until(600)
    assert "TN2" == rig.package_of("1-01", "900")["trackingNumber"]
    assert None not in [one["outcome"] for one in rig.attempts() if one["call"] == "PATCH"]
