"""Which order a number belongs to, from orders that were read and from links. And which shipments wait for such a
number, so that its news wakes exactly those."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from receiver.shipments import RECYCLED_AFTER, ShipmentRecord
from receiver.shipments.numbers import spellings
from receiver.shipments.state import STUCK, State
from receiver.store.database import Database
from receiver.store.decisions import Recorder, Turn, unrecorded
from receiver.store.finding import index_statements as statements
from receiver.store.finding.assigning import is_where_named
from receiver.store.finding.bearers import ONE, Name, awaiting, bearers, borne, decide_again, locked, placed
from receiver.store.finding.beside import wake_beside
from receiver.store.finding.companions import Place, also_of, end_linked, places_from_json, places_to_json, serve_linked
from receiver.store.finding.index_change import IndexChange
from receiver.store.rows import REVOKED_LEASE, reopened, sent_from
from receiver.store.tables import links, orders, shipments, waits
from receiver.vtex.facts import ISSUER, MARKETPLACE_ID, Fact
from receiver.vtex.order_ids import SUFFIX, Labels, read_order_text

#: Seconds by which hosts' clocks may differ: a link stored this long before a claim may have come during it.
_SKEW = 5.0
#: Any number, so long as nothing else takes an advisory lock of the same.
_LOCK = 7_203_115
#: A link names these shipments: what the ``astray`` were sent is forgotten. Built once: a thousand links are one
#: transaction.
_REOPEN = (
    update(shipments)
    .where(shipments.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        sent=case((shipments.c.id.in_(bindparam("astray", expanding=True)), None), else_=shipments.c.sent),
        **reopened(bindparam("now", type_=Double)),
        **REVOKED_LEASE,
    )
)


@dataclass(frozen=True, slots=True)
class Link:
    """A shipment that bears one of ``names`` belongs to the order, and to the invoice if one is named. ``also``: the
    other orders that the parcel serves."""

    names: tuple[Name, ...]
    order_id: str
    invoice_number: str | None = None
    also: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link did: the shipments it woke, and the orders its names had been linked to before. ``dismissed``: those
    that bear its name, where a person has dismissed them: it changes nothing of them."""

    woken: tuple[str, ...]
    replaced: tuple[str, ...]
    dismissed: tuple[str, ...] = ()


class Index:
    """Maps numbers to orders, and wakes shipments that wait for them. Raises `receiver.store.StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._learn, self._upsert_link = statements.writes(database.insert)

    def orders_named(self, account: str, kind: str, value: str) -> list[dict[str, Any]]:
        """The orders that have a number: rows of ``order_id``, ``invoice_number``, ``learnt_at`` and ``dated_at`` (when
        the invoice was issued, else when this was first learnt)."""
        return [
            dict(row)
            for row in self._database.rows(statements.NAMED, {"account": account, "kind": kind, "value": value})
        ]

    def orders_of_ours(self, account: str, own: str, numbers: Collection[str]) -> list[dict[str, Any]]:
        """The orders of our other shipments with one of these numbers: `receiver.store.finding.bearers.placed`."""
        return placed(self._database, account, own, numbers)

    def has_other_issuer(self, account: str, issuer: str) -> bool:
        """True if the index has an NF-e key of another issuer than that CNPJ."""
        of = (orders.c.account == account, orders.c.kind == ISSUER)
        # Two queries: each is one step into the database index, while "not equal" scans all of it.
        others = (orders.c.value < issuer, orders.c.value > issuer)
        first = (select(orders.c.value).where(*of, other).order_by(orders.c.value).limit(1) for other in others)
        return any(self._database.rows(found) for found in first)

    def link_of(self, account: str, kind: str, value: str) -> dict[str, Any] | None:
        """The link of that name: ``order_id``, ``invoice_number``, ``also``, ``told_at``."""
        rows = self._database.rows(statements.LINK_NAMED, {"account": account, "kind": kind, "value": value})
        return dict(rows[0]) if rows else None

    def links(self, *where: ColumnElement[bool], limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Links, the newest first."""
        newest = select(links).where(*where).order_by(links.c.told_at.desc(), links.c.kind, links.c.value)
        return (dict(row) for row in self._database.each(newest.limit(limit)))

    def link(self, account: str, given: Sequence[Link], *, now: float, record: Recorder = unrecorded) -> list[Linked]:
        """Note links, all or none, and wake what waits for them or went to another order or invoice.

        The newest link of a name counts. A repeated link wakes no shipment.
        """

        def transaction(connection: Connection) -> list[Linked]:
            self._lock(connection, account)
            known = borne(connection, account, {name for one in given for name in one.names})
            turns: list[Turn] = []
            done = [self._link(connection, account, one, known, now, turns) for one in given]
            record(connection, turns)
            return done

        done = self._database.write(transaction)
        self._database.arrived.set()
        return done

    def unlink(self, account: str, kind: str, value: str, *, now: float, record: Recorder = unrecorded) -> bool:
        """Forget a link, no matter in which notation it was stored. What was written by it stays. A shipment that is
        stuck where it led is decided again, and the companions that it gave a parcel end. False: there was none."""
        values = sorted({value, *spellings(value)} if kind == "tracking_number" else {value})
        of = and_(links.c.account == account, links.c.kind == kind, links.c.value.in_(values))

        def transaction(connection: Connection) -> bool:
            self._lock(connection, account)
            forgotten = connection.execute(select(links).where(of).order_by(links.c.value)).mappings().all()
            if not forgotten:
                return False
            connection.execute(delete(links).where(of))
            found = bearers(connection, account, kind, value, now)
            stuck = [row["id"] for row in found if row["state"] in STUCK]
            due = {**reopened(now), **REVOKED_LEASE}
            connection.execute(update(shipments).where(shipments.c.id.in_(stuck)).values(due))
            end_linked(
                connection, found, [place for row in forgotten for place in places_from_json(row["also"])], now=now
            )
            record(connection, [(link_subject(account, kind, row["value"]), _recorded(row), None) for row in forgotten])
            return True

        forgotten = self._database.write(transaction)
        self._database.arrived.set()
        return forgotten

    def learn(self, account: str, facts: Collection[Fact], *, now: float) -> int:
        """Store what an order shows, and wake the shipments that wait for it; how many."""

        def transaction(connection: Connection) -> int:
            self._lock(connection, account)
            return self._note(connection, account, facts, now)

        woken = self._database.write(transaction) if facts else 0
        if woken:
            self._database.arrived.set()
        return woken

    def waited_for(self, account: str, names: Collection[Name]) -> list[str]:
        """The shipments that wait for news of one of these names: one index look-up."""
        if not names:
            return []
        of_names = statements.of_names(account, names)
        return [row["shipment"] for row in self._database.rows(statements.waiting_for(len(names)), of_names)]

    def wake(self, account: str, names: Collection[Name], *, now: float) -> int:
        """Make the shipments that wait for one of these names due now; how many."""

        def transaction(connection: Connection) -> int:
            self._lock(connection, account)
            return _wake(connection, account, names, now)

        woken = self._database.write(transaction)
        if woken:
            self._database.arrived.set()
        return woken

    def before_settling(self, connection: Connection, account: str, change: IndexChange) -> None:
        """Lock the index, so that a link or order stored during a settlement either sees it or is seen by it."""
        if change.learnt or change.names:
            for one in sorted({account, *change.accounts}):
                self._lock(connection, one)

    def after_settling(
        self,
        connection: Connection,
        shipment: ShipmentRecord,
        change: IndexChange,
        *,
        claimed_at: float,
        wake_count: int,
        now: float,
    ) -> None:
        """Store what a settled shipment waits for and what its order showed, and hear what came during its claim:
        links, and what orders showed others, whether that found it waiting (``wake_count``) or not yet."""
        accounts = {shipment.account, *change.accounts} if change.named else {shipment.account}
        awaited = change.names if change.named else change.other_numbers
        names = {(account, *name) for account in accounts for name in awaited}
        stored = {tuple(row) for row in connection.execute(statements.WAITING, {"of": shipment.id})}
        if names != stored:
            connection.execute(statements.NO_LONGER_WAITING, {"of": shipment.id})
            if names:
                parts = ("account", "kind", "value")
                rows = [{"shipment": shipment.id, **dict(zip(parts, name, strict=True))} for name in sorted(names)]
                connection.execute(insert(waits), rows)
        if change.learnt:
            self._note(connection, shipment.account, change.learnt, now, besides=shipment.id)
            read = sorted({fact.order_id for fact in change.learnt})
            of = {"account": shipment.account, "claimed_at": claimed_at, "read": read}
            connection.execute(statements.NEWS_READ, of)
        _wake(connection, shipment.account, change.placed, now, besides=shipment.id)
        if change.placed_at is not None:
            numbers = [value for _, value in change.placed]
            decide_again(connection, shipment.account, shipment.id, numbers, change.placed_at, now=now)
        if change.also is not None and shipment.companion_of is None:
            serve_linked(connection, shipment, change.also, now=now)
        if change.has_new_names and change.names:
            self._look_back(connection, shipment, change, since=claimed_at - _SKEW, now=now)
        if wake_count > shipment.wake_count or _was_learnt(connection, shipment.account, change, since=claimed_at):
            connection.execute(statements.WAKE, {"ids": [shipment.id], "now": now})

    def _look_back(
        self, connection: Connection, shipment: ShipmentRecord, change: IndexChange, *, since: float, now: float
    ) -> None:
        """Apply links stored during the claim: they could not find the shipment by names that the claim only now
        learned. Links that the claim has read are already decided."""
        of_names = statements.of_names(shipment.account, change.names)
        told = connection.execute(statements.links_of(len(change.names)), of_names).mappings().all()
        for row in told:
            if row["told_at"] < since or (row["kind"], row["value"], row["told_at"]) in change.links_read:
                continue
            found = locked(connection, ONE, {"of": shipment.id}, now)
            place = Place(row["order_id"], row["invoice_number"])
            _reopen(connection, found, shipment.account, place, now, all_parcels=row["also"] is not None)

    def _link(
        self, connection: Connection, account: str, link: Link, known: Collection[Name], now: float, turns: list[Turn]
    ) -> Linked:
        woken: dict[str, None] = {}
        replaced: dict[str, None] = {}
        dismissed: dict[str, None] = {}
        place = Place(link.order_id, link.invoice_number)
        said = {"order_id": link.order_id, "invoice_number": link.invoice_number, "also": places_to_json(link.also)}
        for kind, value in link.names:
            name = {"account": account, "kind": kind, "value": value}
            former = connection.execute(statements.LINK_NAMED, name).mappings().first()
            connection.execute(self._upsert_link, {**name, **said, "told_at": now})
            if former and former["order_id"] != link.order_id:
                replaced[former["order_id"]] = None
            alike = former is not None and all(former[part] == said[part] for part in said)
            # A number linked long ago may be recycled: then the same link is about another parcel.
            if former is None or not alike or former["told_at"] < now - RECYCLED_AFTER.total_seconds():
                found = bearers(connection, account, kind, value, now) if (kind, value) in known else []
                dismissed.update((row["id"], None) for row in found if _is_dismissed(row))
                before = places_from_json(former["also"]) if former else ()
                # Which other orders a parcel serves is part of its decision.
                due = _reopen(connection, found, account, place, now, all_parcels=bool(link.also or before))
                woken.update(dict.fromkeys(due))
                end_linked(connection, found, before, but=link.also, now=now)
            before_it = _recorded(former) if former else None
            turns.append((link_subject(account, kind, value), before_it, _recorded(said)))
        return Linked(tuple(woken), tuple(replaced), tuple(dismissed))

    def _note(
        self, connection: Connection, account: str, facts: Collection[Fact], now: float, *, besides: str | None = None
    ) -> int:
        rows = {
            (fact.kind, fact.value, fact.order_id): {
                "account": account,
                "kind": fact.kind,
                "value": fact.value,
                "order_id": fact.order_id,
                "invoice_number": fact.invoice_number,
                "learnt_at": now,
                "dated_at": now if fact.issued_at is None else fact.issued_at,
            }
            for fact in facts
        }
        new = {tuple(row) for row in connection.execute(self._learn, [rows[key] for key in sorted(rows)])}
        for key in sorted(rows.keys() - new):
            self._refresh(connection, rows[key], dated=any(_key(fact) == key and fact.issued_at for fact in facts))
        names = {(kind, value) for kind, value, _ in new} | {("order_id", order_id) for _, _, order_id in new}
        return _wake(connection, account, names, now, besides=besides) if new else 0

    def _refresh(self, connection: Connection, row: dict[str, Any], *, dated: bool) -> None:
        changed = ("invoice_number", "learnt_at", "dated_at") if dated else ("invoice_number", "learnt_at")
        its = {f"its_{part}": row[part] for part in ("account", "kind", "value", "order_id")}
        connection.execute(statements.AGAIN, {**{part: row[part] for part in changed}, **its})

    def _lock(self, connection: Connection, account: str) -> None:
        """Serialise storing a link and starting to wait, or each could miss the other. SQLite has one writer anyway."""
        if not self._database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(account))))


def link_subject(account: str, kind: str, value: str) -> str:
    """What the record of decisions calls a link."""
    return f"{account}/{kind}/{value}"


def _recorded(row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """What the record of decisions keeps of a link, before or after."""
    also = also_of(row)
    return {"order_id": row["order_id"], "invoice_number": row["invoice_number"], **({"also": also} if also else {})}


def _key(fact: Fact) -> tuple[str, str, str]:
    return fact.kind, fact.value, fact.order_id


def _was_learnt(connection: Connection, account: str, change: IndexChange, *, since: float) -> bool:
    """Whether others learnt of names, or of orders, for which the shipment did not stand yet: nothing woke it."""
    if not (change.has_new_names and change.names and change.named):
        return False
    of_orders = sorted({value for kind, value in change.names if kind == "order_id"})
    of = {**statements.of_names(account, change.names), "orders": of_orders, "since": since}
    learnt = {tuple(row) for row in connection.execute(statements.news_of(len(change.names)), of)}
    return not learnt <= {_key(fact) for fact in change.learnt}


def _wake(
    connection: Connection, account: str, names: Collection[Name], now: float, *, besides: str | None = None
) -> int:
    """An order appeared or changed: make waiting shipments due now, and leased ones again after their lease."""
    found = awaiting(connection, account, names) - {besides}
    if not found:
        return 0
    return connection.execute(statements.WAKE, {"ids": sorted(found), "now": now}).rowcount


def _reopen(
    connection: Connection, found: Sequence[RowMapping], account: str, place: Place, now: float, *, all_parcels: bool
) -> list[str]:
    """A link to ``place`` names these shipments: those that are stuck or went elsewhere are decided again, and with
    ``all_parcels`` also those that are where they belong. A person's assignment of the order, and a person's dismissal,
    win over a link."""
    found = [row for row in found if row["state"] != State.DISMISSED]
    open_to_it = [row for row in found if row["assigned_order"] is None]
    named = _orders_named(connection, account, place.order_id) if any(row["sent"] for row in open_to_it) else set()
    astray = [row["id"] for row in open_to_it if _is_elsewhere(row, named, place.invoice_number)]
    reopening = [row["id"] for row in open_to_it if row["state"] in STUCK or row["id"] in astray]
    if all_parcels:
        reopening = [row["id"] for row in found if row["companion_of"] is None]
    if reopening:
        connection.execute(_REOPEN, {"ids": reopening, "astray": astray, "now": now})
    for row in open_to_it:
        if row["id"] in astray:
            wake_beside(connection, dict(row), now=now)
    return reopening


def _is_dismissed(row: RowMapping) -> bool:
    """Whether a person wants nothing sent for the parcel. A companion may rest so because it has lost its order."""
    return row["state"] == State.DISMISSED and row["companion_of"] is None


def _orders_named(connection: Connection, account: str, text: str) -> set[str]:
    """What a link may call an order: its id or that of its purchase, with signs and labels around it; its sequence, or
    its id at the store that sold it, where the index knows them."""
    read = read_order_text(text, Labels.of(account))
    ways = (("sequence", text.removeprefix("seq")), (MARKETPLACE_ID, text))
    parts = [{"account": account, "kind": kind, "value": value} for kind, value in ways]
    known = {row.order_id for of in parts for row in connection.execute(statements.NAMED, of)}
    return known | {text, text if read.unknown else read.order_id}


def _is_elsewhere(row: RowMapping, named: Collection[str], invoice_number: str | None) -> bool:
    """True if the shipment was written to another order or invoice than the link's, whose order is one ``named``."""
    sent = sent_from(row["sent"])
    if sent is None:
        return False
    is_there = not {sent.order_id, SUFFIX.sub("", sent.order_id)}.isdisjoint(named)
    return not is_there or not is_where_named(sent, sent.order_id, invoice_number)
