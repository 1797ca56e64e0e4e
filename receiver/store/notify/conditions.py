"""What may need a person, as it stands in the database at this moment: counted, with a few examples."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, union_all

from receiver.shipments import Reason, State
from receiver.store.database import Database
from receiver.store.operator.queries import OPEN
from receiver.store.tables import deliveries, fetches, order_news, rejects, shipments, unknown_routes, unknown_words
from receiver.timing import UNANSWERED_TRIES, UNREAD_TRIES

#: Examples of each group that are read.
_EXAMPLES = 5
#: States of parcels whose invoices were found.
_REACHED = (State.IN_STEP.value, State.KEPT.value)
#: Seconds after which a parcel that nothing is heard of is left out: labels that were never used.
_FORGOTTEN = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Group:
    """How many rows concern one ``subject``, and the newest of them."""

    subject: str
    count: int
    examples: Sequence[dict[str, Any]]


class Conditions:
    """Reads them. Times are Unix time in seconds. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def shipments(self, state: str) -> list[Group]:
        """Shipments in a state, by account."""
        s = shipments.c
        counted = select(s.account, func.count().label("many")).where(s.state == state).group_by(s.account)
        shown = select(s.id, s.tracking_number, s.order_id, s.reason, s.note)
        groups = []
        for row in self._database.rows(counted):
            newest = shown.where(s.state == state, s.account == row["account"]).order_by(s.changed_at.desc())
            groups.append(Group(row["account"], row["many"], self._rows(newest.limit(_EXAMPLES))))
        return groups

    def unanswered(self, account: str, reasons: Iterable[Reason]) -> Group | None:
        """Shipments of the account that wait for one of these reasons, after `UNANSWERED_TRIES` failures in a row."""
        s = shipments.c
        due = (s.account == account, s.state == State.DUE.value)
        of = (*due, s.reason.in_(list(reasons)), s.tries >= UNANSWERED_TRIES)
        newest = select(s.id, s.tracking_number, s.order_id, s.reason, s.note).where(*of).order_by(s.changed_at.desc())
        examples = self._rows(newest.limit(_EXAMPLES))
        count = select(func.count().label("many")).select_from(shipments).where(*of)
        return Group(account, self._rows(count)[0]["many"], examples) if examples else None

    def unreadable(self) -> list[Group]:
        """Deliveries that wait for a fix, by endpoint. One whose body was emptied cannot be read again."""
        d = deliveries.c
        is_open = (d.outcome.in_(OPEN), d.body.is_not(None))
        counted = select(d.endpoint, func.count().label("many")).where(*is_open).group_by(d.endpoint)
        groups = []
        for row in self._database.rows(counted):
            newest = select(d.id, d.reason).where(*is_open, d.endpoint == row["endpoint"])
            examples = self._rows(newest.order_by(d.id.desc()).limit(_EXAMPLES))
            groups.append(Group(row["endpoint"], row["many"], examples))
        return groups

    def unknown_words(self, *, since: float) -> list[Group]:
        """Status words that were heard after ``since``, by carrier."""
        w = unknown_words.c
        heard = self._rows(select(w.carrier, w.word, w["count"]).where(w.last_at > since).order_by(w.last_at.desc()))
        return _grouped(heard, "carrier")

    def unknown_routes(self, *, since: float) -> list[Group]:
        """Webhooks after ``since`` to an address that a carrier was probably given, by the endpoint or carrier that is
        probably meant, or the endpoint's own name."""
        r = unknown_routes.c
        meant = (r.last_at > since, (r.likely.is_not(None)) | r.cause.not_in(("unknown_endpoint", "unknown_account")))
        subject = func.coalesce(r.likely, r.name).label("subject")
        met = select(subject, r.name, r.reason, r.method, r["count"]).where(*meant).order_by(r.last_at.desc())
        return _grouped(self._rows(met), "subject")

    def fetches(self, *, since: float) -> list[Group]:
        """Fetches that wait for a person and ended so after ``since``, by endpoint."""
        f = fetches.c
        ended = (f.outcome.in_(("held", "gave_up")), f.changed_at > since)
        failed = self._rows(
            select(f.endpoint, f.delivery, f.outcome, f.reason).where(*ended).order_by(f.changed_at.desc())
        )
        return _grouped(failed, "endpoint")

    def left_behind(self, endpoints: Collection[str], *, since: float) -> list[Group]:
        """What is still to be done at endpoints that are none of these, by endpoint: shipments, and fetches from
        carriers that were asked for or tried after ``since``."""
        s, f = shipments.c, fetches.c
        resting = select(s.endpoint, func.coalesce(s.tracking_number, s.id).label("name"), s.state, s.changed_at)
        unfetched = select(f.endpoint, literal("a delivery's answer"), literal("not fetched"), f.changed_at)
        left = union_all(
            resting.where(s.due_at.is_not(None), s.state != State.DISMISSED.value, s.endpoint.not_in(endpoints)),
            unfetched.where(f.due_at.is_not(None), f.endpoint.not_in(endpoints), f.changed_at > since),
        ).subquery()
        counted = select(left.c.endpoint, func.count().label("many")).group_by(left.c.endpoint)
        newest = select(left.c.name, left.c.state).order_by(left.c.changed_at.desc(), left.c.name).limit(_EXAMPLES)
        return [
            Group(row["endpoint"], row["many"], self._rows(newest.where(left.c.endpoint == row["endpoint"])))
            for row in self._database.rows(counted.order_by(left.c.endpoint))
        ]

    def has_written(self, endpoint: str) -> bool:
        """Whether a parcel of the endpoint has ever reached its invoice."""
        s = shipments.c
        reached = select(s.id).where(s.endpoint == endpoint, s.state.in_(_REACHED)).limit(1)
        return bool(self._rows(reached))

    def unwritten(self, endpoint: str, heard_before: Mapping[State, float], *, fewest: int) -> Group | None:
        """Parcels of the endpoint that are in one of these states and were first heard before its time. ``None``: they
        are fewer, or a parcel that was heard later than the ``fewest`` newest of them reached its invoice."""
        if self._has_reached(endpoint, since=max(heard_before.values())):
            return None  # the usual case, and quick
        s = shipments.c
        waiting = [self._waiting(endpoint, state, before) for state, before in heard_before.items()]
        shown = [select(s.id, s.tracking_number, s.order_id, s.reason, s.note, s.first_at).where(*of) for of in waiting]
        found = [row for one in shown for row in self._rows(one.order_by(s.first_at.desc()).limit(_EXAMPLES + fewest))]
        newest = sorted(found, key=lambda row: -row["first_at"])
        if len(newest) < fewest or self._has_reached(endpoint, since=newest[fewest - 1]["first_at"]):
            return None
        counts = [select(func.count().label("many")).select_from(shipments).where(*of) for of in waiting]
        return Group(endpoint, sum(self._rows(one)[0]["many"] for one in counts), newest[:_EXAMPLES])

    def _has_reached(self, endpoint: str, *, since: float) -> bool:
        s = shipments.c
        later = (s.endpoint == endpoint, s.state.in_(_REACHED), s.changed_at > since, s.first_at > since)
        return bool(self._rows(select(s.id).where(*later).limit(1)))

    @staticmethod
    def _waiting(endpoint: str, state: State, before: float) -> tuple[ColumnElement[bool], ...]:
        """One state's, as the index has them. Where nothing is looked for, only news changes a row."""
        s = shipments.c
        of = (s.endpoint == endpoint, s.state == state.value, s.first_at < before, s.changed_at > before - _FORGOTTEN)
        return of if state.is_under_way else (*of, s.changed_at < before)

    def unread_orders(self) -> list[Group]:
        """Orders that could not be read for the index, by account; they are tried again once a day."""
        n = order_news.c
        given_up = select(n.account, n.order_id, n.tries).where(n.tries >= UNREAD_TRIES)
        return _grouped(self._rows(given_up.order_by(n.noted_at.desc(), n.order_id)), "account")

    def rejects(self, *, since: float) -> list[dict[str, Any]]:
        """Senders after ``since`` that were not proven, the newest first: ``endpoint``, ``at``, ``reason``."""
        r = rejects.c
        return self._rows(select(r.endpoint, r.at, r.reason).where(r.at > since).order_by(r.at.desc()))

    def _rows(self, statement: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self._database.rows(statement)]


def _grouped(rows: list[dict[str, Any]], name: str) -> list[Group]:
    by: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by.setdefault(row[name], []).append(row)
    return [Group(subject, len(of), of[:_EXAMPLES]) for subject, of in by.items()]
