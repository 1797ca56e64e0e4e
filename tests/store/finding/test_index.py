"""What the index knows, and that word of an order or a link wakes exactly who waits for it."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, select, text

from receiver.store import Database, Index, IndexChange, Link, Queue, Settlement, migrate
from receiver.store.engine import alembic_config, open_engine
from receiver.store.tables import links, orders, shipments, waits
from receiver.vtex.facts import Fact
from tests.support.console import Operator
from tests.support.reconciling import learn
from tests.support.rig import Rig, order, package, posted
from tests.support.store_cases import NOW, add_shipments, claim_one, generation, shipment
from tests.support.times import DAY

TN1 = (("tracking_number", "TN1"),)
SENT = {"trackingNumber": "TN1", "trackingUrl": None, "courier": None, "dispatchedDate": None, "at": NOW}


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, worker_name="a", lease=60.0)


@pytest.fixture
def index(database: Database) -> Index:
    return Index(database)


def settlement(state: str = "awaiting_order", reason: str | None = None, **rest: Any) -> Settlement:
    kept, change = generation(state=state, reason=reason, check_at=NOW + 60), IndexChange(named=True, **rest)
    return Settlement(due_at=NOW + 60, generation=kept, index=change)


def waiting(database: Database) -> set[tuple[str, str, str]]:
    rows = database.rows(select(waits.c.kind, waits.c.value, waits.c.shipment))
    return {(row["kind"], row["value"], row["shipment"]) for row in rows}


class TestOrders:
    """What orders taught."""

    def test_named(self, index: Index):
        """The index answers for one account, one kind and one value."""
        index.learn("lux", [Fact("invoice_number", "9", "2-01", "9"), Fact("invoice_number", "9", "1-01")], now=NOW)
        expected = [
            {"order_id": "1-01", "invoice_number": None, "learnt_at": NOW, "dated_at": NOW},
            {"order_id": "2-01", "invoice_number": "9", "learnt_at": NOW, "dated_at": NOW},
        ]
        assert expected == index.orders_named("lux", "invoice_number", "9")
        assert [] == index.orders_named("lux", "invoice_key", "9")
        assert [] == index.orders_named("lux", "invoice_number", "8")
        assert [] == index.orders_named("other", "invoice_number", "9")

    def test_refreshed(self, index: Index):
        """A fact learnt again is one row, with the newest invoice; its date stays the first unless the order tells."""
        index.learn("lux", [Fact("tracking_number", "TN1", "1-01", "9")], now=NOW)
        index.learn("lux", [Fact("tracking_number", "TN1", "1-01", "10")], now=NOW + 5)
        again = {"order_id": "1-01", "invoice_number": "10", "learnt_at": NOW + 5, "dated_at": NOW}
        assert [again] == index.orders_named("lux", "tracking_number", "TN1")

        index.learn("lux", [Fact("tracking_number", "TN1", "1-01", "10", NOW - DAY)], now=NOW + 6)
        again |= {"learnt_at": NOW + 6, "dated_at": NOW - DAY}
        assert [again] == index.orders_named("lux", "tracking_number", "TN1")

    def test_wakes(self, database: Database, queue: Queue, index: Index):
        """A new fact wakes who waits for it or for its order, once."""
        names = {"ep/key": ("invoice_key", "K"), "ep/order": ("order_id", "1-01"), "ep/no": ("invoice_number", "8")}
        for name, waits_for in names.items():
            add_shipments(database, name)
            queue.settle(claim_one(queue), settlement(names=(waits_for,)), now=NOW)
        facts = [Fact("invoice_key", "K", "1-01", "9"), Fact("invoice_number", "9", "1-01", "9")]

        assert 2 == index.learn("lux", facts, now=NOW + 1)
        assert 0 == index.learn("lux", facts, now=NOW + 2)
        due = {name: shipment(database, name)["due_at"] for name in names}
        assert {"ep/key": NOW + 1, "ep/order": NOW + 1, "ep/no": NOW + 60} == due
        assert ("awaiting_order", 0.0) == tuple(shipment(database, "ep/key")[name] for name in ("state", "check_at"))

    def test_one_who_teaches_sleeps(self, database: Database, queue: Queue):
        """A shipment's own reading of its order does not wake it."""
        add_shipments(database, "ep/p1")
        learnt = (Fact("sequence", "5", "1-01"),)
        queue.settle(claim_one(queue), settlement(names=(("order_id", "1-01"),), learnt=learnt), now=NOW)

        assert NOW + 60 == shipment(database, "ep/p1")["due_at"]


class TestWaiting:
    """Who waits for which word is kept by settlements."""

    def test_kept(self, database: Database, queue: Queue, index: Index):
        """Its names stand while it is stuck, follow a change, and go when it is stuck no more."""
        add_shipments(database, "ep/p1")
        queue.settle(claim_one(queue), settlement(names=(("order_id", "1"), ("order_id", "2"))), now=NOW)
        assert {("order_id", "1", "ep/p1"), ("order_id", "2", "ep/p1")} == waiting(database)

        index.wake("lux", [("order_id", "1")], now=NOW)
        queue.settle(claim_one(queue), settlement(names=(("order_id", "2"), ("order_id", "3"))), now=NOW)
        assert {("order_id", "2", "ep/p1"), ("order_id", "3", "ep/p1")} == waiting(database)

        index.wake("lux", [("order_id", "2")], now=NOW)
        queue.settle(claim_one(queue), Settlement(due_at=None, generation=generation()), now=NOW)
        assert set() == waiting(database)

    @pytest.mark.parametrize(
        ("state", "after"),
        [
            ("awaiting_order", "awaiting_order"),
            ("awaiting_invoice", "awaiting_invoice"),
            ("gave_up", "due"),
            ("held", None),
            ("in_step", None),
        ],
    )
    def test_states(self, database: Database, index: Index, state: str, after: str | None):
        """An order's change ends waiting, not what only a person ends."""
        add_shipments(database, "ep/p1", state=state, due_at=None)
        row = {"account": "lux", "kind": "order_id", "value": "1", "shipment": "ep/p1"}
        database.write(lambda connection: connection.execute(waits.insert(), row))

        assert int(after is not None) == index.wake("lux", [("order_id", "1")], now=NOW)
        assert (after or state, NOW if after else None) == tuple(
            shipment(database, "ep/p1")[name] for name in ("state", "due_at")
        )
        assert 0 == index.wake("other", [("order_id", "1")], now=NOW)

    def test_in_hands(self, database: Database, queue: Queue, index: Index):
        """Word that comes while a worker has the shipment is heard at its settlement."""
        add_shipments(database, "ep/p1")
        queue.settle(claim_one(queue), settlement(names=(("order_id", "1"),)), now=NOW)
        index.wake("lux", [("order_id", "1")], now=NOW)
        claim = claim_one(queue)
        index.wake("lux", [("order_id", "1")], now=NOW + 1)
        queue.settle(claim, settlement(names=(("order_id", "1"),)), now=NOW + 2)
        assert (NOW + 2, 0.0) == tuple(shipment(database, "ep/p1")[name] for name in ("due_at", "check_at"))

        queue.settle(claim_one(queue, now=NOW + 2), settlement(names=(("order_id", "1"),)), now=NOW + 3)
        assert NOW + 60 == shipment(database, "ep/p1")["due_at"]

    @pytest.mark.parametrize("state", ["awaiting_invoice", "held"])
    @pytest.mark.parametrize("stood", [False, True])
    def test_learnt_in_hands(self, database: Database, queue: Queue, index: Index, state: str, stood: bool):
        """An invoice that the index learns during a claim is decided about, whether the shipment stood for its order
        before or only from this settlement on. What the claim itself read is no news."""
        add_shipments(database, "ep/p1")
        ends = {"state": state, **({"reason": "ambiguous_order"} if state == "held" else {})}
        names, invoice = (("order_id", "1-01"),), Fact("invoice_number", "900", "1-01", "900")
        if stood:
            queue.settle(claim_one(queue), settlement(names=names, has_new_names=True), now=NOW)
            index.wake("lux", names, now=NOW)
        claim = claim_one(queue)
        index.learn("lux", [invoice], now=NOW + 1)
        queue.settle(claim, settlement(**ends, names=names, has_new_names=not stood), now=NOW + 2)
        shown = shipment(database, "ep/p1")
        assert (NOW + 2, 0.0) == (shown["due_at"], shown["check_at"])
        assert (shown["input_digest"] == "") == (state == "held")

        again = settlement(**ends, names=names, has_new_names=True, learnt=(invoice,))
        queue.settle(claim_one(queue, now=NOW + 2), again, now=NOW + 3)
        assert NOW + 60 == shipment(database, "ep/p1")["due_at"]


class TestLinks:
    """What the merchant told."""

    def test_wakes(self, database: Database, queue: Queue, index: Index):
        """A link wakes what is stuck: of that account, that number."""
        states = ("held", "awaiting_order", "awaiting_invoice", "gave_up", "in_step", "due", "dismissed", "cancelled")
        for state in states:
            here = {"order_id": "1-01", "invoice_number": "9"} if state == "in_step" else {}
            add_shipments(database, f"ep/{state}", state=state, tracking_number="TN1", due_at=None, **here)
        add_shipments(database, "ep/number", state="held", tracking_number="TN2", due_at=None)
        add_shipments(database, "ep/account", state="held", tracking_number="TN1", due_at=None, account="other")
        (linked,) = index.link("lux", [Link(TN1, "1-01", "9")], now=NOW)

        stuck = {f"ep/{state}" for state in ("held", "awaiting_order", "awaiting_invoice", "gave_up")}
        assert (stuck, ()) == (set(linked.woken), linked.replaced)
        assert stuck == {claim.id for claim in queue.claim("lux", most=9, now=NOW)}
        told = {"account": "lux", "kind": "tracking_number", "value": "TN1"}
        expected = {**told, "order_id": "1-01", "invoice_number": "9", "told_at": NOW, "also": None}
        assert expected == index.link_of("lux", "tracking_number", "TN1")

    def test_by_id(self, database: Database, index: Index):
        """A link by the carrier's own id finds its shipment, one by an invoice who waits for it."""
        add_shipments(database, "ep/p1", "ep/p2", state="awaiting_order")
        row = {"account": "lux", "kind": "invoice_number", "value": "900", "shipment": "ep/p2"}
        database.write(lambda connection: connection.execute(waits.insert(), row))
        told = [Link((("shipment", "ep/p1"),), "1-01"), Link((("invoice_number", "900"),), "2-01")]

        assert [("ep/p1",), ("ep/p2",)] == [linked.woken for linked in index.link("lux", told, now=NOW)]

    def test_again(self, database: Database, index: Index):
        """The same word wakes no one again, unless the number may have been recycled meanwhile."""
        add_shipments(database, "ep/p1", state="held", tracking_number="TN1")
        told = [Link(TN1, "1-01")]
        assert [1, 0] == [len(index.link("lux", told, now=NOW + at)[0].woken) for at in (0, 1)]
        database.write(lambda connection: connection.execute(shipments.update().values(state="held")))
        assert [0, 1] == [len(index.link("lux", told, now=NOW + at * DAY)[0].woken) for at in (1, 90)]

    def test_newest(self, index: Index):
        """The newest word counts, and the former one is told."""
        assert [()] == [linked.replaced for linked in index.link("lux", [Link(TN1, "1-01")], now=NOW)]
        assert [("1-01",)] == [linked.replaced for linked in index.link("lux", [Link(TN1, "2-01")], now=NOW)]
        assert [()] == [linked.replaced for linked in index.link("lux", [Link(TN1, "2-01", "7")], now=NOW)]
        assert [("2-01", "7")] == [
            (row["order_id"], row["invoice_number"]) for row in index.links(links.c.account == "lux")
        ]
        assert [] == list(index.links(links.c.account == "other"))
        assert [] == list(index.links(links.c.order_id == "1-01"))

    def test_unlink(self, index: Index):
        """A link can be forgotten, once."""
        index.link("lux", [Link(TN1, "1-01")], now=NOW)
        assert [True, False] == [index.unlink("lux", *TN1[0], now=NOW) for _ in range(2)]
        assert index.link_of("lux", *TN1[0]) is None

    @pytest.mark.parametrize(
        ("changes", "due"),
        [
            ({"state": "awaiting_order"}, NOW + 2),
            ({"state": "in_step", "sent": {**SENT, "order": "9-01", "invoice": "9"}}, NOW + 2),
            ({"state": "in_step", "sent": {**SENT, "order": "1-01", "invoice": "9"}}, NOW + 60),
        ],
    )
    def test_during_the_first_claim(self, database: Database, queue: Queue, index: Index, changes: Any, due: float):
        """A link that comes while no one knows the number yet is heard when the claim settles, if it says otherwise."""
        add_shipments(database, "ep/p1")
        claim = claim_one(queue)
        assert () == index.link("lux", [Link(TN1, "1-01")], now=NOW + 1)[0].woken
        change = IndexChange(names=TN1, has_new_names=True)
        end = Settlement(due_at=NOW + 60, generation=generation(**changes), index=change)
        queue.settle(claim, end, now=NOW + 2)

        assert due == shipment(database, "ep/p1")["due_at"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_migration(request: pytest.FixtureRequest, kind: str) -> None:
    """Links that stood among what orders taught become links, and the way back keeps them."""
    from alembic import command  # noqa: PLC0415

    url = request.getfixturevalue(f"{kind}_url")
    migrate(url)
    engine = open_engine(url, writing=True)
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0001")
    row = "('lux', 'tracking_number', '{}', '{}', NULL, '{}', {})"
    rows = [("TN1", "1-01", "order", 5.0), ("TN1", "2-01", "link", 6.0), ("TN1", "3-01", "link", 4.0)]
    values = ", ".join(row.format(*one) for one in rows)
    with engine.begin() as connection:
        names = "account, kind, value, order_id, invoice_number, source, learnt_at"
        connection.execute(text(f"INSERT INTO orders ({names}) VALUES {values}"))
    migrate(url)
    engine.dispose()
    database = Database(url)
    assert [("1-01", 5.0)] == [(row["order_id"], row["dated_at"]) for row in database.rows(select(orders))]
    found = Index(database).link_of("lux", *TN1[0])
    assert found
    assert ("2-01", 6.0) == (found["order_id"], found["told_at"])
    database.close()


def test_old_invoice_read_again(rig_on_either: Rig) -> None:
    """An invoice without tracking is as old as it is, however often its order is read."""
    rig = rig_on_either
    operator = Operator(rig)
    rig.now = time.time()
    days_ago = datetime.fromtimestamp(rig.now - 3 * 86_400, UTC).isoformat()
    learn(rig, order("1-01", package("900", issuanceDate=days_ago)), order("2-01", package("901")))
    learn(rig, order("1-01", package("900", issuanceDate=days_ago)))

    assert ["1-01"] == [row["order_id"] for row in operator.tells("reconcile", "--older-than", "48")]


def test_many_links(rig_on_either: Rig) -> None:
    """A thousand links are one transaction, for which deliveries wait: they share the statements, which cost most."""
    rig, built = rig_on_either, {}
    for number in range(20):
        rig.post(posted(None, parcel=f"p{number}", number=f"TN{number}BR"))
    rig.work()
    engine = rig.database._writer.engine
    event.listen(
        engine, "before_execute", lambda _connection, statement, *_: built.setdefault(id(statement), statement)
    )
    done = rig.index.link(
        "lux", [Link((("tracking_number", f"TN{number}BR"),), f"{number}-01") for number in range(20)], now=rig.now
    )

    assert [1] * 20 == [len(one.woken) for one in done]
    assert 10 > len(built)
