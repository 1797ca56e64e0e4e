"""What people and systems say of parcels in a random world: links, true and false ones, decisions, and the mistakes
that are mended later."""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any

from receiver.operations.decisions import Actor, Decisions, NothingToChange
from receiver.operations.link_files import Report, read_file, store_lines
from receiver.operations.links import store_links
from receiver.operations.order_check import NotShown
from receiver.shipments import Reason, State
from receiver.store import OperatorQueries
from receiver.store.finding.assigning import NotAssigned
from tests.support.lives import Invoice, Parcel
from tests.support.shopkeeping import Shop
from tests.support.stage import Lie, Stage
from tests.support.times import DAY

LINK_TOKEN = "link-token-of-the-world"
_PATIENT = (Reason.DELIVERY_DOUBTED, Reason.CANCELLED_AFTER_DISPATCH, Reason.NOT_APPLIED, Reason.EVENTS_REJECTED)


class People:
    """They know the truth, and err at times."""

    def __init__(self, stage: Stage, shop: Shop) -> None:
        self._stage, self._shop = stage, shop

    def plan(self, parcel: Parcel) -> None:
        """What they will do about a parcel."""
        stage, first = self._stage, parcel.steps[0].at
        whims = [(0.1, self._assign), (0.06, self._fumble), (0.03, self._misassign), (0.02, self._dismiss_all)]
        if parcel.fate != "voided":
            whims += [(0.2, self._link), (0.05, self._mislink), (0.06, self._shop.type_in)]
            whims += [(0.04, self._shop.type_over)]
        for share, whim in whims:
            if stage.happens(share):
                stage.at(first + stage.chance.random() * 3 * DAY, partial(whim, parcel))

    def serve(self, parcel: Parcel) -> None:
        """They will tell that the parcel serves one order more."""
        tell = self._stage.chance.choice([self._link, self._assign])
        self._stage.at(parcel.steps[0].at + self._stage.chance.random() * 3 * DAY, partial(tell, parcel))

    # -- links ------------------------------------------------------------------------------------------------------

    def _link(self, parcel: Parcel, invoice: str | None = None) -> None:
        invoice = invoice or self._stage.chance.choice([None, parcel.invoice.number])
        self._tell(parcel, parcel.invoice.order_id, invoice, [one.order_id for one in parcel.also])
        parcel.is_shared = bool(parcel.also)

    def _mislink(self, parcel: Parcel) -> None:
        """A system confuses two parcels, and corrects itself. Where the order was right, it names the invoice then."""
        if (wrong := self._other_invoice(parcel)) is None:
            return
        stage, number = self._stage, self._stage.chance.choice([None, wrong.number])
        lie = Lie(parcel, wrong.order_id, number, since=stage.rig.now)
        stage.lies.append(lie)
        self._tell(parcel, wrong.order_id, number, [])
        stage.within(2 * DAY, partial(self._correct_link, parcel, lie))

    def _correct_link(self, parcel: Parcel, lie: Lie) -> None:
        if self._stage.happens(0.2):
            for number in parcel.numbers:
                with suppress(NothingToChange):
                    self._person.unlink("lux", "tracking_number", number)
        self._link(parcel, invoice=parcel.invoice.number if lie.order_id == parcel.invoice.order_id else None)
        lie.until = self._stage.rig.now

    def _tell(self, parcel: Parcel, order_id: str, invoice: str | None, also: list[str]) -> None:
        """By the links API, or in a file."""
        stage = self._stage
        link = {"order": order_id, **({"invoice": invoice} if invoice else {})}
        names = [{"tracking_number": number} for number in parcel.numbers]
        if stage.chance.random() < 0.5:
            body = [{**link, **name, **({"also": also} if also else {})} for name in names]
            headers = {"Authorization": f"Bearer {LINK_TOKEN}"}
            answer = stage.rig.client.post("/links/lux", data=json.dumps(body), headers=headers)
            assert answer.status_code == 200, answer.text
        else:
            rows = [f"{order_id},{name['tracking_number']},{invoice or ''},{';'.join(also)}" for name in names]
            file = "\n".join(["order,tracking_number,invoice,also", *rows]).encode()
            assert not list(store_lines(read_file(BytesIO(file)), self._stored, Report()))

    def _stored(self, items: list[Any]) -> list[Any]:
        rig = self._stage.rig
        return store_links(rig.index, rig.config, "lux", items, now=rig.now)

    # -- decisions --------------------------------------------------------------------------------------------------

    @property
    def _person(self) -> Decisions:
        rig = self._stage.rig
        return Decisions(rig.config, rig.database, Actor("ana", "api"), clock=lambda: rig.now)

    def _assign(self, parcel: Parcel) -> None:
        for name in self._stage.is_known(parcel):
            self._name(parcel, parcel.invoice, name)
        if self._stage.happens(0.15):
            self._stage.within(2 * DAY, partial(self._unassign, parcel))

    def _name(self, parcel: Parcel, invoice: Invoice, shipment: str) -> None:
        """Name the invoice of a parcel, and all that is in it."""
        also = [one.order_id for one in parcel.also] if invoice is parcel.invoice else []
        parcel.named_at = self._stage.rig.now
        with suppress(NotShown):
            self._person.assign(shipment, invoice.order_id, invoice.number, also=also)
            parcel.named = True
            parcel.is_shared |= bool(also)

    def _unassign(self, parcel: Parcel) -> None:
        """The rules can tell it by themselves. What its box serves is told again."""
        for name in self._stage.is_known(parcel):
            with suppress(NotAssigned):
                self._person.unassign(name)
        if parcel.also:
            self._link(parcel)

    def _misassign(self, parcel: Parcel) -> None:
        """A person takes one parcel for another one, and notices it."""
        wrong, stage = self._other_invoice(parcel), self._stage
        known = stage.is_known(parcel)
        if wrong is None or not known:
            return
        lie = Lie(parcel, wrong.order_id, wrong.number, since=stage.rig.now)
        with suppress(NotShown):
            for name in known:
                self._person.assign(name, wrong.order_id, wrong.number)
                stage.lies.append(lie)
            stage.within(2 * DAY, partial(self._correct, parcel, lie, known))

    def _correct(self, parcel: Parcel, lie: Lie, known: list[str]) -> None:
        back = self._stage.happens(0.3) and lie.order_id != parcel.invoice.order_id
        for name in known:
            if not back:
                self._name(parcel, parcel.invoice, name)
            if back or not parcel.named:
                with suppress(NotAssigned):
                    self._person.unassign(name)
        lie.until = self._stage.rig.now

    def _other_invoice(self, parcel: Parcel) -> Invoice | None:
        """One that was issued lately: with older ones it is not confused."""
        stage, own = self._stage, parcel.places.values()
        others = [one for its in stage.invoices.values() for one in its if one not in own]
        lately = [one for one in others if one.at > stage.rig.now - 30 * DAY]
        return stage.chance.choice(lately) if lately else None

    def _fumble(self, parcel: Parcel) -> None:
        """Dismissed by mistake, and opened again within a day."""
        for name in self._stage.is_known(parcel):
            self._dismiss(name)
            self._stage.within(DAY, partial(self._retry, name))

    def _dismiss_all(self, parcel: Parcel) -> None:
        for name in self._stage.is_known(parcel):
            self._dismiss(name)

    def _retry(self, shipment: str) -> None:
        self._person.retry(shipment)

    def _dismiss(self, shipment: str) -> None:
        with suppress(NothingToChange):
            self._person.dismiss(shipment)

    def decide(self) -> None:
        """A person looks at most of what is held."""
        for row in self._held():
            name, reason, its = row["id"], row["reason"], self._stage.whose(row["id"])
            if its is None:
                self._dismiss(name)
                continue
            parcel, invoice = its
            has_other = any(one is not parcel for one in invoice.sold)
            is_nothing = parcel.fate in ("voided", "returned") or invoice.order_id in self._stage.cancelled
            if is_nothing or (reason == Reason.SECOND_PARCEL and has_other):
                self._dismiss(name)
            elif reason == Reason.SHARED_INVOICE_NUMBER:
                self._shop.enter(parcel, invoice)
                self._dismiss(name)
            elif reason in _PATIENT or (reason == Reason.NUMBER_DIFFERS and invoice in self._stage.edits):
                self._stage.chance.choice([self._retry, self._dismiss])(name)
            else:
                self._name(parcel, invoice, name)

    def _held(self) -> Iterator[dict[str, Any]]:
        for row in OperatorQueries(self._stage.rig.database).shipments():
            if row["state"] in (State.HELD, State.GAVE_UP) and self._stage.happens(0.6):
                yield row
