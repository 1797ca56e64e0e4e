"""The command that tells a shipment's whole story, or an order's."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from receiver.commands._common import count, fail, json_option, opened, printable, standing
from receiver.config import Config
from receiver.operations.published import published_order, published_story
from receiver.operations.story import story
from receiver.shipments import Known, Sent, SentTracking, Visibility, known_from_json, unknown_word
from receiver.shipments.plain import plain
from receiver.store import Database, OperatorQueries
from receiver.store.operator.queries import Unknown
from receiver.store.rows import about_order
from receiver.timing import stamp
from receiver.vtex.rules import RULES


@click.command()
@click.argument("name", metavar="SHIPMENT|ORDER")
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Tell a shipment's whole story, or an order's.

    What arrived, what was chosen and why, every request and answer, and what happens next. SHIPMENT is its id or its
    tracking number; or it is an order's id: then its shipments are told, and every write to it, posted invoices too.
    """
    with opened() as (config, database):
        history = _history(config, database, name.strip())
    if as_json:
        click.echo(json.dumps(plain(published_story(history) if "shipment" in history else published_order(history))))
        return
    for line in _history_lines(history) if "shipment" in history else _order_lines(history):
        click.echo(printable(line))


def _history(config: Config, database: Database, name: str) -> dict[str, Any]:
    queries = OperatorQueries(database)
    try:
        return queries.order(name)
    except Unknown:
        return story(database, _shipment(config, queries, name), now=time.time())


def _shipment(config: Config, queries: OperatorQueries, name: str) -> str:
    try:
        return queries.find(name, config.endpoints)
    except Unknown as error:
        if not str(error).startswith("no "):
            fail(str(error))
        unread = "; parcels are due that no worker has looked at: their numbers are not known before"
        either = f"{error}; nothing is known of an order of this id either"
        fail(_of_delivery(queries, name) or either + (unread if queries.has_unread() else ""))


def _of_delivery(queries: OperatorQueries, name: str) -> str | None:
    """Where the name is that of a delivery, which carriers are answered and the log has: what became of it."""
    try:
        delivery = queries.delivery(name)
    except Unknown:
        return None
    said = f"{name} is a delivery of endpoint {delivery['endpoint']}: {delivery['outcome']}"
    said += f", {delivery['reason']}" if delivery["reason"] else ""
    shipments = dict.fromkeys(update["shipment"] for update in queries.stored_updates(delivery=name))
    return said + "".join(f"; receiver show {one}" for one in shipments)


def _order_lines(history: dict[str, Any]) -> Iterator[str]:
    yield f"order {history['order_id']}: {count(len(history['shipments']), 'shipment')}"
    for row in history["shipments"]:
        what = (f"{row['state']}, {row['reason']}" if row["reason"] else row["state"], row["tracking_number"])
        place = f"invoice {row['invoice_number']}" if row["invoice_number"] else "no invoice yet"
        yield f"  {row['id']}  " + "  ".join(part for part in (*what, place, f"account {row['account']}") if part)
    yield "what was written:" if history["attempts"] else "what was written: nothing yet"
    for one in history["attempts"]:
        by = "receiver invoice" if one["shipment"] == about_order(one["order_id"]) else one["shipment"]
        yield from _attempt(one, by)


def _history_lines(history: dict[str, Any]) -> Iterator[str]:
    row, known_now = history["shipment"], history["shipment"]["known"] or {}
    yield f"{row['id']}: {row['state']}" + (f", {row['reason']}" if row["reason"] else "")
    if row["note"]:
        yield f"  {row['note']}"
    by = {
        "account": row["account"] + _paused(history["paused"]),
        "companion of": row["companion_of"],
        "tracking number": row["tracking_number"],
        "carrier says": _status(known_from_json(known_now), history["deliveries"]),
        "dispatched": known_now.get("dispatched_at"),
        "references": ", ".join(f"{kind} {value}" for kind, value in known_now.get("references", ())),
        "assigned": _assigned(row),
        "order": _place(row["order_id"], row["invoice_number"]),
        "linked": "; ".join(map(_link, history["links"])),
        "chosen among": ", ".join(
            (row["evidence"] or {}).get("candidates") or (row["evidence"] or {}).get("invoices") or ()
        ),
        "chosen by": f"{row['rule']}: {RULES.get(row['rule'], '')}" if row["rule"] else None,
        "evidence": json.dumps(row["evidence"], ensure_ascii=False) if row["evidence"] else None,
        "kept back": "; ".join(history["kept_back"]),
        "generation": str(row["generation"]) if row["generation"] > 1 else None,
    }
    yield from (_line(name, value) for name, value in by.items() if value)
    yield from _sent(row["sent"]) if row["sent"] else ()
    yield _line("next", _next(**history["next"]))
    yield "what arrived:"
    for one in history["deliveries"]:
        yield from _arrived(one)
    yield from _decided(history["decisions"])
    yield "what was done:" if history["attempts"] else "what was done: nothing was asked of VTEX yet"
    for one in history["attempts"]:
        yield from _attempt(one)


def _decided(decisions: Sequence[dict[str, Any]]) -> Iterator[str]:
    if decisions:
        yield "what people decided:"
    for one in decisions:
        why = f": {one['note']}" if one["note"] else ""
        yield f"  {stamp(one['at'])}  {one['action']} by {one['actor']} ({one['via']}){why}"
        sides = [(name, standing(one[name])) for name in ("before", "after")]
        yield from (f"  {'':20}  {name:<6} {text}" for name, text in sides if text)


def _line(name: str, value: str) -> str:
    return f"  {name:<15}  {value}"


def _link(link: dict[str, Any]) -> str:
    place = _place(link["order_id"], link["invoice_number"])
    return f"to {place} by a link of {link['kind']} {link['value']}, set {stamp(link['told_at'])}"


def _status(known_now: Known, messages: Sequence[dict[str, Any]]) -> str | None:
    """The newest status, with the carrier's word if its adapter does not know it."""
    if known_now.status is None:
        return None
    if not known_now.unknown_word:
        return known_now.status.value
    return f"{known_now.status.value}: {unknown_word(known_now.unknown_word, messages[-1]['carrier'])}"


def _next(what: str, at: float | None) -> str:
    return f"{stamp(at)}: {what}" if at else what


def _arrived(one: dict[str, Any]) -> Iterator[str]:
    update = {name: value for name, value in one["said"].items() if name not in ("key", "events", "references")}
    yield f"  {stamp(one['received_at'])}  {one['id']}  {json.dumps(update, ensure_ascii=False)}"
    read = f"{one['carrier']} {one['version']}" if one["version"] else one["carrier"]
    auth = f"{one['proof']}, as {one['notice']} asked" if one["notice"] else one["proof"]
    state = "; read otherwise since" if one["replaced"] else "" if one["folded"] else "; not worked on yet"
    yield f"  {'':20}  {one['outcome']} (authenticated by {auth}; adapter {read}){state}"


def _place(order: str | None, invoice: str | None) -> str | None:
    return f"{order}, invoice {invoice}" if order and invoice else order


def _paused(pause: dict[str, Any] | None) -> str:
    if not pause:
        return ""
    return f", paused until {stamp(pause['until'])}: {pause['reason']}; it ends {pause['ends']}"


def _assigned(row: dict[str, Any]) -> str | None:
    place = _place(row["assigned_order"], row["assigned_invoice"])
    return f"{place}, {stamp(row['assigned_at'])}" if place and row["assigned_at"] else place


_VISIBLE = {
    Visibility.UNSEEN: "not looked at since",
    Visibility.BELIEVED: "not looked at since",
    Visibility.SEEN: "seen there",
    Visibility.MISSING: "not seen there",
    Visibility.SUPERSEDED: "not seen there",
}


def _sent(sent: Sent) -> Iterator[str]:
    """What VTEX has, with a line for each field."""
    what = f"since {stamp(sent.at)}, {_VISIBLE[sent.visibility]}"
    yield _line("sent" if sent.visibility.is_elsewhere else "VTEX has", what)
    yield from _fields(sent.body)
    if sent.tracking:
        yield _line("events", _events(sent.tracking))


def _fields(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"  {'':15}  {name:<15} {value or '(none)'}" for name, value in body.items())


def _events(sent: SentTracking) -> str:
    delivered = f", delivered {sent.delivered_date or 'at a time not told'}" if sent.delivered else ""
    many = count(sent.events, "event") + delivered
    if sent.sent_by:
        return f"{many}: left to {sent.sent_by}, whose invoice it is"
    return f"{many}, sent {stamp(sent.at)}" + (f" ({sent.note})" if sent.note else "")


def _attempt(attempt: dict[str, Any], by: str | None = None) -> Iterator[str]:
    """The lines of one call, with the fields of a PATCH below it; ``by`` says for what it was made."""
    is_patch = attempt["call"] == "PATCH"
    parts = [by, attempt["call"], _place(attempt["order_id"], attempt["invoice_number"])]
    if attempt["rule"]:
        parts.append(f"by {attempt['rule']}")
    if linked_by := (attempt["evidence"] or {}).get("linked_by"):
        parts.append(f"linked by {linked_by}")
    if attempt["request"] and not is_patch:
        parts.append(json.dumps(attempt["request"], ensure_ascii=False))
    if held := (attempt["evidence"] or {}).get("held"):  # the invoice's former values
        parts.append(f"over {json.dumps(held, ensure_ascii=False)}")
    parts.append(f"→ {attempt['outcome'] or 'outcome unknown'}")
    parts.append(attempt["answer"])  # a failed call's answer begins with its status
    yield f"  {stamp(attempt['begun_at'])}  " + "  ".join(part for part in parts if part)
    if is_patch and attempt["request"]:
        yield from _fields(attempt["request"])


COMMANDS = (show,)
