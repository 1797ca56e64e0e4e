"""One parcel: its story, its order's invoices side by side, and the decisions that a person may take about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from adapters import ReferenceKind
from receiver.config import Config
from receiver.operations.choice_preview import NoPreview, Preview, preview
from receiver.operations.decisions import Decisions, NotAsShown, NothingToChange
from receiver.operations.order_check import IsPurchase, NotShown, TooManyLookups, lookup
from receiver.operations.order_view import order_view
from receiver.operations.side_by_side import MarkedInvoice, side_by_side
from receiver.operations.story import story
from receiver.shipments import Known, Reason, State, known_from_json
from receiver.shipments.next_step import Next
from receiver.shipments.reasons import Kind
from receiver.store import DecisionRecord
from receiver.store.finding.assigning import NotAssigned
from receiver.store.operator.deciding import standing_mark
from receiver.store.operator.queries import Unknown
from receiver.vtex.client import BadSegment, path_segment
from receiver.web import cursors
from receiver.web.console.context import Context, must_decide, stands_at
from receiver.web.console.flash import tell, told
from receiver.web.console.notes import sentences
from receiver.web.console.pages._timeline import DECIDED, timeline

#: What follows a decision, by its action.
_DONE = {
    "assign": "parcel.did_assign",
    "unassign": "parcel.did_unassign",
    "retry": "parcel.did_retry",
    "dismiss": "parcel.did_dismiss",
}
#: A decision about the named parcel, with the order and the invoice that the form names.
_Decide = Callable[[Decisions, str, Mapping[str, str]], None]
#: Seconds after which the page is fetched again while a worker has to do with its parcel: in the first minute, then.
_SOON, _LATER, _FIRST_MINUTE = 3, 30, 60.0
#: The most characters of an id.
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Looked:
    """What VTEX shows of the order that a person asks for, its invoices with their marks; ``of_purchase``: the orders
    to choose from, where the person named a purchase."""

    order: dict[str, Any] | None = None
    beside: Sequence[MarkedInvoice] = ()
    of_purchase: Sequence[str] = ()


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the routes of one parcel."""

    @routes.get("/<source>/<path:key>")
    def parcel(source: str, key: str) -> tuple[str, int]:
        return _shown(context, f"{source}/{key}", _asked(request.args), chooses="choose" in request.args)

    @routes.post("/<source>/<path:key>/assign")
    def assign(source: str, key: str) -> tuple[str, int] | Response:
        name, asked = f"{source}/{key}", _asked(request.form)
        must_decide()
        if "order" not in asked:
            abort(400)
        try:
            return _decided(context, name, _assign)
        except NotAsShown:
            return _shown(context, name, asked, chooses=True, is_stale=True)

    @routes.post("/<source>/<path:key>/decide")
    def decide(source: str, key: str) -> tuple[str, int] | Response:
        name = f"{source}/{key}"
        try:
            return _decided(context, name, _decide)
        except NotAsShown as error:
            return _shown(context, name, _asked(request.form), fault=str(error))


def _decided(context: Context, name: str, decide: _Decide) -> tuple[str, int] | Response:
    """Take the decision of the form that was sent, and show what follows, or why nothing was changed."""
    asked, decisions = _asked(request.form), context.decisions(note=request.form.get("note"))
    try:
        decide(decisions, name, asked)
    except NotShown as error:
        return _shown(context, name, asked, fault=error.what)
    except (NotAssigned, NothingToChange, NoPreview, BadSegment, TooManyLookups) as error:
        return _shown(context, name, asked, fault=str(error))
    except Unknown:
        abort(404)
    there = redirect(address(name, after=request.form.get("after", "")), 303)
    return tell(there, "parcel", decision=decisions.last_id)


def _assign(decisions: Decisions, name: str, asked: Mapping[str, str]) -> None:
    is_unseen = request.form.get("unseen") == "yes"
    of = (name, asked["order"], asked.get("invoice"))
    with lookup():
        decisions.assign(*of, also=_also(asked), unseen=is_unseen, token=request.form.get("token"))


def _decide(decisions: Decisions, name: str, _asked: Mapping[str, str]) -> None:
    known = {"unassign": decisions.unassign, "retry": decisions.retry, "dismiss": decisions.dismiss}
    action = request.form.get("action", "")
    if action not in known:
        abort(400)
    known[action](name, mark=request.form.get("mark"))


def address(shipment: str, **query: str) -> str:
    """The address of a parcel's page; an empty word of the query is left out."""
    source, _, key = shipment.partition("/")
    page = url_for("console.parcels.parcel", source=source, key=key)
    given = {name: value for name, value in query.items() if value}
    return f"{page}?{urlencode(given)}" if given else page


def _asked(fields: Mapping[str, str]) -> dict[str, str]:
    """The order, invoice and other orders that the person names."""
    found = {name: fields[name].strip() for name in ("order", "invoice", "also") if fields.get(name, "").strip()}
    if any(len(value) > _LONGEST or not value.isprintable() for value in found.values()):
        abort(400)
    return found


def _also(asked: Mapping[str, str]) -> list[str]:
    return [one.strip() for one in asked.get("also", "").split(";") if one.strip()]


def _shown(
    context: Context,
    name: str,
    asked: Mapping[str, str],
    *,
    fault: str = "",
    chooses: bool = False,
    is_stale: bool = False,
) -> tuple[str, int]:
    """The page. ``chooses``: with what the assignment would send; ``is_stale``: that has changed since it was shown."""
    stands_at(address(name, **asked, choose="1" if chooses else ""))
    try:
        found = story(context.database, name, now=context.clock())
    except Unknown:
        abort(404)
    row = found["shipment"]
    known = known_from_json(row["known"] or {})
    is_read = request.method == "GET" or chooses
    looked, fault = _order(context, row, known, asked if is_read else {}, fault)
    foreseen, fault = _preview(context, name, asked, fault) if chooses and "order" in asked else (None, fault)
    page = render_template(
        "parcel.html",
        row=row,
        mark=standing_mark(row),
        known=known,
        story=found,
        timeline=timeline(found, {one.carrier.slug: one.carrier.name for one in context.config.endpoints.values()}),
        why=sentences(row["note"] or "", Reason(row["reason"]) if row["reason"] else None),
        advice=_advice(row),
        orders=looked.of_purchase or _orders(row, known),
        asked=asked,
        order=looked.order,
        beside=looked.beside,
        may_come=not looked.order and not looked.of_purchase and _may_come(asked),
        preview=foreseen,
        fault=fault,
        is_stale=is_stale,
        note=request.form.get("note", "").strip(),
        done=_done(context, name),
        refresh=None if asked or request.method != "GET" else _refresh(found, context.clock()),
        after=request.values.get("after") or cursors.encoded("held", (row["changed_at"], name)),
        admin=lambda order_id: _admin(context.config, row["account"], order_id),
        address=address,
    )
    return page, 409 if fault or is_stale else 200


def _refresh(found: Mapping[str, Any], now: float) -> int | None:
    """After how many seconds the page is out of date; ``None``: not by itself."""
    row = found["shipment"]
    if row["state"] != State.DUE and found["next"]["what"] is not Next.WORKED_ON:
        return None
    return _SOON if now - row["changed_at"] < _FIRST_MINUTE else _LATER


def _advice(row: Mapping[str, Any]) -> str | None:
    """The text that says what a person can do."""
    if row["state"] == State.GAVE_UP:
        return "advice.gave_up"
    is_settled = row["reason"] and row["state"] in (State.HELD, State.KEPT)
    return f"advice.{row['reason']}" if is_settled and Reason(row["reason"]).kind is not Kind.WAITING else None


def _orders(row: Mapping[str, Any], known: Known) -> list[str]:
    """The orders that the parcel may belong to, the likeliest first."""
    evidence = row["evidence"] or {}
    named = known.values(ReferenceKind.ORDER_ID) + known.values(ReferenceKind.ORDER_GROUP)
    found = (row["assigned_order"], row["order_id"], *evidence.get("orders", ()), *named)
    return list(dict.fromkeys(one for one in found if one))


def _order(
    context: Context, row: Mapping[str, Any], known: Known, asked: Mapping[str, str], fault: str
) -> tuple[_Looked, str]:
    """The order that the person asks for as VTEX shows it, and what went wrong."""
    if "order" not in asked:
        return _Looked(), fault
    try:
        with lookup():
            order = order_view(context.config, context.database, asked["order"], account=row["account"])
    except IsPurchase as error:
        return _Looked(of_purchase=error.orders), fault or str(error)
    except (Unknown, BadSegment, TooManyLookups) as error:
        return _Looked(), fault or str(error)
    return _Looked(order, side_by_side(row["id"], known, row["evidence"], order["invoices"])), fault


def _may_come(asked: Mapping[str, str]) -> bool:
    """Whether the order that the person names could exist, as far as its id tells."""
    try:
        path_segment(asked.get("order", ""))
    except BadSegment:
        return False
    return True


def _preview(context: Context, name: str, asked: Mapping[str, str], fault: str) -> tuple[Preview | None, str]:
    """What the assignment that the person is about to take would send, and what went wrong."""
    must_decide()
    try:
        with lookup():
            of = (context.config, context.database, name, asked["order"], asked.get("invoice"))
            return preview(*of, also=_also(asked), now=context.clock()), fault
    except NotShown as error:
        return None, error.what
    except (NoPreview, BadSegment, TooManyLookups) as error:
        return None, str(error)


def _done(context: Context, name: str) -> dict[str, Any] | None:
    """What the person has just decided, as the record has it."""
    said = told("parcel")
    row = DecisionRecord(context.database).get(said["decision"]) if said else None
    if row is None or row["subject"] != name or row["action"] not in DECIDED:
        return None
    return {"text": _DONE[row["action"]], "unchecked": (row["after"] or {}).get("unchecked")}


def _admin(config: Config, account: str, order_id: str | None) -> str | None:
    """The order's page in VTEX Admin; ``None`` where the account is a stand-in."""
    settings = config.accounts.get(account)
    if (
        settings is None
        or order_id is None
        or urlsplit(settings.base_url).hostname in ("localhost", "127.0.0.1", "::1")
    ):
        return None
    return f"https://{quote(account, safe='')}.myvtex.com/admin/orders/{quote(order_id, safe='')}"
