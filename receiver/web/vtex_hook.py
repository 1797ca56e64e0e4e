"""``POST /hooks/vtex/<account>``: VTEX reports that an order changed."""

import json
import logging
from collections.abc import Callable

from flask import Blueprint, Response, abort, request

from receiver.config import Config
from receiver.intake.auth_failures import AuthFailures, is_one_of
from receiver.intake.unknown_routes import UntakenRequests
from receiver.store import Background, Index
from receiver.vtex.hook import PING, SECRET_HEADER, Event, read_event
from receiver.web.incoming import note_refused, whole_body
from receiver.web.replies import problem

#: Seconds in which a woken shipment may read the order: then it is not read again for the index.
WOKEN_FIRST = 60.0

#: Bytes of an event: VTEX's own have some 500. And of the ping, the one body that is looked at without a proof.
_MOST, _MOST_PING = 16 * 1024, 100

log = logging.getLogger("receiver.web")


def blueprint(
    config: Config, index: Index, background: Background, auth_failures: AuthFailures, unknown: UntakenRequests, *,
    clock: Callable[[], float],
) -> Blueprint:  # fmt: skip
    """The route of every account that has ``hook_secrets``. ``unknown`` hears of requests to any other.

    VTEX repeats an event that is not answered 200 within 5 s, and drops it after too many tries. So every authenticated
    event is answered 200, readable or not. While the database is unavailable the answer is 503: VTEX retries.
    """
    routes = Blueprint("vtex_hook", __name__)
    routes_of = {one: account.hook_route for one, account in config.accounts.items()}
    takes = [one for one, account in config.accounts.items() if account.hook_secrets]

    @routes.post("/hooks/vtex/<name>")
    def receive(name: str) -> Response:
        account = config.accounts.get(name)
        if account is None or not account.hook_secrets:
            unknown.note_account(name, routes_of, takes=takes, setting="hook_secrets")
            abort(404)
        given = request.headers.get(SECRET_HEADER)
        proven = given is not None and is_one_of(given, account.hook_secrets)
        # What is not proven is read only so far as it may be the ping.
        raw = b"" if not proven and (request.content_length or 0) > _MOST_PING else whole_body(_MOST)
        if len(raw) <= _MOST_PING and _json_or_none(raw) == PING:
            return _ok("ping")
        route = account.hook_route
        if not proven:
            reason = f"{SECRET_HEADER} is missing" if given is None else f"{SECRET_HEADER} holds another secret"
            note_refused(auth_failures, route, reason)
            return problem(401)
        event = read_event(_json_or_none(raw))
        if event is None:
            log.warning("hook event ignored, it names no order: account=%s", name)
            return _ok("ignored")
        return _ok("accepted", woken=_hear(name, event, route))

    def _hear(account: str, event: Event, route: str) -> int:
        """Wake the shipments that wait for the order, and queue it for the index, unless one of them reads it first."""
        now = clock()
        # One look without a lock. It may miss a shipment that starts to wait at this moment. That one has read the
        # changed order, or is woken by the index's reading.
        woken = index.wake(account, event.names, now=now) if index.waited_for(account, event.names) else 0
        wait = WOKEN_FIRST if woken else 0.0
        background.note_news(account, event.order_id, now=now, wait=wait, route=route)
        return woken

    return routes


def _json_or_none(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _ok(outcome: str, **more: object) -> Response:
    return Response(json.dumps({"outcome": outcome, **more}) + "\n", mimetype="application/json")
