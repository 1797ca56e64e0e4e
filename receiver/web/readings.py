"""What was read from a stored delivery, and what today's adapter reads. For the console and the API."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from receiver.config import Config
from receiver.intake import Intake, Reading
from receiver.operations.rereading import Reread, Rereading
from receiver.store import Database, Inbox, OperatorQueries

#: Parcels of a delivery that are told, and up to which today's reading is compared.
MOST_PARCELS = 50


@dataclass(frozen=True, slots=True)
class Today:
    """What today's adapter reads. ``changes``: what that would change of each parcel, ``None`` where there are too many
    to compare."""

    reading: Reading
    changes: list[Reread] | None


class Readings:
    """``clock`` is Unix time in seconds. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
        self._config, self._queries, self._clock = config, OperatorQueries(database), clock
        self._intake = Intake(config, Inbox(database), clock=clock)

    def parcels(self, delivery: str) -> tuple[list[dict[str, Any]], int]:
        """What the delivery said of its first parcels, and how many more there are."""
        stored = self._queries.stored_updates(delivery=delivery)
        told = [{"id": one["shipment"], **json.loads(one["said"])} for one in stored[:MOST_PARCELS]]
        return told, max(0, len(stored) - MOST_PARCELS)

    def today(self, row: Mapping[str, Any]) -> Today:
        """``row`` is the delivery's, with its body."""
        reading = self._intake.reread(dict(row))
        return Today(reading, None if len(reading.updates) > MOST_PARCELS else self._changes(row["id"]))

    def _changes(self, delivery: str) -> list[Reread]:
        of = (self._config, self._queries, self._intake)
        return list(Rereading(*of, clock=self._clock).differences([delivery]))
