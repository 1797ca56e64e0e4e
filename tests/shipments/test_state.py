"""States, reasons, and what a settlement may store: a word that nothing knows is refused, in both databases."""

from dataclasses import fields, replace

import pytest

from receiver.shipments import (
    Assignment,
    Decision,
    Generation,
    Kind,
    Reason,
    Sent,
    State,
    Visibility,
    held,
    with_remark,
)
from receiver.store import Database, Queue
from receiver.store.rows import record_from, settled_columns
from receiver.store.tables import shipments
from receiver.store.work.claims import Settlement
from tests.support.store_cases import NOW, add_shipments, claim_one, generation, shipment

SENT = {
    "trackingNumber": "TN1",
    "trackingUrl": None,
    "courier": "Jadlog",
    "dispatchedDate": None,
    "order": "1-01",
    "invoice": "9",
    "at": NOW,
}


@pytest.mark.parametrize(
    ("remark", "note"),
    [
        ("Two more.", f"{Reason.FUTURE_DATE.sentence} Two more. To decide: receiver dismiss x"),
        ("", f"{Reason.FUTURE_DATE.sentence} To decide: receiver dismiss x"),
    ],
)
def test_remark(remark: str, note: str):
    """Nothing stands behind the command: it is pasted as a whole."""
    assert note == with_remark(held(Reason.FUTURE_DATE, "", "receiver dismiss x"), remark).note


def test_public():
    """The ten values are what databases and scripts hold."""
    assert {
        *("due", "waiting", "awaiting_order", "awaiting_invoice", "in_step"),
        *("kept", "held", "cancelled", "gave_up", "dismissed"),
    } == {state.value for state in State}
    assert all(state.sentence.endswith(".") for state in State)


def test_groups():
    """Each group of states, in one place."""
    of = {
        "is_under_way": {"due", "awaiting_order", "awaiting_invoice"},
        "is_stuck": {"held", "kept", "awaiting_order", "awaiting_invoice", "gave_up"},
        "rests_on_decision": {"in_step", "held", "kept", "awaiting_order", "awaiting_invoice", "gave_up"},
        "awaits_order": {"awaiting_order", "awaiting_invoice", "gave_up"},
        "may_be_written": {"due", "waiting", "held", "kept", "awaiting_order", "awaiting_invoice", "gave_up"},
        "needs_a_person": {"held", "gave_up"},
    }
    assert of == {name: {state.value for state in State if getattr(state, name)} for name in of}


def test_every_reason():
    """Each reason has a sentence and a kind; a detail stands in brackets behind the sentence."""
    assert all(reason.sentence.endswith(".") and reason.kind in Kind for reason in Reason)
    assert f"{Reason.NO_INVOICE.sentence} (order 1-01)" == Reason.NO_INVOICE.explained("order 1-01")


class TestStore:
    """The store takes only what the program knows."""

    @pytest.mark.parametrize("wrong", [{"state": "in_stepp"}, {"reason": "rite"}])
    def test_refused(self, database: Database, wrong: dict[str, str]):
        """A misspelt state or reason is an error before anything is written."""
        add_shipments(database, "ep/p1")
        queue = Queue(database, worker_name="a", lease=60.0)
        claim = claim_one(queue)
        before = shipment(database)
        with pytest.raises(ValueError, match=next(iter(wrong.values()))):
            queue.settle(claim, Settlement(due_at=None, generation=replace(Generation(), **wrong)), now=NOW)

        assert before == shipment(database)

    def test_misspelt_field(self):
        """A field that a generation does not have is an error, not a value that is lost."""
        with pytest.raises(TypeError):
            replace(Generation(), reson="right")

    def test_unknown_state_is_set_aside(self, database: Database):
        """A state that another version wrote is not worked on, and nothing is lost."""
        add_shipments(database, "ep/p1", state="in_stepp")
        queue = Queue(database, worker_name="a", lease=60.0)

        assert [] == queue.claim("lux", most=1, now=NOW)
        row = shipment(database)
        assert ("in_stepp", NOW + 3600) == (row["state"], row["due_at"])

    def test_nothing_forgotten(self, database: Database):
        """Every field of a generation is stored and read again; a new generation stores every one of them again."""
        columns = {
            "state": "held",
            "reason": "second_parcel",
            "note": "n",
            "check_at": NOW,
            "input_digest": "d",
            "tries": 2,
            "waits": 3,
            "wanted_since": NOW,
            "order_id": "1-01",
            "invoice_number": "9",
            "rule": "link",
            "assigned_order": "1-01",
            "assigned_invoice": "9",
            "assigned_at": NOW,
            "generation": 2,
        }
        full = generation(**columns, evidence='{"a": 1}', sent=SENT)
        plain = Generation(number=3)
        assert all(getattr(full, one.name) != getattr(plain, one.name) for one in fields(Generation))

        add_shipments(database, "ep/p1", **settled_columns(full))
        assert full == record_from(shipment(database)).generation
        fresh = settled_columns(plain)
        database.write(lambda connection: connection.execute(shipments.update().values(fresh)))
        assert plain == record_from(shipment(database)).generation


class TestSent:
    def test_as_stored(self):
        """What a database of any version holds is read, and written again as it was."""
        full = {
            **SENT,
            "verified": None,
            "seen": True,
            "reads": 1,
            "wanted": ["TN1", None, "Jadlog", None],
            "parcels": {"ep/p1": [None, "TN1"], "ep/p2": ["2026-11-18T10:00:00-03:00", "TN2"]},
            "assigned_at": NOW,
            "tracking": {
                "digest": "x",
                "at": NOW,
                "delivered": True,
                "delivered_date": "2026-11-18 10:00",
                "events": 2,
                "note": "n",
                "told_by": "ep/p2",
            },
            "untold": {"first_at": NOW, "waits": 2},
        }
        assert full == Sent.from_json(full).to_json()
        assert {**SENT, "verified": False} == Sent.from_json({**SENT, "verified": False}).to_json()

    @pytest.mark.parametrize(
        ("stored", "expected"),
        [
            ({}, Visibility.UNSEEN),
            ({"verified": None, "seen": True}, Visibility.BELIEVED),
            ({"verified": True}, Visibility.SEEN),
            ({"verified": True, "seen": True}, Visibility.SEEN),
            ({"verified": False}, Visibility.MISSING),
            ({"verified": False, "seen": True}, Visibility.SUPERSEDED),
        ],
    )
    def test_visibility(self, stored: dict[str, bool | None], expected: Visibility):
        """Two stored words stand for five cases."""
        assert expected is Sent.from_json({**SENT, **stored}).visibility

    def test_lost(self):
        """What the invoice does not show any more was either never seen there, or seen before."""
        sent = Sent.from_json(SENT)

        assert (Visibility.MISSING, Visibility.SUPERSEDED) == (sent.lost().visibility, sent.seen().lost().visibility)
        assert (False, True) == (sent.visibility.was_seen, sent.seen().lost().visibility.was_seen)

    def test_place(self):
        """It is about one invoice of one order."""
        sent = Sent.from_json(SENT)

        assert (True, False) == (sent.is_at("1-01", "9"), sent.is_at("1-01", "10"))
        assert Decision() == Decision(order_id=None)


def test_overrules():
    """A person's word overwrites once: until a write has followed it. A link's does not."""
    nothing, given = Generation(), Assignment(order_id="1-01", at=5.0)
    written = Sent.from_json({**SENT, "assigned_at": 5.0})

    assert [False, True, False, False, True] == [
        replace(nothing, **one).overrules
        for one in (
            {},
            {"assignment": given},
            {"assignment": replace(given, by_link=True)},
            {"assignment": given, "sent": written},
            {"assignment": given, "sent": replace(written, assigned_at=4.0)},
        )
    ]


def test_taken_back():
    """What was written by a person's word, which no longer stands; nothing of the kind for what a rule chose."""
    given, written = Assignment(order_id="1-01", at=5.0), Sent.from_json({**SENT, "assigned_at": 5.0})

    assert [False, False, True, False] == [
        Generation(assignment=assignment, sent=sent).is_taken_back
        for assignment, sent in (
            (None, None),
            (given, written),
            (None, written),
            (None, replace(written, assigned_at=None)),
        )
    ]


def test_of_unknown_words():
    """Where it is not known any more what the carrier said at that time, every word of it counts as new."""
    assert replace(Sent.from_json(SENT), wanted=None) == Sent.from_json({**SENT, "wanted": ["TN1"]}).of_unknown_words()
