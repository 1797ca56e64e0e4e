"""What comes next with a parcel, in words, for every state it can be in."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import Shipment, Status
from receiver.shipments import Known, PendingEvents, Sent, Update, Visibility, fold, known_to_json
from receiver.shipments.next_step import next_step

NOW = 1_000.0
STATES = (
    "due", "waiting", "awaiting_order", "awaiting_invoice", "in_step", "kept", "held", "cancelled", "gave_up",
    "dismissed",
)  # fmt: skip
SENT = Sent(
    order_id="1-01",
    invoice_number="900",
    tracking_number="TN1",
    tracking_url=None,
    courier="Loggi",
    dispatched_date=None,
    at=NOW - 60,
    visibility=Visibility.UNSEEN,
)

_SAID = Shipment(key="1", status=Status.DELIVERED, tracking_number="TN1")
DELIVERED = known_to_json(
    fold(Known(), [Update(shipment=_SAID, received_at=datetime.fromtimestamp(NOW, UTC), digest="d")])
)


def upcoming(state: str, *, paused_until: float | None = None, **row: Any) -> tuple[str, float | None]:
    """The words and the time for a row of this state."""
    plain = {"due_at": None, "lease_until": None, "reason": None, "sent": None, "check_at": None, "known": {}}
    step = next_step({**plain, "state": state, **row}, paused_until=paused_until, now=NOW)
    return step.what, step.at


@pytest.mark.parametrize("state", STATES)
def test_at_rest(state: str) -> None:
    """Without a due time nothing happens by itself, and the words say what would change that."""
    what, at = upcoming(state)

    assert None is at
    assert ("assign" in what) is (state == "held")
    assert ("retry" in what) is (state in ("held", "gave_up", "dismissed"))


@pytest.mark.parametrize("state", STATES)
def test_in_hand(state: str) -> None:
    """Whatever its state, a parcel under a lease is a worker's; a lease that expired means nothing."""
    assert ("a worker is at it", None) == upcoming(state, due_at=NOW, lease_until=NOW + 1)
    assert ("a worker is at it", None) != upcoming(state, due_at=NOW, lease_until=NOW)


class TestPaused:
    """Its account takes no calls."""

    def test_pause_ends_later(self) -> None:
        """What is due before the pause ends waits for that."""
        what, at = upcoming("due", due_at=NOW, paused_until=NOW + 60)

        assert NOW + 60 == at
        assert "pause" in what

    @pytest.mark.parametrize("until", [NOW - 1, NOW + 10])
    def test_pause_ends_before(self, until: float) -> None:
        """A pause that is over by then is not spoken of."""
        what, at = upcoming("awaiting_order", due_at=NOW + 60, paused_until=until)

        assert NOW + 60 == at
        assert "pause" not in what


def test_due() -> None:
    """What is due now goes to the next worker, at no time that could be told."""
    assert [None, None] == [upcoming("due", due_at=at)[1] for at in (NOW, NOW - 60)]


@pytest.mark.parametrize("state", ["due", "awaiting_order", "awaiting_invoice", "waiting", "held"])
def test_ahead(state: str) -> None:
    """A due time ahead is told with what happens then, in words of the state's own."""
    said = {one: upcoming(one, due_at=NOW + 60) for one in ("due", "awaiting_order", "awaiting_invoice", "waiting")}

    assert NOW + 60 == upcoming(state, due_at=NOW + 60)[1]
    assert 4 == len({what for what, _ in said.values()})


def test_no_reference() -> None:
    """VTEX cannot be asked for a parcel that names no order: its words do not say so."""
    what, at = upcoming("awaiting_order", due_at=NOW + 60, reason="no_reference")

    assert NOW + 60 == at
    assert "VTEX" not in what


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"sent": replace(SENT, pending_events=PendingEvents(NOW - 30, 1)), "check_at": NOW + 60}, "events"),
        ({"sent": SENT, "check_at": None, "known": DELIVERED}, "delivery"),
        ({"sent": None, "check_at": None, "known": DELIVERED}, "delivery"),
        ({"sent": SENT, "check_at": NOW + 60}, "read back"),
        ({"sent": SENT, "check_at": None}, "looked at again"),
    ],
)
def test_in_step(row: dict[str, Any], word: str) -> None:
    """A parcel that VTEX has is still due for its events, its delivery, a look at what was written, or because another
    parcel has taken its invoice."""
    what, at = upcoming("in_step", due_at=NOW + 60, **row)

    assert NOW + 60 == at
    assert word in what
