"""Signing in with an operator's token, and out again."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from receiver.config import Config
from receiver.intake.auth_failures import AuthFailures
from receiver.store.sessions import Sessions
from receiver.web.console import cookies
from receiver.web.console.context import SHOWN_AT, stands_at
from receiver.web.console.pages._page import LARGEST_FORM
from receiver.web.incoming import note_refused
from receiver.web.people import Throttle, person_with

#: Routes that a person reaches who is not signed in.
OPEN = ("console.login", "console.static")
#: Why a person has to sign in, as a word of the address and as a text.
_SAID = ("undecided", "ended")


def add_to(
    console: Blueprint, config: Config, sessions: Sessions, auth_failures: AuthFailures, *, clock: Callable[[], float]
) -> None:
    """Add the routes; ``clock`` gives seconds since the epoch."""
    throttle = Throttle(clock)

    @console.route("/login", methods=["GET", "POST"])
    def login() -> Response:
        if request.method == "GET":
            said = next((one for one in _SAID if one in request.args), None)
            return _form(said and f"login.{said}")
        address, token = request.remote_addr or "", request.form.get("token", "").strip()
        if left := throttle.wait(address):
            response = _form("login.wait", 429, seconds=left)
            response.headers["Retry-After"] = str(left)
            return response
        found = person_with(token, config.operators)
        if found is None:
            throttle.wrong(address)
            note_refused(auth_failures, "console", "the token is no operator's")
            return _form("login.wrong", 401)
        if former := request.cookies.get(cookies.SESSION):
            sessions.end(former)
        response = redirect(_safe(request.form.get("next")), 303)
        cookies.put(response, cookies.SESSION, sessions.begin(found.name, token, now=clock()))
        cookies.drop(response, cookies.VISITOR)
        return response

    @console.post("/logout")
    def logout() -> Response:
        sessions.end(g.secret)
        response = redirect(url_for("console.login"), 303)
        cookies.drop(response, cookies.SESSION)
        return response


def to_login(*, has_ended: bool) -> Response:
    """Ask the person to sign in, and come back here; from a form that was not taken, to the page that showed it."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        wanted, said = request.full_path.rstrip("?"), "ended" if has_ended else None
    elif request.endpoint == "console.logout":
        wanted, said = None, "ended" if has_ended else None
    else:
        wanted, said = _safe(_shown_at()), "undecided"
    words: dict[str, Any] = {"next": wanted, said: "1"} if said else {"next": wanted}
    return redirect(url_for("console.login", **words), 303)


def _shown_at() -> str | None:
    """Where the form stands that was sent. A large one is not read: it may come from a stranger."""
    request.max_content_length = LARGEST_FORM
    try:
        return request.form.get(SHOWN_AT)
    except RequestEntityTooLarge:
        return None


def _form(message: str | None, status: int = 200, **values: object) -> Response:
    stands_at(url_for("console.login"))
    response = make_response(
        render_template(
            "login.html",
            message=message,
            values=values,
            next=_safe(request.values.get("next")),
            is_plain=cookies.must_be_secure() and not cookies.is_encrypted(),
        ),
        status,
    )
    cookies.put(response, cookies.VISITOR, g.secret)
    return response


def _safe(wanted: str | None) -> str:
    """Where to go after signing in: a page of the console, and no other site."""
    home = url_for("console.overview.index")
    try:
        parts = urlsplit(wanted or "")
    except ValueError:  # a bracket where a host would stand
        return home
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(home) and "\\" not in (wanted or "")
    return wanted if wanted and is_ours and wanted.isprintable() else home
