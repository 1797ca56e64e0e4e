"""What must not be in a random world: what was told untruly, and what reached neither its invoice nor a person. The
judge knows the truth, and none of the receiver's rules."""

from collections.abc import Iterator
from typing import Any

from receiver.http import Http
from receiver.operations.comparing import Comparing
from receiver.sandbox.orders import Call
from receiver.shipments import Reason, State
from receiver.store.operator.discrepancies import Discrepancies
from receiver.vtex.client import Vtex
from tests.support.lives import Invoice, Parcel
from tests.support.stage import Stage
from tests.support.times import HOUR, MINUTE

#: A person is asked, or has decided that nothing be sent.
_A_PERSONS = (State.HELD, State.GAVE_UP, State.DISMISSED)
Row = dict[str, Any]


class Judge:
    """``wrong``: what must not have happened, in words."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.wrong: list[str] = []
        self._seen = 0
        self._told: set[Invoice] = set()
        self._standing: dict[Invoice, set[str]] = {}

    # -- calls ------------------------------------------------------------------------------------------------------

    def look_at_calls(self) -> None:
        """No write names a number of another invoice, and none tells a delivery that was none."""
        calls = self._stage.rig.sandbox.calls
        for call in calls[self._seen :]:
            if call.method in ("PATCH", "PUT"):
                invoice = self._stage.invoice_at(call.order, call.invoice)
                if invoice is not None and invoice.parcels and all(one.is_over for one in invoice.parcels):
                    self.wrong.append(f"{call.method} to {invoice}, whose parcels ended months ago")
                if invoice is None:
                    self.wrong.append(f"{call.method} to {call.invoice} of {call.order}, which never was")
                elif call.method == "PATCH":
                    self.wrong += self._wrong_numbers(call, invoice)
                elif call.body["isDelivered"]:
                    self.wrong += self._wrong_delivery(call, invoice)
        self._seen = len(calls)

    def _wrong_numbers(self, call: Call, invoice: Invoice) -> Iterator[str]:
        numbers = set(call.body["trackingNumber"].split(";"))
        right = {label for parcel in invoice.parcels for label in parcel.labels}
        strange = {number for number in numbers - right if not self._is_by_a_lie(call, number)}
        if strange:
            yield f"{invoice} got {', '.join(sorted(strange))}"
        typed, at = self._stage.edits.get(invoice, ("", 0.0))
        if call.applied:
            self._standing[invoice] = numbers
            if typed and typed not in numbers and not self._may_overwrite(invoice, at, call):
                yield f"{invoice} lost {typed}, which a person had typed in"
            if typed not in numbers:
                self._stage.edits.pop(invoice, None)
        named = any(one.named for one in invoice.parcels)
        cancelled_at = self._stage.cancelled.get(invoice.order_id, call.at)
        if call.applied and cancelled_at + MINUTE < call.at and not named and not self._is_by_a_lie(call, *numbers):
            yield f"{invoice} was written to, and its order is cancelled"

    def _may_overwrite(self, invoice: Invoice, typed_at: float, call: Call) -> bool:
        """The setting says so, a person has named the invoice since, or VTEX did not show it yet."""
        keeps = any(one.number_changed == "keep" for one in self._stage.rig.config.endpoints.values())
        since = [one.named_at for one in invoice.parcels] + [one.since for one in self._stage.lies]
        return not keeps or call.at < typed_at + MINUTE or any(at > typed_at for at in since)

    def _is_by_a_lie(self, call: Call, *numbers: str) -> bool:
        lies = [one for one in self._stage.lies if one.covers(call.order, call.invoice, call.at)]
        return any(number in lie.parcel.labels for lie in lies for number in numbers)

    def _wrong_delivery(self, call: Call, invoice: Invoice) -> Iterator[str]:
        """What was told is told again with later events: it cannot be taken back. Of a way back that no carrier has
        told of yet, a delivery cannot be told apart. Of a parcel that was led there by mistake a person may have
        dismissed a volume in trouble: then the others count."""
        lying = [one.parcel for one in self._stage.lies if one.covers(call.order, call.invoice, call.at)]
        numbers = self._standing.get(invoice, set())
        there = [parcel for parcel in (*invoice.sold, *lying) if not numbers or numbers & parcel.labels]
        is_true = any(
            parcel.is_delivered(call.at) or (parcel.comes_back and not parcel.is_known_back) for parcel in there
        )
        is_true |= any(map(self._is_dismissed_in_part, lying))
        if invoice not in self._told and not is_true:
            yield f"{invoice} was told as delivered"
        self._told.add(invoice)

    def _is_dismissed_in_part(self, parcel: Parcel) -> bool:
        rows = self._stage.rig.queries.shipments()
        return any(row["id"] in parcel.shipments and row["state"] == State.DISMISSED for row in rows)

    # -- the end ----------------------------------------------------------------------------------------------------

    def look_at_ends(self) -> None:
        """Every parcel's story is over, and true; `receiver reconcile` lists what no rule may mend, and nothing that is
        in order. Of a further order it is enough that one of the parcel's shipments was told."""
        rig = self._stage.rig
        rows = {row["id"]: row for row in rig.queries.shipments()}
        found = Discrepancies(rig.database)
        telling = [name for name, one in rig.config.endpoints.items() if one.events]
        untold = {row["shipment"]: row for row in found.delivery_not_told(before=rig.now + 1, endpoints=telling)}
        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        comparing = Comparing(rig.database, {"lux": vtex}, clock=lambda: rig.now, sleep=self._wait)
        compared = comparing.differing(found.written())
        differing = {(row["order_id"], row["invoice_number"]) for row in compared if row}
        for parcel in (one for one in self._stage.parcels if not one.is_over):
            is_shared = parcel.is_shared and rows[parcel.own]["state"] != State.DISMISSED
            for suffix, invoice in parcel.places.items():
                if not suffix or is_shared:
                    its = [rows[name + suffix] for name in parcel.shipments if name + suffix in rows]
                    own = rows.get(parcel.own + suffix)
                    if own is not None:
                        self.wrong += self._ends(parcel, invoice, own, its, differing)
                    elif not its and (not suffix or rows[parcel.own]["order_id"] == parcel.invoice.order_id):
                        self.wrong.append(f"{parcel.own} is not known at {invoice}")
                    self.wrong += self._untold(parcel, invoice, its, untold)
        given_up = {one for parcel in self._stage.parcels for one in parcel.labels if _is_given_up(parcel, rows)}
        self.wrong += self._left(found.left_over(), given_up)

    def _wait(self, seconds: float) -> None:
        self._stage.rig.now += seconds

    def _ends(
        self, parcel: Parcel, invoice: Invoice, own: Row, its: list[Row], differing: set[tuple[str, str]]
    ) -> Iterator[str]:
        """What gave way and was not delivered has nothing to tell an invoice made again: that one is listed."""
        for row in its:
            if State(row["state"]) is State.DUE or row["reason"] == Reason.INTERNAL_ERROR:
                yield f"{row['id']} is {row['state']}, {row['reason']}: {row['note']}"
        shown = self._shown(invoice)
        if parcel.fate == "voided":
            if shown & parcel.labels and not parcel.named and own["state"] not in (State.HELD, State.DISMISSED):
                yield f"{own['id']} was voided, and stands on its invoice"
            return
        is_there = own["invoice_number"] in {invoice.number, *invoice.former}
        gave_way = own["reason"] == Reason.OTHER_PARCEL and is_there
        is_left = gave_way and self._was_heard(parcel, invoice) and not shown - parcel.labels
        if is_left and (self._is_delivered(parcel) or not self._is_listed(invoice, differing)):
            yield f"{own['id']} leaves {invoice} to another parcel, and there is none"
        if own["state"] == State.IN_STEP and parcel.was_posted:
            yield from self._in_step(parcel, invoice, own, differing)

    def _in_step(self, parcel: Parcel, invoice: Invoice, own: Row, differing: set[tuple[str, str]]) -> Iterator[str]:
        """A look at VTEX after a change there mends it. One that nothing new came after is listed as differing."""
        shown, was_heard = self._shown(invoice), self._was_heard(parcel, invoice)
        telling = self._stage.rig.config.endpoints[parcel.endpoint].events and not parcel.labels_only
        is_listed = self._is_listed(invoice, differing)
        is_listed |= any(lie.order_id == invoice.order_id for lie in self._stage.lies)  # what went elsewhere wrote last
        asked = any(call["begun_at"] > invoice.changed_at + HOUR for call in self._stage.rig.attempts(own["id"]))
        is_news = was_heard and asked and invoice not in self._told
        must_stand = (is_news and telling and invoice not in self._stage.edits) or not is_listed
        if must_stand and not shown & set(parcel.numbers):
            yield f"{own['id']} is in step, and {invoice} shows {shown or 'nothing'}: {own['note']}"
        if not telling or invoice.sold != [parcel]:
            return
        if self._is_delivered(parcel) and not self._is_told(invoice) and (was_heard or not is_listed):
            yield f"{own['id']} is delivered, and {invoice} was not told: {own['note']}"
        if parcel.comes_back and invoice in self._told:
            yield f"{own['id']} came back, {invoice} was told of a delivery, and no person knows"

    def _is_listed(self, invoice: Invoice, differing: set[tuple[str, str]]) -> bool:
        """Whether it is listed as differing, under any number that it had."""
        return any((invoice.order_id, number) in differing for number in (invoice.number, *invoice.former))

    def _was_heard(self, parcel: Parcel, invoice: Invoice) -> bool:
        """Whether anything was heard of the parcel after the shop had changed its invoice."""
        return parcel.heard_at > invoice.changed_at + HOUR

    def _untold(self, parcel: Parcel, invoice: Invoice, its: list[Row], listed: dict[str, Row]) -> Iterator[str]:
        """A delivery was told, or a person was asked, or the settings leave the invoice to another parcel; else it is
        listed. What is listed is a delivery, of a part perhaps, and was not told."""
        is_told, is_delivered = self._is_told(invoice), self._is_delivered(parcel)
        told = [f"{row['id']} {row['state']} {row['reason']}: {row['note']}" for row in its]
        is_listed = any(row["id"] in listed for row in its)
        has_arrived = any(step.kind in ("delivered", "handed back") for step in parcel.steps)
        if is_listed and (not has_arrived or self._is_told(invoice, now=True)):
            yield f"{parcel.own} at {invoice} is listed as not told, {is_told=}, {is_delivered=}: {told}"
        telling = any(self._stage.rig.config.endpoints[name].events for name in parcel.endpoints)
        asked = any(row["state"] in _A_PERSONS or row["reason"] == Reason.OTHER_PARCEL for row in its)
        if is_delivered and telling and not (is_told or is_listed or asked):
            yield f"{parcel.own} is delivered, and {invoice} was not told, is not listed: {told}"

    def _left(self, listed: list[Row], given_up: set[str]) -> Iterator[str]:
        """Each number on an invoice where it does not belong is listed, or its parcel was dismissed there."""
        left = {(row["order_id"], row["invoice_number"], row["tracking_number"]) for row in listed}
        parts = {(order_id, number, part) for order_id, number, text in left for part in text.split(";")}
        for invoice in (one for its in self._stage.invoices.values() for one in its):
            right = {label for parcel in invoice.parcels for label in parcel.labels}
            typed = {self._stage.edits[invoice][0]} if invoice in self._stage.edits else set()
            for number in self._shown(invoice) - right - typed - given_up:
                if (invoice.order_id, invoice.number, number) not in parts:
                    yield f"{invoice} shows {number}, which is not its, and is not listed"

    def _shown(self, invoice: Invoice) -> set[str]:
        """The numbers on the invoice."""
        package = self._stage.package(invoice)
        return set(str(package["trackingNumber"]).split(";")) if package and package["trackingNumber"] else set()

    def _is_delivered(self, parcel: Parcel) -> bool:
        return bool(parcel.endpoints) and parcel.is_delivered(self._stage.rig.now)

    def _is_told(self, invoice: Invoice, *, now: bool = False) -> bool:
        """``now``: under the number that the invoice has now."""
        numbers = [invoice.number] if now else [invoice.number, *invoice.former]
        writes = [call for number in numbers for call in self._stage.rig.sandbox.writes(invoice.order_id, number)]
        return any(call.method == "PUT" and call.body["isDelivered"] for call in writes)


def _is_given_up(parcel: Parcel, rows: dict[str, Row]) -> bool:
    """Whether a person is asked about the parcel, or has dismissed it."""
    return any(rows[name]["state"] in _A_PERSONS for name in parcel.shipments if name in rows)
