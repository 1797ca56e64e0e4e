"""Pace, pause and invoices of a VTEX account, shared by every worker."""

import itertools
import json
import math
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from sqlalchemy import event, select, text

from receiver.store import (
    Attempt,
    Claim,
    Database,
    Ending,
    InvoiceTaken,
    LeaseLost,
    OperatorQueries,
    Overwrites,
    Paused,
    Queue,
    RateLimited,
    Release,
)
from receiver.store.tables import attempts, invoices, shipments
from receiver.store.work.accounts import RESERVED_AHEAD
from receiver.vtex.wanted import Owner
from tests.support.store_cases import NOW, add_shipments, claim_one, everything, settlement, shipment, until

LEASE = 60.0
IDS = itertools.count()
SENT = {
    "trackingNumber": "TN1",
    "trackingUrl": None,
    "courier": None,
    "dispatchedDate": None,
    "order": "1-01",
    "invoice": "9",
    "at": NOW,
}


@pytest.fixture
def queue(database: Database) -> Queue:
    """A worker's queue on either database."""
    return Queue(database, worker_name="a", lease=LEASE)


@pytest.fixture
def claim(database: Database, queue: Queue) -> Claim:
    """A shipment in hand."""
    add_shipments(database, "ep/p1")
    return claim_one(queue)


def get(order_id: str = "1-01") -> Attempt:
    return Attempt(call="GET order", order_id=order_id)


def patch(rule: str = "only_output", order_id: str = "1-01", invoice_number: str = "9") -> Attempt:
    return Attempt(call="PATCH", order_id=order_id, invoice_number=invoice_number, rule=rule)


def test_book(database: Database, queue: Queue, claim: Claim) -> None:
    """Booking renews the lease and writes the intent down before anything is called."""
    attempt = Attempt(
        call="PATCH", order_id="1-01", invoice_number="9", rule="r", evidence={"a": 1}, request={"b": None}, id="x"
    )
    assert NOW + 7 == queue.reserve(claim, attempt, interval=0.1, now=NOW + 7)
    assert NOW + 7 + LEASE == claim.lease.until == shipment(database)["lease_until"]
    [row] = database.rows(select(attempts))
    expected = {
        "id": "x",
        "shipment": "ep/p1",
        "generation": 1,
        "account": "lux",
        "call": "PATCH",
        "order_id": "1-01",
        "invoice_number": "9",
        "rule": "r",
        "evidence": '{"a": 1}',
        "request": '{"b": null}',
        "begun_at": NOW + 7,
    }
    assert {**expected, **dict.fromkeys(("finished_at", "status", "outcome", "answer"))} == dict(row)


def test_pace(database: Database, queue: Queue) -> None:
    """Forty calls of two hands start at least the span apart."""
    add_shipments(database, "ep/p1", "ep/p2")
    claims = queue.claim("lux", most=2, now=NOW)

    def book(claim: Claim) -> list[float]:
        return [queue.reserve(claim, get(), interval=0.1, now=NOW) for _ in range(20)]

    with ThreadPoolExecutor(2) as pool:
        starts = sorted(start for found in pool.map(book, claims) for start in found)
    assert 40 == len(starts)
    assert NOW == starts[0]
    assert all(later - earlier >= 0.1 - 1e-6 for earlier, later in itertools.pairwise(starts))


def test_pace_idles(queue: Queue, claim: Claim) -> None:
    """Time in which no one called is not saved up."""
    for moment in (NOW, NOW + 1000, NOW + 1000):
        start = queue.reserve(claim, get(), interval=5.0, now=moment)
    assert NOW + 1005 == start


def test_no_place_soon(database: Database, queue: Queue, claim: Claim) -> None:
    """A place further off than the caller would wait is not taken: who comes later is not put off by it."""
    queue.reserve(claim, get(), interval=10.0, now=NOW)
    before = everything(database)
    for _ in range(3):
        with pytest.raises(RateLimited) as refusal:
            queue.reserve(claim, get(), interval=10.0, now=NOW, max_wait=9.0)
        assert NOW + 10 == refusal.value.at
    assert before == everything(database)
    assert NOW + 10 == queue.reserve(claim, get(), interval=10.0, now=NOW, max_wait=10.0)


def test_booked_out(database: Database, queue: Queue, claim: Claim) -> None:
    """While an account's pace is booked out for a while, no more of its shipments are claimed."""
    queue = Queue(database, worker_name="slow", lease=60, intervals={"lux": 30.0})
    add_shipments(database, "ep/p2", "other/p1", account="other")
    add_shipments(database, "ep/p3")
    queue.reserve(claim, get(), interval=30.0, now=NOW)
    assert not queue.something_due("lux", NOW)
    assert [] == queue.claim("lux", most=9, now=NOW)
    assert queue.something_due("other", NOW)
    assert ["ep/p3"] == [found.id for found in queue.claim("lux", most=9, now=NOW + 30 - RESERVED_AHEAD)]


def test_clock_ahead(database: Database, queue: Queue, claim: Claim) -> None:
    """A slot that no worker can have reserved was booked by a host whose clock is ahead: the others go on."""
    add_shipments(database, "ep/p2")
    queue.reserve(claim, get(), interval=0.1, now=NOW + 100)

    assert queue.something_due("lux", NOW)
    [other] = queue.claim("lux", most=9, now=NOW)
    assert NOW == queue.reserve(other, get(), interval=0.1, now=NOW)
    assert NOW + 0.1 == pytest.approx(queue.reserve(other, get(), interval=0.1, now=NOW))


def test_paused(database: Database, queue: Queue, claim: Claim) -> None:
    """A paused account gives no place, and refusing changes nothing."""
    queue.accounts.pause("lux", until=NOW + 60, reason="429", own_fault=False)
    before = everything(database)
    with pytest.raises(Paused) as refusal:
        queue.reserve(claim, patch(), interval=0.1, now=NOW + 59)
    assert NOW + 60 == refusal.value.until
    assert before == everything(database)
    assert NOW + 60 == queue.reserve(claim, patch(), interval=0.1, now=NOW + 60)


def test_a_pause_blocks_its_own(database: Database, queue: Queue) -> None:
    """While one account is paused none of its shipments is claimed, and those of others are."""
    add_shipments(database, "ep/p1", due_at=NOW - 99)
    add_shipments(database, "ep/p2", account="other")
    assert queue.accounts.pause("lux", until=NOW + 60, reason="429", own_fault=False)
    assert not queue.something_due("lux", NOW)
    assert [] == queue.claim("lux", most=9, now=NOW)
    assert queue.something_due("other", NOW)
    assert ["ep/p2"] == [claim.id for claim in queue.claim("other", most=9, now=NOW)]


def test_probing(database: Database, queue: Queue) -> None:
    """After a pause one shipment at a time is claimed, until a call succeeds."""
    add_shipments(database, *(f"ep/{number}" for number in range(5)))
    queue.accounts.pause("lux", until=NOW + 60, reason="429", own_fault=False)
    probe = claim_one(queue, now=NOW + 60)
    assert probe.half_open
    assert not queue.something_due("lux", NOW + 60)
    assert [] == queue.claim("lux", most=9, now=NOW + 60)
    queue.settle(probe, settlement(probe), now=NOW + 60)
    second = claim_one(queue, now=NOW + 60)
    assert second.half_open
    assert queue.accounts.resume("lux")
    claims = queue.claim("lux", most=9, now=NOW + 60)
    assert [False] * 3 == [claim.half_open for claim in claims]
    assert not queue.accounts.resume("lux")


def test_a_dead_probe(database: Database, queue: Queue) -> None:
    """A probe whose worker died blocks its account no longer than its lease."""
    add_shipments(database, "ep/p1", "ep/p2")
    queue.accounts.pause("lux", until=NOW, reason="429", own_fault=False)
    claim_one(queue)
    assert [] == queue.claim("lux", most=9, now=NOW + LEASE - 1)
    assert claim_one(queue, now=NOW + LEASE).half_open


def test_pauses_are_told_once(queue: Queue) -> None:
    """Only the first of several pauses is news, and they are counted until the account answers."""
    told = [queue.accounts.pause("lux", until=NOW + wait, reason="429", own_fault=False) for wait in (60, 30)]
    assert [True, False] == told
    assert 2 == queue.accounts.pauses("lux")
    queue.accounts.resume("lux")
    assert 0 == queue.accounts.pauses("lux")
    assert 0 == queue.accounts.pauses("never seen")


def test_the_longer_pause(database: Database, queue: Queue) -> None:
    """A shorter pause does not cut a longer one short."""
    for wait in (60, 30):
        queue.accounts.pause("lux", until=NOW + wait, reason="429", own_fault=False)
    assert [{"name": "lux", "reason": "429", "until": NOW + 60, "own_fault": False, "now": NOW}] == OperatorQueries(
        database
    ).paused_accounts(now=NOW)


def test_opens(database: Database, queue: Queue) -> None:
    """A worker knows when the next pause ends that it has met, and is rung for when an account answers again."""
    assert math.inf == queue.accounts.opens_at(NOW)
    queue.accounts.pause("lux", until=NOW + 60, reason="429", own_fault=False)
    queue.accounts.pause("other", until=NOW + 90, reason="429", own_fault=False)
    assert [NOW + 60, NOW + 90, math.inf] == [queue.accounts.opens_at(NOW + wait) for wait in (0, 60, 90)]
    database.arrived.clear()
    queue.accounts.resume("lux")
    assert database.arrived.is_set()


def test_many_hands_at_one_wall(database: Database, queue: Queue) -> None:
    """Hands that meet a wall which another has just met neither lengthen the pause nor count it again."""

    def pause(wait: float, *, own_fault: bool = True, now: float = NOW) -> bool:
        return queue.accounts.pause("lux", until=now + wait, reason="401", own_fault=own_fault, now=now)

    assert [True, False, False] == [pause(wait) for wait in (300, 600, 1200)]
    assert 1 == queue.accounts.pauses("lux")
    assert NOW + 300 == OperatorQueries(database).paused_accounts(now=NOW)[0]["until"]
    pause(400, own_fault=False)
    assert (1, NOW + 400) == (
        queue.accounts.pauses("lux"),
        OperatorQueries(database).paused_accounts(now=NOW)[0]["until"],
    )
    assert pause(600, now=NOW + 400), "the key is news after VTEX's own request"
    assert not pause(300, now=NOW + 401)
    assert (2, NOW + 1000) == (
        queue.accounts.pauses("lux"),
        OperatorQueries(database).paused_accounts(now=NOW)[0]["until"],
    )


@pytest.mark.parametrize(("own_fault", "claimed"), [(True, ["ep/p1"]), (False, [])])
def test_resume_after_reload(database: Database, queue: Queue, own_fault: bool, claimed: list[str]) -> None:
    """A new configuration tries an account again whose key did not work; what VTEX asked for stays."""
    add_shipments(database, "ep/p1", "ep/p2")
    queue.accounts.pause("lux", until=NOW + 60, reason="why", own_fault=own_fault)
    queue.accounts.resume_after_reload("lux")
    assert claimed == [claim.id for claim in sorted(queue.claim("lux", most=9, now=NOW), key=lambda one: one.id)][:1]
    assert "why" == OperatorQueries(database).paused_accounts(now=NOW)[0]["reason"]


def test_invoice_taken(database: Database, queue: Queue, claim: Claim) -> None:
    """The first shipment that means to write an invoice owns it; another is refused and leaves no trace."""
    queue.reserve(claim, patch(), interval=0.1, now=NOW)
    add_shipments(database, "ep/p2")
    second = claim_one(queue)
    queue.reserve(second, get(), interval=0.1, now=NOW)
    before = everything(database)
    with pytest.raises(InvoiceTaken) as refusal:
        queue.reserve(second, patch(), interval=0.1, now=NOW)
    assert "ep/p1" == refusal.value.shipment
    assert before == everything(database)
    queue.reserve(second, patch(invoice_number="10"), interval=0.1, now=NOW)
    queue.reserve(second, patch(order_id="2-01"), interval=0.1, now=NOW)
    queue.reserve(claim, patch(), interval=0.1, now=NOW)


def test_a_person_overrides(database: Database, queue: Queue, claim: Claim) -> None:
    """An assignment by a person takes the invoice over; then the former owner is refused."""
    queue.reserve(claim, patch(), interval=0.1, now=NOW)
    add_shipments(database, "ep/p2", assigned_order="1-01")
    second = claim_one(queue)
    queue.reserve(second, replace(patch("assigned"), overrules=True), interval=0.1, now=NOW)
    with pytest.raises(InvoiceTaken) as refusal:
        queue.reserve(claim, patch(), interval=0.1, now=NOW)
    assert "ep/p2" == refusal.value.shipment


class TestOver:
    """A write over another parcel's: only if that one is as it was when the write was decided."""

    @pytest.fixture
    def second(self, database: Database, queue: Queue, claim: Claim) -> Claim:
        """The invoice carries p1's TN1, which is told and settled; here is p2's claim."""
        attempt = patch()
        queue.reserve(claim, attempt, interval=0.1, now=NOW)
        ending = Ending(attempt.id, NOW, "done", 200, None)
        queue.settle(claim, replace(settlement(claim, sent=SENT), endings=(ending,)), now=NOW)
        add_shipments(database, "ep/p2")
        return claim_one(queue)

    def test_takes_the_place(self, database: Database, queue: Queue, second: Claim) -> None:
        """The place changes hands; the other one is left alone."""
        queue.reserve(second, replace(patch(), replaces=Overwrites("ep/p1", "TN1")), interval=0.1, now=NOW)

        assert "ep/p2" == queue.owners("lux", "1-01")["9"].shipment
        assert shipment(database)["due_at"] is None

    def test_displaces(self, database: Database, queue: Queue, second: Claim) -> None:
        """One that is no longer told there must look again, and the worker that holds it lets go."""
        database.write(lambda c: c.execute(shipments.update().values(due_at=NOW).where(shipments.c.id == "ep/p1")))
        former = claim_one(queue)
        queue.reserve(
            second, replace(patch(), replaces=Overwrites("ep/p1", "TN1"), displaces=True), interval=0.1, now=NOW
        )

        assert ("", None) == (shipment(database)["input_digest"], shipment(database)["token"])
        assert shipment(database)["due_at"] <= NOW + 2 * LEASE
        with pytest.raises(LeaseLost):
            queue.settle(former, settlement(former), now=NOW)

    def test_both_at_once(self, database: Database, queue: Queue, second: Claim) -> None:
        """Its worker may want the same invoice at that moment: one waits for the other, and not each for each."""
        if database.is_sqlite:
            pytest.skip("SQLite has one writer")
        database.write(lambda c: c.execute(shipments.update().values(due_at=NOW).where(shipments.c.id == "ep/p1")))
        former, errors = claim_one(queue), list[BaseException]()
        event.listen(database._writer.engine, "handle_error", lambda error: errors.append(error.original_exception))
        over = replace(patch(), replaces=Overwrites("ep/p1", "TN1"), displaces=True)
        waiting = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        with ThreadPoolExecutor(2) as pool, database._writer.engine.connect() as locker:
            locker.execute(select(invoices).with_for_update())
            writes = list[Future[float]]()
            for claim, attempt in ((second, over), (former, patch())):
                writes.append(pool.submit(queue.reserve, claim, attempt, interval=0.1, now=NOW))
                until(lambda: len(database.rows(waiting)) == len(writes))
            locker.rollback()
            assert writes[0].result(timeout=30) >= NOW
            with pytest.raises((InvoiceTaken, LeaseLost)):
                writes[1].result(timeout=30)
        assert [] == errors

    @pytest.mark.parametrize(
        "over", [None, Overwrites("ep/p1", "TN0"), Overwrites("ep/p1", None), Overwrites("ep/p3", "TN1")]
    )
    def test_not_as_decided(self, queue: Queue, second: Claim, over: Overwrites | None) -> None:
        """Whose number has changed since, or whose place another one has, is not written over."""
        with pytest.raises(InvoiceTaken):
            queue.reserve(second, replace(patch(), replaces=over), interval=0.1, now=NOW)

        assert "ep/p1" == queue.owners("lux", "1-01")["9"].shipment

    def test_being_written(self, database: Database, queue: Queue, second: Claim) -> None:
        """Nor is one that is about to write there: what it wrote last is no longer what counts."""
        database.write(lambda c: c.execute(shipments.update().values(due_at=NOW).where(shipments.c.id == "ep/p1")))
        queue.reserve(claim_one(queue), patch(), interval=0.1, now=NOW)
        with pytest.raises(InvoiceTaken):
            queue.reserve(second, replace(patch(), replaces=Overwrites("ep/p1", "TN1")), interval=0.1, now=NOW)

    @pytest.mark.parametrize(("former", "expected"), [("ep/p1", "ep/p1"), (None, None)])
    def test_release(self, queue: Queue, second: Claim, former: str | None, expected: str | None) -> None:
        """A place that was taken without success goes back to whose it was, if it was anybody's."""
        queue.reserve(second, replace(patch(), replaces=Overwrites("ep/p1", "TN1")), interval=0.1, now=NOW)
        queue.settle(second, replace(settlement(second), releases=(Release("1-01", "9", former),)), now=NOW)
        owner = queue.owners("lux", "1-01").get("9")

        assert expected == (owner.shipment if owner else None)

    def test_events(self, queue: Queue, second: Claim) -> None:
        """Events are told by the parcel whose invoice it is."""
        put = Attempt(call="PUT", order_id="1-01", invoice_number="9")
        with pytest.raises(InvoiceTaken):
            queue.reserve(second, put, interval=0.1, now=NOW)

    @pytest.mark.parametrize(("invoice", "moved"), [("10", True), ("9", False)])
    def test_moved(self, database: Database, queue: Queue, second: Claim, invoice: str, moved: bool) -> None:
        """A parcel that was written elsewhere since is told here no more."""
        is_now(database, sent=json.dumps({**SENT, "invoice": invoice}))

        assert moved is queue.owners("lux", "1-01")["9"].moved


def is_now(database: Database, **row: str | None) -> None:
    """Columns of p1's row."""
    database.write(lambda c: c.execute(shipments.update().values(**row).where(shipments.c.id == "ep/p1")))


class TestNeverWritten:
    """An invoice whose owner has acquired it, and has nothing there."""

    AIMS_HERE: ClassVar = {"state": "due", "order_id": "1-01", "invoice_number": "9"}

    @pytest.fixture
    def second(self, database: Database, queue: Queue, claim: Claim) -> Claim:
        """VTEX did not apply p1's write; here is p2's claim."""
        attempt = patch()
        queue.reserve(claim, attempt, interval=0.1, now=NOW)
        ending = Ending(attempt.id, NOW, "throttled", 429, None)
        queue.settle(claim, replace(settlement(claim), endings=(ending,)), now=NOW)
        add_shipments(database, "ep/p2")
        return claim_one(queue)

    @pytest.mark.parametrize(
        "row",
        [
            AIMS_HERE,
            {**AIMS_HERE, "invoice_number": "10", "assigned_order": "1-01", "assigned_invoice": "9"},
            {**AIMS_HERE, "state": "awaiting_invoice"},
        ],
    )
    def test_on_its_way(self, database: Database, queue: Queue, second: Claim, row: dict[str, str]) -> None:
        """It stays the owner's while that one is on its way there."""
        is_now(database, **row)

        assert Owner("ep/p1", None) == queue.owners("lux", "1-01")["9"]
        with pytest.raises(InvoiceTaken):
            queue.reserve(second, patch(), interval=0.1, now=NOW)

    @pytest.mark.parametrize("call", ["PATCH", "PUT"])
    @pytest.mark.parametrize(
        "row",
        [
            {**AIMS_HERE, "state": "cancelled"},
            {**AIMS_HERE, "state": "dismissed"},
            {**AIMS_HERE, "invoice_number": "10"},
            {**AIMS_HERE, "assigned_order": "2-01"},
            {**AIMS_HERE, "assigned_order": "1-01", "assigned_invoice": "10"},
        ],
    )
    def test_free(self, database: Database, queue: Queue, second: Claim, row: dict[str, str | None], call: str) -> None:
        """It is free once its owner is not on its way there any more."""
        is_now(database, **row)
        assert {} == queue.owners("lux", "1-01")
        queue.reserve(second, replace(patch(), call=call), interval=0.1, now=NOW)

        whose = database.rows(select(invoices.c.shipment))
        assert ["ep/p2"] == [one["shipment"] for one in whose]

    @pytest.mark.parametrize("row", [{"state": "dismissed"}, {"assigned_order": "2-01"}])
    def test_unknown(self, database: Database, queue: Queue, claim: Claim, row: dict[str, str]) -> None:
        """It is not while the outcome of the owner's write is unknown, no matter what became of that one."""
        queue.reserve(claim, patch(), interval=0.1, now=NOW)
        is_now(database, **row)
        add_shipments(database, "ep/p2")
        second = claim_one(queue)

        assert "ep/p1" == queue.owners("lux", "1-01")["9"].shipment
        with pytest.raises(InvoiceTaken):
            queue.reserve(second, patch(), interval=0.1, now=NOW)


def test_owners(database: Database, queue: Queue, claim: Claim) -> None:
    """Each invoice of an order with its shipment and the number last sent there."""
    queue.reserve(claim, patch(), interval=0.1, now=NOW)
    add_shipments(database, "ep/p2", sent=json.dumps({**SENT, "trackingNumber": "TN2", "invoice": "10"}))
    second = claim_one(queue)
    queue.reserve(second, patch(invoice_number="10"), interval=0.1, now=NOW)
    queue.reserve(second, patch(order_id="2-01"), interval=0.1, now=NOW)
    assert {"9": Owner("ep/p1", None), "10": Owner("ep/p2", "TN2", {"ep/p2": (None, "TN2")})} == queue.owners(
        "lux", "1-01"
    )
    assert {} == queue.owners("other", "1-01")


def ended(queue: Queue, claim: Claim, *calls: tuple[Attempt, float, str]) -> None:
    """Calls that began one after the other, and how each ended."""
    for call, moment, outcome in calls:
        attempt = replace(call, id=f"{next(IDS):04}")
        queue.reserve(claim, attempt, interval=0.0, now=moment)
        queue.accounts.attempts.end_now([Ending(attempt.id, moment, outcome, 403, None)])


def test_refused_orders(queue: Queue, claim: Claim) -> None:
    """Distinct orders count, of this account, refused, and lately."""
    ended(
        queue,
        claim,
        (get("3-01"), NOW - 99, "done"),
        (get("1-01"), NOW - 99, "refused"),
        (get("2-01"), NOW, "refused"),
        (get("2-01"), NOW, "refused"),
        (get("4-01"), NOW, "refused"),
        (get("5-01"), NOW, "transient"),
    )
    queue.accounts.attempts.end_now([])
    assert 2 == queue.accounts.attempts.refused_orders("lux", since=NOW - 1)
    assert 3 == queue.accounts.attempts.refused_orders("lux", since=NOW - 99)
    assert 0 == queue.accounts.attempts.refused_orders("other", since=0)


@pytest.mark.parametrize("outcome", ["done", "notfound", "rejected"])
def test_refused_orders_answered_between(queue: Queue, claim: Claim, outcome: str) -> None:
    """One answered order ends the row of those refused the same call: the key works. It says nothing of other calls."""
    ended(
        queue,
        claim,
        (patch(order_id="1-01"), NOW, "refused"),
        (get("2-01"), NOW, "refused"),
        (get("3-01"), NOW, outcome),
        (get("4-01"), NOW, "refused"),
    )
    assert 2 == queue.accounts.attempts.refused_orders("lux", since=NOW)
    ended(queue, claim, (get("4-01"), NOW, outcome), (patch(order_id="5-01"), NOW, outcome))
    assert 0 == queue.accounts.attempts.refused_orders("lux", since=NOW)


def test_row_is_locked_last(database: Database, queue: Queue, claim: Claim) -> None:
    """A reservation writes the account's row last: all workers of the account wait for it until the commit."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(database._writer.engine, "before_cursor_execute", note)
    attempt = Attempt(call="PATCH", order_id="1-01", invoice_number="900", request={})
    queue.reserve(claim, attempt, interval=0.1, now=NOW)
    event.remove(database._writer.engine, "before_cursor_execute", note)

    assert [*[False] * (len(asked) - 1), True] == ["accounts" in statement for statement in asked]
