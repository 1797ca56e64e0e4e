"""The list of parcels: found by anything, filtered, counted by state, and decided about many at once."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver.operations.bulk import Bulk, BulkRefused
from receiver.operations.parcels import chosen
from receiver.shipments import Reason, State
from receiver.shipments.reasons import Kind
from receiver.store import DecisionRecord
from receiver.store.bulk import BulkAction
from receiver.store.listings import Ask, Listings
from receiver.store.listings import Page as Found
from receiver.store.shipment_filter import ShipmentFilter
from receiver.web import cursors
from receiver.web.console.context import Context, must_decide, person
from receiver.web.console.pages._choice import given, words
from receiver.web.console.pages._page import Page
from receiver.web.console.pages._parcel import add_to as add_parcel
from receiver.web.console.pages._parcel import address

PAGE = Page(name="parcels", path="/parcels", position=20, is_searched=True)

_ROWS = 50
#: A page that came out short, because no index knows a filter, is filled up by so many looks.
_LOOKS = 5
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
    listings, record = Listings(context.database), DecisionRecord(context.database)

    @routes.get("")
    def index() -> str | Response:
        found = given()
        of = chosen(context.config, context.database, words(found))
        page = _page(listings, of, request.args.get("cursor"))
        if set(found) == {"q"} and len(page.rows) == 1 and "cursor" not in request.args:
            return redirect(address(page.rows[0]["id"]), 303)
        following = cursors.encoded("parcels", page.next) if page.next else None
        return render_template(
            "parcels.html",
            words=found,
            rows=page.rows,
            next=following,
            counts=listings.counts(of),
            options=_options(context, found),
            narrowed=lambda **changes: _address("console.parcels.index", found, **changes),
            many=lambda action: _address("console.parcels.preview", found, action=action),
            done=_done(record),
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
                preview = bulk.preview(action, words(found), now=context.clock())
            except BulkRefused as error:
                refused = error.code
        page = render_template(
            "parcels_bulk.html",
            action=action,
            words=found,
            preview=preview,
            refused=_REFUSED.get(refused),
            back=_address("console.parcels.index", found),
            address=address,
        )
        return page, 409 if refused else 200

    @routes.get("/bulk")
    def preview() -> tuple[str, int]:
        must_decide()
        return shown(given(), _action(request.args.get("action")))

    @routes.post("/bulk")
    def act() -> tuple[str, int] | Response:
        found, action = given(request.form), _action(request.form.get("action"))
        decisions = context.decisions(note=request.form.get("note"))
        try:
            batch = bulk.act(decisions, action, words(found), request.form.get("token", ""))
        except BulkRefused as error:
            return shown(found, action, error.code)
        return redirect(url_for("console.parcels.index", done=batch.id), 303)


def _address(page: str, found: Mapping[str, str], **changes: str | None) -> str:
    """The address of a list with these words; ``None`` takes one out."""
    told = {name: value for name, value in {**found, **changes}.items() if value}
    return f"{url_for(page)}?{urlencode(told)}" if told else url_for(page)


def _page(listings: Listings, of: ShipmentFilter, cursor: str | None) -> Found:
    try:
        after = cursors.decoded("parcels", (float, str), cursor) if cursor else None
    except cursors.BadCursor:
        abort(400)
    page = listings.shipments(Ask(_ROWS, after), of)
    for _ in range(_LOOKS):
        if page.next is None or len(page.rows) >= _ROWS:
            break
        more = listings.shipments(Ask(_ROWS - len(page.rows), page.next), of)
        page = Found([*page.rows, *more.rows], more.next)
    return page


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


def _done(record: DecisionRecord) -> dict[str, Any] | None:
    """What the person has just decided about many, as the record has it."""
    name = request.args.get("done", "")
    row = record.get(name) if name else None
    if row is None or row["actor"] != person().name or row["action"] not in _DONE:
        return None
    return {"text": _DONE[row["action"]], "count": record.size_of(row)}


def _action(given_action: str | None) -> BulkAction:
    if given_action not in _ACTIONS:
        abort(400)
    action: BulkAction = given_action  # type: ignore[assignment]  # one of them, as just seen
    return action
