"""What an operator reads: lists in pages, one parcel's whole story, accounts."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response

from receiver.config import Config
from receiver.intake import Outcome
from receiver.operations.story import story
from receiver.shipments import Reason, State
from receiver.store import Database, OperatorQueries
from receiver.store.listed import delivery_from
from receiver.store.listings import Listings, Page
from receiver.store.operator import Unknown
from receiver.web.api.access import must_decide
from receiver.web.api.answers import Refused, answer, asked, filters, page

_STATES = tuple(state.value for state in State)
_REASONS = tuple(reason.value for reason in Reason)
_OUTCOMES = tuple(outcome.value for outcome in Outcome)


def add_to(routes: Blueprint, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
    """Add the routes that change nothing; ``clock`` gives seconds since the epoch."""
    listings, queries = Listings(database), OperatorQueries(database)
    _add_lists(routes, config, listings)

    @routes.get("/shipments/<endpoint>/<path:key>")
    def shipment(endpoint: str, key: str) -> Response:
        try:
            return answer(story(database, f"{endpoint}/{key}", now=clock()))
        except Unknown as error:
            raise Refused(404, f"{error}.") from None

    @routes.get("/shipments/<endpoint>/<path:key>/decisions")
    def decisions_of(endpoint: str, key: str) -> Response:
        filters()
        wanted = {"kind": "shipment", "subject": f"{endpoint}/{key}"}
        return page("decisions", listings.decisions(asked("decisions", float, str), **wanted))

    @routes.get("/deliveries/<delivery>")
    def delivery(delivery: str) -> Response:
        return answer({name: value for name, value in _stored(delivery).items() if name not in ("body", "dedup")})

    @routes.get("/deliveries/<delivery>/body")
    def body(delivery: str) -> Response:
        must_decide()
        stored = _stored(delivery)["body"]
        if stored is None:
            raise Refused(404, "The body was emptied by retention.")
        safe = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return Response(stored, mimetype="application/octet-stream", headers=safe)

    @routes.get("/accounts")
    def accounts() -> Response:
        filters()
        paused = {one["name"]: one for one in queries.paused_accounts(now=clock())}
        rows = [_account(name, paused.get(name), clock()) for name in sorted(config.accounts)]
        return page("accounts", Page(rows, None))

    def _stored(delivery: str) -> dict[str, Any]:
        try:
            return delivery_from(queries.delivery(delivery))
        except Unknown as error:
            raise Refused(404, f"{error}.") from None


def _add_lists(routes: Blueprint, config: Config, listings: Listings) -> None:
    @routes.get("/shipments")
    def shipments() -> Response:
        wanted = filters("endpoint", "account", "number", "order", state=_STATES, reason=_REASONS)
        found = listings.shipments(asked("shipments", float, str), order_id=wanted.pop("order"), **wanted)
        return page("shipments", found)

    @routes.get("/deliveries")
    def deliveries() -> Response:
        wanted = filters("endpoint", "carrier", outcome=_OUTCOMES)
        found = listings.deliveries(asked("deliveries", str), **wanted)
        return page("deliveries", replace(found, rows=[delivery_from(row) for row in found.rows]))

    @routes.get("/authentication-failures")
    def authentication_failures() -> Response:
        filters()
        found = listings.authentication_failures(asked("authentication-failures", str))
        rows = [{**row, "headers": json.loads(row["headers"])} for row in found.rows]
        return page("authentication-failures", replace(found, rows=rows))

    @routes.get("/unknown-words")
    def unknown_words() -> Response:
        return page("unknown-words", listings.unknown_words(asked("unknown-words", str, str), **filters("carrier")))

    @routes.get("/links")
    def links() -> Response:
        wanted = filters("account", "order")
        found = listings.links(
            asked("links", str, str, str),
            account=wanted["account"],
            order_id=wanted["order"],
            accounts=list(config.accounts),
        )
        return page("links", found)

    @routes.get("/decisions")
    def decisions() -> Response:
        filters()
        return page("decisions", listings.decisions(asked("decisions", float, str)))


def _account(name: str, paused: dict[str, Any] | None, now: float) -> dict[str, Any]:
    """``pause_reason`` stays until a call has succeeded, ``paused_until`` while the pause lasts."""
    until = paused["until"] if paused and paused["until"] > now else None
    reason = paused["reason"] if paused else None
    return {"name": name, "is_paused": until is not None, "until": until, "pause_reason": reason}
