"""PURE: what happens next with a shipment, and when, in words for the operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from receiver.shipments.as_json import known_from_json


class Next(StrEnum):
    """What may happen next, each as the sentence that people read; the console says it in its languages by the name."""

    WORKED_ON = "a worker is at it"
    NEWS = "nothing, until the carrier says more"
    SOMETHING_NEW = "nothing, until the carrier says something new"
    PERSON = "a person decides: receiver assign, dismiss or retry"
    REOPENED = "nothing, until news, a link or receiver retry opens it again"
    RETRIED = "nothing, until receiver retry opens it again"
    PAUSE_ENDS = "it is looked at when the account's pause is over"
    WORKER = "waiting for a free worker"
    NO_REFERENCE = "it is looked at again; at once if a link or news names its order"
    AGAIN = "it is looked at again"
    TRIED_AGAIN = "it is tried again"
    ORDER = "VTEX is asked for the order again; at once if a link or news names it"
    INVOICE = "the order is read again; at once if a link or news names the invoice"
    DISPATCH = "its dispatch date has come"
    EVENTS = "its events are told; VTEX did not find the invoice for them yet"
    DELIVERY = "its delivery, whose time lies ahead, is told"
    READ_BACK = "the invoice is read back"


@dataclass(frozen=True, slots=True)
class NextStep:
    """What happens next. ``at`` is in seconds since the epoch; ``None``: not by itself, or at once."""

    what: Next
    at: float | None = None


def next_step(row: Mapping[str, Any], *, paused_until: float | None, now: float) -> NextStep:
    """The next step for a shipment's row. ``paused_until``: its account is paused until then."""
    due, state = row["due_at"], row["state"]
    if (row["lease_until"] or 0.0) > now:
        return NextStep(Next.WORKED_ON)
    if due is None:
        return NextStep(_AT_REST.get(state, Next.NEWS))
    if paused_until is not None and paused_until > max(due, now):
        return NextStep(Next.PAUSE_ENDS, paused_until)
    if due <= now:
        return NextStep(Next.WORKER)
    if state == "in_step":
        return NextStep(_in_step(row), due)
    if row["reason"] == "no_reference":  # there is nothing to ask VTEX for
        return NextStep(Next.NO_REFERENCE, due)
    return NextStep(_AHEAD.get(state, Next.AGAIN), due)


def _in_step(row: Mapping[str, Any]) -> Next:
    """Why a shipment that is in step is still due."""
    if row["sent"] is not None and row["sent"].pending_events is not None:
        return Next.EVENTS
    if row["check_at"] is not None:  # only a look at the invoice sets it; a carrier's date that lies ahead does not
        return Next.READ_BACK
    # What is not delivered is looked at because another parcel of ours was written to its invoice.
    return Next.DELIVERY if known_from_json(row["known"] or {}).delivered else Next.AGAIN


_AT_REST = {"in_step": Next.SOMETHING_NEW, "held": Next.PERSON, "gave_up": Next.REOPENED, "dismissed": Next.RETRIED}
_AHEAD = {
    "due": Next.TRIED_AGAIN,
    "awaiting_order": Next.ORDER,
    "awaiting_invoice": Next.INVOICE,
    "waiting": Next.DISPATCH,
}
