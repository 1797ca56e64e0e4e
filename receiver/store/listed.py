"""Whole lists, the newest first, row by row: for the command line. `receiver.store.listings` has the API's pages, and
the same fields."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text

from receiver.store.database import Database
from receiver.store.listings import DELIVERY_FIELDS, FETCH_FIELDS, REJECT_FIELDS, SHIPMENT_FIELDS
from receiver.store.operator import OperatorQueries
from receiver.store.shipment_filter import ShipmentFilter
from receiver.store.tables import DECLINED, deliveries, fetches, shipments, updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From ``since`` on and before ``until``, in seconds since the epoch; at most ``limit`` rows."""

    since: float | None = None
    until: float | None = None
    limit: int | None = None

    def of(self, column: Any) -> list[ColumnElement[bool]]:
        """The conditions on the column that holds the time."""
        bounds = (self.since is not None and column >= self.since, self.until is not None and column < self.until)
        return [bound for bound in bounds if bound is not False]

    def has(self, at: float) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


class Listed:
    """Every list. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(self, of: ShipmentFilter, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Shipments, the latest change first."""
        s = shipments.c
        newest = select(*(s[name] for name in SHIPMENT_FIELDS)).where(*of.conditions())
        return map(dict, self._database.each(newest.order_by(s.changed_at.desc(), s.id).limit(limit)))

    def count_shipments(self, of: ShipmentFilter) -> list[dict[str, Any]]:
        """How many of them, by account, state and reason; with the last change."""
        s = shipments.c
        return self._counted((s.account, s.state, s.reason), s.changed_at, of.conditions())

    def deliveries(
        self, period: Period, *, order: str | None = None, account: str | None = None, **wanted: str | None
    ) -> Iterator[dict[str, Any]]:
        """Deliveries without their bodies, the latest arrival first; ``order``, ``account``: those that speak of a
        shipment of that order, of that account."""
        d = deliveries.c
        where = _equal({d[name]: value for name, value in wanted.items()}) + period.of(d.received_at)
        if of := _equal({shipments.c.order_id: order, shipments.c.account: account}):
            spoken = select(updates.c.delivery).join(shipments, shipments.c.id == updates.c.shipment).where(*of)
            where.append(d.id.in_(spoken))
        newest = select(*(d[name] for name in DELIVERY_FIELDS)).where(*where).order_by(d.id.desc())
        return map(delivery_from, self._each(newest, period))

    def count_declined(self, period: Period, **wanted: str | None) -> list[dict[str, Any]]:
        """How many deliveries were ignored, quarantined or failed, by carrier, outcome and reason, with the last time;
        the latest reason first."""
        d = deliveries.c
        columns, last = (d.carrier, d.outcome, d.reason), func.max(d.received_at).label("last_at")
        where = _equal({d[name]: value for name, value in wanted.items()}) + period.of(d.received_at)
        counted = select(*columns, func.count().label("count"), last).where(text(DECLINED), *where)
        statement = counted.group_by(*columns).order_by(last.desc(), *columns)
        return [dict(row) for row in self._database.rows(statement.limit(period.limit))]

    def fetches(self, period: Period, **wanted: str | None) -> Iterator[dict[str, Any]]:
        """What carriers were to be asked for, the latest change first; ``outcome`` ``None`` is under way."""
        f = fetches.c
        newest = select(*(f[name] for name in FETCH_FIELDS)).where(*_fetches(period, wanted))
        return self._each(newest.order_by(f.changed_at.desc(), f.id), period)

    def count_fetches(self, period: Period, **wanted: str | None) -> list[dict[str, Any]]:
        """How many of them, by endpoint and outcome; with the last change."""
        f = fetches.c
        return self._counted((f.endpoint, f.outcome), f.changed_at, _fetches(period, wanted))

    def rejects(self, period: Period, *, endpoint: str | None = None) -> list[dict[str, Any]]:
        """What did not get in, the newest first: bounded by the store."""
        found = [
            {name: json.loads(row[name]) if name == "headers" else row[name] for name in REJECT_FIELDS}
            for row in OperatorQueries(self._database).rejects()
            if period.has(row["at"]) and endpoint in (None, row["endpoint"])
        ]
        return found[: period.limit]

    def _each(self, statement: Select[Any], period: Period) -> Iterator[dict[str, Any]]:
        return map(dict, self._database.each(statement.limit(period.limit)))

    def _counted(self, by: Sequence[Any], at: Any, where: list[ColumnElement[bool]]) -> list[dict[str, Any]]:
        many, last = func.count().label("count"), func.max(at).label("last_at")
        counted = select(*by, many, last).where(*where).group_by(*by).order_by(many.desc(), *by)
        return [dict(row) for row in self._database.rows(counted)]


def delivery_from(row: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery with its headers as an object and its unknown words as a list."""
    headers, words = row["headers"], row["unknown_words"]
    read = {"headers": json.loads(headers) if isinstance(headers, str) else headers}
    return {**row, **read, "unknown_words": json.loads(words) if words else []}


def _fetches(period: Period, wanted: Mapping[str, str | None]) -> list[ColumnElement[bool]]:
    return _equal({fetches.c[name]: value for name, value in wanted.items()}) + period.of(fetches.c.changed_at)


def _equal(wanted: Mapping[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]
