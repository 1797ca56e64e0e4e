"""What an operator reads: lists in pages, one parcel's whole story, accounts."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response

from receiver.config import Config
from receiver.intake import Outcome
from receiver.operations.links import names_in
from receiver.operations.order_check import lookup
from receiver.operations.order_view import order_view
from receiver.operations.parcels import TEXTS, chosen
from receiver.operations.published import published_story
from receiver.operations.rereading import Reread
from receiver.operations.side_by_side import side_by_side
from receiver.operations.story import story
from receiver.operations.unknown_words import command
from receiver.shipments import Reason, State, known_from_json
from receiver.store import Database, OperatorQueries
from receiver.store.intake.unknown_words import UnknownWords
from receiver.store.operator.listed import delivery_from
from receiver.store.operator.listings import Listings, Page
from receiver.store.operator.overview import Overview
from receiver.store.operator.queries import Unknown
from receiver.web.accounts import configured as configured_accounts
from receiver.web.api.access import must_decide, person
from receiver.web.api.answers import Refused, answer, asked, filters, page, time_of
from receiver.web.api.refusals import refusals, without_shell
from receiver.web.carriers import configured as configured_endpoints
from receiver.web.outage import Outage, Unstored
from receiver.web.overview import Held, counted
from receiver.web.readings import Readings

_STATES = tuple(state.value for state in State)
_REASONS = tuple(reason.value for reason in Reason)
_OUTCOMES = tuple(outcome.value for outcome in Outcome)


def add_to(
    routes: Blueprint, config: Config, database: Database, outage: Outage, *, clock: Callable[[], float]
) -> None:
    """Add the routes that change nothing; ``clock`` gives seconds since the epoch."""
    listings = Listings(database)
    _add_overview(routes, config, database, clock=clock)
    _add_carriers(routes, config, database, outage, clock=clock)
    _add_lists(routes, config, database, listings)
    _add_deliveries(routes, listings, OperatorQueries(database), Readings(config, database, clock=clock))
    _add_orders(routes, config, database)
    _add_links(routes, config, listings)

    @routes.get("/shipments/<endpoint>/<path:key>")
    def shipment(endpoint: str, key: str) -> Response:
        try:
            return answer(published_story(story(database, f"{endpoint}/{key}", now=clock())))
        except Unknown as error:
            raise Refused(404, f"{error}.") from None

    @routes.get("/shipments/<endpoint>/<path:key>/decisions")
    def decisions_of(endpoint: str, key: str) -> Response:
        filters()
        ask = asked("decisions", float, str)
        return page("decisions", listings.decisions(ask, kind="shipment", subject=f"{endpoint}/{key}"))

    @routes.get("/accounts")
    def accounts() -> Response:
        filters()
        now = clock()
        rows = [_account(one, now) for one in configured_accounts(config, database, now=now)]
        return page("accounts", Page(rows, None))


def _add_overview(routes: Blueprint, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
    reader = Overview(database)
    held = Held(lambda: counted(config, database, reader, now=clock()))

    @routes.get("/overview")
    def overview() -> Response:
        filters()
        return answer(held.now())


def _add_carriers(
    routes: Blueprint, config: Config, database: Database, outage: Outage, *, clock: Callable[[], float]
) -> None:
    overview, words = Overview(database), UnknownWords(database)

    @routes.get("/carriers")
    def carriers() -> Response:
        filters()
        unknown, refused = words.all(), outage.endpoints()
        endpoints = configured_endpoints(config, database, overview, now=clock())
        return page("carriers", Page([_carrier(one, unknown, refused.get(one["name"])) for one in endpoints], None))


def _add_lists(routes: Blueprint, config: Config, database: Database, listings: Listings) -> None:
    @routes.get("/shipments")
    def shipments() -> Response:
        ask = asked("shipments", float, str)
        return page("shipments", listings.shipments(ask, chosen(config, database, _words())))

    @routes.get("/shipments/counts")
    def counts() -> Response:
        found = listings.counts(chosen(config, database, _words()))
        return answer({state: {"count": one.many, "is_whole": one.is_whole} for state, one in found.items()})

    @routes.get("/fetches")
    def fetches() -> Response:
        return page("fetches", listings.fetches(asked("fetches", float, str), **filters("endpoint")))

    @routes.get("/rejects")
    def rejects() -> Response:
        filters()
        found = listings.rejects(asked("rejects", float, str))
        rows = [{**row, "headers": json.loads(row["headers"])} for row in found.rows]
        return page("rejects", replace(found, rows=rows))

    @routes.get("/unknown-words")
    def unknown_words() -> Response:
        return page("unknown-words", listings.unknown_words(asked("unknown-words", str, str), **filters("carrier")))

    @routes.get("/decisions")
    def decisions() -> Response:
        wanted: dict[str, Any] = filters("actor", "action", "kind", "subject", "since", "until")
        wanted |= {name: time_of(name, wanted[name]) for name in ("since", "until")}
        return page("decisions", listings.decisions(asked("decisions", float, str), **wanted))


def _add_deliveries(routes: Blueprint, listings: Listings, queries: OperatorQueries, readings: Readings) -> None:
    @routes.get("/deliveries")
    def deliveries() -> Response:
        wanted: dict[str, Any] = filters("endpoint", "carrier", "since", "until", outcome=_OUTCOMES)
        wanted |= {name: time_of(name, wanted[name]) for name in ("since", "until")}
        found = listings.deliveries(asked("deliveries", str), **wanted)
        return page("deliveries", replace(found, rows=[delivery_from(row) for row in found.rows]))

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

    @routes.get("/deliveries/<delivery>/reading")
    def reading(delivery: str) -> Response:
        row = _stored(delivery)
        (parcels, more), today = readings.parcels(delivery), readings.today(row)
        return answer(
            {
                "parcels": [_parcel(one) for one in parcels],
                "more_parcels": more,
                "today": {"outcome": today.reading.outcome.value, "reason": today.reading.reason},
                "changes": None if today.changes is None else [_change(one) for one in today.changes],
            }
        )

    def _stored(delivery: str) -> dict[str, Any]:
        try:
            return delivery_from(queries.delivery(delivery))
        except Unknown as error:
            raise Refused(404, f"{error}.") from None


def _add_orders(routes: Blueprint, config: Config, database: Database) -> None:
    @routes.get("/orders/<order>")
    def order(order: str) -> Response:
        wanted = filters("account", "shipment")
        account, shipment = wanted["account"], wanted["shipment"]
        with refusals():
            row = OperatorQueries(database).history(shipment)["shipment"] if shipment else None
            with lookup():
                found = order_view(config, database, order, account=account or (row["account"] if row else None))
        if found["unread"] is not None:
            found["unread"] = without_shell(found["unread"])
        if row is None:
            return answer(found)
        beside = side_by_side(row["id"], known_from_json(row["known"] or {}), row["evidence"], found["invoices"])
        return answer({**found, "invoices": [{**one.invoice, "marks": list(one.marks)} for one in beside]})


def _add_links(routes: Blueprint, config: Config, listings: Listings) -> None:
    @routes.get("/links")
    def links() -> Response:
        wanted, ask, accounts = (
            filters("account", "order", "search"),
            asked("links", str, str, str),
            list(config.accounts),
        )
        account, order, text = wanted["account"], wanted["order"], wanted["search"]
        if text is None:
            return page("links", listings.links(ask, account=account, order_id=order, accounts=accounts))
        if order is not None:
            raise Refused(400, "search finds orders, too: leave order out.")
        names = names_in(text, config.endpoints)
        return page("links", listings.links_named(ask, text, names=names, accounts=[account] if account else accounts))


def _words() -> dict[str, Any]:
    """The filter of a list of shipments as it is given. Raises `Refused`."""
    texts = [name for name in TEXTS if name not in ("state", "reason")]
    words: dict[str, Any] = filters(*texts, "since", "until", state=_STATES, reason=_REASONS)
    return {**words, **{name: time_of(name, words[name]) for name in ("since", "until")}}


def _parcel(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a delivery said of one parcel, as far as it leads to its order."""
    references = [{"kind": kind, "value": value} for kind, value, *_ in said.get("references", ())]
    return {
        "shipment": said["id"],
        "status": said["status"],
        "tracking_number": said.get("tracking_number"),
        "references": references,
        "unknown_words": list(said.get("unknown_words", ())),
    }


def _change(found: Reread) -> dict[str, Any]:
    """What a reading would change of one parcel; who may only view reads which fields."""
    sides = ("before", "after") if person().role == "decide" else ()
    changes = [{"name": one.name, **{side: getattr(one, side) for side in sides}} for one in found.changes]
    return {"shipment": found.shipment, "changes": changes, "then": found.follow_up}


def _account(account: Mapping[str, Any], now: float) -> dict[str, Any]:
    """``pause_reason`` and ``own_fault`` stay until a call has succeeded, ``until`` while the pause lasts."""
    pause = account["pause"]
    until = pause["until"] if pause and pause["until"] > now else None
    return {
        **{name: account[name] for name in ("name", "base_url", "has_hook", "failures")},
        "requests_per_minute": account["pace"],
        "app_tokens": account["tokens"],
        "is_paused": until is not None,
        "until": until,
        "pause_reason": pause["reason"] if pause else None,
        "own_fault": bool(pause["own_fault"]) if pause else None,
    }


def _carrier(
    endpoint: Mapping[str, Any], unknown: Sequence[Mapping[str, Any]], refused: Unstored | None
) -> dict[str, Any]:
    """A configured endpoint with its carrier's unknown words. ``retries`` is ``None`` where the carrier documents
    none."""
    carrier, quality, retries = endpoint["carrier"], endpoint["quality"], endpoint["retries"]
    known = quality["words"] or {}
    over = retries.over.total_seconds() if retries and retries.over is not None else None
    return {
        **{name: endpoint[name] for name in ("name", "accounts", "last_at", "probed_at", "today", "is_silent")},
        "carrier": carrier.slug,
        "carrier_name": carrier.name,
        "quality": quality["level"],
        "words": {"known": known.get("known"), "of": known.get("of")},
        "retries": None if retries is None else {"times": retries.times, "seconds": over},
        "refused": asdict(refused) if refused else None,
        "unknown_words": [
            {
                **{name: row[name] for name in ("word", "count", "first_at", "last_at", "delivery")},
                "reprocess": command(row["word"], row["carrier"]),
            }
            for row in unknown
            if row["carrier"] == carrier.slug
        ],
    }
