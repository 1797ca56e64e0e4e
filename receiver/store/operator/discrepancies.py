"""Discrepancies: invoices without tracking, parcels never written, deliveries that VTEX was not told, what was written,
and numbers left on invoices where their parcels do not belong."""

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, literal, or_, select

from receiver.shipments import Known, Reason, Sent, State, known_from_json
from receiver.store.database import Database
from receiver.store.rows import sent_from
from receiver.store.tables import attempts, invoices, orders, shipments
from receiver.store.work.attempts import APPLIED, BELONGED, GONE, Attempts
from receiver.vtex.facts import CANCELLED_ORDER, TRACKED

#: States in which nothing is to be written, because the carrier or a person says so.
_NOTHING_TO_WRITE = (State.WAITING, State.CANCELLED, State.DISMISSED, State.IN_STEP)
#: Reasons for which a parcel rightly waits. A dispatched parcel that waits for anything else should be written.
_GOOD_REASONS = (Reason.NOT_DISPATCHED, Reason.DISPATCH_AHEAD)
#: States in which what was sent is about to change, or no longer matters.
_NOT_COMPARED = (State.DUE, State.DISMISSED)
#: States of parcels for which VTEX is rightly told of no delivery, or is about to be.
_NOT_TO_BE_TOLD = (State.DUE, State.CANCELLED, State.DISMISSED)
#: How ``known`` and ``sent`` say that a volume was delivered, and that VTEX was told.
_DELIVERED = '%"delivered": true%'
#: How the evidence of a write says that a former parcel of its number left it.
_LEFT = f'%"{BELONGED}"%'
#: Seconds after a write by which its claim has ended, and has stored what it read of the order before.
_STORED_BY_THEN = 3_600.0
_PLACE = ("account", "order_id", "invoice_number")
_NO_PARCEL = dict.fromkeys(("shipment", "tracking_number", "state", "reason", "note"))


class Discrepancies:
    """Lists discrepancies. It only reads. ``account`` narrows each list to one VTEX account."""

    def __init__(self, database: Database, *, account: str | None = None) -> None:
        self._database, self._account = database, account

    def without_tracking(self, *, before: float) -> Iterator[dict[str, Any]]:
        """Invoices without known tracking that were issued before ``before``, or entered the index before it if VTEX
        gives no date of issue. ``shipment`` is the parcel meant for the invoice, if any, with its ``state``,
        ``reason`` and ``note``: a write that failed, or that VTEX never showed.

        The last reading of each order counts: an invoice may have got its tracking elsewhere since. One on which a
        number of ours was left since is not listed: `left_over` has it.
        """
        left = {tuple(row[part] for part in _PLACE): row["since"] for row in self.left_over()}
        for row in map(dict, self._database.each(self._untracked(before))):
            left_at = left.get(tuple(row[part] for part in _PLACE))
            if not _is_tracked(row) and (left_at is None or left_at + _STORED_BY_THEN < row["learnt_at"]):
                shown = _without(row, "sent", "chosen_order", "chosen_invoice", "learnt_at")
                yield {"gap": "without_tracking", **shown, **({} if _is_meant(row) else _NO_PARCEL)}

    def never_written(self, *, before: float) -> Iterator[dict[str, Any]]:
        """Parcels that the carrier has had since before ``before``, and whose tracking was never written."""
        state, reason = shipments.c.state, shipments.c.reason
        statement = (
            select(
                shipments.c.id.label("shipment"),
                *(shipments.c[name] for name in ("account", "tracking_number", "order_id", "invoice_number")),
                *(shipments.c[name] for name in ("state", "reason", "note", "known", "first_at", "changed_at")),
            )
            .where(
                shipments.c.sent.is_(None),
                shipments.c.first_at < before,
                or_(state.not_in(_NOTHING_TO_WRITE), and_(state == State.WAITING, reason.not_in(_GOOD_REASONS))),
                *self._of(shipments.c.account),
            )
            .order_by(shipments.c.first_at, shipments.c.id)
        )
        for row in map(dict, self._database.each(statement)):
            known = json.loads(row["known"])
            is_taken = row["state"] != State.WAITING or known.get("in_possession", False)
            if is_taken and (since := _had_since(row, known)) < before:
                shown = _without(row, "known", "first_at", "changed_at")
                yield {"gap": "never_written", **shown, "since": since}

    def delivery_not_told(self, *, before: float, endpoints: Collection[str]) -> Iterator[dict[str, Any]]:
        """Parcels of these endpoints that the carrier reported delivered before ``before``, and of whose invoice VTEX
        was not told so, neither for this parcel nor for another, nor under the number that the invoice got when it was
        made again. ``undelivered`` are our other shipments on the invoice whose carriers have not said so."""
        told = Attempts(self._database)
        for row in map(dict, self._database.each(self._delivered(before, endpoints))):
            known = known_from_json(json.loads(row["known"]))
            since = _delivered_since(known)
            if since is None or since >= before or told.delivery_told(*(row[part] for part in _PLACE)) is not None:
                continue
            if self._is_told_under_new_number(row, told):
                continue
            undelivered = self._undelivered_beside(row)
            back = ", after it had turned back: perhaps to its sender" if known.turned_back else ""
            said = f"the carrier reports {row['tracking_number']} delivered{back}, and VTEX was not told"
            also = f"not delivered, as far as we know: {', '.join(undelivered)}" if undelivered else ""
            note = "; ".join(filter(None, (said, also, row["note"])))
            shown = {**_without(row, "known", "evidence"), "note": note, "undelivered": undelivered}
            yield {"gap": "delivery_not_told", **shown, "since": since}

    def written(self) -> list[dict[str, Any]]:
        """Every parcel whose tracking is on an invoice, as far as we know, grouped by order. ``sent`` is what we wrote
        there. If another parcel of ours has been written there since, only that one is listed; if that one has left,
        or rests by a person's word, the latest of the others, with what was last written there."""
        whose = select(*(invoices.c[part] for part in _PLACE), invoices.c.shipment).where(*self._of(invoices.c.account))
        owners = {tuple(row.values())[:3]: row["shipment"] for row in self._database.each(whose)}
        columns = [shipments.c[name] for name in ("account", "tracking_number", "sent")]
        statement = select(shipments.c.id.label("shipment"), *columns).where(
            shipments.c.state.not_in(_NOT_COMPARED), shipments.c.sent.is_not(None), *self._of(shipments.c.account)
        )
        rows = [{**row, "sent": sent_from(row["sent"])} for row in self._database.each(statement)]
        here = {(*_place(row), row["shipment"]) for row in rows}
        own: list[dict[str, Any]] = []
        stayed: dict[tuple[str, str, str], dict[str, Any]] = {}
        for row in sorted(rows, key=lambda row: row["sent"].at):
            place = _place(row)
            owner = owners.get(place, row["shipment"])
            if owner == row["shipment"]:
                own.append(row)
            elif (*place, owner) not in here:
                stayed[place] = row
        own += [{**row, "sent": self._last_written(place, row["sent"])} for place, row in stayed.items()]
        return sorted(own, key=lambda row: (*_place(row)[:2], row["shipment"]))

    def _last_written(self, place: tuple[str, str, str], sent: Sent) -> Sent:
        """``sent`` with what our last write to its invoice said, for whichever parcel."""
        a = attempts.c
        there = [a[part] == value for part, value in zip(_PLACE, place, strict=True)]
        last = select(a.request).where(*there, a.call == "PATCH", a.outcome.in_(APPLIED)).order_by(a.id.desc())
        written = self._database.rows(last.limit(1))
        body = json.loads(written[0]["request"]) if written else sent.body
        number, url, courier = body["trackingNumber"], body["trackingUrl"], body["courier"]
        return replace(sent, tracking_number=number, tracking_url=url, courier=courier)

    def left_over(self) -> list[dict[str, Any]]:
        """Numbers that we wrote to an invoice to which their parcel no longer belongs, grouped by order. The parcel was
        assigned or linked elsewhere since, or is to be decided again. ``attempt`` is the write, ``since`` its time.
        ``order_id`` and ``invoice_number`` are where the number is left. ``belongs`` is where the parcel belongs now,
        or belonged until its number was another parcel's. A number that a later write of ours replaced on that invoice
        is not listed, one that it left there is."""
        a, later, last, s = attempts, attempts.alias("later"), attempts.alias("last"), shipments
        there = [later.c[part] == a.c[part] for part in (*_PLACE, "call")]
        there.append(later.c.outcome.in_((*APPLIED, GONE)))
        newest = select(func.max(later.c.id)).where(*there).scalar_subquery()
        again = select(literal(1)).where(*there, later.c.shipment == a.c.shipment, later.c.id > a.c.id)
        elsewhere = or_(
            s.c.sent.is_(None),
            s.c.order_id.is_distinct_from(a.c.order_id),
            s.c.invoice_number.is_distinct_from(a.c.invoice_number),
        )
        statement = (
            select(
                *(a.c[name] for name in ("id", "shipment", "request", "evidence", "begun_at", *_PLACE)),
                *(s.c[name].label(f"its_{name}") for name in ("order_id", "invoice_number", "sent")),
                *(last.c[name].label(f"last_{name}") for name in ("id", "evidence", "outcome")),
            )
            .join(s, and_(s.c.id == a.c.shipment, or_(s.c.generation == a.c.generation, a.c.evidence.like(_LEFT))))
            .join(last, last.c.id == newest)
            .where(a.c.call == "PATCH", a.c.outcome.in_(APPLIED), elsewhere, ~again.exists(), *self._of(a.c.account))
            .order_by(a.c.account, a.c.order_id, a.c.id)
        )
        rows = map(dict, self._database.each(statement))
        return [_left(row) for row in rows if _stays(row) and not _is_written_there(row)]

    def _untracked(self, before: float) -> Select[Any]:
        """Invoices that showed no tracking when their orders were last read, each with the parcel that owns it."""
        named, also = orders.alias("named"), orders.alias("also")
        of_order = (also.c.account == named.c.account, also.c.order_id == named.c.order_id)
        is_gone = select(literal(1)).where(*of_order, also.c.learnt_at > named.c.learnt_at)
        is_tracked = and_(
            also.c.kind.in_(("tracking_number", TRACKED)), also.c.invoice_number == named.c.invoice_number
        )
        answered = select(literal(1)).where(
            *of_order, also.c.learnt_at == named.c.learnt_at, or_(also.c.kind == CANCELLED_ORDER, is_tracked)
        )
        taken = and_(*(invoices.c[part] == named.c[part] for part in _PLACE))
        return (
            select(
                *(named.c[part] for part in _PLACE),
                named.c.dated_at.label("since"),
                named.c.learnt_at,
                shipments.c.id.label("shipment"),
                *(shipments.c[name] for name in ("tracking_number", "state", "reason", "note", "sent")),
                shipments.c.order_id.label("chosen_order"),
                shipments.c.invoice_number.label("chosen_invoice"),
            )
            .select_from(named.outerjoin(invoices, taken).outerjoin(shipments, shipments.c.id == invoices.c.shipment))
            .where(
                *(named.c.kind == "invoice_number", named.c.dated_at < before, ~is_gone.exists(), ~answered.exists()),
                *self._of(named.c.account),
            )
            .order_by(named.c.dated_at, named.c.order_id)
        )

    def _delivered(self, before: float, endpoints: Collection[str]) -> Select[Any]:
        """Parcels with an invoice that have been delivered at least in part, and for which we told no delivery."""
        s = shipments.c
        columns = ("account", "tracking_number", "order_id", "invoice_number", "state", "reason", "note")
        return (
            select(s.id.label("shipment"), *(s[name] for name in (*columns, "known", "evidence")))
            .where(
                *(s.endpoint.in_(endpoints), s.first_at < before, s.state.not_in(_NOT_TO_BE_TOLD)),
                *(s.order_id.is_not(None), s.invoice_number.is_not(None), s.known.like(_DELIVERED)),
                or_(s.sent.is_(None), s.sent.not_like(_DELIVERED)),
                *self._of(s.account),
            )
            .order_by(s.first_at, s.id)
        )

    def _is_told_under_new_number(self, row: dict[str, Any], told: Attempts) -> bool:
        """True if the order was read without the parcel's invoice, and VTEX was told of a delivery for each invoice
        that has come since that one was chosen. Nothing says which of them took its place."""
        of_order = [orders.c[part] == row[part] for part in ("account", "order_id")]
        last = select(func.max(orders.c.learnt_at)).where(*of_order).scalar_subquery()
        shown = select(orders.c.invoice_number).where(
            *of_order, orders.c.kind == "invoice_number", orders.c.learnt_at == last
        )
        now = {one["invoice_number"] for one in self._database.rows(shown)}
        before = json.loads(row["evidence"] or "{}").get("invoices")
        if not before or row["invoice_number"] in now or not (new := now.difference(before)):
            return False
        return all(told.delivery_told(row["account"], row["order_id"], one) is not None for one in new)

    def _undelivered_beside(self, row: dict[str, Any]) -> list[str]:
        """Our other shipments on the parcel's invoice that are not delivered, as far as we know."""
        s = shipments.c
        others = select(s.id, s.known).where(*(s[part] == row[part] for part in _PLACE))
        found = self._database.rows(others.order_by(s.id))
        return [one["id"] for one in found if not known_from_json(json.loads(one["known"])).delivered]

    def _of(self, column: Any) -> list[Any]:
        return [] if self._account is None else [column == self._account]


def _left(row: dict[str, Any]) -> dict[str, Any]:
    number = _own_number(row)
    former = json.loads(row["evidence"] or "{}").get(BELONGED)
    its = former or {part: row[f"its_{part}"] for part in ("order_id", "invoice_number")}
    order_id, invoice = its["order_id"], its["invoice_number"]
    where = f"{row['order_id']} / {row['invoice_number']}"
    belongs = f"{order_id} / {invoice}" if order_id and invoice else order_id
    note = f"left over on {where}: {number} of {row['shipment']}"
    which = "which belonged to {} until its number was another parcel's" if former else "which belongs to {} now"
    return {
        "gap": "left_over",
        **{name: row[name] for name in ("account", "order_id", "invoice_number", "shipment")},
        "tracking_number": number,
        "since": row["begun_at"],
        "attempt": row["id"],
        "belongs": belongs,
        "note": f"{note}, {which.format(belongs)}" if belongs and belongs != where else note,
    }


def _own_number(row: dict[str, Any]) -> str:
    """The number that the attempt wrote for its own shipment: one of several, if it joined them."""
    number: str = json.loads(row["request"])["trackingNumber"]
    own = _joined(row["evidence"]).get(row["shipment"])
    return own[1] if own else number


def _stays(row: dict[str, Any]) -> bool:
    """Whether our last write to the invoice was the attempt, or joined its number to others."""
    if row["last_id"] == row["id"]:
        return True
    return row["last_outcome"] != GONE and row["shipment"] in _joined(row["last_evidence"])


def _joined(evidence: str | None) -> dict[str, list[Any]]:
    """The shipments that a write joined, each with its day and number."""
    return json.loads(evidence or "{}").get("parcels") or {}


def _is_written_there(row: dict[str, Any]) -> bool:
    """True if the parcel's tracking is there by its last decision, even while that decision is reconsidered."""
    sent = sent_from(row["its_sent"])
    if sent is None or not sent.is_at(row["order_id"], row["invoice_number"]):
        return False
    return not sent.visibility.is_elsewhere


def _place(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["account"], row["sent"].order_id, row["sent"].invoice_number


def _is_tracked(row: dict[str, Any]) -> bool:
    """True if the parcel was written to this very invoice, unless VTEX was found not to show it."""
    sent = sent_from(row["sent"])
    if sent is None or not sent.is_at(row["order_id"], row["invoice_number"]):
        return False
    return sent.visibility.is_open or sent.visibility.was_seen


def _is_meant(row: dict[str, Any]) -> bool:
    """False if the parcel has moved to another invoice since: its reason and note are not about this one."""
    return (row["chosen_order"], row["chosen_invoice"]) == (row["order_id"], row["invoice_number"])


def _had_since(row: dict[str, Any], known: dict[str, Any]) -> float:
    """When the parcel could first be written: not while it was a label, nor while an earlier parcel had its number.

    Carriers' clocks may be ahead. The time is therefore never later than the last change of the row.
    """
    times = [datetime.fromisoformat(known[name]).timestamp() for name in ("dispatched_at", "since") if name in known]
    first_at: float = row["first_at"]
    return min(max([first_at, *times]), float(row["changed_at"]))


def _delivered_since(known: Known) -> float | None:
    """When we heard that the last of its volumes was delivered; ``None`` if they are not, or to the shop."""
    heard = [volume.delivered_on[1].timestamp() for volume in known.volumes.values() if volume.delivered_on]
    return max(heard, default=None) if known.delivered and not known.reverse else None


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
