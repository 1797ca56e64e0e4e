"""The record of what people decided: who, what, about what, how it stood before and after, when, and why."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template

from receiver.shipments.differences import changes
from receiver.shipments.plain import plain
from receiver.store.decisions import KINDS
from receiver.store.keeping.kept import NOTE
from receiver.store.operator.listings import Listings
from receiver.web.console.context import Context
from receiver.web.console.pages._lists import filters, given, listed
from receiver.web.console.pages._page import Page

PAGE = Page(name="decisions", path="/decisions", position=80)

#: What may be decided.
ACTIONS = ("assign", "unassign", "dismiss", "retry", "resume", "reprocess", "link", "unlink", "forget")
#: What a decision changes, as far as it has a text.
FIELDS = (
    *("state", "reason", "order_id", "invoice_number", "assigned_order", "assigned_invoice", "also", "stays"),
    *("ended", "unchecked", "until", "outcome"),
)


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    listings = Listings(context.database)

    @routes.get("")
    def index() -> str:
        words = given("actor", "subject", "since", "until", action=ACTIONS, kind=KINDS)
        wanted = filters(words)
        found = listed("decisions", (float, str), words, lambda ask: listings.decisions(ask, **wanted))
        rows = [{**row, "changes": _changes(row), "batch": (row["after"] or {}).get("batch")} for row in found.rows]
        words_of = {"actions": ACTIONS, "kinds": KINDS, "fields": FIELDS, "forgotten": NOTE}
        return render_template("decisions.html", list=found, rows=rows, **words_of)


def _changes(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs between before and after: the field, and both values as text."""
    sides = [{name: value for name, value in (row[side] or {}).items() if name != "batch"} for side in _SIDES]
    return [
        {"name": one.name, "before": _text(one.name, one.before), "after": _text(one.name, one.after)}
        for one in changes(*sides)
    ]


_SIDES = ("before", "after")


def _text(name: str, value: Any) -> str:
    shown = plain(value, name)
    if isinstance(shown, dict):
        return " / ".join(str(one) for one in shown.values() if one is not None)
    if isinstance(shown, list):
        return ", ".join(map(str, shown))
    return "" if shown is None else str(shown)
