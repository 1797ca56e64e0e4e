"""The configured carriers: how well each adapter is tested, when it was heard, and which of its words are not known."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from adapters import Retries
from receiver.operations.unknown_words import AT_ONCE, command, read_again
from receiver.store.intake.unknown_words import UnknownWords
from receiver.store.operator.overview import Overview
from receiver.store.operator.queries import Unknown
from receiver.web.carriers import configured
from receiver.web.console.context import Context
from receiver.web.console.flash import tell, told
from receiver.web.console.pages._page import Page

PAGE = Page(name="carriers", path="/carriers", position=50)


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    config, database = context.config, context.database
    words, overview = UnknownWords(database), Overview(database)

    @routes.get("")
    def index() -> str:
        rows = [{**row, "command": command(row["word"], row["carrier"])} for row in words.all()]
        found = configured(config, database, overview, now=context.clock())
        refused = context.outage.endpoints()
        endpoints = [{**one, "repeats": _repeats(one["retries"]), "refused": refused.get(one["name"])} for one in found]
        return render_template("carriers.html", endpoints=endpoints, words=rows, done=told("carriers"))

    @routes.post("/read-again")
    def again() -> Response:
        decisions = context.decisions(note=request.form.get("note"))
        word, carrier = request.form.get("word", ""), request.form.get("carrier", "")
        try:
            found = read_again(database, decisions, word, carrier, most=AT_ONCE)
        except Unknown:
            abort(404)
        counts = {name: getattr(found, name) for name in ("read", "unreadable", "left")}
        there = redirect(url_for("console.carriers.index", _anchor="words"), 303)
        return tell(there, "carriers", word=word, **counts)


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
