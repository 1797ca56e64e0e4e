"""What an operator decides: each POST is one decision, answered with its row in the record."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, get_args

from flask import Blueprint, Response, request

from adapters import Unreadable
from receiver.config import Config
from receiver.operations.bulk import Bulk
from receiver.operations.choice_preview import preview
from receiver.operations.decisions import Actor, Decisions, RequestKey
from receiver.operations.links import read_link
from receiver.operations.order_check import lookup
from receiver.operations.parcels import TEXTS
from receiver.reconcile.resolve import NAMES
from receiver.shipments import Reason, State
from receiver.store import Database, DecisionRecord, Link
from receiver.store.bulk import BulkAction
from receiver.store.decisions import KeyUsed
from receiver.web.api.access import must_decide
from receiver.web.api.answers import Refused, answer, body_fields, time_of
from receiver.web.api.refusals import refusals

#: The longest Idempotency-Key, in characters.
_LONGEST_KEY = 200

#: A decision, taken with what the body says.
_Decide = Callable[[Decisions, Mapping[str, Any]], object]


def add_to(routes: Blueprint, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
    """Add the routes by which a person decides; ``clock`` gives seconds since the epoch."""
    desk = _Desk(config, database, clock=clock)
    _add_assign(routes, desk)
    _add_bulk(routes, desk)
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
    @routes.post("/shipments/<endpoint>/<path:key>/assign")
    def assign(endpoint: str, key: str) -> Response:
        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            name, unseen = f"{endpoint}/{key}", body.get("unseen", False)
            with lookup():
                of = (name, body["order"], body.get("invoice"))
                decisions.assign(*of, also=_also(body), unseen=unseen, token=body.get("token"))

        return desk.decided(decide, "order", optional=("invoice", "also", "token"), flags=("unseen",))

    @routes.post("/shipments/<endpoint>/<path:key>/preview")
    def previewed(endpoint: str, key: str) -> Response:
        must_decide()
        body = body_fields("order", optional=("invoice", "also"))
        with refusals(), lookup():
            return answer(desk.previewed(f"{endpoint}/{key}", body))


def _add_bulk(routes: Blueprint, desk: "_Desk") -> None:
    optional = (*TEXTS, "since", "until", "token")

    @routes.post("/shipments/bulk")
    def bulk() -> Response:
        def act(decisions: Decisions, body: Mapping[str, Any]) -> None:
            desk.bulk.act(decisions, body["action"], _words(body), body["token"])

        must_decide()
        body = body_fields("action", optional=optional)
        _check_words(body)
        if "token" in body:
            return desk.decide(act, body, desk.batch)
        with refusals():
            return answer(asdict(desk.bulk.preview(body["action"], _words(body), now=desk.clock())))


def _check_words(body: Mapping[str, Any]) -> None:
    choices = {"action": get_args(BulkAction), "state": tuple(State), "reason": tuple(Reason)}
    for name, values in choices.items():
        if name in body and body[name] not in values:
            raise Refused(422, f"$.{name} must be one of {', '.join(values)}.")


def _words(body: Mapping[str, Any]) -> dict[str, Any]:
    """The filter in a body. Raises `Refused`."""
    times = {name: time_of(f"$.{name}", body.get(name)) for name in ("since", "until")}
    return {**{name: body.get(name) for name in TEXTS}, **times}


def _also(body: Mapping[str, Any]) -> list[str]:
    return [one.strip() for one in body.get("also", "").split(";") if one.strip()]


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
        self._config, self._database, self.clock = config, database, clock
        self._record, self.bulk = DecisionRecord(database), Bulk(config, database)

    def decided(
        self, decide: _Decide, *required: str, optional: tuple[str, ...] = (), flags: tuple[str, ...] = ()
    ) -> Response:
        """Read the body, and decide. Raises `Refused`."""
        must_decide()
        return self.decide(decide, body_fields(*required, optional=optional, flags=flags))

    def decide(self, decide: _Decide, body: Mapping[str, Any], shown: Callable[[Any], Response] = answer) -> Response:
        """The decision's row as ``shown``: a new one, or that of the same request before. Raises `Refused`."""
        person = must_decide()
        key = _request_key(body)
        if key is not None and (before := self._replayed(person.name, key, shown)) is not None:
            return before
        actor = Actor(person.name, "api")
        decisions = Decisions(self._config, self._database, actor, note=body.get("note"), key=key, clock=self.clock)
        try:
            with refusals():
                decide(decisions, body)
        except KeyUsed:  # the same request came twice at one time
            if key is not None and (before := self._replayed(person.name, key, shown)) is not None:
                return before
            raise
        row = self._record.get(decisions.last_id)
        if row is None:
            raise Refused(409, "Nothing was changed: the delivery cannot be read.")
        return shown(row)

    def previewed(self, shipment: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What an assignment would send, and the token with which exactly that is decided."""
        of = (shipment, body["order"], body.get("invoice"))
        found = preview(self._config, self._database, *of, also=_also(body), now=self.clock())
        return {"foreseen": [asdict(one) for one in found.foreseen], "token": found.token}

    def batch(self, row: Mapping[str, Any]) -> Response:
        """What a decision about many decided, by the row of its first."""
        return answer({"batch": row["id"], "action": row["action"], "decided": self._record.size_of(row)})

    def account(self, body: Mapping[str, Any]) -> str:
        """The account that the body names, or the only one. Raises `Refused`."""
        names = list(self._config.accounts)
        name = body.get("account", names[0] if len(names) == 1 else None)
        if name not in names:
            raise Refused(422, f"$.account must be one of {', '.join(names)}.")
        return str(name)

    def _replayed(self, name: str, key: RequestKey, shown: Callable[[Any], Response]) -> Response | None:
        found = self._record.with_key(name, key.key)
        if found is None:
            return None
        row, digest = found
        if digest != key.digest:
            raise Refused(422, "This Idempotency-Key was sent with another request.")
        response = shown(row)
        response.headers["Idempotency-Replayed"] = "true"
        return response


def _request_key(body: Mapping[str, Any]) -> RequestKey | None:
    """The Idempotency-Key, and what tells this request from another one. Raises `Refused`."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 1 <= len(key) <= _LONGEST_KEY):
        raise Refused(400, f"Idempotency-Key must have 1 to {_LONGEST_KEY} printable ASCII characters.")
    text = json.dumps([request.path, body], sort_keys=True)
    return RequestKey(key, hashlib.sha256(text.encode()).hexdigest())


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """The one name that a link is about. Raises `Refused`."""
    named = {name: body[name] for name in NAMES if name in body}
    if len(named) != 1:
        raise Refused(422, f"Exactly one of {', '.join(NAMES)} is needed.")
    return named


def _read(item: dict[str, Any], account: str, config: Config) -> Link:
    try:
        return read_link(item, account, config)
    except Unreadable as error:
        raise Refused(422, f"{error.path} {error.why}.") from None
