"""The configured carriers: how well each adapter is tested, when it was heard, and which of its words are not known."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from adapters import Retries
from receiver.carriers.pages import stored
from receiver.config import Config, Endpoint
from receiver.notify.causes import Cause
from receiver.operations.unknown_words import command, read_again
from receiver.store import Database
from receiver.store.alerts import Alerts
from receiver.store.counters import last_deliveries
from receiver.store.operator import Unknown
from receiver.store.overview import Overview
from receiver.store.unknown_words import UnknownWords
from receiver.web.console.context import Context
from receiver.web.console.flash import tell, told
from receiver.web.console.pages._page import Page

PAGE = Page(name="carriers", path="/carriers", position=50)

#: Deliveries that one click reads again: a person waits for it.
_AT_ONCE = 500
_HOUR, _DAY = 3600, 86_400


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    config, database = context.config, context.database
    words, overview = UnknownWords(database), Overview(database)

    @routes.get("")
    def index() -> str:
        now = context.clock()
        rows = [{**row, "command": command(row["word"], row["carrier"])} for row in words.all()]
        endpoints = _endpoints(config, database, overview, now)
        return render_template("carriers.html", endpoints=endpoints, words=rows, done=told("carriers"))

    @routes.post("/read-again")
    def again() -> Response:
        decisions = context.decisions(note=request.form.get("note"))
        word, carrier = request.form.get("word", ""), request.form.get("carrier", "")
        if not any((row["word"], row["carrier"]) == (word, carrier) for row in words.all()):
            abort(404)
        try:
            found = read_again(database, decisions, word, carrier, most=_AT_ONCE)
        except Unknown:
            abort(404)
        counts = {name: getattr(found, name) for name in ("read", "unreadable", "left")}
        there = redirect(url_for("console.carriers.index", _anchor="words"), 303)
        return tell(there, "carriers", word=word, **counts)


def _endpoints(config: Config, database: Database, overview: Overview, now: float) -> list[dict[str, Any]]:
    """Each configured endpoint, by its carrier's name."""
    today = range(int(now // _DAY * _DAY // _HOUR), int(now // _HOUR) + 1)
    heard = overview.heard(today, now=now)
    last = last_deliveries(database.counters.totals())
    silent = {one["subject"] for one in Alerts(database).all() if one["cause"] in (Cause.SILENT, Cause.NEVER_HEARD)}
    found = [
        {
            "name": name,
            "accounts": endpoint.accounts_served,
            "carrier": endpoint.carrier,
            "quality": _quality(endpoint),
            "last_at": last.get(name),
            "today": sum(hour.get(name, 0) for hour in heard),
            "is_silent": name in silent,
            "repeats": _repeats(endpoint.carrier.retries),
        }
        for name, endpoint in config.endpoints.items()
    ]
    return sorted(found, key=lambda one: (one["carrier"].name, one["name"]))


def _quality(endpoint: Endpoint) -> dict[str, Any]:
    """The level, and how many of the carrier's words its adapter knows; a carrier of the merchant's own has neither."""
    found: dict[str, Any] = stored().get(endpoint.carrier.slug, {})
    return {"level": "own", "words": None, **found}


def _repeats(retries: Retries | None) -> dict[str, Any]:
    """For how long the carrier goes on while we answer 503: the key of a text, and its values."""
    if retries is None:
        return {"text": "carriers.repeats_unknown"}
    if retries.times == 0:
        return {"text": "carriers.repeats_never"}
    if retries.over is None:
        return {"text": "carriers.repeats_times", "times": retries.times}
    if retries.times is None:
        return {"text": "carriers.repeats_over", "over": retries.over.total_seconds()}
    return {"text": "carriers.repeats", "times": retries.times, "over": retries.over.total_seconds()}
