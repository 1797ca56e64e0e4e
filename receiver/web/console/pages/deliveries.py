"""What arrived: the list of deliveries, and one delivery with its body, its parcels, and today's reading of it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from receiver.intake import Outcome, Reading
from receiver.operations.decisions import LONGEST_NOTE
from receiver.store import OperatorQueries
from receiver.store.operator.listed import delivery_from
from receiver.store.operator.listings import Listings
from receiver.store.operator.queries import OUTCOMES, Unknown
from receiver.web.console.context import Context, stands_at
from receiver.web.console.pages._body import pretty
from receiver.web.console.pages._lists import filters, given, listed
from receiver.web.console.pages._page import Page
from receiver.web.readings import Readings

PAGE = Page(name="deliveries", path="/deliveries", position=30)


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the routes of the list and of one delivery."""
    listings, desk = Listings(context.database), _Desk(context)

    @routes.get("")
    def index() -> str:
        words = given("endpoint", "carrier", "since", "until", outcome=OUTCOMES)
        wanted = filters(words)
        found = listed("deliveries", (str,), words, lambda ask: listings.deliveries(ask, **wanted))
        endpoints = context.config.endpoints
        return render_template(
            "deliveries.html",
            list=found,
            rows=[delivery_from(row) for row in found.rows],
            outcomes=OUTCOMES,
            options={
                "endpoint": sorted(endpoints),
                "carrier": sorted({one.carrier.slug for one in endpoints.values()}),
            },
        )

    @routes.get("/<delivery>")
    def delivery(delivery: str) -> str:
        return desk.shown(desk.row(delivery))

    @routes.post("/<delivery>/reprocess")
    def reprocess(delivery: str) -> str:
        stands_at(url_for("console.deliveries.delivery", delivery=delivery))
        decisions, row = context.decisions(note=request.form.get("note")), desk.row(delivery)
        changes = desk.readings.today(row).changes
        taken = decisions.reprocess(delivery)
        after = desk.row(delivery)
        done = {"was": row["outcome"], "now": after["outcome"], "failed": _failed(taken), "changes": changes}
        return desk.shown(after, done=done)


class _Desk:
    """Reads one delivery, as it is stored and as today's adapter reads it."""

    def __init__(self, context: Context) -> None:
        self._queries = OperatorQueries(context.database)
        self.readings = Readings(context.config, context.database, clock=context.clock)

    def row(self, delivery: str) -> dict[str, Any]:
        """The delivery with its body. Answers 404 where there is none."""
        try:
            return delivery_from(self._queries.delivery(delivery))
        except Unknown:
            abort(404)

    def shown(self, row: Mapping[str, Any], *, done: Mapping[str, Any] | None = None) -> str:
        (parcels, more), today = self.readings.parcels(row["id"]), self.readings.today(row)
        body = row["body"]
        text, is_whole = pretty(bytes(body), row["headers"].get("content-type", "")) if body is not None else ("", True)
        return render_template(
            "delivery.html",
            row=row,
            body=text,
            is_whole=is_whole,
            parcels=parcels,
            more=more,
            done=done,
            failed=_failed(today.reading),
            longest=LONGEST_NOTE,
            today=today.reading,
            changes=today.changes,
        )


def _failed(reading: Reading) -> bool:
    return reading.outcome in (Outcome.QUARANTINED, Outcome.ERROR)
