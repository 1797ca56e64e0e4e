"""The statements of `receiver.store.work.queue.Queue`. Building them takes longer than running them: it is done
once."""

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Integer,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from receiver.store.tables import BULK, LIVE, NEW, PRIORITIES, accounts, attempts, shipments, updates

_NOW = bindparam("now", type_=Double)
_READY_NOW = (
    shipments.c.account == bindparam("of"),
    shipments.c.due_at <= _NOW,
    or_(shipments.c.lease_until.is_(None), shipments.c.lease_until <= _NOW),
)
_ACCOUNT = accounts.c.name == bindparam("of")
_RESERVED = and_(accounts.c.next_slot_at > bindparam("ahead"), accounts.c.next_slot_at <= bindparam("believed"))
#: A worker of the account has a shipment, which after a pause is the probe.
IS_LEASED = select(literal(1)).where(shipments.c.account == bindparam("of"), shipments.c.lease_until > _NOW).limit(1)
_PROBED = and_(accounts.c.pause_reason.is_not(None), IS_LEASED.exists())
_CLOSED = or_(accounts.c.paused_until > _NOW, _RESERVED, _PROBED)
_SHUT = select(accounts.c.name).where(_ACCOUNT, _CLOSED).exists()
READY = select(literal(1)).where(*_READY_NOW, shipments.c.priority.in_(PRIORITIES), ~_SHUT).limit(1)
DUE = select(literal(1)).where(*_READY_NOW, shipments.c.priority.in_(PRIORITIES)).limit(1)


_MOST = bindparam("most", type_=Integer)


def _oldest(priority: int, most: ColumnElement[int]) -> CTE:
    """The shipments of one priority that have been due for longest."""
    of_class = (*_READY_NOW, shipments.c.priority == literal(priority))
    # The limit stands here, too: PostgreSQL plans for a known number of rows, and locks no more than are asked for.
    due = select(shipments.c.id).where(*of_class).order_by(shipments.c.due_at).limit(_MOST)
    oldest = select(due.with_for_update(skip_locked=True).subquery()).limit(most)
    # Materialised: otherwise PostgreSQL may run it once for each row, and lock other rows each time.
    return oldest.cte(f"chosen_{priority}").prefix_with("MATERIALIZED")


_LIVE = _oldest(LIVE, _MOST)
_LATER = _oldest(BULK, _MOST - select(func.count()).select_from(_LIVE).scalar_subquery())
# One statement for both priorities: each has its round trip, which costs more than it takes.
CLAIM = (
    update(shipments)
    .where(shipments.c.id.in_(union_all(select(_LIVE.c.id), select(_LATER.c.id)).limit(_MOST)))
    .values(token=bindparam("by"), worker_name=bindparam("worker"), lease_until=bindparam("until"))
    .returning(shipments)
)
# The number stands in the text: a plan for any number could not use the index of what is new.
NEWS = (
    select(updates)
    .where(updates.c.shipment.in_(bindparam("ids", expanding=True)), updates.c.folded == literal_column(str(NEW)))
    .order_by(updates.c.id)
)
OPEN_ATTEMPTS = (
    select(attempts)
    .where(attempts.c.shipment.in_(bindparam("ids", expanding=True)), attempts.c.outcome.is_(None))
    .order_by(attempts.c.id)
)
_MINE = (shipments.c.id == bindparam("of"), shipments.c.token == bindparam("by"))
RENEW = update(shipments).where(*_MINE).values(lease_until=bindparam("until"))
_NEXT_DUE = case((shipments.c.update_count > bindparam("seen"), _NOW), else_=bindparam("due", type_=Double))
# The columns that a settlement changes join this statement by their names.
SETTLE = (
    update(shipments)
    .where(*_MINE)
    .values(token=None, worker_name=None, lease_until=None, due_at=_NEXT_DUE)
    .returning(shipments.c.wake_count)
)
SET_ASIDE = (
    update(shipments)
    .where(*_MINE)
    .values(
        token=None,
        worker_name=None,
        lease_until=None,
        due_at=bindparam("until"),
        note="its stored state cannot be read",
    )
)
WAKE = (
    update(shipments)
    .where(shipments.c.id.in_(bindparam("ids", expanding=True)))
    .values(due_at=_NOW, update_count=shipments.c.update_count + 1)
)
COMPANIONS = select(literal(1)).where(shipments.c.companion_of == bindparam("of")).limit(1)
PLACES = (
    select(*(shipments.c[name] for name in ("assigned_order", "assigned_invoice", "order_id", "invoice_number")))
    .where(shipments.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(shipments.c.id)
)
FOLDED = update(updates).where(updates.c.id == bindparam("update")).values(folded=1)
