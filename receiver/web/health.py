"""``/healthz``: the process lives. ``/readyz``: deliveries can be stored; a paused account is only a detail."""

import json
import logging
from collections.abc import Callable

from flask import Blueprint, Response

from receiver.store import Database, Desk, StoreUnavailable

log = logging.getLogger("receiver.web")


def blueprint(database: Database, *, clock: Callable[[], float]) -> Blueprint:
    """The routes for probes of load balancers and orchestrators; ``clock`` gives seconds since the epoch."""
    routes = Blueprint("health", __name__)
    desk = Desk(database)

    @routes.get("/healthz")
    def healthz() -> Response:
        return _json({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> Response:
        try:
            database.check_writable()
            paused = desk.paused_accounts(now=clock())
        except StoreUnavailable as error:
            log.warning("not ready: %s", error)  # the reason names hosts and files: not for whoever asks
            return _json({"status": "cannot store"}, 503)
        # VTEX's words are for the log and the operator, not for whoever asks.
        told = [{"name": account["name"], "until": account["until"]} for account in paused]
        return _json({"status": "ready", "paused_accounts": told})

    return routes


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body) + "\n", status=status, mimetype="application/json")
