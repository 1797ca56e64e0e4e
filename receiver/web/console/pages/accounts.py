"""The VTEX accounts: pace, pauses and how they end, what went wrong last, and what their keys may do."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver.operations.access import access_check, is_fine, is_refused
from receiver.operations.decisions import NothingToChange
from receiver.operations.order_check import TooManyLookups, lookup
from receiver.store import Paused, RateLimited
from receiver.store.operator.queries import Unknown
from receiver.store.work.attempts import LOOKS_AT
from receiver.web.accounts import configured
from receiver.web.console.context import Context, must_decide
from receiver.web.console.flash import tell, told
from receiver.web.console.pages._page import Page

PAGE = Page(name="accounts", path="/accounts", position=60)


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    config, database = context.config, context.database

    def shown(said: str = "", status: int = 200, **checked: Any) -> tuple[str, int]:
        accounts = configured(config, database, now=context.clock())
        page = render_template("accounts.html", accounts=accounts, said=said, looked_at=LOOKS_AT, **checked)
        return page, status

    @routes.get("")
    def index() -> tuple[str, int]:
        return shown("accounts.resumed" if told("accounts") is not None else "")

    @routes.post("/<account>/resume")
    def resume(account: str) -> tuple[str, int] | Response:
        try:
            context.decisions(note=request.form.get("note")).resume(account)
        except Unknown:
            abort(404)
        except NothingToChange:
            return shown("accounts.not_paused", 409)
        return tell(redirect(url_for("console.accounts.index"), 303), "accounts")

    @routes.post("/<account>/check")
    def check(account: str) -> tuple[str, int]:
        must_decide()  # the calls take slots of the account's rate limit
        if account not in config.accounts:
            abort(404)
        try:
            with lookup():
                found = list(access_check(config, database, account).run())
        except TooManyLookups:
            return shown("accounts.too_many", 503)
        except (Paused, RateLimited):
            return shown("accounts.no_calls", 409)
        blamed = "accounts.not_fine" if is_refused(found) else "accounts.unanswered"
        return shown(checked=account, access=found, is_fine=is_fine(found), blamed=blamed)
