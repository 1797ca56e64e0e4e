"""What a person may do, in one place for the command line, the API and the console: each decision is recorded with
the change."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, Literal, NamedTuple

from receiver.calls.background import calls_to
from receiver.config import Config
from receiver.intake import Intake, Reading
from receiver.operations.choice_preview import preview
from receiver.operations.links import LinkResult, store_links
from receiver.operations.order_check import shown, shown_order
from receiver.shipments import Sent
from receiver.store import (
    Database,
    DecisionRecord,
    Inbox,
    Index,
    Link,
    Linked,
    OperatorQueries,
    Paused,
    RateLimited,
    new_id,
)
from receiver.store.decisions import Entry, Recorder
from receiver.store.finding.companions import Place
from receiver.store.keeping.forgetting import Forgetting, Traces
from receiver.store.operator.bulk import BulkAction, BulkDecisions
from receiver.store.operator.deciding import Changed, DecisionResult, ShipmentDecisions, Unchanged
from receiver.store.operator.queries import Unknown
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.store.rows import Version
from receiver.store.work.accounts import Accounts
from receiver.vtex.answers import VtexError, storable
from receiver.vtex.client import check_place
from receiver.vtex.order_ids import as_stored
from receiver.vtex.orders import UnexpectedOrder

#: The longest note, in characters; what is longer is cut.
LONGEST_NOTE = 1_000
_CHANGED = "the parcel, or its order at VTEX, has changed since the preview: preview again"


class NothingToChange(Exception):
    """The decision would change nothing: it stands so already. It is not recorded."""


class NotAsShown(Exception):
    """The shipment or its order has changed since the preview. Nothing was decided."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who decides, and from where."""

    name: str
    via: Literal["command line", "api", "console"]


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Lets one request of an actor through once. ``digest`` is of the request, and tells it from another one."""

    key: str
    digest: str


class _Named(NamedTuple):
    """The places that a person names for a parcel. ``seen``: the tracking number that the invoice shows, empty where it
    has none, ``None`` where that is not known. ``unchecked``: why VTEX was not asked, as `Assigned` has it."""

    order_id: str
    invoice_number: str | None
    also: tuple[str, ...]
    seen: str | None = None
    unchecked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What was stored. ``unchecked``: why VTEX was not asked about it, ``None`` where VTEX shows the order and the
    invoice. ``stays``: what we wrote elsewhere before, and VTEX still has. ``companions``: the shipments that stand for
    the parcel's other orders from now on. ``ended``: those that do not any more."""

    order_id: str
    invoice_number: str | None
    unchecked: str | None
    stays: Sent | None
    companions: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One decision about many shipments: how many were decided. ``id`` stands in the record of each as ``batch``; it
    is also the id of the first one's row."""

    id: str
    action: str
    decided: int


@contextmanager
def _as_seen(shipment: str) -> Iterator[None]:
    """Raises `NotAsShown` where the shipment stands otherwise than the person has seen it."""
    try:
        yield
    except Changed:
        raise NotAsShown(f"{shipment} is no longer as it was shown") from None


class Decisions:
    """One person's decisions, all with one ``note``. ``clock`` is Unix time in seconds.

    Every method raises `receiver.store.StoreUnavailable`, and `receiver.store.decisions.KeyUsed` where ``key`` was used
    before; then nothing was changed.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        actor: Actor,
        *,
        note: str | None = None,
        key: RequestKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._database, self._actor, self._clock = config, database, actor, clock
        self._note, self._key = storable((note or "").strip())[:LONGEST_NOTE] or None, key
        self._record, self._queries = DecisionRecord(database), OperatorQueries(database)
        self._shipments = ShipmentDecisions(database)
        #: The id of the last decision; what changed nothing has no row under it.
        self.last_id = ""

    def assign(
        self,
        shipment: str,
        order_id: str,
        invoice_number: str | None = None,
        *,
        also: Sequence[str] = (),
        unseen: bool = False,
        token: str | None = None,
    ) -> Assigned:
        """The shipment belongs to the order, and to the invoice, if VTEX shows them. ``also``: the other orders that
        the parcel serves, in place of those it served before; where none is named, those stay. ``unseen``: VTEX is not
        asked. ``token``: of the preview that the person has seen; if anything else would be sent now, nothing is
        decided.

        The ids are stored as VTEX writes them. Where VTEX does not answer, they are stored as they were given. Raises
        `receiver.operations.order_check.NotShown`, `Unknown`, `receiver.vtex.client.BadSegment`; with ``token`` also
        `NotAsShown`, and `receiver.operations.choice_preview.NoPreview` where VTEX does not answer.
        """
        check_place(order_id, invoice_number, also)
        named = self._looked_up(shipment, _Named(order_id, invoice_number, tuple(also)), unseen=unseen)
        # Behind that read: what was read is what the person has seen, or the token is of something else.
        version = None if token is None else self._as_shown(token, shipment, order_id, invoice_number, also)
        decided = self._assign(shipment, named, version)
        return Assigned(
            order_id=named.order_id,
            invoice_number=named.invoice_number,
            unchecked=named.unchecked,
            stays=decided.stays,
            companions=decided.others.serving,
            ended=decided.others.ended,
        )

    def _assign(self, shipment: str, named: _Named, version: Version | None) -> DecisionResult:
        now, record = self._entry("assign", "shipment", unchecked=named.unchecked)
        others = tuple(Place(one) for one in dict.fromkeys(named.also) if one != named.order_id)
        try:
            return self._shipments.assign(
                shipment,
                order_id=named.order_id,
                invoice_number=named.invoice_number,
                also=others,
                seen=named.seen,
                version=version,
                now=now,
                record=record,
            )
        except Changed:
            raise NotAsShown(_CHANGED) from None

    def _looked_up(self, shipment: str, named: _Named, *, unseen: bool) -> _Named:
        """What the person named, as VTEX writes it. Raises `receiver.operations.order_check.NotShown`, `Unknown`."""
        account = self._queries.account_of(shipment)
        stored, *also = (as_stored(one, account) for one in (named.order_id, *named.also))
        named = named._replace(order_id=stored, also=tuple(also))
        if unseen:
            return named._replace(unchecked="not looked up at VTEX (--unseen)")
        if account not in self._config.accounts:
            why = f"not looked up at VTEX: account {account} is not in the configuration"
            return named._replace(unchecked=why)
        calls = calls_to(self._config, self._database, account)  # they sleep: by the real clock
        try:
            order_id, invoice_number, seen = shown(calls, shipment, named.order_id, named.invoice_number)
            named = named._replace(order_id=order_id, invoice_number=invoice_number, seen=seen)
            return named._replace(also=tuple(shown_order(calls, shipment, one) for one in named.also))
        except (VtexError, UnexpectedOrder, Paused, RateLimited) as error:
            return named._replace(unchecked=f"VTEX did not answer: {error}")

    def _as_shown(
        self, token: str, shipment: str, order_id: str, invoice_number: str | None, also: Sequence[str]
    ) -> Version:
        """The shipment's version, if a preview has this token still. Raises `NotAsShown`."""
        of = (self._config, self._database, shipment, order_id, invoice_number)
        now = preview(*of, also=also, now=self._clock())
        if now.token != token:
            raise NotAsShown(_CHANGED)
        return now.version

    def unassign(self, shipment: str, *, mark: str | None = None) -> DecisionResult:
        """The rules decide again. What we wrote by the assignment stays at VTEX, and its companions end. ``mark``: of
        the shipment, as the person has seen it (`receiver.store.operator.queries.standing_mark`).

        Raises `Unknown`, and of that `receiver.store.operator.queries.NotAssigned`; `NotAsShown`.
        """
        now, record = self._entry("unassign", "shipment")
        with _as_seen(shipment):
            return self._shipments.unassign(shipment, mark=mark, now=now, record=record)

    def dismiss(self, shipment: str, *, mark: str | None = None) -> None:
        """Nothing is sent for the shipment. ``mark`` as in `unassign`. Raises `Unknown`,
        `NothingToChange`, `NotAsShown`."""
        now, record = self._entry("dismiss", "shipment")
        try:
            with _as_seen(shipment):
                self._shipments.dismiss(shipment, mark=mark, now=now, record=record)
        except Unchanged as error:
            raise NothingToChange(str(error)) from None

    def retry(self, shipment: str, *, mark: str | None = None) -> None:
        """The shipment is looked at again now. ``mark`` as in `unassign`. Raises `Unknown`,
        `NotAsShown`."""
        now, record = self._entry("retry", "shipment")
        with _as_seen(shipment):
            self._shipments.retry(shipment, mark=mark, now=now, record=record)

    def decide_all(self, action: BulkAction, of: ShipmentFilter) -> Batch:
        """`retry` or `dismiss` for all that the filter means, behind what is live. Each has a row in the record."""
        first = self._new_entry(action, "shipment")
        entries = chain([first], (replace(first, id=new_id(), request_key=None) for _ in count()))
        decided = BulkDecisions(self._database).decide(
            action, of, now=first.at, recorder=lambda: self._record.recorder(next(entries), batch=first.id)
        )
        return Batch(id=first.id, action=action, decided=decided)

    def resume(self, account: str) -> None:
        """The account's pause ends: one call sees whether VTEX answers, then the rest go on.

        Raises `Unknown`, `NothingToChange`.
        """
        if account not in self._config.accounts:
            raise Unknown(f"no account {account!r}; there are {', '.join(self._config.accounts)}")
        now, record = self._entry("resume", "account")
        if not Accounts(self._database).end_pause(account, now=now, record=record):
            raise NothingToChange(f"account {account} is not paused")

    def reprocess(self, delivery: str, *, bulk: bool = False, fetch: bool = True) -> Reading:
        """A stored delivery is read again with today's adapter. ``bulk``: one of many, behind what is live; without
        ``fetch`` its carrier is asked for nothing.

        What cannot be read at all stays as it was, and is not recorded. Raises `Unknown`.
        """
        row = self._queries.delivery(delivery)
        _, record = self._entry("reprocess", "delivery")
        intake = Intake(self._config, Inbox(self._database), clock=self._clock)
        reading = intake.reprocess(row, bulk=bulk, fetch=fetch, record=record)
        if self._key is not None and self._record.get(self.last_id) is not None:
            self._key = None  # one request may read several: it is known by the first that is recorded
        return reading

    def link(self, account: str, link: Link) -> Linked:
        """A shipment that bears one of the link's names belongs to its order."""
        now, record = self._entry("link", "link")
        (linked,) = Index(self._database).link(account, [link], now=now, record=record)
        return linked

    def link_all(self, account: str, items: Iterable[Any]) -> list[LinkResult]:
        """`receiver.operations.links.store_links`, by a person: each link has a row in the record."""
        now, record = self._entry("link", "link")
        return store_links(Index(self._database), self._config, account, items, now=now, record=record)

    def unlink(self, account: str, kind: str, value: str) -> None:
        """The link is forgotten, in whatever notation it was told. Raises `NothingToChange` where there is none."""
        now, record = self._entry("unlink", "link")
        if not Index(self._database).unlink(account, kind, value, now=now, record=record):
            raise NothingToChange(f"no link of {kind.replace('_', ' ')} {value}")

    def forget(self, traces: Traces, named: Literal["order", "number", "text"]) -> None:
        """What was found of one order, number or text is blanked. The record has how much that was, and never what was
        named."""
        now, record = self._entry("forget", "data")
        counts = {table: len(keys) for table, keys in traces.by_table().items() if keys}
        forgetting = Forgetting(self._database)
        forgetting.forget(traces, now=now, record=lambda connection: record(connection, [(named, None, counts)]))

    def _entry(self, action: str, kind: str, **more: Any) -> tuple[float, Recorder]:
        """The time of a decision, and what records it."""
        entry = self._new_entry(action, kind)
        return entry.at, self._record.recorder(entry, **{name: value for name, value in more.items() if value})

    def _new_entry(self, action: str, kind: str) -> Entry:
        entry = Entry(
            actor=self._actor.name,
            via=self._actor.via,
            action=action,
            kind=kind,
            at=self._clock(),
            note=self._note,
            request_key=self._key.key if self._key else None,
            request_digest=self._key.digest if self._key else None,
        )
        self.last_id = entry.id
        return entry
