"""PURE: in which VTEX account a parcel's order is looked for, and when the parcel moves to another account."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from receiver.shipments import Decision, Reason
from receiver.shipments.record import SOLD_ELSEWHERE
from receiver.vtex.choice import Hold
from receiver.vtex.orders import Order


@dataclass(frozen=True, slots=True)
class SoldElsewhere:
    """An order that one account sold and another one invoices. ``seller`` is the invoicing account, ``order_id`` the
    order's id where it was sold, ``via`` the accounts that led there. Kept as evidence of the decision."""

    seller: str
    order_id: str
    via: tuple[str, ...]

    @classmethod
    def of(cls, decision: Decision, account: str) -> Self | None:
        """Why a shipment was moved to this account; ``None`` if it was not moved."""
        plain = (decision.evidence or {}).get(SOLD_ELSEWHERE)
        if not plain or plain["seller"] != account:
            return None
        return cls(plain["seller"], plain["order_id"], tuple(plain["via"]))

    @property
    def evidence(self) -> dict[str, Any]:
        return {SOLD_ELSEWHERE: {"seller": self.seller, "order_id": self.order_id, "via": list(self.via)}}


def at_seller(
    order: Order, account: str, before: SoldElsewhere | None, accounts: Collection[str], *, written: bool
) -> SoldElsewhere | Hold | None:
    """The move to the account that invoices the order; a hold if no move is possible, ``None`` for an own order.

    ``before`` is the move that brought the parcel here; ``accounts`` are those of the configuration. A parcel that was
    ``written`` stays in its account.
    """
    seller = order.seller_account
    if seller is None:
        return None
    via = before.via if before else ()
    if seller in accounts and seller not in via and not written:
        return SoldElsewhere(seller, order.order_id, (*via, account))
    note = f"order {order.order_id} of {account} is invoiced by the VTEX account {seller}"
    if seller not in accounts:
        note += f", which has no [vtex.{seller}] table"
    elif written:
        note += ", but its tracking was written here before"
    else:
        note += f", whose order names {account} in turn"
    return Hold(Reason.SOLD_BY_ANOTHER_SELLER, note, {"orders": [order.order_id]})
