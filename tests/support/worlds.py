"""Random worlds with the truth beside them. Orders get their invoices late, and some are made again; parcels are
delivered, lost, found, sent back, or their labels voided; the carriers' messages come late, twice and out of order;
VTEX fails in its ways; people link, assign and dismiss, and mend their mistakes."""

import heapq
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

from tests.support.lives import Invoice, Parcel, Step, born, told
from tests.support.people import LINK_TOKEN, People
from tests.support.rig import MELHOR_ENVIO, NOON, Rig
from tests.support.shopkeeping import Shop
from tests.support.stage import Stage
from tests.support.times import DAY, HOUR, MINUTE
from tests.support.verdicts import Judge
from tests.support.vtex_hook import SECRET

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
#: A person looks so often at what is held, and the last days after all has happened.
ROUNDS, LOOKS_EVERY, LAST_DAYS = 40, DAY / 4, 12
#: After that, a carrier uses numbers again.
YEARS_LATER = 75 * DAY


class World:
    """One world, the same for each seed."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig, self.chance = rig, Random(seed)
        self._stage = Stage(rig, self.chance, seed)
        self._shop = Shop(self._stage, hook=self.chance.random() < 0.5)
        self._people, self._judge = People(self._stage, self._shop), Judge(self._stage)
        self._configure()
        for _ in range(self.chance.randint(2, 5)):
            self._order(NOON)

    def run(self) -> list[str]:
        """Everything happens; what was wrong."""
        self._play()
        if self.chance.random() < 0.3 and not self._judge.wrong:
            self._use_numbers_again()
            self._play()
        return self._judge.wrong

    def _play(self) -> None:
        """All that is planned happens, and then nothing more. The judge looks at it."""
        for turn in range(ROUNDS):
            self._stage.at(self.rig.now + turn * LOOKS_EVERY, self._people.decide)
            faults = self.chance.choice(FAULTS)
            self._stage.at(self.rig.now + turn * DAY / 3, partial(self.rig.faults, **faults))
        while self._stage.due:
            at, _, happens = heapq.heappop(self._stage.due)
            if at > self.rig.now and self.chance.random() < 0.5:
                self.rig.works_until(at - self.rig.now)
                self._judge.look_at_calls()
            self.rig.now = max(self.rig.now, at)
            happens()
            self._judge.look_at_calls()
        self.rig.faults()
        self.rig.works_until(DAY)
        for _ in range(LAST_DAYS):
            self._people.decide()
            self.rig.works_until(DAY)
            self._judge.look_at_calls()
        self._judge.look_at_ends()

    # -- what there is ----------------------------------------------------------------------------------------------

    def _configure(self) -> None:
        chance = self.chance
        second, changed = chance.choice(["hold", "first", "latest", "join"]), chance.choice(["keep", "overwrite"])
        endpoints: dict[str, dict[str, Any]] = {
            "gateway": MELHOR_ENVIO,
            "volumes": {"carrier": "intelipost", "secrets": ["user:secret"]},
            "tracker": {"carrier": "easypost", "secrets": ["secret"]},
        }
        settings = {"second_parcel": second, "number_changed": changed}
        self.rig.configure(
            endpoints={name: {**one, **settings, "events": chance.random() < 0.85} for name, one in endpoints.items()},
            account={"link_tokens": [LINK_TOKEN], "hook_secrets": [SECRET]},
            send_on=chance.choice(["dispatched", "dispatched", "label"]),
            read_back_seconds=10,
        )

    def _order(self, since: float, *, numbers: Sequence[str] = ()) -> None:
        """``numbers``: what its parcels are to bear."""
        chance, stage = self.chance, self._stage
        made = since + chance.random() * DAY
        order_id = f"{1_400_000_000_000 + stage.seed % 1_000 * 1_000 + len(stage.invoices)}-01"
        its = self._shop.sells(order_id, made=made)
        parcels = []
        for invoice in its:
            if not numbers and self._is_sent_along(invoice):
                continue
            if chance.random() < 0.15:
                parcels.append(self._parcel(invoice, made, voided=True))
            many = chance.choices([1, 2], [9, 1])[0]
            parcels += [self._parcel(invoice, made, voided=False) for _ in range(many)]
        alone = [parcel for parcel in parcels if len(parcel.numbers) == 1]
        for parcel, number in zip(alone, numbers, strict=False):
            parcel.numbers, parcel.old_number = [number], None
        for parcel in parcels:
            self._send(parcel)

    def _is_sent_along(self, invoice: Invoice) -> bool:
        """Whether the invoice's goods are in the box of an earlier order. Not in one of several volumes that the
        tracker tells by themselves: there it may be the tracker alone that is obeyed."""
        lately = [parcel for parcel in self._stage.parcels if parcel.steps[0].at > self.rig.now - DAY]
        boxes = [parcel for parcel in lately if parcel.fate != "voided"]
        boxes = [parcel for parcel in boxes if not parcel.tracked or len(parcel.numbers) == 1]
        boxes = [parcel for parcel in boxes if invoice.order_id not in {one.order_id for one in parcel.places.values()}]
        if not boxes or len(self._stage.invoices[invoice.order_id]) > 1 or self.chance.random() > 0.15:
            return False
        box = self.chance.choice(boxes)
        box.also.append(invoice)
        invoice.parcels.append(box)
        self._people.serve(box)
        return True

    def _parcel(self, invoice: Invoice, made: float, *, voided: bool) -> Parcel:
        parcel = born(self.chance, invoice, len(self._stage.parcels), made=made, voided=voided, seed=self._stage.seed)
        self._stage.parcels.append(parcel)
        invoice.parcels.append(parcel)
        return parcel

    def _send(self, parcel: Parcel) -> None:
        """Its carriers tell of it, and people do what they do."""
        chance = self.chance
        for step in parcel.steps:
            for endpoint, payload in told(chance, parcel, step):
                arrives = step.at + chance.choice(WAYS) * chance.random()
                post = partial(self._post, endpoint, payload, parcel)
                self._stage.at(arrives, partial(self._hear, endpoint, parcel, step))
                self._stage.at(arrives, post)
                if chance.random() < 0.15:
                    self._stage.at(arrives + chance.random() * DAY, post)
        self._people.plan(parcel)

    def _hear(self, endpoint: str, parcel: Parcel, step: Step) -> None:
        """What is known of the parcel from now on. A failed attempt has no time at the gateway, and is no event."""
        parcel.heard_from.add(endpoint)
        if (endpoint, step.kind) != ("gateway", "failed"):
            parcel.heard_at = self.rig.now
        if endpoint == parcel.endpoint:
            parcel.heard_of.add(step.volume)
        if step.kind == "returned":
            parcel.heard_back.add((endpoint, step.volume))

    def _post(self, endpoint: str, payload: dict[str, Any], parcel: Parcel) -> None:
        answer = self.rig.post(payload, endpoint=endpoint)
        if answer.status_code != 200:
            self._judge.wrong.append(f"{endpoint} was answered {answer.status_code} about {parcel.id}")

    def _use_numbers_again(self) -> None:
        """A carrier gives the numbers of delivered parcels to others. Nothing is heard of the former ones any more."""
        self.rig.now += YEARS_LATER
        former = [one for one in self._stage.parcels if one.fate == "delivered" and len(one.numbers) == 1]
        for parcel in former:
            parcel.is_over, parcel.tracked = True, False
        self._order(self.rig.now, numbers=[one.numbers[0] for one in former])
