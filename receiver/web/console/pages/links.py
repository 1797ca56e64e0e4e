"""Links: which order a parcel belongs to, as a person says. One at a time, or many from a file."""

from io import SEEK_END
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from adapters import Unreadable
from receiver.operations.decisions import NothingToChange
from receiver.operations.link_files import LARGEST_FILE, BadHeader, BadLine, Report, read_file, store_lines
from receiver.operations.links import FIELDS, names_in, read_link
from receiver.reconcile.names import NAMES
from receiver.store.operator.listings import Listings
from receiver.web.console.context import Context, must_decide
from receiver.web.console.flash import tell, told
from receiver.web.console.pages._lists import given, listed
from receiver.web.console.pages._page import Page

#: Bytes of all that the form of a file holds besides.
_REST = 16_384

PAGE = Page(name="links", path="/links", position=70, largest_form=LARGEST_FILE + _REST)

#: Bad lines of a file that are shown; the others are counted.
_MOST_BAD = 100
#: What a form may say of one link, besides its name.
_SAID = ("order", "invoice", "also", "endpoint")


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    desk = _Desk(context)

    @routes.get("")
    def index() -> str:
        return desk.shown(**(told("links") or {}))

    @routes.post("/add")
    def add() -> tuple[str, int] | Response:
        decisions, account = context.decisions(note=request.form.get("note")), desk.account()
        item = {name: told for name in _SAID if (told := request.form.get(name, "").strip())}
        kind = request.form.get("kind", "")
        if kind not in NAMES:
            abort(400)
        if kind != "shipment":
            item.pop("endpoint", None)
        try:
            link = read_link({**item, kind: request.form.get("number", "").strip()}, account, desk.config)
            linked = decisions.link(account, link)
        except Unreadable as error:
            return desk.shown(fault=error), 422
        there = redirect(url_for("console.links.index", q=request.form["number"].strip()), 303)
        return tell(there, "links", done="added", dismissed=linked.dismissed)

    @routes.post("/remove")
    def remove() -> tuple[str, int] | Response:
        decisions, account = context.decisions(note=request.form.get("note")), desk.account()
        kind, value = request.form.get("kind", ""), request.form.get("value", "")
        if kind not in NAMES:
            abort(400)
        try:
            decisions.unlink(account, kind, value)
        except NothingToChange:
            return desk.shown(done="gone"), 409
        return tell(redirect(url_for("console.links.index"), 303), "links", done="removed")

    _add_file(routes, context, desk)


def _add_file(routes: Blueprint, context: Context, desk: "_Desk") -> None:
    @routes.post("/file")
    def file() -> tuple[str, int]:
        must_decide()
        account, sent = desk.account(), request.files.get("file")
        if sent is None or not sent.filename:
            abort(400)
        if sent.stream.seek(0, SEEK_END) > LARGEST_FILE:
            abort(413)
        sent.stream.seek(0)
        decisions, report = context.decisions(note=request.form.get("note")), Report()
        try:
            bad = list(store_lines(read_file(sent.stream), lambda items: decisions.link_all(account, items), report))
        except BadHeader as error:
            return desk.shown(bad_header=str(error)), 422
        if report.stopped_at is not None:  # it may not be possible to read the list, either
            return render_template("links_stopped.html", **_told(report, bad[:-1])), 503
        return desk.shown(**_told(report, bad)), 200


def _told(report: Report, bad: list[BadLine]) -> dict[str, Any]:
    return {"report": report, "bad": bad[:_MOST_BAD], "more": max(0, len(bad) - _MOST_BAD)}


class _Desk:
    """Finds links, and shows them with what a form has just done."""

    def __init__(self, context: Context) -> None:
        self.config, self._listings = context.config, Listings(context.database)

    def account(self) -> str:
        """The account that the form names, or the only one."""
        names = list(self.config.accounts)
        name = request.form.get("account", names[0] if len(names) == 1 else "")
        if name not in names:
            abort(400)
        return name

    def shown(self, **said: Any) -> str:
        words = given("q", "account")
        accounts = [words["account"]] if "account" in words else list(self.config.accounts)
        names = names_in(words["q"], self.config.endpoints) if "q" in words else []
        found = listed(
            "links",
            (str, str, str),
            words,
            lambda ask: (
                self._listings.links_named(ask, words["q"], names=names, accounts=accounts)
                if "q" in words
                else self._listings.links(ask, account=words.get("account"))
            ),
        )
        return render_template(
            "links.html",
            list=found,
            rows=found.rows,
            kinds=NAMES,
            accounts=sorted(self.config.accounts),
            endpoints=sorted(self.config.endpoints),
            columns=FIELDS,
            largest=LARGEST_FILE,
            **{"done": None, **said},
        )
