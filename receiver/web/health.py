"""``/healthz``: the process is alive. ``/readyz``: deliveries can be stored; a paused account is only a detail."""

import contextlib
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from flask import Blueprint, Response

from receiver.store import Database, OperatorQueries, StoreUnavailable
from receiver.timing import stamp
from receiver.waiting import aside, result_of

log = logging.getLogger("receiver.web")

#: Seconds that a result is cached: each check costs a durable write, and any client may ask.
HOLDS = 1.0
#: Seconds that a probe is kept waiting for a new result, and for which the last one counts meanwhile.
PATIENCE, COUNTS = 0.08, 10.0


def blueprint(database: Database, *, clock: Callable[[], float]) -> Blueprint:
    """The routes for probes of load balancers and orchestrators; ``clock`` gives seconds since the epoch."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        return _json({"status": "ok"})

    ready = _Verdict(database, clock=clock)

    @routes.get("/readyz")
    def readyz() -> Response:
        return _json(*ready.now())

    return routes


class _Verdict:
    """Whether deliveries can be stored, checked at most once a second. Concurrent requests wait for the same check, and
    not for long: a probe that hears nothing takes the process for dead. Then the last result counts until there is
    another, unless it is old, or a delivery was refused since."""

    def __init__(self, database: Database, *, clock: Callable[[], float]) -> None:
        self._database, self._queries, self._clock = database, OperatorQueries(database), clock
        self._lock, self._until = threading.Lock(), 0.0
        self._looking: Future[None] | None = None
        self._answer: tuple[dict[str, object], int] | None = None

    def now(self) -> tuple[dict[str, object], int]:
        """The present result: body and status. The first one is waited for, as long as it takes."""
        with self._lock:
            # A clock that was set back makes no result last.
            fresh = self._until - HOLDS <= self._clock() < self._until
            if self._looking is None or (self._looking.done() and not fresh):
                self._looking = aside(self._look)
            looking = self._looking
        with contextlib.suppress(TimeoutError):
            result_of(looking, None if self._answer is None else PATIENCE)
        assert self._answer is not None  # noqa: S101  a look that failed has raised
        if looking.done():
            return self._answer
        if self._database.refuses_writes:
            return {"status": "cannot store"}, 503
        age = self._clock() - (self._until - HOLDS)
        return self._answer if 0 <= age < COUNTS else ({"status": "cannot tell"}, 503)

    def _look(self) -> None:
        answer = self._found()
        self._until, self._answer = self._clock() + HOLDS, answer

    def _found(self) -> tuple[dict[str, object], int]:
        try:
            self._database.check_writable()
        except StoreUnavailable as error:
            log.warning("not ready: reason=%s", error)  # the reason names hosts and files: for the log only
            return {"status": "cannot store"}, 503
        try:
            paused = self._queries.paused_accounts(now=self._clock())
        except StoreUnavailable as error:  # long lists have all connections that read: deliveries need none of them
            log.warning("ready, without a look at paused accounts: reason=%s", error)
            return {"status": "ready"}, 200
        # VTEX's words are for the log and the operator, not for every caller.
        shown = [{"name": account["name"], "until": stamp(account["until"])} for account in paused]
        return {"status": "ready", "paused_accounts": shown}, 200


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body) + "\n", status=status, mimetype="application/json")
