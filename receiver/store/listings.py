"""Pages of what is stored, for the API. Each begins behind a key, so that a late page costs what the first one does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, tuple_, union_all

from receiver.shipments import State
from receiver.shipments.numbers import normalised
from receiver.store.database import Database
from receiver.store.decisions import decision_from
from receiver.store.people_tables import decisions
from receiver.store.tables import deliveries, links, rejects, shipments, unknown_words

#: The most rows of a page.
MOST = 200
#: Rows that a page looks at where no index knows a filter: it may come out short, and the next one goes on there.
LOOKS_AT = 2_000

#: The values of a row's ordering columns.
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """At most ``limit`` rows, those behind the key ``after``; ``None``: from the first one on."""

    limit: int
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``rows``, and the key behind which the next page begins; ``None``: this is the last one."""

    rows: list[dict[str, Any]]
    next: Key | None


@dataclass(frozen=True, slots=True)
class _Order:
    columns: tuple[Any, ...]
    newest_first: bool = True

    @property
    def by(self) -> list[Any]:
        return [column.desc() if self.newest_first else column.asc() for column in self.columns]

    def behind(self, key: Key | None) -> list[ColumnElement[bool]]:
        if key is None:
            return []
        here, there = tuple_(*self.columns), tuple_(*map(literal, key))
        return [here < there if self.newest_first else here > there]


_SHIPMENTS = _Order((shipments.c.changed_at, shipments.c.id))
_DELIVERIES = _Order((deliveries.c.id,))
_REJECTS = _Order((rejects.c.id,))
_DECISIONS = _Order((decisions.c.at, decisions.c.id))
_WORDS = _Order((unknown_words.c.carrier, unknown_words.c.word), newest_first=False)
_LINKS = _Order((links.c.account, links.c.kind, links.c.value), newest_first=False)

#: The fields of a shipment in a list; its story has the rest.
SHIPMENT_FIELDS = (
    *("id", "endpoint", "account", "state", "reason", "note", "tracking_number", "order_id", "invoice_number", "rule"),
    *("assigned_order", "assigned_invoice", "due_at", "first_at", "changed_at"),
)
#: A delivery without its body.
DELIVERY_FIELDS = (
    *("id", "endpoint", "carrier", "received_at", "outcome", "reason", "method", "target", "headers", "digest"),
    *("proof", "version", "notice", "unknown_words"),
)


class Listings:
    """Every list, a page at a time. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(
        self,
        ask: Ask,
        *,
        state: str | None = None,
        number: str | None = None,
        order_id: str | None = None,
        **rare: str | None,
    ) -> Page:
        """Shipments, the latest change first. ``rare``: columns that no index knows."""
        s, shown = shipments.c, [shipments.c[name] for name in SHIPMENT_FIELDS]
        wanted = {s.normalised_number: None if number is None else normalised(number), s.order_id: order_id}
        chosen = _equal(wanted)
        behind = _SHIPMENTS.behind(ask.after)
        rest = _equal({s[name]: value for name, value in rare.items()})
        most = LOOKS_AT if rest and not chosen else ask.limit + 1
        if chosen:
            if state is not None:
                chosen.append(s.state == state)
            keys = select(*_SHIPMENTS.columns).where(*chosen, *rest, *behind).order_by(*_SHIPMENTS.by).limit(most)
            return self._of(select(*shown), _SHIPMENTS, self._database.rows(keys), ask, [])
        # An index holds each state in the order of its changes: the first of every one, merged, are the first of all.
        parts = [
            select(*_SHIPMENTS.columns).where(s.state == one, *behind).order_by(*_SHIPMENTS.by).limit(most).subquery()
            for one in ([state] if state is not None else [one.value for one in State])
        ]
        merged = union_all(*map(select, parts)).subquery()
        first = select(merged).order_by(merged.c.changed_at.desc(), merged.c.id.desc()).limit(most)
        return self._of(select(*shown), _SHIPMENTS, self._database.rows(first), ask, rest)

    def deliveries(
        self, ask: Ask, *, outcome: str | None = None, endpoint: str | None = None, carrier: str | None = None
    ) -> Page:
        """Deliveries without their bodies, the latest arrival first."""
        d = deliveries.c
        chosen = [d.outcome == outcome] if outcome in ("quarantined", "error") else []
        if chosen:  # says what the partial index says, so that it is used
            chosen.append(d.outcome.in_([literal(one, literal_execute=True) for one in ("quarantined", "error")]))
        rest = _equal({d.endpoint: endpoint, d.carrier: carrier, **({} if chosen else {d.outcome: outcome})})
        most = LOOKS_AT if rest else ask.limit + 1
        keys = select(d.id).where(*chosen, *_DELIVERIES.behind(ask.after)).order_by(*_DELIVERIES.by).limit(most)
        statement = select(*(d[name] for name in DELIVERY_FIELDS))
        return self._of(statement, _DELIVERIES, self._database.rows(keys), ask, rest)

    def authentication_failures(self, ask: Ask) -> Page:
        """The last authentication failures, the newest first."""
        return self._page(select(rejects), _REJECTS, ask)

    def decisions(self, ask: Ask, **wanted: str | None) -> Page:
        """What people decided, the newest first; ``wanted``: ``kind`` together with ``subject``."""
        of = _equal({decisions.c[name]: value for name, value in wanted.items()})
        page = self._page(select(decisions).where(*of), _DECISIONS, ask)
        return Page([decision_from(row) for row in page.rows], page.next)

    def unknown_words(self, ask: Ask, *, carrier: str | None = None) -> Page:
        """Status words that adapters do not know, by carrier and word."""
        return self._page(select(unknown_words).where(*_equal({unknown_words.c.carrier: carrier})), _WORDS, ask)

    def links(
        self, ask: Ask, *, account: str | None = None, order_id: str | None = None, accounts: Sequence[str] = ()
    ) -> Page:
        """Links by account, kind and value. An order is looked up in ``accounts``, where none is named."""
        of = _equal({links.c.account: account, links.c.order_id: order_id})
        if order_id is not None and account is None:
            of.append(links.c.account.in_(accounts))
        return self._page(select(links).where(*of), _LINKS, ask)

    def _page(self, statement: Select[Any], order: _Order, ask: Ask) -> Page:
        found = self._database.rows(statement.where(*order.behind(ask.after)).order_by(*order.by).limit(ask.limit + 1))
        rows = [dict(row) for row in found[: ask.limit]]
        return Page(rows, _key(order, rows[-1]) if len(found) > ask.limit else None)

    def _of(
        self, statement: Select[Any], order: _Order, keys: Sequence[Any], ask: Ask, rest: list[ColumnElement[bool]]
    ) -> Page:
        """The rows with these keys, of which ``rest`` is true. Without ``rest`` there is one key more than rows where
        another page follows; with it, as many as are looked at."""
        ids = [row["id"] for row in keys]
        by_id = order.columns[-1]
        rows = [dict(row) for row in self._database.rows(statement.where(by_id.in_(ids), *rest).order_by(*order.by))]
        if len(rows) > ask.limit:
            return Page(rows[: ask.limit], _key(order, rows[ask.limit - 1]))
        is_whole = len(ids) < (LOOKS_AT if rest else ask.limit + 1)
        return Page(rows, None if is_whole else _key(order, keys[-1] if rest else rows[-1]))


def _key(order: _Order, row: Any) -> Key:
    return tuple(row[column.name] for column in order.columns)


def _equal(wanted: dict[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]
