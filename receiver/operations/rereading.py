"""What today's adapters would read from stored deliveries, parcel by parcel, before and after. Nothing is stored."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from receiver.config import Config
from receiver.intake import Intake, Outcome, Reading
from receiver.reconcile.rereading import follow_up
from receiver.shipments import Known, ShipmentRecord, Update, advance, restart
from receiver.shipments.differences import Change, changes, told
from receiver.store import OperatorQueries
from receiver.store.rows import UNREADABLE, update_from

_FAILED = (Outcome.QUARANTINED, Outcome.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """The changes to one parcel by a new reading. ``follow_up`` says what a worker would do next, in words."""

    shipment: str
    changes: tuple[Change, ...]
    follow_up: str


@dataclass(slots=True, kw_only=True)
class Summary:
    """The totals. ``unreadable`` maps deliveries that are unreadable today to the reason: they would not change."""

    read: int = 0
    otherwise: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _News:
    """The new reading of a delivery."""

    reading: Reading
    received_at: float
    digest: str


class Rereading:
    """Reads deliveries again under a configuration. ``clock`` is Unix time in seconds."""

    def __init__(
        self, config: Config, queries: OperatorQueries, intake: Intake, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._config, self._queries, self._intake, self._clock = config, queries, intake, clock
        self.summary = Summary()

    def differences(self, deliveries: Iterable[str]) -> Iterator[Reread]:
        """The parcels whose fields would change if the deliveries with these ids were read again.

        Raises `receiver.store.StoreUnavailable`.
        """
        news: dict[str, _News] = {}
        touched: set[str] = set()
        for name in deliveries:
            row = self._queries.delivery(name)
            reading = self._intake.reread(row)
            self.summary.read += 1
            if reading.outcome in _FAILED:
                self.summary.unreadable[name] = reading.reason or reading.outcome
                continue
            before = {(one["shipment"], one["said"]) for one in self._queries.stored_updates(delivery=name)}
            if before != set(reading.updates):
                self.summary.otherwise += 1
                news[name] = _News(reading, row["received_at"], row["digest"])
                touched |= {shipment for shipment, _ in before ^ set(reading.updates)}
        for shipment in sorted(touched):
            if (found := self._reread(shipment, news)) is not None:
                yield found

    def _reread(self, shipment: str, news: Mapping[str, _News]) -> Reread | None:
        try:
            record = self._queries.record(shipment)
            stored = [(row["delivery"], update_from(row)) for row in self._queries.stored_updates(shipment=shipment)]
        except UNREADABLE:
            return Reread(shipment=shipment, changes=(), follow_up="its stored state cannot be read")
        before = record.known if record else Known()
        standing = [update for delivery, update in stored if delivery not in news]
        added = [update for one in news.values() for update in _updates(one, shipment)]
        start = restart(before, [update for _, update in stored])
        after, begun = advance(start, [*standing, *added]) if start is not None else advance(before, added)
        found = changes(told(before), told(after))
        if not found:
            return None
        return Reread(shipment=shipment, changes=found, follow_up=self._follow_up(record, shipment, after, begun))

    def _follow_up(self, record: ShipmentRecord | None, shipment: str, after: Known, begun: int) -> str:
        endpoint = self._config.endpoints.get(shipment.partition("/")[0])
        if endpoint is None:
            return "nothing: its endpoint is not in the configuration"
        if record is None or begun:
            record = ShipmentRecord(id=shipment, endpoint=endpoint.name, account=endpoint.account)
        return follow_up(record, after, endpoint, self._config, now=self._clock())


def _updates(one: _News, shipment: str) -> Iterator[Update]:
    for name, said in one.reading.updates:
        if name == shipment:
            row = {"said": said, "received_at": one.received_at, "digest": one.digest}
            yield update_from(row)
