"""What really happens to parcels, and what three carriers say of it: a gateway that names the order, another one that
tells each volume by itself, and a tracker that knows the number alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal, NamedTuple

from tests.support.times import DAY, HOUR

Kind = Literal["label", "cancelled", "posted", "transit", "failed", "returned", "delivered", "handed back"]
Gateway = Literal["gateway", "volumes"]
Fate = Literal["delivered", "returned", "lost", "found", "on its way", "voided"]

GATEWAY = {
    "label": "generated",
    "posted": "posted",
    "failed": "undelivered",
    "delivered": "delivered",
    "cancelled": "cancelled",
}
VOLUMES = {
    "label": "LABEL_CREATED",
    "posted": "SHIPPED",
    "transit": "IN_TRANSIT",
    "failed": "CLARIFY_DELIVERY_FAIL",
    "returned": "DELIVERY_FAILED",
    "delivered": "DELIVERED",
    "cancelled": "CANCELLED",
    "handed back": "DELIVERED",
}
TRACKER = {
    "posted": "in_transit",
    "transit": "in_transit",
    "failed": "failure",
    "returned": "return_to_sender",
    "delivered": "delivered",
    "handed back": "delivered",
}


class Step(NamedTuple):
    at: float
    kind: Kind
    volume: int


@dataclass(eq=False)
class Invoice:
    """An invoice that VTEX shows from ``at`` on, and the parcels that are really its. ``former``: the numbers that it
    had before it was made again. ``changed_at``: when a person at the shop changed it last, or made it again."""

    order_id: str
    number: str
    at: float
    parcels: list["Parcel"] = field(default_factory=list)
    former: set[str] = field(default_factory=set)
    changed_at: float = 0.0

    def __str__(self) -> str:
        return f"invoice {self.number} of {self.order_id}"

    @property
    def sold(self) -> list["Parcel"]:
        """The parcels that go to the shopper."""
        return [parcel for parcel in self.parcels if parcel.fate != "voided"]


@dataclass(eq=False)
class Parcel:
    """``also``: the invoices of further orders that are in it. ``old_number``: that of its first label, if there was
    one more. ``tracked``: the tracker tells it, too. ``labels_only``: its gateway tells of nothing but the label.

    ``named``: a person has named its invoice, or has tried to, at last at ``named_at``. ``is_shared``: the receiver was
    told of the further orders. ``heard_of``: the volumes that its gateway has told by now, ``heard_from``: the
    endpoints that have told of it, ``heard_back``: of the way back of which volume. ``heard_at``: when anything was
    heard last. ``is_over``: nothing comes of it any more."""

    id: str
    invoice: Invoice
    numbers: list[str]
    endpoint: Gateway
    fate: Fate
    tracked: bool
    labels_only: bool = False
    old_number: str | None = None
    also: list[Invoice] = field(default_factory=list)
    named: bool = False
    named_at: float = 0.0
    is_shared: bool = False
    is_over: bool = False
    heard_of: set[int] = field(default_factory=set)
    heard_from: set[str] = field(default_factory=set)
    heard_back: set[tuple[str, int]] = field(default_factory=set)
    heard_at: float = 0.0
    steps: list[Step] = field(default_factory=list)

    @property
    def own(self) -> str:
        """The shipment of its gateway."""
        return f"{self.endpoint}/{self.id}"

    @property
    def shipments(self) -> list[str]:
        """All shipments that it may be told by."""
        return [self.own, *(f"tracker/trk_{number}" for number in self.numbers if self.tracked)]

    @property
    def endpoints(self) -> set[str]:
        """Those that tell of more than its label."""
        return {*([] if self.labels_only else [self.endpoint]), *(["tracker"] if self.tracked else [])}

    @property
    def places(self) -> dict[str, Invoice]:
        """Its invoices, each by what the shipments that stand for the parcel there have behind their ids."""
        return {"": self.invoice, **{f"+{one.order_id}": one for one in self.also}}

    @property
    def labels(self) -> set[str]:
        """Every number that it has or had."""
        return {*self.numbers, *filter(None, [self.old_number])}

    @property
    def was_posted(self) -> bool:
        return any(step.kind == "posted" for step in self.steps)

    @property
    def comes_back(self) -> bool:
        """Whether its carriers tell that it was handed over to its sender, as they tell a delivery."""
        return any(step.kind == "handed back" for step in self.steps)

    @property
    def is_known_back(self) -> bool:
        """Whether all its carriers have told of its way back by now."""
        volumes = {step.volume for step in self.steps if step.kind == "returned"}
        return self.heard_back >= {(endpoint, volume) for endpoint in self.endpoints for volume in volumes}

    def is_delivered(self, at: float) -> bool:
        """Whether the shopper has all of it by then that was heard of."""
        done = {step.volume for step in self.steps if step.kind == "delivered" and step.at <= at}
        return bool(done) and done >= self.heard_of


def born(chance: Random, invoice: Invoice, number: int, *, made: float, voided: bool, seed: int) -> Parcel:
    """A parcel of the invoice, with its whole life. ``made``: when its order came."""
    endpoint: Gateway = "volumes" if chance.random() < 1 / 3 else "gateway"
    volumes = chance.choice([1, 1, 1, 2]) if endpoint == "volumes" else 1
    fates: list[Fate] = ["delivered", "returned", "lost", "found", "on its way"]
    parcel = Parcel(
        id=f"P{number}x{seed}",
        invoice=invoice,
        numbers=[f"TN{seed % 100_000:05}{number:03}{volume}BR" for volume in range(volumes)],
        endpoint=endpoint,
        fate="voided" if voided else chance.choices(fates, [8, 1, 1, 1, 1])[0],
        tracked=chance.random() < 0.4,
        labels_only=volumes == 1 and chance.random() < 0.15,
    )
    label = made + chance.random() * DAY
    if volumes == 1 and chance.random() < 0.08:
        parcel.old_number = f"TN{seed % 100_000:05}{number:03}9BR"
    parcel.steps = [Step(label, "label", volume) for volume in range(volumes)]
    for volume in range(volumes):
        parcel.steps += _life(chance, parcel, volume, label)
    parcel.steps.sort()
    return parcel


def _life(chance: Random, parcel: Parcel, volume: int, label: float) -> Iterator[Step]:
    at = label + chance.random() * DAY
    if parcel.fate == "voided":
        yield Step(at, "cancelled", volume)
        return
    if parcel.old_number:
        yield Step(label + chance.random() * (at - label), "label", volume)
    yield Step(at, "posted", volume)
    for _ in range(chance.randrange(3)):
        yield Step(at := at + chance.random() * DAY, "transit", volume)
    is_part = len(parcel.numbers) > 1 and not volume and chance.random() < 0.5
    if parcel.fate == "delivered" or is_part:
        if chance.random() < 0.2:
            yield Step(at := at + chance.random() * DAY / 2, "failed", volume)
        yield Step(at := at + chance.random() * DAY, "delivered", volume)
        if chance.random() < 0.1:
            yield Step(at + HOUR, "delivered", volume)
        return
    if parcel.fate == "on its way":
        return
    yield Step(at := at + chance.random() * DAY, "returned" if parcel.fate == "returned" else "failed", volume)
    if parcel.fate == "found":
        yield Step(at := at + (1 + 4 * chance.random()) * DAY, "transit", volume)
        yield Step(at + chance.random() * DAY, "delivered", volume)
    elif parcel.fate == "returned" and parcel.endpoint == "volumes" and chance.random() < 0.5:
        yield Step(at + (0.1 + chance.random()) * DAY, "handed back", volume)


def told(chance: Random, parcel: Parcel, step: Step) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the carriers say of a step: endpoint and payload."""
    if not (parcel.labels_only and step.kind not in ("label", "cancelled")):
        if parcel.endpoint == "volumes":
            yield "volumes", _by_volume(chance, parcel, step)
        elif step.kind in GATEWAY:
            yield "gateway", _by_gateway(parcel, step)
    if parcel.tracked and step.kind in TRACKER:
        yield "tracker", _by_tracker(parcel, step)


def _by_gateway(parcel: Parcel, step: Step) -> dict[str, Any]:
    """Melhor Envio's form; the number of some labels comes later."""
    stage, number = GATEWAY[step.kind], _label(parcel, step)
    posted = [one.at for one in parcel.steps if one.kind == "posted" and one.at <= step.at]
    is_later = step.kind == "label" and sum(map(ord, parcel.id)) % 3 == 0
    times = {"label": "generated_at", "delivered": "delivered_at", "cancelled": "canceled_at"}
    data = {
        "id": parcel.id,
        "status": stage,
        "tracking": None if is_later else number,
        "tags": [{"tag": parcel.invoice.order_id, "url": None}],
        "posted_at": iso(posted[0]) if posted else None,
        "tracking_url": f"https://t.example/{number}",
    }
    if step.kind in times:
        data[times[step.kind]] = iso(step.at)
    return {"event": f"order.{stage}", "data": data}


def _label(parcel: Parcel, step: Step) -> str:
    """The number on the volume then."""
    labels = [one for one in parcel.steps if one.kind == "label" and one.volume == step.volume]
    is_first = parcel.old_number is not None and len(labels) > 1 and step.at < labels[1].at
    return parcel.old_number if parcel.old_number and is_first else parcel.numbers[step.volume]


def _by_volume(chance: Random, parcel: Parcel, step: Step) -> dict[str, Any]:
    """Intelipost's form; most messages name the invoice."""
    text = {"returned": "Devolvido ao remetente", "handed back": "delivered"}.get(step.kind, step.kind)
    history = {
        "shipment_order_volume_state": VOLUMES[step.kind],
        "provider_message": text,
        "shipment_volume_micro_state": {"name": text},
        "event_date_iso": iso(step.at),
    }
    body: dict[str, Any] = {
        "history": history,
        "order_number": parcel.id,
        "sales_order_number": parcel.invoice.order_id,
        "tracking_code": _label(parcel, step),
        "volume_number": str(step.volume + 1),
    }
    if chance.random() < 0.6:
        body["invoice"] = {"invoice_series": "1", "invoice_number": parcel.invoice.number, "invoice_key": None}
    return body


def _by_tracker(parcel: Parcel, step: Step) -> dict[str, Any]:
    """EasyPost's form: the whole history of one number, and no order."""
    number = parcel.numbers[step.volume]
    past = [one for one in parcel.steps if one.kind in TRACKER and one.at <= step.at and one.volume == step.volume]
    details = [
        {"message": one.kind, "status": TRACKER[one.kind], "datetime": iso(one.at), "tracking_location": None}
        for one in past
    ]
    result = {
        "id": f"trk_{number}",
        "tracking_code": number,
        "status": TRACKER[step.kind],
        "carrier": "JadLog",
        "tracking_details": details,
        "updated_at": iso(step.at),
    }
    event = f"evt_{number}{int(step.at)}{step.kind}"
    return {"id": event, "description": "tracker.updated", "mode": "production", "result": result}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
