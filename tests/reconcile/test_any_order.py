"""In any order of events, VTEX failing in between, each number ends on its own invoice, and only there."""

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR
from tests.support.vtex_hook import SECRET, event
from tests.support.vtex_hook import tell as tell_hook

#: Order → its invoices; where there are two, a link has to name the one.
ORDERS = {"1-01": ["10"], "2-01": ["20"], "3-01": ["30", "31"], "4-01": ["40", "41"]}
#: Parcel → the invoice whose tracking it is.
TRUTH = {f"p{invoice}": (order_id, invoice) for order_id, invoices in ORDERS.items() for invoice in invoices}
FAULTS: list[dict[str, Any]] = [
    {"throttle": 0.5},
    {"server_error": 0.5},
    {"reset_before": 0.4},
    {"reset_after_applying": 0.5},
    {"unauthorized": True},
    {"invoice_delay": 600.0},
    {"append_events": True},
    {"visible_after": 120.0},
    {"empty_answers": True},
    {"unavailable": 0.5},
    {"odd_orders": True},
]
STAGES = ("generated", "posted", "posted", "delivered")
STEPS = 60


class Days:
    """A shop's days: what its carrier, its people, its own system and VTEX do, in an order that ``chance`` decides."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self.rig, self.chance = rig, chance
        endpoint = {**MELHOR_ENVIO, "events": True}
        rig.configure(
            endpoints={"one": endpoint, "other": endpoint},
            account={"hook_secrets": [SECRET]},
            read_back_seconds=chance.choice((0, 10)),
        )
        self.stage = dict.fromkeys(TRUTH, 0)
        self.named = {parcel for parcel in TRUTH if chance.random() < 0.5}
        self.issued: set[str] = set()
        #: Parcel → the days on which it was dispatched, as either endpoint told.
        self.days: dict[str, set[str]] = {parcel: set() for parcel in TRUTH}

    def any_parcel(self) -> str:
        return self.chance.choice(list(TRUTH))

    def tell(self, parcel: str | None = None, endpoint: str | None = None) -> None:
        """The carrier tells of a parcel: what is next, or once more what it has told."""
        parcel = parcel or self.any_parcel()
        stage = self.stage[parcel]
        self.stage[parcel] = min(stage + self.chance.choice((0, 1)), len(STAGES) - 1)
        if stage:
            self.days[parcel].add(f"2026-11-{10 + stage}")
        told = posted(
            TRUTH[parcel][0] if parcel in self.named else None,
            parcel=parcel,
            number=None if stage == 0 and self.chance.random() < 0.5 else f"T{parcel}",
            event=f"order.{STAGES[stage]}",
            at=f"2026-11-{10 + stage}T12:00:00+00:00",
        )
        answer = self.rig.post(told, endpoint=endpoint or self.chance.choice(("one", "one", "other")))
        assert 200 == answer.status_code

    def issue(self, invoice: str | None = None) -> None:
        """The shop invoices an order, or a part of it; the order may be placed only now."""
        parcel = f"p{invoice}" if invoice else self.any_parcel()
        order_id, invoice = TRUTH[parcel]
        if invoice in self.issued:
            return
        self.issued.add(invoice)
        there = deepcopy(self.rig.sandbox.orders.get(order_id)) or order(order_id)
        new = package(invoice, value=10_000 // len(ORDERS[order_id]))
        self.rig.add_order(order(order_id, *there["packageAttachment"]["packages"], new))

    def place(self) -> None:
        """An order without an invoice."""
        order_id = self.chance.choice(list(ORDERS))
        if order_id not in self.rig.sandbox.orders:
            self.rig.add_order(order(order_id))

    def link(self, parcel: str | None = None) -> None:
        parcel = parcel or self.any_parcel()
        self.rig.link(f"T{parcel}", *TRUTH[parcel])

    def assign(self) -> None:
        """A person names order and invoice, rightly."""
        rows = [row for row in self.rig.queries.shipments() if row["state"] in ("held", "awaiting_invoice")]
        for row in rows[:1]:
            order_id, invoice = TRUTH[row["id"].partition("/")[2]]
            self.rig.decisions.assign(row["id"], order_id=order_id, invoice_number=invoice, now=self.rig.now)

    def unlink(self) -> None:
        self.rig.index.unlink("lux", "tracking_number", f"T{self.any_parcel()}", now=self.rig.now)

    def hook(self) -> None:
        tell_hook(self.rig, event(self.chance.choice(list(ORDERS))))

    def fail(self) -> None:
        self.rig.faults(**self.chance.choice(FAULTS))

    def mend(self) -> None:
        self.rig.faults()

    def retry(self) -> None:
        state = self.chance.choice(("held", "in_step", "due"))
        for name in [row["id"] for row in self.rig.queries.shipments() if row["state"] == state]:
            self.rig.decisions.retry(name, now=self.rig.now)

    def die(self) -> None:
        """A worker takes shipments in hand and is never heard of again."""
        self.rig.new_worker("dead").queue.claim("lux", most=2, now=self.rig.now)

    def work(self) -> None:
        self.rig.work()

    def wait(self) -> None:
        self.rig.works_until(self.chance.choice((30.0, 600.0, HOUR, 7 * HOUR)))

    def pass_by(self) -> None:
        once = [self.place, self.link, self.unlink, self.hook, self.assign, self.fail, self.retry, self.die, self.work]
        happenings: list[Callable[[], None]] = [*[self.tell] * 3, *[self.issue, self.mend, self.wait] * 2, *once]
        for _ in range(STEPS):
            self.chance.choice(happenings)()

    def end(self) -> None:
        """VTEX is well, every invoice is there, every link told, and every parcel delivered."""
        self.mend()
        for parcel, (_, invoice) in TRUTH.items():
            self.issue(invoice)
            for endpoint in ("one", "other"):
                self.stage[parcel] = len(STAGES) - 1
                self.tell(parcel, endpoint=endpoint)
            self.link(parcel)
        self.rig.works_until(2 * DAY)
        self.rig.retry_all(state="held")
        self.rig.works_until(2 * DAY)


@pytest.mark.parametrize("seed", range(20))
def test_each_on_its_own_invoice(rig: Rig, seed: int):
    """No write ever goes to another parcel's invoice or is made twice in a row; in the end all is told."""
    days = Days(rig, random.Random(seed))
    days.pass_by()
    days.end()

    for parcel, (order_id, invoice) in TRUTH.items():
        patches = [call.body for call in rig.sandbox.writes(order_id, invoice) if call.method == "PATCH"]
        assert {f"T{parcel}"} == {body["trackingNumber"] for body in patches}
        days_told = [body["dispatchedDate"][:10] if body["dispatchedDate"] else "unknown" for body in patches]
        assert sorted(set(days_told), reverse=True) == days_told, "each further write is for an earlier day"
        assert min(days.days[parcel]) == days_told[-1]
        row = rig.shipment(f"one/{parcel}")
        assert ("in_step", None, order_id, invoice) == tuple(
            row[name] for name in ("state", "reason", "order_id", "invoice_number")
        )
        status = rig.package_of(order_id, invoice)["courierStatus"]
        assert status["finished"] is True, (parcel, status)
