"""Looking: what arrived, where each parcel is, and why."""

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from receiver.commands._common import (
    count,
    endpoint_option,
    json_option,
    known,
    moment,
    named,
    opened,
    outcome_option,
    plain,
    printable,
    reason_option,
    show_rows,
    state_option,
)
from receiver.shipments import Sent, SentTracking, State, Visibility, known_from_json
from receiver.shipments.next_step import next_step
from receiver.store import Desk
from receiver.store.attempts import about_order
from receiver.store.desk import Unknown
from receiver.vtex.choice import RULES
from receiver.vtex.differences import kept_back


@click.command()
@state_option
@reason_option
@endpoint_option
@click.option("--number", help="Only those with this tracking number.")
@json_option
def shipments(
    state: str | None, reason: str | None, endpoint: str | None, number: str | None, *, as_json: bool
) -> None:
    """List shipments, the latest change first."""
    columns = {
        "id": "shipment",
        "state": "state",
        "reason": "reason",
        "tracking_number": "number",
        "order_id": "order",
        "invoice_number": "invoice",
        "rule": "chosen by",
        "changed_at": "changed",
    }
    with opened() as (config, database):
        rows = Desk(database).shipments(state=state, reason=reason, endpoint=endpoint, number=number)
        show_rows(known(rows, config, endpoint), columns, as_json=as_json, empty="no such shipment")


@click.command()
@outcome_option
@endpoint_option
@json_option
def deliveries(outcome: str | None, endpoint: str | None, *, as_json: bool) -> None:
    """List deliveries in the order they came. Bodies are not shown: see `receiver export`."""
    columns = {
        "id": "delivery",
        "received_at": "received",
        "endpoint": "endpoint",
        "outcome": "outcome",
        "reason": "reason",
    }
    with opened() as (config, database):
        rows = known(Desk(database).deliveries(outcome=outcome, endpoint=endpoint), config, endpoint)
        without_body = ({name: value for name, value in row.items() if name != "body"} for row in rows)
        show_rows(without_body, columns, as_json=as_json, empty="no such delivery")


@click.command()
@endpoint_option
@json_option
def fetches(endpoint: str | None, *, as_json: bool) -> None:
    """List what carriers were to be asked for.

    The latest change first. What is held or given up is tried again by `receiver reprocess DELIVERY`.
    """
    columns = {
        "changed_at": "changed",
        "endpoint": "endpoint",
        "outcome": "outcome",
        "due_at": "due",
        "reason": "reason",
        "delivery": "asked for by",
        "url": "what",
    }
    with opened() as (config, database):
        rows = known(Desk(database).fetches(endpoint=endpoint), config, endpoint)
        show_rows(rows, columns, as_json=as_json, empty="nothing was to be fetched")


@click.command()
@json_option
def rejects(*, as_json: bool) -> None:
    """List senders that could not prove themselves.

    The last ones, the newest first, with the reason, which they are not told.
    """
    columns = {"at": "at", "endpoint": "endpoint", "reason": "reason", "method": "method", "target": "target"}
    with opened() as (_, database):
        rows = ({**row, "headers": json.loads(row["headers"])} for row in Desk(database).rejects())
        show_rows(rows, columns, as_json=as_json, empty="nobody was turned away")


@click.command()
@click.argument("name", metavar="SHIPMENT|ORDER")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Tell a shipment's whole story, or an order's.

    What arrived, what was chosen and why, every request and answer, and what happens next. SHIPMENT is its id or its
    tracking number; or it is an order's id: then its shipments are told, and every write to it, posted invoices too.
    """
    with opened() as (_, database):
        story = _story(Desk(database), name.strip())
    if as_json:
        click.echo(json.dumps(plain(story)))
        return
    for line in _told(story) if "shipment" in story else _order_told(story):
        click.echo(printable(line))


def _story(desk: Desk, name: str) -> dict[str, Any]:
    try:
        return desk.order(name)
    except Unknown:
        story = desk.story(named(desk, name))
    paused_until = story["paused"]["until"] if story["paused"] else None
    step = next_step(story["shipment"], paused_until=paused_until, now=time.time())
    story["next"] = {"what": step.what, "at": step.at}
    story["kept_back"] = _kept_back(story["shipment"])
    return story


def _order_told(story: dict[str, Any]) -> Iterator[str]:
    yield f"order {story['order_id']}: {count(len(story['shipments']), 'shipment')}"
    for row in story["shipments"]:
        what = (f"{row['state']}, {row['reason']}" if row["reason"] else row["state"], row["tracking_number"])
        place = f"invoice {row['invoice_number']}" if row["invoice_number"] else "no invoice yet"
        yield f"  {row['id']}  " + "  ".join(part for part in (*what, place, f"account {row['account']}") if part)
    yield "what was written:" if story["attempts"] else "what was written: nothing yet"
    for one in story["attempts"]:
        by = "receiver invoice" if one["shipment"] == about_order(one["order_id"]) else one["shipment"]
        yield f"  {moment(one['begun_at'])}  {by}  {_attempt(one)}"


def _told(story: dict[str, Any]) -> Iterator[str]:
    row, known_now = story["shipment"], story["shipment"]["known"] or {}
    yield f"{row['id']}: {row['state']}" + (f", {row['reason']}" if row["reason"] else "")
    if row["note"]:
        yield f"  {row['note']}"
    by = {
        "account": row["account"] + _paused(story["paused"]),
        "tracking number": row["tracking_number"],
        "carrier says": (known_now.get("status") or [None])[0],
        "dispatched": known_now.get("dispatched_at"),
        "references": ", ".join(f"{kind} {value}" for kind, value in known_now.get("references", ())),
        "assigned": _assigned(row),
        "order": _place(row["order_id"], row["invoice_number"]),
        "chosen among": ", ".join(
            (row["evidence"] or {}).get("candidates") or (row["evidence"] or {}).get("invoices") or ()
        ),
        "chosen by": f"{row['rule']}: {RULES.get(row['rule'], '')}" if row["rule"] else None,
        "evidence": json.dumps(row["evidence"], ensure_ascii=False) if row["evidence"] else None,
        ("sent" if _is_missing(row["sent"]) else "VTEX has"): _sent(row["sent"]) if row["sent"] else None,
        "kept back": "; ".join(story["kept_back"]),
        "events": _events(row["sent"].tracking) if row["sent"] and row["sent"].tracking else None,
        "generation": str(row["generation"]) if row["generation"] > 1 else None,
        "next": _next(**story["next"]),
    }
    yield from (f"  {name:<15}  {value}" for name, value in by.items() if value)
    yield "what arrived:"
    for one in story["deliveries"]:
        yield from _arrived(one)
    yield "what was done:" if story["attempts"] else "what was done: nothing was asked of VTEX yet"
    for one in story["attempts"]:
        yield f"  {moment(one['begun_at'])}  {_attempt(one)}"


def _next(what: str, at: float | None) -> str:
    return f"{moment(at)}: {what}" if at else what


def _arrived(one: dict[str, Any]) -> Iterator[str]:
    said = {name: value for name, value in one["said"].items() if name not in ("key", "events", "references")}
    yield f"  {moment(one['received_at'])}  {one['id']}  {json.dumps(said, ensure_ascii=False)}"
    read = f"{one['carrier']} of version {one['version']}" if one["version"] else one["carrier"]
    folded = "folded in" if one["folded"] else "not folded in yet"
    proof = f"{one['proof']}, as {one['notice']} asked" if one["notice"] else one["proof"]
    yield f"  {'':20}  {one['outcome']}, proven by {proof}, read by {read}, {folded}, sha256 {one['digest']}"


def _place(order: str | None, invoice: str | None) -> str | None:
    return f"{order}, invoice {invoice}" if order and invoice else order


def _paused(pause: dict[str, Any] | None) -> str:
    return f", paused until {moment(pause['until'])}: {pause['reason']}" if pause else ""


def _assigned(row: dict[str, Any]) -> str | None:
    place = _place(row["assigned_order"], row["assigned_invoice"])
    return f"{place}, {moment(row['assigned_at'])}" if place and row["assigned_at"] else place


def _is_missing(sent: Sent | None) -> bool:
    return sent is not None and sent.visibility.is_elsewhere


_VISIBLE = {
    Visibility.UNSEEN: "not looked at since",
    Visibility.BELIEVED: "not looked at since",
    Visibility.SEEN: "seen there",
    Visibility.MISSING: "not seen there",
    Visibility.SUPERSEDED: "not seen there",
}


def _sent(sent: Sent) -> str:
    return f"{json.dumps(sent.body, ensure_ascii=False)} since {moment(sent.at)}, {_VISIBLE[sent.visibility]}"


def _kept_back(row: dict[str, Any]) -> list[str]:
    """What VTEX is not sent of what the carrier says; of a parcel that is in step."""
    if row["state"] != State.IN_STEP or not row["sent"] or not row["known"]:
        return []
    return kept_back(known_from_json(row["known"]), row["sent"])


def _events(sent: SentTracking) -> str:
    delivered = f", delivered {sent.delivered_date or 'at a time not told'}" if sent.delivered else ""
    many = count(sent.events, "event") + delivered
    if sent.sent_by:
        return f"{many}: left to {sent.sent_by}, whose invoice it is"
    return f"{many}, told {moment(sent.at)}" + (f" ({sent.note})" if sent.note else "")


def _attempt(attempt: dict[str, Any]) -> str:
    parts = [attempt["call"], _place(attempt["order_id"], attempt["invoice_number"])]
    if attempt["rule"]:
        parts.append(f"by {attempt['rule']}")
    if attempt["request"]:
        parts.append(json.dumps(attempt["request"], ensure_ascii=False))
    parts.append(f"→ {attempt['outcome'] or 'outcome unknown'}")
    parts.append(attempt["answer"])  # an answer that is no success begins with its status
    return "  ".join(part for part in parts if part)


COMMANDS = (shipments, deliveries, fetches, rejects, show)
