"""Pages of what is stored, for the API. Each begins behind a key, so that a late page costs what the first one does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    TextClause,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from receiver.shipments import State
from receiver.store.database import Database
from receiver.store.decisions import KINDS, decision_from
from receiver.store.finding.companions import also_of
from receiver.store.operator.fields import DELIVERY_FIELDS, FETCH_FIELDS, REJECT_FIELDS, equal, listed_shipment, within
from receiver.store.operator.queries import OPEN, OperatorQueries
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.people_tables import decisions
from receiver.store.tables import deliveries, fetches, links, shipments, unknown_words

#: The most rows of a page.
MOST = 200
#: The most rows that are counted of a state: a count costs the same, no matter how many there are.
MOST_COUNTED = 10_000
#: Rows that a page looks at where no index knows a filter: it may come out short, and the next one goes on there.
LOOKS_AT = 2_000
#: Seconds by which the order of ids and that of times of arrival may differ.
_SLACK = 5.0

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
class Count:
    """``many`` rows; more, unless ``is_whole``: counting stopped there."""

    many: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Order:
    """The columns by which rows are ordered, and where a page begins."""

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
_FETCHES = _Order((fetches.c.changed_at, fetches.c.id))
_DECISIONS = _Order((decisions.c.at, decisions.c.id))
_WORDS = _Order((unknown_words.c.carrier, unknown_words.c.word), newest_first=False)
_LINKS = _Order((links.c.account, links.c.kind, links.c.value), newest_first=False)


class Listings:
    """Every list, a page at a time. All of it raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(self, ask: Ask, of: ShipmentFilter) -> Page:
        """Shipments, the latest change first."""
        key, behind = select(*_SHIPMENTS.columns), _SHIPMENTS.behind(ask.after)
        shown, rest = select(*listed_shipment()), of.unindexed()
        if of.names_parcels:
            keys = key.where(*of.conditions(), *behind).order_by(*_SHIPMENTS.by).limit(ask.limit + 1)
            return self._of(shown, _SHIPMENTS, self._database.rows(keys), ask, [])
        most = LOOKS_AT if rest else ask.limit + 1
        # The first of every part, merged, are the first of all.
        looked = _looked_at(key, rest)
        parts = [looked.where(*part, *behind).order_by(*_SHIPMENTS.by).limit(most).subquery() for part in of.parts()]
        if not parts:  # none of the endpoints is there
            return Page([], None)
        merged = union_all(*map(select, parts)).subquery()
        first = select(merged).order_by(merged.c.changed_at.desc(), merged.c.id.desc()).limit(most)
        return self._of(shown, _SHIPMENTS, self._database.rows(first), ask, rest)

    def counts(self, of: ShipmentFilter) -> dict[str, Count]:
        """How many shipments are in each state that has any; the state of the filter does not matter."""
        s, of, many = shipments.c, replace(of, state=None), func.count().label("many")
        if of.names_parcels:
            rows = self._database.rows(select(s.state, many).where(*of.conditions()).group_by(s.state))
            return {row["state"]: Count(row["many"], is_whole=True) for row in rows}
        found = {state.value: self._count(replace(of, state=state.value)) for state in State}
        return {state: count for state, count in found.items() if count.many or not count.is_whole}

    def _count(self, of: ShipmentFilter) -> Count:
        rest = of.unindexed()
        rows = [self._database.rows(_counting(part, rest))[0] for part in of.parts()]
        most = LOOKS_AT if rest else MOST_COUNTED
        return Count(sum(row["many"] or 0 for row in rows), is_whole=all(row["looked_at"] < most for row in rows))

    def deliveries(
        self,
        ask: Ask,
        *,
        outcome: str | None = None,
        endpoint: str | None = None,
        carrier: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Page:
        """Deliveries without their bodies, the latest arrival first; from ``since`` on and before ``until``, in seconds
        since the epoch."""
        d = deliveries.c
        chosen = [d.outcome == outcome] if outcome in OPEN else []
        if chosen:  # says what the partial index says, so that it is used
            chosen.append(d.outcome.in_([literal(one, literal_execute=True) for one in OPEN]))
        rest = equal({d.endpoint: endpoint, d.carrier: carrier, **({} if chosen else {d.outcome: outcome})})
        rest += within(d.received_at, since, until)
        most = LOOKS_AT if rest else ask.limit + 1
        of = [*chosen, *self._arrived(since, until), *_DELIVERIES.behind(ask.after)]
        keys = _looked_at(select(d.id), rest).where(*of).order_by(*_DELIVERIES.by).limit(most)
        statement = select(*(d[name] for name in DELIVERY_FIELDS))
        return self._of(statement, _DELIVERIES, self._database.rows(keys), ask, rest)

    def rejects(self, ask: Ask) -> Page:
        """What did not get in, the newest first: failed authentications, and what no endpoint takes, counted."""
        return _refused(OperatorQueries(self._database).rejects(), ask)

    def auth_failures(self, ask: Ask, *, endpoint: str | None = None) -> Page:
        """The failed authentications of `rejects` alone."""
        found = OperatorQueries(self._database).auth_failures()
        return _refused([row for row in found if endpoint in (None, row["endpoint"])], ask)

    def fetches(self, ask: Ask, *, endpoint: str | None = None) -> Page:
        """What carriers were to be asked for, the latest change first; ``outcome`` ``None``: under way."""
        of = equal({fetches.c.endpoint: endpoint})
        return self._page(select(*(fetches.c[name] for name in FETCH_FIELDS)).where(*of), _FETCHES, ask)

    def decisions(
        self, ask: Ask, *, since: float | None = None, until: float | None = None, **wanted: str | None
    ) -> Page:
        """What people decided, the newest first; from ``since`` on and before ``until``, in seconds since the epoch.
        ``wanted``: ``actor``, ``action``, ``kind``, ``subject``."""
        d = decisions.c
        of, subject = within(d.at, since, until), wanted.pop("subject", None)
        if subject is not None:  # the index begins with the kind
            kind = wanted.pop("kind", None)
            of += [d.subject == subject, d.kind.in_(KINDS if kind is None else [kind])]
        # Put together with nothing, a column uses no index: SQLite would read all of a person rather than those rows.
        rest = equal({d[name].concat(""): value for name, value in wanted.items()})
        most = LOOKS_AT if rest else ask.limit + 1
        looked = _looked_at(select(*_DECISIONS.columns), rest)
        keys = looked.where(*of, *_DECISIONS.behind(ask.after)).order_by(*_DECISIONS.by)
        page = self._of(select(decisions), _DECISIONS, self._database.rows(keys.limit(most)), ask, rest)
        return Page([decision_from(row) for row in page.rows], page.next)

    def unknown_words(self, ask: Ask, *, carrier: str | None = None) -> Page:
        """Status words that adapters do not know, by carrier and word."""
        return self._page(select(unknown_words).where(*equal({unknown_words.c.carrier: carrier})), _WORDS, ask)

    def links(
        self, ask: Ask, *, account: str | None = None, order_id: str | None = None, accounts: Sequence[str] = ()
    ) -> Page:
        """Links by account, kind and value. An order is looked up in ``accounts``, where none is named."""
        of = equal({links.c.account: account, links.c.order_id: order_id})
        if order_id is not None and account is None:
            of.append(links.c.account.in_(accounts))
        return self._links(select(links).where(*of), ask)

    def links_named(self, ask: Ask, text: str, *, names: Sequence[tuple[str, str]], accounts: Sequence[str]) -> Page:
        """The links of these ``names`` (kind and value), and those to the order ``text``."""
        c = links.c
        # Every alternative names the account: else SQLite scans all rows of the account.
        named = [and_(c.account == one, c.kind == kind, c.value == value) for one in accounts for kind, value in names]
        to_order = [and_(c.account == one, c.order_id == text) for one in accounts]
        return self._links(select(links).where(or_(*named, *to_order)), ask)

    def _links(self, statement: Select[Any], ask: Ask) -> Page:
        found = self._page(statement, _LINKS, ask)
        return replace(found, rows=[{**row, "also": also_of(row)} for row in found.rows])

    def _arrived(self, since: float | None, until: float | None) -> list[ColumnElement[bool]]:
        """About that period by the id, which sorts by time and has the index. `_SLACK`: what arrives at one moment may
        get its id in another order. The exact bounds are still to be looked at."""
        d, found = deliveries.c, []
        if since is not None:
            first = select(func.min(d.received_at)).where(d.received_at >= since - _SLACK).scalar_subquery()
            found.append(d.id >= select(func.min(d.id)).where(d.received_at == first).scalar_subquery())
        if until is not None:
            last = select(func.max(d.received_at)).where(d.received_at < until + _SLACK).scalar_subquery()
            found.append(d.id <= select(func.max(d.id)).where(d.received_at == last).scalar_subquery())
        return found

    def _page(self, statement: Select[Any], order: _Order, ask: Ask) -> Page:
        found = self._database.rows(statement.where(*order.behind(ask.after)).order_by(*order.by).limit(ask.limit + 1))
        rows = [dict(row) for row in found[: ask.limit]]
        return Page(rows, _key(order, rows[-1]) if len(found) > ask.limit else None)

    def _of(
        self, statement: Select[Any], order: _Order, keys: Sequence[Any], ask: Ask, rest: list[ColumnElement[bool]]
    ) -> Page:
        """The rows with these keys, of which ``rest`` is true. Without ``rest`` there is one key more than rows where
        another page follows; with it, as many as are looked at, and each says whether it ``fits``."""
        ids = [row["id"] for row in keys if not rest or row["fits"]][: ask.limit + 1]
        found = self._database.rows(statement.where(order.columns[-1].in_(ids)).order_by(*order.by)) if ids else ()
        rows = [dict(row) for row in found]
        if len(rows) > ask.limit:
            return Page(rows[: ask.limit], _key(order, rows[ask.limit - 1]))
        is_whole = len(keys) < (LOOKS_AT if rest else ask.limit + 1)
        return Page(rows, None if is_whole else _key(order, keys[-1] if rest else rows[-1]))


def _looked_at(keys: Select[Any], rest: list[ColumnElement[bool]]) -> Select[Any]:
    """Keys that say of their rows whether ``rest`` is true: so a row is read once."""
    return keys.add_columns(case((and_(*rest), 1), else_=0).label("fits")) if rest else keys


def _counting(part: list[ColumnElement[bool] | TextClause], rest: list[ColumnElement[bool]]) -> Executable:
    """Counts the rows of a part: those looked at, the latest change first, and those of them of which ``rest`` is
    true."""
    s = shipments.c
    if not rest:
        some = select(s.changed_at).where(*part).limit(MOST_COUNTED).subquery()
        return select(func.count().label("looked_at"), func.count().label("many")).select_from(some)
    fits = case((and_(*rest), 1), else_=0).label("fits")
    some = select(fits).where(*part).order_by(*_SHIPMENTS.by).limit(LOOKS_AT).subquery()
    return select(func.count().label("looked_at"), func.sum(some.c.fits).label("many"))


def _refused(rows: list[dict[str, Any]], ask: Ask) -> Page:
    """A page of what did not get in: the tables are bounded, and read whole."""
    newest = sorted(rows, key=lambda row: (row["at"], row["id"]), reverse=True)
    behind = [row for row in newest if ask.after is None or (row["at"], row["id"]) < ask.after]
    shown = [{name: row[name] for name in REJECT_FIELDS} for row in behind[: ask.limit]]
    return Page(shown, (shown[-1]["at"], shown[-1]["id"]) if len(behind) > ask.limit else None)


def _key(order: _Order, row: Any) -> Key:
    return tuple(row[column.name] for column in order.columns)
