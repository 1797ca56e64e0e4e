"""Where a person's request is decided: once for each Idempotency-Key, and answered with the decision's row."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from flask import Response, request

from receiver.config import Config
from receiver.operations.bulk import Bulk
from receiver.operations.choice_preview import preview
from receiver.operations.decisions import Actor, Decisions, RequestKey
from receiver.store import Database, DecisionRecord
from receiver.store.decisions import KeyUsed
from receiver.web.api.access import must_decide
from receiver.web.api.answers import Refused, answer, body_fields
from receiver.web.api.refusals import refusals

#: The longest Idempotency-Key, in characters.
_LONGEST_KEY = 200

#: A decision, taken with what the body says.
Decide = Callable[[Decisions, Mapping[str, Any]], object]
#: What is answered by the row of a decision.
Shown = Callable[[Mapping[str, Any]], Response]


class Desk:
    """Takes a decision for the person who sent the request, once for each Idempotency-Key. ``clock`` gives seconds
    since the epoch."""

    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
        self.config, self.database, self.clock = config, database, clock
        self._record, self.bulk = DecisionRecord(database), Bulk(config, database)

    def decided(
        self, decide: Decide, *required: str, optional: tuple[str, ...] = (), flags: tuple[str, ...] = ()
    ) -> Response:
        """Read the body, and decide. Raises `Refused`."""
        must_decide()
        return self.decide(decide, body_fields(*required, optional=optional, flags=flags))

    def decide(
        self, decide: Decide, body: Mapping[str, Any], shown: Shown = answer, again: Shown | None = None
    ) -> Response:
        """The decision's row as ``shown``, or that of the same request before as ``again``, by default the same. Raises
        `Refused`."""

        def act(decisions: Decisions) -> Response:
            decide(decisions, body)
            return shown(self.row(decisions))

        return self.once(body, act, again or shown)

    def row(self, decisions: Decisions) -> Mapping[str, Any]:
        """The last decision's row. Raises `Refused`."""
        row = self._record.get(decisions.last_id)
        if row is None:
            raise Refused(409, "Nothing was changed: the delivery cannot be read.")
        return row

    def once(self, body: Mapping[str, Any], act: Callable[[Decisions], Response], again: Shown) -> Response:
        """What ``act`` answers; to the same request under its key, what ``again`` answers by the row of the first time.
        ``body`` is what tells the request from another one. Raises `Refused`."""
        person = must_decide()
        key = _request_key(body)
        if key is not None and (before := self._replayed(person.name, key, again)) is not None:
            return before
        actor = Actor(person.name, "api")
        decisions = Decisions(self.config, self.database, actor, note=body.get("note"), key=key, clock=self.clock)
        try:
            with refusals():
                return act(decisions)
        except (KeyUsed, Refused):  # the same request may have come twice at one time, and the other one was first
            if key is not None and (before := self._replayed(person.name, key, again)) is not None:
                return before
            raise

    def previewed(self, shipment: str, body: Mapping[str, Any], also: list[str]) -> dict[str, Any]:
        """What an assignment would send, and the token with which exactly that is decided."""
        of = (shipment, body["order"], body.get("invoice"))
        found = preview(self.config, self.database, *of, also=also, now=self.clock())
        return {"foreseen": [asdict(one) for one in found.foreseen], "token": found.token}

    def batch(self, row: Mapping[str, Any]) -> Response:
        """What a decision about many decided, by the row of its first."""
        return answer({"batch": row["id"], "action": row["action"], "decided": self._record.size_of(row)})

    def account(self, given: str | None, called: str = "$.account") -> str:
        """The account that the request names, or the only one. Raises `Refused`."""
        names = list(self.config.accounts)
        name = names[0] if given is None and len(names) == 1 else given
        if name not in names:
            raise Refused(422, f"{called} must be one of {', '.join(names)}.")
        return str(name)

    def _replayed(self, name: str, key: RequestKey, again: Shown) -> Response | None:
        found = self._record.with_key(name, key.key)
        if found is None:
            return None
        row, digest = found
        if digest != key.digest:
            raise Refused(422, "This Idempotency-Key was sent with another request.")
        with refusals():
            response = again(row)
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
