"""Whole lists, the newest first, row by row: for the command line. `receiver.store.operator.listings` has the API's
pages, and the same fields."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text

from receiver.store.database import Database
from receiver.store.decisions import DecisionRecord
from receiver.store.finding.index import Index
from receiver.store.operator.fields import DELIVERY_FIELDS, FETCH_FIELDS, REJECT_FIELDS, equal, listed_shipment, within
from receiver.store.operator.queries import OperatorQueries
from receiver.store.operator.search import of_order
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.people_tables import decisions
from receiver.store.tables import DECLINED, deliveries, fetches, links, shipments, updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From ``since`` on and before ``until``, in seconds since the epoch; at most ``limit`` rows."""

    since: float | None = None
    until: float | None = None
    limit: int | None = None

    def of(self, column: Any) -> list[ColumnElement[bool]]:
        """The conditions on the column that holds the time."""
        return within(column, self.since, self.until)

    def has(self, at: float) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


class Listed:
    """Every list. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(self, of: ShipmentFilter, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Shipments, the latest change first."""
        s = shipments.c
        newest = select(*listed_shipment()).where(*of.conditions())
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
        of = self._deliveries(period, order, account, wanted)
        newest = select(*(d[name] for name in DELIVERY_FIELDS)).where(*of).order_by(d.id.desc())
        return map(delivery_from, self._each(newest, period))

    def count_deliveries(
        self, period: Period, *, order: str | None = None, account: str | None = None, **wanted: str | None
    ) -> list[dict[str, Any]]:
        """How many of them, by carrier, outcome and reason, with the last time; the latest reason first. Where neither
        an outcome nor a parcel is asked for, only what was ignored, quarantined or failed: an index has those."""
        d = deliveries.c
        by, last = (d.carrier, d.outcome, d.reason), func.max(d.received_at).label("last_at")
        of: list[Any] = [*self._deliveries(period, order, account, wanted)]
        if order is None and account is None and wanted.get("outcome") is None:
            of.append(text(DECLINED))
        counted = select(*by, func.count().label("count"), last).where(*of).group_by(*by).order_by(last.desc(), *by)
        return [dict(row) for row in self._database.rows(counted)]

    def fetches(self, period: Period, *, endpoints: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """What carriers were to be asked for, the latest change first; ``endpoints``: only for these."""
        f = fetches.c
        newest = select(*(f[name] for name in FETCH_FIELDS)).where(*_fetches(period, endpoints))
        return self._each(newest.order_by(f.changed_at.desc(), f.id), period)

    def count_fetches(self, period: Period, *, endpoints: Collection[str] | None = None) -> list[dict[str, Any]]:
        """How many of them, by endpoint and outcome; with the last change."""
        f = fetches.c
        return self._counted((f.endpoint, f.outcome), f.changed_at, _fetches(period, endpoints))

    def rejects(self, period: Period, *, endpoints: Collection[str] | None = None) -> list[dict[str, Any]]:
        """What did not get in, the newest first: bounded by the store. ``endpoints``: only at these names."""
        found = [
            {name: json.loads(row[name]) if name == "headers" else row[name] for name in REJECT_FIELDS}
            for row in OperatorQueries(self._database).rejects()
            if period.has(row["at"]) and (endpoints is None or row["endpoint"] in endpoints)
        ]
        return found[: period.limit]

    def count_rejects(self, period: Period, *, endpoints: Collection[str] | None = None) -> list[dict[str, Any]]:
        """How many of them, by endpoint and reason; with the last time."""
        counted: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.rejects(replace(period, limit=None), endpoints=endpoints):  # the newest first
            key = {name: row[name] for name in ("endpoint", "reason")}
            one = counted.setdefault((row["endpoint"], row["reason"]), {**key, "count": 0, "last_at": row["at"]})
            one["count"] += row["count"]
        return sorted(counted.values(), key=lambda one: -one["count"])

    def links(
        self, period: Period, *, account: str | None = None, order: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Links, the newest first."""
        return Index(self._database).links(*_links(period, account, order), limit=period.limit)

    def count_links(
        self, period: Period, *, account: str | None = None, order: str | None = None
    ) -> list[dict[str, Any]]:
        """How many of them, by account and kind of name; with the last one."""
        return self._counted((links.c.account, links.c.kind), links.c.told_at, _links(period, account, order))

    def decisions(
        self, period: Period, *, account: str | None = None, order: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """What people decided, the newest first: about the account, its parcels, deliveries and links; about parcels of
        the order, or naming it."""
        return DecisionRecord(self._database).latest(*self._decisions(period, account, order), limit=period.limit)

    def count_decisions(
        self, period: Period, *, account: str | None = None, order: str | None = None
    ) -> list[dict[str, Any]]:
        """How many of them, by person, way and action; with the last one."""
        d = decisions.c
        return self._counted((d.actor, d.via, d.action), d.at, self._decisions(period, account, order))

    def _deliveries(
        self, period: Period, order: str | None, account: str | None, wanted: Mapping[str, str | None]
    ) -> list[ColumnElement[bool]]:
        d, s = deliveries.c, shipments.c
        of = equal({d[name]: value for name, value in wanted.items()}) + period.of(d.received_at)
        spoken = equal({s.account: account}) + ([] if order is None else [self._of_order(order)])
        return [*of, d.id.in_(_speaking(spoken))] if spoken else of

    def _decisions(self, period: Period, account: str | None, order: str | None) -> list[ColumnElement[bool]]:
        d, s, of = decisions.c, shipments.c, period.of(decisions.c.at)
        if account is not None:
            its = {"shipment": select(s.id).where(s.account == account), "delivery": _speaking([s.account == account])}
            about = [and_(d.kind == kind, d.subject.in_(ids)) for kind, ids in its.items()]
            link = and_(d.kind == "link", d.subject.startswith(f"{account}/", autoescape=True))
            of.append(or_(and_(d.kind == "account", d.subject == account), link, *about))
        if order is not None:
            ids = select(s.id).where(self._of_order(order))
            names_it = [side.contains(json.dumps(order), autoescape=True) for side in (d.before, d.after)]
            of.append(or_(and_(d.kind == "shipment", d.subject.in_(ids)), *names_it))
        return of

    def _of_order(self, order: str) -> ColumnElement[bool]:
        return shipments.c.id.in_(of_order(self._database, order))

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


def _speaking(of: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The deliveries that speak of such shipments."""
    return select(updates.c.delivery).join(shipments, shipments.c.id == updates.c.shipment).where(*of)


def _fetches(period: Period, endpoints: Collection[str] | None) -> list[ColumnElement[bool]]:
    of = period.of(fetches.c.changed_at)
    return of if endpoints is None else [*of, fetches.c.endpoint.in_(endpoints)]


def _links(period: Period, account: str | None, order: str | None) -> list[ColumnElement[bool]]:
    return equal({links.c.account: account, links.c.order_id: order}) + period.of(links.c.told_at)
