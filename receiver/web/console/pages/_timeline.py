"""PURE: a parcel's story as a timeline: what arrived, what people decided, and every call to VTEX, in order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: The text for each kind of call to VTEX.
_CALLS = {
    "GET order": "parcel.call_order",
    "GET order group": "parcel.call_group",
    "GET read-back": "parcel.call_read_back",
    "GET before delivery": "parcel.call_before_delivery",
    "GET after refusal": "parcel.call_after_refusal",
    "PATCH": "parcel.call_patch",
    "PUT": "parcel.call_put",
}
#: The same for a call that did not come to that.
_FAILED_READS = {
    "GET order": "parcel.asked_order",
    "GET order group": "parcel.asked_group",
    "GET read-back": "parcel.asked_order",
    "GET before delivery": "parcel.asked_order",
    "GET after refusal": "parcel.asked_order",
}
_NOT_SENT = {"PATCH": "parcel.unsent_patch", "PUT": "parcel.unsent_put"}
#: The text for each decision.
DECIDED = {
    "assign": "parcel.decided_assign",
    "unassign": "parcel.decided_unassign",
    "retry": "parcel.decided_retry",
    "dismiss": "parcel.decided_dismiss",
}
_GOOD = ("done", "applied, seen later")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. ``kind`` is ``arrived``, ``decided`` or ``called``; ``text`` is its sentence's key, with ``values``.

    ``fields`` are shown below it as they are, ``raw`` only to people who may see buyers' data. ``count``: how many
    times in a row, the last time at ``last_at``.
    """

    kind: str
    at: float
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = ""
    is_bad: bool = False
    words: str | None = None
    note: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] | None = None
    count: int = 1
    last_at: float = 0.0


def timeline(story: Mapping[str, Any], carriers: Mapping[str, str]) -> list[Entry]:
    """The entries of `receiver.operations.story.story`, the oldest first. The same call several times in a row is one
    entry. ``carriers`` has the names of carriers by their slugs."""
    entries = [
        *(_arrived(one, carriers) for one in story["deliveries"]),
        *(_decided(one) for one in story["decisions"]),
        *(_called(one) for one in story["attempts"]),
    ]
    return list(_joined(sorted(entries, key=lambda entry: entry.at)))


def _arrived(one: Mapping[str, Any], carriers: Mapping[str, str]) -> Entry:
    said = one["said"]
    read = f"{one['carrier']} {one['version']}" if one["version"] else one["carrier"]
    fields = {
        "parcel.field_number": said.get("tracking_number"),
        "parcel.field_happened": said.get("happened_at"),
        "parcel.field_dispatched": said.get("dispatched_at"),
        "parcel.field_delivery": one["id"],
        "parcel.field_authenticated": one["proof"],
        "parcel.field_adapter": read,
    }
    return Entry(
        kind="arrived",
        at=one["received_at"],
        text="parcel.arrived",
        values={"carrier": carriers.get(one["carrier"], one["carrier"]), "status": said["status"]},
        outcome="parcel.replaced" if one["replaced"] else "" if one["folded"] else "parcel.not_folded",
        words=", ".join(said.get("unknown_words", ())) or None,
        fields={name: value for name, value in fields.items() if value},
        raw=said,
    )


def _decided(one: Mapping[str, Any]) -> Entry:
    after = one["after"] or {}
    place = {"order": after.get("assigned_order") or "", "invoice": after.get("assigned_invoice") or ""}
    fields = {
        "parcel.field_order": place["order"],
        "parcel.field_invoice": place["invoice"],
        "parcel.field_also": ", ".join(after.get("also", ())),
        "parcel.field_ended": ", ".join(after.get("ended", ())),
        "parcel.field_unchecked": after.get("unchecked"),
        "parcel.field_stays": " / ".join(map(str, stays.values()))
        if isinstance(stays := after.get("stays"), dict)
        else stays,
    }
    return Entry(
        kind="decided",
        at=one["at"],
        text=DECIDED.get(one["action"], "parcel.decided_other"),
        values={"actor": one["actor"], "action": one["action"], "via": one["via"]},
        note=one["note"],
        fields={name: value for name, value in fields.items() if value} if one["action"] == "assign" else {},
    )


def _called(one: Mapping[str, Any]) -> Entry:
    call, outcome = one["call"], one["outcome"]
    is_good = outcome in _GOOD
    text = _CALLS.get(call, "parcel.call_other")
    other = {} if is_good else _NOT_SENT | _FAILED_READS if outcome == "not sent" else _FAILED_READS
    return Entry(
        kind="called",
        at=one["begun_at"],
        text=other.get(call, text),
        values={"call": call, "order": one["order_id"], "invoice": one["invoice_number"] or ""},
        outcome="" if is_good else "parcel.outcome_open" if outcome is None else f"outcomes.{outcome}",
        is_bad=not is_good,
        words=None if is_good else one["answer"],
        fields={"parcel.field_linked": linked} if (linked := (one["evidence"] or {}).get("linked_by")) else {},
        raw=one["request"],
    )


def _joined(entries: list[Entry]) -> Iterator[Entry]:
    last: Entry | None = None
    for entry in entries:
        if last is not None and _is_repeat(last, entry):
            last = replace(last, count=last.count + 1, last_at=entry.at)
            continue
        if last is not None:
            yield last
        last = entry
    if last is not None:
        yield last


def _is_repeat(last: Entry, entry: Entry) -> bool:
    same = ("kind", "text", "values", "outcome", "words")
    return (
        entry.kind == "called" and entry.raw is None and all(getattr(last, one) == getattr(entry, one) for one in same)
    )
