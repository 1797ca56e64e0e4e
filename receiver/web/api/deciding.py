"""What an operator decides: each POST is one decision, answered with its row in the record."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from adapters import Unreadable
from receiver.config import Config
from receiver.operations.decisions import Actor, Decisions, NothingToChange, RequestKey
from receiver.operations.links import read_link
from receiver.operations.order_check import NotShown
from receiver.reconcile.resolve import NAMES
from receiver.store import Database, DecisionRecord, Link
from receiver.store.decisions import KeyUsed
from receiver.store.operator import NotAssigned, Unknown
from receiver.vtex.client import BadSegment
from receiver.web.api.access import must_decide
from receiver.web.api.answers import Refused, answer, body_fields

#: The longest Idempotency-Key, in characters.
_LONGEST_KEY = 200
#: Orders read for operators at one time in this process: the other threads are for carriers.
_LOOKUPS = 4

#: A decision, taken with what the body says.
_Decide = Callable[[Decisions, Mapping[str, Any]], object]


def add_to(routes: Blueprint, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
    """Add the routes by which a person decides; ``clock`` gives seconds since the epoch."""
    desk = _Desk(config, database, clock=clock)
    _add_assign(routes, desk)
    _add_links(routes, desk, config)

    @routes.post("/shipments/<endpoint>/<path:key>/unassign")
    def unassign(endpoint: str, key: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.unassign(f"{endpoint}/{key}"))

    @routes.post("/shipments/<endpoint>/<path:key>/retry")
    def retry(endpoint: str, key: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.retry(f"{endpoint}/{key}"))

    @routes.post("/shipments/<endpoint>/<path:key>/dismiss")
    def dismiss(endpoint: str, key: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.dismiss(f"{endpoint}/{key}"))

    @routes.post("/accounts/<account>/resume")
    def resume(account: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.resume(account))

    @routes.post("/deliveries/<delivery>/reprocess")
    def reprocess(delivery: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.reprocess(delivery))


def _add_assign(routes: Blueprint, desk: "_Desk") -> None:
    lookups = threading.BoundedSemaphore(_LOOKUPS)

    @routes.post("/shipments/<endpoint>/<path:key>/assign")
    def assign(endpoint: str, key: str) -> Response:
        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            if not lookups.acquire(blocking=False):
                raise Refused(503, "Other orders are being looked up. Try again.")
            try:
                name, unseen = f"{endpoint}/{key}", body.get("unseen", False)
                also = [one.strip() for one in body.get("also", "").split(";") if one.strip()]
                decisions.assign(name, body["order"], body.get("invoice"), also=also, unseen=unseen)
            finally:
                lookups.release()

        return desk.decided(decide, "order", optional=("invoice", "also"), flags=("unseen",))


def _add_links(routes: Blueprint, desk: "_Desk", config: Config) -> None:
    @routes.post("/links")
    def link() -> Response:
        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            account = desk.account(body)
            item = {
                **_named(body),
                **{name: body[name] for name in ("order", "invoice", "endpoint", "also") if name in body},
            }
            decisions.link(account, _read(item, account, config))

        return desk.decided(decide, "order", optional=("account", "invoice", "endpoint", "also", *NAMES))

    @routes.post("/links/unlink")
    def unlink() -> Response:
        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            account = desk.account(body)
            item = {**_named(body), "order": "-", **({"endpoint": body["endpoint"]} if "endpoint" in body else {})}
            ((kind, value),) = _read(item, account, config).names
            decisions.unlink(account, kind, value)

        return desk.decided(decide, optional=("account", "endpoint", *NAMES))


class _Desk:
    """Takes a decision for the person who sent the request, once for each Idempotency-Key."""

    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
        self._config, self._database, self._clock = config, database, clock
        self._record = DecisionRecord(database)

    def decided(
        self, decide: _Decide, *required: str, optional: tuple[str, ...] = (), flags: tuple[str, ...] = ()
    ) -> Response:
        """The decision's row: a new one, or that of the same request before. Raises `Refused`."""
        person = must_decide()
        body = body_fields(*required, optional=optional, flags=flags)
        key = _request_key(body)
        if key is not None and (before := self._replayed(person.name, key)) is not None:
            return before
        actor = Actor(person.name, "api")
        decisions = Decisions(self._config, self._database, actor, note=body.get("note"), key=key, clock=self._clock)
        try:
            decide(decisions, body)
        except KeyUsed:  # the same request came twice at one time
            if key is not None and (before := self._replayed(person.name, key)) is not None:
                return before
            raise
        except (NotShown, NotAssigned, NothingToChange) as error:
            raise Refused(409, f"{error}.") from None
        except Unknown as error:
            raise Refused(404, f"{error}.") from None
        except BadSegment as error:
            raise Refused(422, f"{error}.") from None
        row = self._record.get(decisions.last_id)
        if row is None:
            raise Refused(409, "Nothing was changed: the delivery cannot be read.")
        return answer(row)

    def account(self, body: Mapping[str, Any]) -> str:
        """The account that the body names, or the only one. Raises `Refused`."""
        names = list(self._config.accounts)
        name = body.get("account", names[0] if len(names) == 1 else None)
        if name not in names:
            raise Refused(422, f"$.account must be one of {', '.join(names)}.")
        return str(name)

    def _replayed(self, name: str, key: RequestKey) -> Response | None:
        found = self._record.with_key(name, key.key)
        if found is None:
            return None
        row, digest = found
        if digest != key.digest:
            raise Refused(422, "This Idempotency-Key was sent with another request.")
        response = answer(row)
        response.headers["Idempotency-Replayed"] = "true"
        return response


def _request_key(body: Mapping[str, Any]) -> RequestKey | None:
    """The Idempotency-Key, and what tells this request from another one. Raises `Refused`."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 1 <= len(key) <= _LONGEST_KEY):
        raise Refused(400, f"Idempotency-Key must have 1 to {_LONGEST_KEY} printable ASCII characters.")
    told = json.dumps([request.path, body], sort_keys=True)
    return RequestKey(key, hashlib.sha256(told.encode()).hexdigest())


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """The one name that a link is about. Raises `Refused`."""
    told = {name: body[name] for name in NAMES if name in body}
    if len(told) != 1:
        raise Refused(422, f"Exactly one of {', '.join(NAMES)} is needed.")
    return told


def _read(item: dict[str, Any], account: str, config: Config) -> Link:
    try:
        return read_link(item, account, config)
    except Unreadable as error:
        raise Refused(422, f"{error.path} {error.why}.") from None
