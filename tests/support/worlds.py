"""Random worlds with the truth beside them. Orders get their invoices late; parcels are delivered, lost, sent back, or
their labels voided; the carriers' messages come late, twice and out of order; VTEX fails in its ways; a person links,
assigns, dismisses, and opens again what was dismissed by mistake."""

import heapq
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import partial
from itertools import count
from random import Random
from typing import Any

from receiver.operations.decisions import Actor, Decisions, NothingToChange
from receiver.operations.order_check import NotShown
from receiver.shipments import Reason, State
from tests.support.lives import Invoice, Parcel, born, told
from tests.support.rig import MELHOR_ENVIO, NOON, Rig, order, package
from tests.support.times import DAY, HOUR, MINUTE

FAULTS: tuple[dict[str, Any], ...] = (
    {},
    {"throttle": 0.2, "retry_after": 5},
    {"server_error": 0.3},
    {"reset_after_applying": 0.3},
    {"visible_after": 20.0},
    {"index_lag": 30.0},
    {"append_events": True},
)
#: Most of a message's way, in seconds; mostly it takes a second.
WAYS = (1.0, 1.0, 1.0, MINUTE, HOUR, DAY / 2)
UNITS = 10_000
#: A person looks so often at what is held, and the last days after all has happened.
ROUNDS, LOOKS_EVERY, LAST_DAYS = 40, DAY / 4, 12


class World:
    """``wrong``: what must not have happened, in words."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig, self.chance, self._seed = rig, Random(seed), seed
        self.wrong: list[str] = []
        self._told: set[tuple[str | None, str | None]] = set()
        self._invoices: dict[str, list[Invoice]] = {}
        self._parcels: list[Parcel] = []
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers, self._seen = count(), 0
        self._configure()
        for number in range(self.chance.randint(2, 5)):
            self._order(f"{1_400_000_000_000 + seed % 1_000 * 1_000 + number}-01")
        for turn in range(ROUNDS):
            self._at(NOON + turn * LOOKS_EVERY, self._decide)
            faults = self.chance.choice(FAULTS)
            self._at(NOON + turn * DAY / 3, partial(self.rig.faults, **faults))

    def run(self) -> list[str]:
        """Everything happens; what was wrong."""
        while self._due:
            at, _, happens = heapq.heappop(self._due)
            if at > self.rig.now and self.chance.random() < 0.5:
                self.rig.works_until(at - self.rig.now)
            self.rig.now = max(self.rig.now, at)
            happens()
            self._look_at_calls()
        self.rig.faults()
        self.rig.works_until(DAY)
        for _ in range(LAST_DAYS):
            self._decide()
            self.rig.works_until(DAY)
            self._look_at_calls()
        rows = {row["id"]: row for row in self.rig.queries.shipments()}
        self.wrong += [fault for parcel in self._parcels for fault in self._ends(parcel, rows)]
        return self.wrong

    # -- the truth --------------------------------------------------------------------------------------------------

    def _configure(self) -> None:
        settings = {
            "second_parcel": self.chance.choice(["hold", "first", "latest", "join"]),
            "number_changed": self.chance.choice(["keep", "overwrite"]),
            "events": True,
        }
        self.rig.configure(
            endpoints={
                "gateway": {**MELHOR_ENVIO, **settings},
                "volumes": {"carrier": "intelipost", "secrets": ["user:secret"], **settings},
                "tracker": {"carrier": "easypost", "secrets": ["secret"], **settings},
            },
            send_on=self.chance.choice(["dispatched", "dispatched", "label"]),
            read_back_seconds=10,
        )

    def _order(self, order_id: str) -> None:
        chance, made = self.chance, NOON + self.chance.random() * DAY
        late = [0.0, 0.0, HOUR, 2 * DAY]
        its = [
            Invoice(order_id, str(chance.randrange(1_000, 10**6)), made + chance.choice(late) * chance.random())
            for _ in range(chance.choice([1, 1, 1, 2, 3]))
        ]
        self._invoices[order_id] = its
        for at in {made, *(invoice.at for invoice in its)}:
            self._at(at, lambda: self._show(order_id))
        for invoice in its:
            if chance.random() < 0.15:
                self._parcel(invoice, made, voided=True)
            for _ in range(chance.choices([1, 2], [9, 1])[0]):
                self._parcel(invoice, made, voided=False)

    def _parcel(self, invoice: Invoice, made: float, *, voided: bool) -> None:
        chance = self.chance
        parcel = born(chance, invoice, len(self._parcels), made=made, voided=voided, seed=self._seed)
        self._parcels.append(parcel)
        invoice.parcels.append(parcel)
        for step in parcel.steps:
            for endpoint, payload in told(chance, parcel, step):
                arrives = step.at + chance.choice(WAYS) * chance.random()
                repeats = [arrives + chance.random() * DAY] if chance.random() < 0.15 else []
                for at in (arrives, *repeats):
                    self._at(at, partial(self._post, endpoint, payload, parcel, step.volume))
        first = parcel.steps[0].at
        whims = [(0.1, self._assign), (0.06, self._fumble)]
        whims += [] if voided else [(0.2, self._link), (0.06, self._type_in)]
        for share, whim in whims:
            if chance.random() < share:
                self._at(first + chance.random() * 3 * DAY, partial(whim, parcel))

    # -- what happens -----------------------------------------------------------------------------------------------

    def _at(self, at: float, happens: Callable[[], object]) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), happens))

    def _show(self, order_id: str) -> None:
        """VTEX shows the invoices that there are by now."""
        its = [invoice for invoice in self._invoices[order_id] if invoice.at <= self.rig.now]
        former = self.rig.sandbox.orders.get(order_id, {"packageAttachment": {"packages": []}})
        there = {one["invoiceNumber"]: one for one in former["packageAttachment"]["packages"]}
        packages = [there.get(invoice.number) or package(invoice.number) for invoice in its]
        self.rig.add_order(order(order_id, *packages, value=UNITS * len(self._invoices[order_id])))

    def _post(self, endpoint: str, payload: dict[str, Any], parcel: Parcel, volume: int) -> None:
        if endpoint == parcel.endpoint:
            parcel.heard_of.add(volume)
        answer = self.rig.post(payload, endpoint=endpoint)
        if answer.status_code != 200:
            self.wrong.append(f"{endpoint} was answered {answer.status_code}")

    def _known(self, parcel: Parcel) -> list[str]:
        rows = {row["id"] for row in self.rig.queries.shipments()}
        return [name for name in parcel.shipments if name in rows]

    @property
    def _person(self) -> Decisions:
        return Decisions(self.rig.config, self.rig.database, Actor("ana", "api"), clock=lambda: self.rig.now)

    def _link(self, parcel: Parcel) -> None:
        for number in parcel.numbers:
            self.rig.link(number, parcel.invoice.order_id, self.chance.choice([None, parcel.invoice.number]))

    def _assign(self, parcel: Parcel) -> None:
        for name in self._known(parcel):
            self._name(parcel, name)

    def _name(self, parcel: Parcel, shipment: str) -> None:
        parcel.named = True
        try:
            self._person.assign(shipment, parcel.invoice.order_id, parcel.invoice.number)
        except NotShown:
            parcel.named = False

    def _type_in(self, parcel: Parcel) -> None:
        """A person at the shop types the number in at VTEX."""
        its = deepcopy(self.rig.sandbox.orders.get(parcel.invoice.order_id))
        for one in its["packageAttachment"]["packages"] if its else ():
            if one["invoiceNumber"] == parcel.invoice.number and not one["trackingNumber"]:
                one["trackingNumber"] = parcel.numbers[0]
                self.rig.add_order(its)

    def _fumble(self, parcel: Parcel) -> None:
        """Dismissed by mistake, and opened again within a day."""
        for name in self._known(parcel):
            self._dismiss(name)
            self._at(self.rig.now + self.chance.random() * DAY, partial(self._reopen, name))

    def _reopen(self, shipment: str) -> None:
        self._person.retry(shipment)

    def _dismiss(self, shipment: str) -> None:
        with suppress(NothingToChange):
            self._person.dismiss(shipment)

    def _decide(self) -> None:
        """The person looks at most of what is held, and knows the truth."""
        owners = {name: parcel for parcel in self._parcels for name in parcel.shipments}
        for row in self.rig.queries.shipments():
            if row["state"] not in (State.HELD, State.GAVE_UP) or self.chance.random() < 0.4:
                continue
            parcel, reason = owners[row["id"]], row["reason"]
            if parcel.fate in ("voided", "returned") or reason == Reason.SECOND_PARCEL:
                self._dismiss(row["id"])
            elif reason in (Reason.DELIVERY_DOUBTED, Reason.CANCELLED_AFTER_DISPATCH):
                self.chance.choice([self._person.retry, self._dismiss])(row["id"])
            else:
                self._name(parcel, row["id"])

    # -- what must not be -------------------------------------------------------------------------------------------

    def _on(self, order_id: str | None, number: str | None) -> list[Parcel]:
        its = [invoice for invoice in self._invoices.get(order_id or "", ()) if invoice.number == number]
        return [parcel for invoice in its for parcel in invoice.parcels]

    def _look_at_calls(self) -> None:
        """No write names a number of another invoice, and none tells a delivery that was none. What was told is told
        again with later events: it cannot be taken back."""
        calls = self.rig.sandbox.calls
        for call in calls[self._seen :]:
            there, where = self._on(call.order, call.invoice), f"invoice {call.invoice} of {call.order}"
            if call.method == "PATCH":
                numbers = set(call.body["trackingNumber"].split(";"))
                if strange := numbers - {number for parcel in there for number in parcel.numbers}:
                    self.wrong.append(f"{where} got {', '.join(sorted(strange))}")
            sold = [parcel for parcel in there if parcel.fate != "voided"]
            is_told = call.method == "PUT" and call.body["isDelivered"]
            if is_told and any(parcel.is_delivered(call.at) for parcel in sold):
                self._told.add((call.order, call.invoice))
            elif is_told and (call.order, call.invoice) not in self._told:
                self.wrong.append(f"{where} was told as delivered")
        self._seen = len(calls)

    def _ends(self, parcel: Parcel, rows: dict[str, dict[str, Any]]) -> Iterator[str]:
        """A parcel's story is over, and true."""
        its = [rows[name] for name in parcel.shipments if name in rows]
        for row in its:
            if State(row["state"]) is State.DUE or row["reason"] == Reason.INTERNAL_ERROR:
                yield f"{row['id']} is {row['state']}, {row['reason']}: {row['note']}"
        own = rows.get(parcel.own)
        if own is None:
            yield f"{parcel.own} is not known"
            return
        invoice = parcel.invoice
        shown = self.rig.package_of(invoice.order_id, invoice.number)["trackingNumber"] or ""
        stands = set(parcel.numbers) & set(shown.split(";"))
        if parcel.fate == "voided":
            if stands and not parcel.named and own["state"] not in (State.HELD, State.DISMISSED):
                yield f"{own['id']} was voided, and stands on its invoice"
            return
        if own["state"] != State.IN_STEP or not parcel.was_posted:
            return
        if not stands:
            yield f"{own['id']} is in step, and its invoice shows {shown or 'nothing'}: {own['note']}"
        alone = [one for one in invoice.parcels if one.fate != "voided"] == [parcel]
        if parcel.fate == "delivered" and alone and (parcel.tracked or not parcel.labels_only):
            puts = [call for call in self.rig.sandbox.writes(invoice.order_id, invoice.number) if call.method == "PUT"]
            if not (puts and puts[-1].body["isDelivered"]):
                yield f"{own['id']} is delivered, and VTEX was not told: {[row['state'] for row in its]}"
