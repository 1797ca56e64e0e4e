"""The list of parcels: found by anything, filtered, counted by state, and decided about many at once."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver.operations.bulk import Bulk, BulkRefused
from receiver.operations.parcels import chosen
from receiver.shipments import Reason, State
from receiver.shipments.reasons import Kind
from receiver.store import OperatorQueries
from receiver.store.operator.bulk import BulkAction
from receiver.store.operator.listings import Ask, Listings
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.web import cursors
from receiver.web.console.context import Context, must_decide, stands_at
from receiver.web.console.flash import tell, told
from receiver.web.console.pages._lists import List, filters, given, listed
from receiver.web.console.pages._page import Page
from receiver.web.console.pages._parcel import add_to as add_parcel
from receiver.web.console.pages._parcel import address

PAGE = Page(name="parcels", path="/parcels", position=20, is_searched=True)

#: Words of an address that choose parcels; ``q`` is the search.
NAMES = ("q", "state", "reason", "endpoint", "carrier", "account", "since", "until")
_ACTIONS = get_args(BulkAction)
#: Why nothing was decided about many, by the code of `BulkRefused`.
_REFUSED = {
    "none": "parcels.bulk_none",
    "too_many": "parcels.bulk_too_many",
    "outgrown": "parcels.bulk_changed",
    "changed": "parcels.bulk_changed",
    "other": "parcels.bulk_changed",
    "no_filter": "parcels.bulk_no_filter",
}
_DONE = {"retry": "parcels.did_retry", "dismiss": "parcels.did_dismiss"}


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the routes of the list and of one parcel."""
    listings = Listings(context.database)

    @routes.get("")
    def index() -> str | Response:
        found = _given()
        of = chosen(context.config, context.database, _words(found))
        page = listed("parcels", (float, str), found, lambda ask: listings.shipments(ask, of))
        if set(found) == {"q"} and len(page.rows) == 1 and page.is_first:
            return redirect(address(page.rows[0]["id"]), 303)
        return render_template(
            "parcels.html",
            list=page,
            counts=listings.counts(of),
            is_unread=not page.rows and "q" in found and OperatorQueries(context.database).has_unread(),
            options=_options(context, found),
            many=lambda action: _bulk(found).address(action=action),
            done=_done(),
            address=address,
        )

    @routes.get("/next")
    def following() -> Response:
        return redirect(_next_held(listings), 303)

    _add_bulk(routes, context)
    add_parcel(routes, context)


def _add_bulk(routes: Blueprint, context: Context) -> None:
    bulk = Bulk(context.config, context.database)

    def shown(found: Mapping[str, str], action: BulkAction, refused: str = "") -> tuple[str, int]:
        preview = None
        if not refused:
            try:
                preview = bulk.preview(action, _words(found), now=context.clock())
            except BulkRefused as error:
                refused = error.code
        page = render_template(
            "parcels_bulk.html",
            action=action,
            words=found,
            preview=preview,
            refused=_REFUSED.get(refused),
            back=List(route="console.parcels.index", words=found).address(),
            address=address,
        )
        return page, 409 if refused else 200

    @routes.get("/bulk")
    def preview() -> tuple[str, int]:
        must_decide()
        return shown(_given(), _action(request.args.get("action")))

    @routes.post("/bulk")
    def act() -> tuple[str, int] | Response:
        found, action = _given(request.form), _action(request.form.get("action"))
        stands_at(_bulk(found).address(action=action))
        decisions = context.decisions(note=request.form.get("note"))
        try:
            batch = bulk.act(decisions, action, _words(found), request.form.get("token", ""))
        except BulkRefused as error:
            return shown(found, action, error.code)
        there = redirect(url_for("console.parcels.index"), 303)
        return tell(there, "parcels", action=action, count=batch.decided)


def _given(sent: Mapping[str, str] | None = None) -> dict[str, str]:
    """The words of the address, or of a form that was sent."""
    return given(*NAMES, sent=sent, state=tuple(State), reason=tuple(Reason))


def _words(found: Mapping[str, str]) -> dict[str, Any]:
    """The words as `receiver.operations.parcels.chosen` takes them."""
    wanted = filters(found)
    return {**wanted, "search": wanted.pop("q", None)}


def _bulk(found: Mapping[str, str]) -> List:
    """Where all parcels that the words choose are decided about."""
    return List(route="console.parcels.preview", words=found)


def _next_held(listings: Listings) -> str:
    """The held parcel that changed last before the one that was shown; else the last one of all; else the list."""
    held, behind = ShipmentFilter(state=State.HELD.value), request.args.get("after", "")
    try:
        key = cursors.decoded("held", (float, str), behind) if behind else None
    except cursors.BadCursor:
        abort(400)
    for after in (key, None):
        rows = listings.shipments(Ask(2, after), held).rows
        rows = [row for row in rows if key is None or row["id"] != key[1]]
        if rows:
            return address(rows[0]["id"])
    return url_for("console.parcels.index", state=held.state)


def _options(context: Context, found: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """What may be chosen besides the state. What there is only one of is no choice."""
    config = context.config
    names = {
        "endpoint": sorted(config.endpoints),
        "carrier": sorted({one.carrier.slug for one in config.endpoints.values()}),
        "account": sorted(config.accounts),
    }
    reasons = {kind.value: [one.value for one in Reason if one.kind is kind] for kind in Kind}
    shown = {name: values for name, values in names.items() if len(values) > 1 or name in found}
    return {"reasons": list(reasons.items()), **shown}


def _done() -> dict[str, Any] | None:
    """What the person has just decided about many."""
    said = told("parcels")
    return {"text": _DONE[said["action"]], "count": said["count"]} if said else None


def _action(given_action: str | None) -> BulkAction:
    if given_action not in _ACTIONS:
        abort(400)
    action: BulkAction = given_action  # type: ignore[assignment]  # one of them, as just seen
    return action
