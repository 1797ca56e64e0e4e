"""A person asks to be forgotten: what is held of one order, number or text is shown first, then blanked.

What is named stands in no address and in no cookie: both are kept, in logs and in browsers.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from receiver.operations.decisions import LONGEST_NOTE, NotAsShown, NothingToChange
from receiver.operations.forgetting import (
    LEAST_TEXT,
    MOST_AT_ONCE,
    NAMED,
    Found,
    Named,
    TooManyTraces,
    forget_as_shown,
    found,
    is_too_short,
)
from receiver.operations.order_check import TooManyLookups, lookup
from receiver.web.console.context import Context, must_decide, stands_at
from receiver.web.console.flash import tell, told
from receiver.web.console.pages._page import Page
from receiver.web.console.pages._parcel import address

PAGE = Page(name="forget", path="/forget", position=90, is_for_deciding=True)

#: The most characters of what is named.
_LONGEST = 200


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""

    @routes.get("")
    def index() -> str:
        must_decide()
        said = told("forget")
        return _shown(done=said["rows"] if said else None)

    @routes.post("/preview")
    def preview() -> tuple[str, int]:
        must_decide()
        return _previewed(context)

    @routes.post("/do")
    def do() -> tuple[str, int] | Response:
        decisions, (named, value) = context.decisions(note=request.form.get("note")), _meant()
        try:
            with lookup():
                rows = forget_as_shown(context.database, decisions, named, value, request.form.get("token", ""))
        except NotAsShown:
            return _previewed(context, is_stale=True)
        except NothingToChange:
            return _shown("forget.nothing", value=value), 409
        except TooManyLookups:
            return _shown("forget.busy", value=value), 503
        return tell(redirect(url_for("console.forget.index"), 303), "forget", rows=rows)


def _previewed(context: Context, *, is_stale: bool = False) -> tuple[str, int]:
    """What would be blanked. ``is_stale``: the person has seen something else, and nothing was blanked."""
    named, value = _meant()
    if is_too_short(named, value):
        return _shown("forget.too_short", value=value), 422
    try:
        with lookup():
            preview = found(context.database, named, value)
    except TooManyTraces:
        return _shown("forget.too_many", value=value), 409
    except TooManyLookups:
        return _shown("forget.busy", value=value), 503
    if not preview.rows:
        return _shown("forget.nothing", value=value), 200
    return _shown(preview=preview, value=value, is_stale=is_stale), 409 if is_stale else 200


def _meant() -> tuple[Named, str]:
    """What the form names. Answers 400 for one that names nothing."""
    named, value = request.form.get("named", ""), request.form.get("value", "").strip()
    if named not in NAMED or not value or len(value) > _LONGEST or not value.isprintable():
        abort(400)
    return named, value


def _shown(
    fault: str = "", *, preview: Found | None = None, value: str = "", is_stale: bool = False, done: int | None = None
) -> str:
    stands_at(url_for("console.forget.index"))
    return render_template(
        "forget.html",
        kinds=NAMED,
        named=request.form.get("named", NAMED[0]),
        value=value,
        note=request.form.get("note", "").strip(),
        preview=preview,
        is_stale=is_stale,
        fault=fault,
        done=done,
        address=address,
        least=LEAST_TEXT,
        most=MOST_AT_ONCE,
        longest=_LONGEST,
        longest_note=LONGEST_NOTE,
    )
