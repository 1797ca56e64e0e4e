"""One decision about many parcels: first a preview, then the act that the preview's token allows."""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from receiver.config import Config
from receiver.operations.decisions import Batch, Decisions
from receiver.operations.parcels import chosen
from receiver.store import Database
from receiver.store.operator.bulk import BulkAction, BulkDecisions
from receiver.store.operator.shipment_filter import ShipmentFilter

#: The most parcels of one act: it is one request, and its sender waits.
MOST_AT_ONCE = 10_000
#: Parcels that a preview shows.
EXAMPLES = 10


class BulkRefused(Exception):
    """Nothing was decided. The message says why, and what to do; ``code`` is the same in a word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would decide about: ``count`` parcels, some of them as ``examples``. ``token`` allows that act."""

    action: BulkAction
    count: int
    examples: list[dict[str, Any]]
    token: str


class Bulk:
    """Retries or dismisses all parcels that the words of `receiver.operations.parcels` choose, `MOST_AT_ONCE` at most.

    The token needs no secret: only a person who may decide can send it, and may decide about each parcel anyway. It
    holds the words, the time of the preview and the count. So the act is about what was seen: no parcel that changed
    since, and never more of them.
    """

    def __init__(self, config: Config, database: Database) -> None:
        self._config, self._database, self._store = config, database, BulkDecisions(database)

    def preview(self, action: BulkAction, words: Mapping[str, Any], *, now: float) -> Preview:
        """``now`` in seconds since the epoch. Raises `BulkRefused`, `receiver.store.StoreUnavailable`."""
        of = self._until(words, now)
        count = self._store.count(action, of, most=MOST_AT_ONCE + 1)
        if count == 0:
            raise BulkRefused("none", "no parcel matches this filter")
        if count > MOST_AT_ONCE:
            raise BulkRefused("too_many", f"more than {MOST_AT_ONCE:,} parcels match: choose fewer, such as by a date")
        token = _token([action, _digest(words), now, count])
        return Preview(action, count, self._store.examples(action, of, most=EXAMPLES), token)

    def act(self, decisions: Decisions, action: BulkAction, words: Mapping[str, Any], token: str) -> Batch:
        """Decide about the parcels of a preview that have not changed since. Raises `BulkRefused`,
        `receiver.store.StoreUnavailable`."""
        at, count = _read(token, action, words)
        of = self._until(words, at)
        if self._store.count(action, of, most=count + 1) > count:
            raise BulkRefused("outgrown", "more parcels match than the preview showed: preview again")
        batch = decisions.decide_all(action, of)
        if batch.decided == 0:
            raise BulkRefused("changed", "every parcel of the preview has changed since: preview again")
        return batch

    def _until(self, words: Mapping[str, Any], at: float) -> ShipmentFilter:
        """The filter without what changed from ``at`` on. Raises `BulkRefused` for one that means all parcels."""
        of = chosen(self._config, self._database, words)
        if of.is_empty:
            raise BulkRefused("no_filter", "a filter is needed: without one, every parcel would be meant")
        return replace(of, until=at if of.until is None else min(of.until, at))


def _digest(words: Mapping[str, Any]) -> str:
    given = {name: value for name, value in sorted(words.items()) if value is not None}
    return hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]


def _token(held: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")


def _read(token: str, action: BulkAction, words: Mapping[str, Any]) -> tuple[float, int]:
    """The time of the preview, and its count. Raises `BulkRefused`."""
    try:
        held = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        held = None
    if not isinstance(held, list) or len(held) != 4 or held[:2] != [action, _digest(words)]:
        raise BulkRefused("other", "the token is of another action or filter: preview again")
    at, count = held[2:]
    is_ours = type(at) is float and math.isfinite(at) and type(count) is int and 0 < count <= MOST_AT_ONCE
    if not is_ours:
        raise BulkRefused("other", "the token is none that a preview gave: preview again")
    return at, count
