"""The statements of `receiver.store.finding.index.Index`. Building them takes longer than running them: each is built
once."""

from collections.abc import Callable, Collection
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Double, Select, Table, and_, bindparam, case, delete, or_, select, update

from receiver.shipments import Reason, State
from receiver.shipments.state import AWAITS_ORDER
from receiver.store.tables import LIVE, links, order_news, orders, shipments, waits

_ITS_PARTS = ("account", "kind", "value", "order_id")
#: Statements about several names, one for each number of names, that are kept.
_KEPT = 64

NAMED = (
    select(orders.c.order_id, orders.c.invoice_number, orders.c.learnt_at, orders.c.dated_at)
    .where(*(orders.c[part] == bindparam(part) for part in ("account", "kind", "value")))
    .order_by(orders.c.order_id)
)
LINK_NAMED = select(links).where(*(links.c[part] == bindparam(part) for part in ("account", "kind", "value")))
AGAIN = update(orders).where(*(orders.c[part] == bindparam(f"its_{part}") for part in _ITS_PARTS))
WAITING = select(waits.c.account, waits.c.kind, waits.c.value).where(waits.c.shipment == bindparam("of"))
NO_LONGER_WAITING = delete(waits).where(waits.c.shipment == bindparam("of"))
#: News of orders that a claim has read: its reading already shows what was noted before it.
NEWS_READ = delete(order_news).where(
    order_news.c.account == bindparam("account"),
    order_news.c.noted_at <= bindparam("claimed_at", type_=Double),
    order_news.c.order_id.in_(bindparam("read", expanding=True)),
)
_GAVE_UP, _HELD = shipments.c.state == State.GAVE_UP, shipments.c.state == State.HELD
#: Holds that a change of the order may end.
_ENDS_WITH_ORDER = tuple(reason for reason in Reason if reason.ends_with_order)
#: An order appeared or changed: what waits for it is due now.
WAKE = (
    update(shipments)
    .where(
        shipments.c.id.in_(bindparam("ids", expanding=True)),
        or_(shipments.c.state.in_(AWAITS_ORDER), and_(_HELD, shipments.c.reason.in_(_ENDS_WITH_ORDER))),
    )
    .values(
        wake_count=shipments.c.wake_count + 1,
        due_at=bindparam("now", type_=Double),
        priority=LIVE,
        check_at=0.0,
        state=case((_GAVE_UP, State.DUE.value), else_=shipments.c.state),
        waits=case((_GAVE_UP, 0), else_=shipments.c.waits),
        # A held shipment is decided again, although the carrier sent nothing new.
        input_digest=case((_HELD, ""), else_=shipments.c.input_digest),
    )
)


@cache
def writes(insert_or: Callable[..., Any]) -> tuple[Any, Any]:
    """What an order showed, and what a link says, in one dialect."""
    learn = insert_or(orders).on_conflict_do_nothing().returning(orders.c.kind, orders.c.value, orders.c.order_id)
    upsert = insert_or(links)
    changed = {part: upsert.excluded[part] for part in ("order_id", "invoice_number", "told_at", "also")}
    return learn, upsert.on_conflict_do_update(index_elements=["account", "kind", "value"], set_=changed)


@lru_cache(_KEPT)
def waiting_for(many: int) -> Select[Any]:
    """The shipments that wait for one of so many names. `of_names` has the values."""
    return select(waits.c.shipment).where(_bearing(waits, many)).distinct()


@lru_cache(_KEPT)
def links_of(many: int) -> Select[Any]:
    """The links of so many names. `of_names` has the values."""
    return select(links).where(_bearing(links, many))


@lru_cache(_KEPT)
def news_of(many: int) -> Select[Any]:
    """What was learnt after ``since`` of so many names, and of these ``orders``. `of_names` has the values."""
    c = orders.c
    of_orders = and_(c.account == bindparam("account"), c.order_id.in_(bindparam("orders", expanding=True)))
    learnt_later = c.learnt_at > bindparam("since", type_=Double)
    return select(c.kind, c.value, c.order_id).where(or_(_bearing(orders, many), of_orders), learnt_later)


def of_names(account: str, names: Collection[tuple[str, str]]) -> dict[str, str]:
    """The values for a statement about as many names."""
    values = {"account": account}
    for place, (kind, value) in enumerate(sorted(names)):
        values[f"kind_{place}"], values[f"value_{place}"] = kind, value
    return values


def _bearing(table: Table, many: int) -> ColumnElement[bool]:
    """The rows of ``table`` about one of so many names.

    Every alternative names the account. With the account outside, SQLite scans all rows of the account.
    """
    c = table.c
    return or_(
        *(
            and_(
                c.account == bindparam("account"),
                c.kind == bindparam(f"kind_{place}"),
                c.value == bindparam(f"value_{place}"),
            )
            for place in range(many)
        )
    )
