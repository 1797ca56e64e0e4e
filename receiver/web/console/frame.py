"""Puts the console together: who may see a page, in which language, with which headers, and what a fault looks like."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from receiver.config import Config
from receiver.intake.auth_failures import AuthFailures
from receiver.intake.log_lines import error_location
from receiver.store import Database, StoreUnavailable
from receiver.store.sessions import Sessions
from receiver.web.console import cookies, flash, login
from receiver.web.console.context import Context
from receiver.web.console.language import LANGUAGES, chosen
from receiver.web.console.pages import PAGES
from receiver.web.console.pages._page import LARGEST_FORM, Page
from receiver.web.console.widgets import widgets
from receiver.web.outage import Outage
from receiver.web.replies import RETRY_AFTER

log = logging.getLogger("receiver.web")

PREFIX = "/console"
#: Nothing from elsewhere, and nothing inline: what a carrier wrote can run nothing.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: A page that the script fetches again by itself: no person is there, so the session goes on to its end.
_BY_ITSELF = "X-Fetched-By-Itself"
#: Statuses whose page has texts of its own.
_EXPLAINED = (400, 403, 404, 413, 503)


def blueprint(
    config: Config, database: Database, auth_failures: AuthFailures, outage: Outage, *, clock: Callable[[], float]
) -> Blueprint:
    """The console; ``clock`` gives seconds since the epoch."""
    console = Blueprint("console", __name__, url_prefix=PREFIX, template_folder="templates", static_folder="static")
    pages = {module.PAGE.name: module.PAGE for module in PAGES}
    sessions = Sessions(database)
    _guard(console, config, sessions, pages, clock=clock)
    _add_headers(console)
    _add_faults(console)
    login.add_to(console, config, sessions, auth_failures, clock=clock)
    context = Context(config=config, database=database, outage=outage, clock=clock)
    for module in PAGES:
        routes = Blueprint(module.PAGE.name, module.__name__, url_prefix=module.PAGE.path)
        module.add_to(routes, context)
        console.register_blueprint(routes)

    @console.context_processor
    def _() -> dict[str, Any]:
        return dict(widgets(pages, clock=clock))

    @console.route("/<path:rest>", methods=_METHODS)
    def nowhere(rest: str) -> Response:  # noqa: ARG001  any path
        abort(404)

    return console


def _guard(
    console: Blueprint, config: Config, sessions: Sessions, pages: Mapping[str, Page], *, clock: Callable[[], float]
) -> None:
    """Before each request: its language, its person, and for a form, that it is ours."""

    def tokens_of(name: str) -> tuple[str, ...]:
        return config.operators[name].tokens if name in config.operators else ()

    @console.before_request
    def _() -> AnyResponse | None:
        g.language, g.person, g.secret = chosen(), None, ""
        if request.endpoint == "console.static":
            return None
        if not config.operators:
            return make_response(render_template("closed.html"))
        if any("\0" in text for text in (request.path, *request.args.values())):
            abort(400)
        page = pages.get((request.blueprint or "").removeprefix("console."))
        request.max_content_length = page.largest_form if page else LARGEST_FORM
        cookie = request.cookies.get(cookies.SESSION, "")
        is_used = _BY_ITSELF not in request.headers
        operator = sessions.find(cookie, tokens_of, now=clock(), is_used=is_used) if cookie else None
        if operator is not None:
            g.person, g.secret = config.operators[operator], cookie
        elif request.endpoint in login.OPEN:
            g.secret = request.cookies.get(cookies.VISITOR) or cookies.new_secret()
        else:
            return login.to_login(has_ended=bool(cookie))
        if request.method not in ("GET", "HEAD", "OPTIONS") and not cookies.is_from_our_form(g.secret):
            abort(403)
        if any("\0" in text for text in request.form.values()):
            abort(400)
        return None


def _add_headers(console: Blueprint) -> None:
    @console.after_request
    def _(response: Response) -> Response:
        response.headers.update(_HEADERS)
        # A page may hold what only this person may see; a script or style sheet is asked for again when it changed.
        response.headers["Cache-Control"] = "no-cache" if request.endpoint == "console.static" else "no-store"
        picked = request.args.get("language", "")
        if picked in LANGUAGES and request.cookies.get(cookies.LANGUAGE) != picked:
            cookies.put(response, cookies.LANGUAGE, picked, lasts=True)
        flash.forget(response)
        return response


def _add_faults(console: Blueprint) -> None:
    @console.errorhandler(StoreUnavailable)
    def _(error: StoreUnavailable) -> Response:
        log.error("page answered 503, the store cannot be reached: reason=%s", error)
        return _fault(503)

    @console.errorhandler(HTTPException)
    def _(error: HTTPException) -> Response:
        return _fault(error.code or 500)

    @console.errorhandler(Exception)
    def _(error: Exception) -> Response:
        # Never its message: database errors quote the row, and with it a person's address.
        log.error("page answered 500, it failed: fault=%s", error_location(error))
        return _fault(500)


def _fault(status: int) -> Response:
    response = make_response(
        render_template("fault.html", status=status, key=f"fault.{status}" if status in _EXPLAINED else "fault.other"),
        status,
    )
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
