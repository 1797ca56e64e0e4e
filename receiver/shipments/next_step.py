"""PURE: what happens next with a shipment, and when, in words for the operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NextStep:
    """What happens next. ``at`` is in seconds since the epoch; ``None``: not by itself, or at once."""

    what: str
    at: float | None = None


def next_step(row: Mapping[str, Any], *, paused_until: float | None, now: float) -> NextStep:
    """The next step for a shipment's row. ``paused_until``: its account is paused until then."""
    due, state = row["due_at"], row["state"]
    if (row["lease_until"] or 0.0) > now:
        return NextStep("a worker is at it")
    if due is None:
        return NextStep(_AT_REST.get(state, "nothing, until the carrier says more"))
    if paused_until is not None and paused_until > max(due, now):
        return NextStep("it is looked at when the account's pause is over", paused_until)
    if due <= now:
        return NextStep("waiting for a free worker")
    if state == "in_step":
        return NextStep(_in_step(row), due)
    if row["reason"] == "no_reference":  # there is nothing to ask VTEX for
        return NextStep("it is looked at again; at once if a link or news names its order", due)
    return NextStep(_AHEAD.get(state, "it is looked at again"), due)


def _in_step(row: Mapping[str, Any]) -> str:
    """Why a shipment that is in step is still due."""
    if row["sent"] is not None and row["sent"].pending_events is not None:
        return "its events are told; VTEX did not find the invoice for them yet"
    if row["check_at"] is None:  # only a look at the invoice sets it; a date of the carrier that lies ahead does not
        return "its delivery, whose time lies ahead, is told"
    return "the invoice is read back"


_AT_REST = {
    "in_step": "nothing, until the carrier says something new",
    "held": "a person decides: receiver assign, dismiss or retry",
    "gave_up": "nothing, until news, a link or receiver retry opens it again",
    "dismissed": "nothing, until receiver retry opens it again",
}
_AHEAD = {
    "due": "it is tried again",
    "awaiting_order": "VTEX is asked for the order again; at once if a link or news names it",
    "awaiting_invoice": "the order is read again; at once if a link or news names the invoice",
    "waiting": "its dispatch date has come",
}
