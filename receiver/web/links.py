"""``POST /links/<account>``: the merchant's systems say which order a parcel belongs to."""

import json
from collections.abc import Callable
from dataclasses import asdict
from io import StringIO
from typing import Any

from flask import Blueprint, Response

from receiver.config import Config
from receiver.intake.auth_failures import AuthFailures, is_one_of
from receiver.intake.unknown_routes import UntakenRequests
from receiver.operations.links import MOST, LinkResult, store_links
from receiver.store import Index
from receiver.store.counters import TAKEN, Counters, counted
from receiver.store.decisions import Recorder
from receiver.web.incoming import FieldTwice, bearer_token, json_of, note_refused, whole_body
from receiver.web.replies import problem

#: The most orders under ``also``, in one request and transaction.
_MOST_ALSO = 5 * MOST


class _NotLinks(Exception):
    """The body is neither an object, nor a list, nor JSON Lines."""


def blueprint(
    config: Config, index: Index, auth_failures: AuthFailures, counters: Counters, unknown: UntakenRequests, *,
    clock: Callable[[], float],
) -> Blueprint:  # fmt: skip
    """The route of every account that has ``link_tokens``. ``unknown`` hears of requests to any other."""
    routes = Blueprint("links", __name__)
    routes_of = {one: account.links_route for one, account in config.accounts.items()}
    takes = [one for one, account in config.accounts.items() if account.link_tokens]

    @routes.post("/links/<name>")
    def receive(name: str) -> Response:
        account = config.accounts.get(name)
        if account is None or not account.link_tokens:
            unknown.note_account(name, routes_of, takes=takes, setting="link_tokens")
            return problem(404, "There is no such account, or it has no link_tokens.")
        token = bearer_token()
        if token is None or not is_one_of(token, account.link_tokens):
            reason = "no bearer token" if token is None else "the bearer token is none of link_tokens"
            note_refused(auth_failures, account.links_route, reason)
            return problem(401)
        body = whole_body(config.max_body)
        # A link is an object, and may hold one list; a list of links is one bracket more.
        if body.count(b"[") + body.count(b"{") > 2 * MOST + 1:
            return problem(413, f"There are more links than {MOST}, or other things beside them; send fewer at once.")
        try:
            items = _items(body)
        except (_NotLinks, FieldTwice) as error:
            return problem(400, str(error))
        if len(items) > MOST:
            return problem(413, f"More than {MOST} links at once; send at most {MOST}.")
        if sum(_also(item) for item in items) > _MOST_ALSO:
            return problem(413, f"More than {_MOST_ALSO} orders under also; send fewer links at once.")
        return _reply(store_links(index, config, name, items, now=clock(), record=_count(account.links_route)))

    def _count(route: str) -> Recorder:
        taken = counted(TAKEN, [(route,)])
        return lambda connection, _: counters.add(connection, taken, now=clock())

    return routes


def _items(body: bytes) -> list[Any]:
    """The links of a body: a list, one object, or one object on each line."""
    try:
        written = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _NotLinks("The body is not UTF-8.") from None
    try:
        whole = json_of(written)
    except (ValueError, RecursionError):
        return _lines(written)
    return whole if isinstance(whole, list) else [whole]


def _lines(written: str) -> list[Any]:
    items: list[Any] = []
    for number, line in enumerate(StringIO(written), 1):
        if len(items) > MOST:
            break
        try:
            items += [json_of(line)] if line.strip() else []
        except (ValueError, RecursionError):
            raise _NotLinks(f"Neither JSON nor JSON Lines: line {number} is not JSON.") from None
    if not items:
        raise _NotLinks("The body is empty.")
    return items


def _also(item: Any) -> int:
    """How many orders a link names under ``also``, at most: each becomes a row."""
    given = item.get("also") if isinstance(item, dict) else None
    return given.count(";") + 1 if isinstance(given, str) else len(given) if isinstance(given, list) else 0


def _reply(done: list[LinkResult]) -> Response:
    """200 if all are stored, 422 if none is, else 207. A system that only reads the status must not take a rejected
    link for a stored one, nor send valid ones again for ever."""
    rejected = sum(one.status == "rejected" for one in done)
    status = 200 if not rejected else 422 if rejected == len(done) else 207
    results = [{name: value for name, value in asdict(one).items() if value not in (None, ())} for one in done]
    body = {"stored": len(done) - rejected, "rejected": rejected, "results": results}
    return Response(json.dumps(body) + "\n", status=status, mimetype="application/json")
