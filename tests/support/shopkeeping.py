"""What the shop does at VTEX in a random world: invoices come late, are made again, or get a number typed in; goods
come back, and orders are cancelled."""

from copy import deepcopy
from functools import partial
from typing import Any

from tests.support.lives import Invoice, Parcel
from tests.support.rig import order, package
from tests.support.stage import Stage
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import event, tell

UNITS = 10_000
#: What the shop may do with an invoice after it was issued, and how often.
_WHIMS = {"_renumber": 0.05, "_make_again": 0.04, "_take_back": 0.06, "_cancel": 0.03}


class Shop:
    """``hook``: VTEX tells the receiver of each change."""

    def __init__(self, stage: Stage, *, hook: bool) -> None:
        self._stage, self._hook = stage, hook
        self._returns: dict[str, list[dict[str, Any]]] = {}

    def sells(self, order_id: str, *, made: float) -> list[Invoice]:
        """An order comes, and its invoices."""
        stage, chance = self._stage, self._stage.chance
        late = [0.0, 0.0, HOUR, 2 * DAY]
        its = [
            Invoice(order_id, str(chance.randrange(1_000, 10**6)), made + chance.choice(late) * chance.random())
            for _ in range(chance.choice([1, 1, 1, 2, 3]))
        ]
        stage.invoices[order_id] = its
        for at in {made, *(invoice.at for invoice in its)}:
            stage.at(at, partial(self._show, order_id))
        for invoice in its:
            for name, share in _WHIMS.items():
                if stage.happens(share):
                    stage.at(invoice.at + chance.random() * 5 * DAY, partial(getattr(self, name), invoice))
        return its

    def type_in(self, parcel: Parcel) -> None:
        """A person types the number in where there is none."""
        shown = self._stage.package(parcel.invoice)
        if shown is not None and not shown["trackingNumber"]:
            self._change(parcel.invoice, trackingNumber=parcel.numbers[0])

    def type_over(self, parcel: Parcel) -> None:
        """A person types another carrier's number over the one that stands there."""
        stage, invoice = self._stage, parcel.invoice
        shown = stage.package(invoice)
        if shown is not None and shown["trackingNumber"]:
            typed = f"TYPED{stage.chance.randrange(10**8)}"
            stage.edits[invoice] = (typed, stage.rig.now)
            self._change(invoice, trackingNumber=typed)

    def enter(self, parcel: Parcel, invoice: Invoice) -> None:
        """A person enters the parcel where the receiver must not."""
        self._change(invoice, trackingNumber=parcel.numbers[0])

    def _change(self, invoice: Invoice, **fields: Any) -> None:
        """A person changes what an invoice shows, if it is there."""
        its = deepcopy(self._stage.rig.sandbox.orders.get(invoice.order_id))
        for one in its["packageAttachment"]["packages"] if its else ():
            if one["type"] == "Output" and one["invoiceNumber"] == invoice.number:
                one.update(fields)
                invoice.changed_at = self._stage.rig.now
                self._put(its)

    def _renumber(self, invoice: Invoice) -> None:
        """It is cancelled, and made again under another number."""
        invoice.former.add(invoice.number)
        invoice.number = str(int(invoice.number) + 10**6)
        self._made_again(invoice)

    def _make_again(self, invoice: Invoice) -> None:
        """It is cancelled, and made again under its number."""
        self._change(invoice, **package(invoice.number))
        self._made_again(invoice)

    def _made_again(self, invoice: Invoice) -> None:
        self._stage.edits.pop(invoice, None)
        invoice.changed_at = self._stage.rig.now
        self._show(invoice.order_id)

    def _take_back(self, invoice: Invoice) -> None:
        """Goods come back. Few shops give that invoice the number of the sale's."""
        number = invoice.number if self._stage.happens(0.15) else f"9{invoice.number}"
        self._returns.setdefault(invoice.order_id, []).append(package(number, kind="Input"))
        self._show(invoice.order_id)

    def _cancel(self, invoice: Invoice) -> None:
        self._stage.cancelled[invoice.order_id] = self._stage.rig.now
        self._show(invoice.order_id)

    def _show(self, order_id: str) -> None:
        """VTEX shows the invoices that there are by now."""
        stage = self._stage
        its = [invoice for invoice in stage.invoices[order_id] if invoice.at <= stage.rig.now]
        packages = [stage.package(invoice) or package(invoice.number) for invoice in its]
        state = {"status": "canceled"} if order_id in stage.cancelled else {}
        value = UNITS * len(stage.invoices[order_id])
        self._put(order(order_id, *packages, *self._returns.get(order_id, ()), value=value, **state))

    def _put(self, its: dict[str, Any]) -> None:
        self._stage.rig.add_order(its)
        if self._hook:
            tell(self._stage.rig, event(its["orderId"], its["status"]))
