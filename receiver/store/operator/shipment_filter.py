"""Which shipments are meant: one filter for every list, count and bulk decision."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, TextClause, func, text

from receiver.shipments import State
from receiver.shipments.numbers import normalised
from receiver.store.operator.fields import equal, within
from receiver.store.tables import UNSETTLED, shipments

#: More endpoints than this are looked for in every state's rows, not each by the index.
_MOST_ENDPOINTS = 20


#: States that have a reason for minutes only, after an error of ours. A reason is looked for there if the state is
#: named, too.
_WITHOUT_REASONS = (State.IN_STEP, State.CANCELLED, State.DISMISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentFilter:
    """The shipments of which all of this is true. ``None`` excludes none.

    ``number`` is a tracking number in any notation. With ``order_ids``, these are meant as long as they have the order
    ``order_id`` or none; without, all that have it. ``endpoints`` and ``ids``: one of these. ``since`` and ``until``
    bound the last change, in seconds since the epoch; ``until`` itself is excluded.
    """

    state: str | None = None
    reason: str | None = None
    account: str | None = None
    number: str | None = None
    order_id: str | None = None
    order_ids: tuple[str, ...] | None = None
    endpoints: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    since: float | None = None
    until: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every shipment is meant."""
        return self == ShipmentFilter()

    @property
    def names_parcels(self) -> bool:
        """Whether an index finds the few shipments that may be meant."""
        return any(name is not None for name in (self.number, self.order_id, self.ids))

    def conditions(self) -> list[ColumnElement[bool]]:
        """All of it."""
        s = shipments.c
        named = {
            s.normalised_number: None if self.number is None else normalised(self.number),
            s.order_id: self.order_id if self.order_ids is None else None,
            s.state: self.state,
            s.account: self.account,
        }
        chosen: list[ColumnElement[bool]] = [] if self.ids is None else [s.id.in_(self.ids)]
        if self.order_ids is not None:
            chosen += [s.id.in_(self.order_ids), func.coalesce(s.order_id, self.order_id) == self.order_id]
        if self.endpoints is not None:
            chosen.append(s.endpoint.in_(self.endpoints))
        return [*equal(named), *chosen, *self._in_order(), *self.unindexed()]

    def parts(self) -> Iterator[list[ColumnElement[bool] | TextClause]]:
        """The same but for `unindexed`, in parts: an index has each part in the order of the last change."""
        s = shipments.c
        endpoints = self.endpoints if self._endpoints_are_few() else None
        for state in self._states():
            for endpoint in (None,) if endpoints is None else endpoints:
                known = {s.state: state, s.endpoint: endpoint, s.account: self._indexed_account()}
                yield [*equal(known), *self._in_order(), *self._as_counted(state)]

    def unindexed(self) -> list[ColumnElement[bool]]:
        """What no index knows: the row itself must be read."""
        s = shipments.c
        reason = self.reason if self._is_without_reasons() else None
        account = None if self._indexed_account() else self.account
        many = self.endpoints is not None and not self._endpoints_are_few()
        among = [s.endpoint.in_(self.endpoints or ())] if many else []
        return [*equal({s.account: account, s.reason: reason}), *among]

    def _states(self) -> list[str]:
        if self.state is not None:
            return [self.state]
        return [one.value for one in State if self.reason is None or one not in _WITHOUT_REASONS]

    def _as_counted(self, state: str) -> list[TextClause]:
        """What the index of reasons says of its rows, so that it is used."""
        return [text(UNSETTLED)] if self.reason is not None and f"'{state}'" in UNSETTLED else []

    def _is_without_reasons(self) -> bool:
        return self.state is not None and State(self.state) in _WITHOUT_REASONS

    def _indexed_account(self) -> str | None:
        """The account, where its index is the one to use: that of the endpoints and that of the reasons find less."""
        is_narrower = self._endpoints_are_few() or (self.reason is not None and not self._is_without_reasons())
        return None if is_narrower else self.account

    def _endpoints_are_few(self) -> bool:
        return self.endpoints is not None and len(self.endpoints) <= _MOST_ENDPOINTS

    def _in_order(self) -> list[ColumnElement[bool]]:
        s, reason = shipments.c, None if self._is_without_reasons() else self.reason
        return [*equal({s.reason: reason}), *within(s.changed_at, self.since, self.until)]
