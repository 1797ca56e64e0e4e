"""What a shipment needs next, before anybody is asked: every branch as a small table."""

import ast
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import Reference, ReferenceKind, Shipment, Status
from receiver.config import AWAIT_SECONDS, Config, parse
from receiver.reconcile.plan import Ask, input_digest, plan
from receiver.shipments import (
    Kind,
    Known,
    NextState,
    Reason,
    ShipmentRecord,
    State,
    Update,
    fold,
    held,
    stamp_to_json,
    waiting,
)
from receiver.store.rows import generation_from
from receiver.timing import RETRY, recheck_delay
from tests.support.paths import ROOT

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
T = NOW.timestamp()
DISPATCHED = NOW - timedelta(days=1)
ORDER = Reference(ReferenceKind.ORDER_ID, "1-01")
NUMBER = Reference(ReferenceKind.INVOICE_NUMBER, "900")
SENT = {
    "trackingNumber": "TN1",
    "trackingUrl": None,
    "courier": "Jadlog",
    "dispatchedDate": None,
    "order": "1-01",
    "invoice": "900",
    "at": T,
}


def said(status: Status = Status.DISPATCHED, *, hours: float = -24, **rest: Any) -> Update:
    """One webhook's word, so many hours from now."""
    at = NOW + timedelta(hours=hours)
    plain = {"tracking_number": "TN1", "references": (ORDER,), "happened_at": at, **rest}
    return Update(shipment=Shipment(key="p1", status=status, **plain), received_at=min(at, NOW), digest="d")


def known(*updates: Update) -> Known:
    return fold(Known(), updates or [said()])


def settings(**receiver: Any) -> Config:
    raw = {
        "receiver": receiver,
        "vtex": {"lux": {"app_key": "key", "app_token": "token"}},
        "endpoints": {"melhor-envio": {"secrets": ["rig-secret"]}},
    }
    return parse(raw, path=Path("receiver.toml"), environ={})


def record(now_known: Known, **columns: Any) -> ShipmentRecord:
    """A shipment as the last settlement left it, its choice resting on all that is known now."""
    row: dict[str, Any] = dict.fromkeys(
        ("reason", "note", "check_at", "input_digest", "sent", "order_id", "invoice_number", "rule", "evidence")
    )
    row |= dict.fromkeys(
        ("assigned_order", "assigned_invoice", "assigned_at", "assigned_over", "assigned_seen", "companion_of")
    )
    row |= {"state": "due", "tries": 0, "waits": 0, "generation": 1, "wanted_since": None, **columns}
    row["sent"] = json.dumps(row["sent"]) if row["sent"] else None
    made = ShipmentRecord(
        id="melhor-envio/p1", endpoint="melhor-envio", account="lux", known=now_known, generation=generation_from(row)
    )
    if "input_digest" in columns or made.generation.state is State.DUE:
        return made
    return replace(made, generation=replace(made.generation, input_digest=rests_on(made, now_known)))


def rests_on(made: ShipmentRecord, now_known: Known, **changed: Any) -> str:
    return input_digest(made, now_known, replace(settings().endpoints["melhor-envio"], **changed))


def next_step(now_known: Known, config: Config | None = None, **columns: Any) -> NextState | Ask:
    config = config or settings()
    return plan(record(now_known, **columns), now_known, config.endpoints["melhor-envio"], config, now=T)


def resting(step: NextState | Ask) -> tuple[str, str | None, float | None]:
    """State, reason, and seconds until the next look."""
    assert isinstance(step, NextState), step
    return step.state, step.reason, None if step.due_at is None else step.due_at - T


VOIDED = known(said(Status.ANNOUNCED, hours=-3), said(Status.CANCELLED, hours=-2))
RECALLED = known(said(), said(Status.CANCELLED, hours=-2))
ANNOUNCED = known(said(Status.ANNOUNCED))


@pytest.mark.parametrize(
    ("of", "before", "expected"),
    [
        (ANNOUNCED, {}, ("waiting", "not_dispatched", None)),
        (known(said(Status.OTHER)), {}, ("waiting", "not_dispatched", None)),
        (known(said(Status.EXCEPTION)), {}, ("waiting", "not_dispatched", None)),
        (known(said(tracking_number=None)), {}, ("waiting", "no_tracking_number", None)),
        (VOIDED, {}, ("cancelled", None, None)),
        (VOIDED, {"sent": SENT}, ("held", "cancelled_after_send", None)),
        (RECALLED, {}, ("held", "cancelled_after_dispatch", None)),
        (RECALLED, {"sent": SENT}, ("held", "cancelled_after_send", None)),
        (known(said(Status.ANNOUNCED, reverse=True)), {}, ("waiting", "not_dispatched", None)),
        (known(said(reverse=True)), {}, ("held", "reverse_shipment", None)),
        (
            known(said(reverse=True), said(Status.CANCELLED, hours=-2)),
            {"sent": SENT},
            ("held", "reverse_shipment", None),
        ),
        (known(), {"state": "dismissed"}, ("dismissed", None, None)),
        (RECALLED, {"state": "dismissed", "sent": SENT}, ("dismissed", None, None)),
    ],
)
def test_nothing_to_ask(of, before, expected):
    """Not dispatched, not numbered, cancelled or dismissed: VTEX is not asked, and there is no next look."""
    assert expected == resting(next_step(of, **before))


@pytest.mark.parametrize(
    ("numbers", "numbered", "expected"),
    [
        (("A", "B"), False, ("held", "ambiguous_number")),
        (("A", "B"), True, ("waiting", "no_tracking_number")),
        ((), False, ("waiting", "no_tracking_number")),
    ],
)
def test_several_numbers(numbers, numbered, expected):
    """Where a rule gives the number, two of them are for a person; the carrier's own number is still to come."""
    named = tuple(Reference(ReferenceKind.TRACKING_NUMBER, number) for number in numbers)
    of, config = known(said(tracking_number=None, references=named)), settings()
    endpoint = config.endpoints["melhor-envio"]
    endpoint = replace(endpoint, carrier=replace(endpoint.carrier, numbered=numbered))

    assert (*expected, None) == resting(plan(record(of), of, endpoint, config, now=T))


def test_unknown_word():
    """A status word that the adapter does not know is named, with the command that lists such words."""
    step = next_step(known(said(Status.OTHER, unknown_words=("14",))))

    assert ("not_dispatched", "status 14 of melhor_envio is not known here: receiver carriers unknown") == (
        step.reason, step.note
    )  # fmt: skip


@pytest.mark.parametrize(
    "of",
    [
        known(),
        known(said(Status.IN_TRANSIT)),
        known(said(Status.DELIVERED)),
        known(said(Status.ANNOUNCED, dispatched_at=DISPATCHED)),
        known(said(Status.CANCELLED, hours=-3), said(Status.IN_TRANSIT, hours=-2)),
        known(said(), said(Status.ANNOUNCED, hours=-1)),
    ],
)
def test_dispatched(of):
    """Once the carrier has the parcel, VTEX is asked, also where a cancellation or a label came out of turn."""
    assert Ask("decide") == next_step(of)


def test_send_on_label():
    """With ``send_on = "label"`` a label is enough; a voided one still is not."""
    on_label = settings(send_on="label")

    assert Ask("decide") == next_step(ANNOUNCED, on_label)
    assert ("cancelled", None, None) == resting(next_step(VOIDED, on_label))


def test_assigned_after_a_cancellation():
    """A person who assigns a cancelled parcel is obeyed; a cancellation that came since is another matter."""
    over = json.dumps(stamp_to_json(RECALLED.cancelled))
    assert Ask("decide") == next_step(RECALLED, assigned_order="1-01", assigned_over=over, sent=None)
    again = next_step(RECALLED, assigned_order="1-01", assigned_over=over.replace("2026", "2025"), sent=None)
    assert ("held", "cancelled_after_dispatch", None) == resting(again)


class TestHeld:
    HELD = {"state": "held", "reason": "ambiguous_invoice", "note": "why"}  # noqa: RUF012  no one changes it

    def test_stays(self):
        """What a person must decide stays put while nothing new is known, whatever the time."""
        step = next_step(known(), **self.HELD)

        assert ("held", "ambiguous_invoice", None) == resting(step)
        assert "why" == step.note

    @pytest.mark.parametrize(
        "news", [known(said(), said(references=(ORDER, NUMBER))), known(said(), said(tracking_number="TN2", hours=-1))]
    )
    @pytest.mark.parametrize("state", ["held", "gave_up"])
    def test_news_reopens(self, state, news):
        """A new reference or number opens it again, also where it was given up."""
        old = rests_on(record(known()), known())

        assert Ask("decide") == next_step(news, **{**self.HELD, "state": state, "input_digest": old})

    @pytest.mark.parametrize(
        "changed", [{"assigned_order": "2-01"}, {"assigned_order": "1-01", "assigned_invoice": "900"}]
    )
    def test_assignment_reopens(self, changed):
        """So does a person's word."""
        old = rests_on(record(known()), known())

        assert Ask("decide") == next_step(known(), **self.HELD, input_digest=old, **changed)

    def test_chatter_does_not_reopen(self):
        """Another status, event or URL changes nothing about which invoice it is."""
        chatter = known(said(), said(Status.OUT_FOR_DELIVERY, hours=-1, tracking_url="https://t.example"))
        old = rests_on(record(known()), known())

        assert ("held", "ambiguous_invoice", None) == resting(next_step(chatter, **self.HELD, input_digest=old))

    @pytest.mark.parametrize("reason", ["other_parcel", "number_changed"])
    def test_delivery_reopens_what_gave_way(self, reason):
        """The delivery of a parcel that gave way to another one opens it once: the other may have left the invoice."""
        before, delivered = known(), known(said(), said(Status.DELIVERED, hours=-1))
        rests = {"state": "kept", "reason": reason}
        again = next_step(delivered, **rests, input_digest=rests_on(record(before, **rests), before))

        assert (again == Ask("decide")) is (reason == "other_parcel")
        assert ("kept", reason, None) == resting(next_step(delivered, **rests))

    def test_gave_up_stays(self):
        """Past the horizon nothing is asked any more."""
        assert ("gave_up", "order_not_found", None) == resting(
            next_step(known(), state="gave_up", reason="order_not_found")
        )

    def test_cancellation_withdrawn(self):
        """A hold that was computed from the carrier's own words goes when those words go."""
        again = known(said(), said(Status.CANCELLED, hours=-2), said(Status.IN_TRANSIT, hours=-1))

        assert Ask("decide") == next_step(again, state="held", reason="cancelled_after_dispatch")


class TestAfterSend:
    def test_nothing_new(self):
        """What VTEX has been seen to show is not asked about again."""
        assert ("in_step", None, None) == resting(next_step(known(), state="in_step", sent={**SENT, "verified": True}))

    def test_read_back(self):
        """A write is looked at once more: not before its time, and then without deciding again."""
        unseen = {"state": "in_step", "sent": {**SENT, "verified": None}}

        assert ("in_step", None, 10) == resting(next_step(known(), **unseen, check_at=T + 10))
        assert Ask("read_back") == next_step(known(), **unseen, check_at=T)
        assert Ask("read_back") == next_step(known(), **unseen)

    def test_no_read_back(self):
        """``read_back_seconds = 0`` leaves it at VTEX's word."""
        step = next_step(known(), settings(read_back_seconds=0), state="in_step", sent={**SENT, "verified": None})

        assert ("in_step", None, None) == resting(step)

    def test_date_alone(self):
        """A later day alone is no reason to ask, nor is another hour; a day that becomes known is one, and
        so is an earlier day."""
        dated = known(said(dispatched_at=DISPATCHED))
        seen = {**SENT, "verified": True}
        same_day = {**seen, "dispatchedDate": DISPATCHED.replace(hour=0).isoformat()}
        day_before = {**seen, "dispatchedDate": (DISPATCHED - timedelta(days=1)).isoformat()}
        day_after = {**seen, "dispatchedDate": (DISPATCHED + timedelta(days=1)).isoformat()}

        for sent in (same_day, day_before):
            assert ("in_step", None, None) == resting(next_step(dated, state="in_step", sent=sent))
        for sent in (seen, day_after):
            assert Ask("decide") == next_step(dated, state="in_step", sent=sent)

    @pytest.mark.parametrize("change", [{"tracking_number": "TN2"}, {"tracking_url": "https://t"}, {"courier": "New"}])
    def test_something_new(self, change):
        """Another number, URL or courier is decided upon."""
        changed = known(said(), said(hours=-1, **change))

        assert Ask("decide") == next_step(changed, state="in_step", sent={**SENT, "verified": True})

    def test_new_reference(self):
        """A person who names an invoice after the write may name another one: the choice is made again."""
        news, old = known(said(), said(references=(ORDER, NUMBER))), rests_on(record(known()), known())

        assert Ask("decide") == next_step(news, state="in_step", sent={**SENT, "verified": True}, input_digest=old)
        assert ("in_step", None, 10) == resting(
            next_step(news, state="in_step", sent={**SENT, "verified": None}, input_digest=old, check_at=T + 10)
        )

    def test_retry_of_what_never_showed(self):
        """A write that VTEX never showed counts as not made when a person tries again."""
        unseen = {**SENT, "verified": False}

        assert ("held", "not_applied", None) == resting(
            next_step(known(), state="held", reason="not_applied", sent=unseen)
        )
        assert Ask("decide") == next_step(known(), state="due", check_at=0.0, sent=unseen)

    def test_wait_after_a_write(self):
        """A parcel whose number is not on the invoice any more, and that waits for one, is decided upon at its time,
        without news."""
        lost = {**SENT, "verified": False}

        assert Ask("decide") == next_step(known(), state="awaiting_invoice", reason="no_invoice", sent=lost)


class TestDateAhead:
    @pytest.mark.parametrize(
        ("hours", "expected"),
        [
            (0.5, ("waiting", "dispatch_ahead", 1800)),
            (24, ("waiting", "dispatch_ahead", 86_400)),
            (24.1, ("held", "future_date", 24.1 * 3600)),
            (24 * 365, ("held", "future_date", 24 * 365 * 3600)),
        ],
    )
    def test_ahead(self, hours, expected):
        """A date a little ahead is waited for, up to a day; beyond that a person must look, or the date come round."""
        assert expected == resting(next_step(known(said(dispatched_at=NOW + timedelta(hours=hours)))))

    @pytest.mark.parametrize("hours", [0, -1])
    def test_passed(self, hours):
        """Once it has passed it is sent, also where it had been held as too far ahead."""
        passed = known(said(dispatched_at=NOW + timedelta(hours=hours)))

        assert Ask("decide") == next_step(passed, state="waiting", reason="dispatch_ahead")
        assert Ask("decide") == next_step(passed, state="held", reason="future_date")


class TestBackOff:
    def test_not_cut_short(self):
        """News does not cut short a pause that VTEX's own trouble caused."""
        news, old = known(said(), said(references=(ORDER, NUMBER))), rests_on(record(known()), known())
        before = {"state": "due", "reason": "vtex_unavailable", "input_digest": old}

        assert ("due", "vtex_unavailable", 300) == resting(next_step(news, **before, check_at=T + 300))
        assert Ask("decide") == next_step(news, **before, check_at=T)

    @pytest.mark.parametrize("state", ["awaiting_order", "awaiting_invoice"])
    def test_awaiting(self, state):
        """What awaits an order or invoice is looked at on schedule, and at once when a reference or number comes."""
        before = {
            "state": state,
            "reason": "no_invoice",
            "input_digest": rests_on(record(known()), known()),
            "check_at": T + 300,
        }

        assert (state, "no_invoice", 300) == resting(next_step(known(), **before))
        assert (state, "no_invoice", 300) == resting(next_step(known(said(), said(Status.IN_TRANSIT)), **before))
        assert Ask("decide") == next_step(known(said(), said(references=(NUMBER,))), **before)
        assert Ask("decide") == next_step(known(said(), said(hours=-1, tracking_number="TN2")), **before)
        assert Ask("decide") == next_step(known(), **{**before, "check_at": T})

    def test_schedule(self):
        """Looks without success grow rarer, and are no more than twenty in three days."""
        looks = [recheck_delay(waits, settings().await_seconds) for waits in range(20)]

        assert sorted(looks) == looks
        assert AWAIT_SECONDS[0] == looks[0]
        assert sum(looks) >= 3 * 86_400

    def test_backoff(self):
        """Tries that fail grow rarer up to an hour, and never in step with one another."""
        chance = random.Random(1)

        assert all(4 <= RETRY.seconds(1, chance) <= 6 for _ in range(100))
        assert all(32 <= RETRY.seconds(4, chance) <= 48 for _ in range(100))
        assert all(0.8 * RETRY.most <= RETRY.seconds(tries, chance) <= 1.2 * RETRY.most for tries in (12, 10**6))
        assert 1 < len({RETRY.seconds(3, chance) for _ in range(10)})


@pytest.mark.parametrize(
    "before",
    [
        {"state": "dismissed"},
        {"state": "held", "reason": "ambiguous_invoice"},
        {"state": "in_step", "sent": {**SENT, "verified": True}},
        {"state": "in_step", "sent": {**SENT, "verified": None}, "check_at": T + 10},
        {"state": "awaiting_order", "reason": "order_not_found", "check_at": T + 10},
    ],
)
@pytest.mark.parametrize(("note", "expected"), [("what was said last", "what was said last"), (None, "")])
def test_note_stays(before, note, expected):
    """While nothing is asked, the last word on a shipment stays."""
    step = next_step(known(), note=note, **before)

    assert isinstance(step, NextState)
    assert expected == step.note


def test_sentences():
    """A rest speaks in the sentence of its code, with what is special about it behind."""
    assert Reason.NUMBER_DIFFERS.sentence == held(Reason.NUMBER_DIFFERS).note
    assert f"{Reason.NUMBER_DIFFERS.sentence} (holds X)" == held(Reason.NUMBER_DIFFERS, "holds X").note
    assert NextState(
        state=State.AWAITING_ORDER,
        reason=Reason.ORDER_NOT_FOUND,
        note=Reason.ORDER_NOT_FOUND.sentence,
        due_at=5.0,
        check_at=5.0,
    ) == waiting(State.AWAITING_ORDER, Reason.ORDER_NOT_FOUND, due_at=5.0)


def test_input_digest():
    """A choice rests on number, references and assignment, in whatever order they came."""
    one, other = known(said(), said(references=(NUMBER,))), known(said(references=(NUMBER,)), said())

    assert rests_on(record(one), one) == rests_on(record(other), other)
    assert rests_on(record(one), one) != rests_on(record(known()), known())
    assert rests_on(record(one), one) != rests_on(record(one, assigned_order="1-01", assigned_invoice="900"), one)
    late = known(said(dispatched_at=DISPATCHED), said(references=(NUMBER,)))
    assert rests_on(record(one), one) == rests_on(record(one), late)
    assert rests_on(record(one), one, second_parcel="latest") != rests_on(record(one), late, second_parcel="latest")


def test_every_reason_is_used():
    """Each code has its sentence, and no sentence speaks of a code that nothing gives."""
    root = ROOT / "receiver"
    named = {
        node.attr
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }

    assert {reason.name for reason in Reason} == named
    assert all(reason.sentence and reason.kind in Kind for reason in Reason)


def test_companion_without_its_order():
    """A companion that has lost its order rests: by the rules it would repeat the parcel it belongs to."""
    config, now_known = settings(), known(said())
    one = replace(record(now_known), companion_of="melhor-envio/p0")
    end = plan(one, now_known, config.endpoints["melhor-envio"], config, now=T)

    assert ("dismissed", "melhor-envio/p0 does not serve a second order any more") == (end.state, end.note)
