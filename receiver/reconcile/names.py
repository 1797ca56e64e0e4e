"""The names by which a link, an order or its hook refers to a shipment, no matter how its endpoint is configured."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from adapters import ReferenceKind
from receiver.shipments import RECYCLED_AFTER, Known
from receiver.shipments.numbers import normalised, spellings
from receiver.store.finding.bearers import Name
from receiver.store.finding.companions import companion_id
from receiver.vtex.facts import SERIES_NUMBER
from receiver.vtex.nfe import plain_key, plain_number

#: The kinds of names by which a link may refer to a parcel.
NAMES = ("tracking_number", "shipment", "invoice_number", "invoice_key")
#: The kind of name under which a carrier's message links its own order to the merchant's.
CARRIER_ORDER = str(ReferenceKind.CARRIER_ORDER)
#: Names that are never recycled.
UNIQUE = ("invoice_key", SERIES_NUMBER)


def own_names(shipment: str, known: Known) -> set[Name]:
    """The names that a shipment has no matter how its endpoint is configured."""
    names: set[Name] = {("shipment", one) for one in (shipment, *replaced_parcels(shipment, known))}
    for kind in ReferenceKind:
        if kind not in (ReferenceKind.TRACKING_NUMBER, ReferenceKind.INVOICE_SERIES):
            names |= {(str(kind), value) for value in known.values(kind)}
    numbers = known.values(ReferenceKind.INVOICE_NUMBER)
    names |= {("invoice_number", plain_number(number)) for number in numbers}
    names |= {("sequence", value.removeprefix("seq")) for value in known.values(ReferenceKind.SEQUENCE)}
    names |= {("invoice_key", plain_key(value) or value) for value in known.values(ReferenceKind.INVOICE_KEY)}
    names |= {("tracking_number", written) for number in known.numbers for written in spellings(number)}
    series = known.values(ReferenceKind.INVOICE_SERIES)
    if len(series) == len(numbers) == 1:
        names.add((SERIES_NUMBER, f"{plain_number(series[0])}/{plain_number(numbers[0])}"))
    return names


def other_numbers(known: Known) -> tuple[Name, ...]:
    """The names, as links bear them, of the parcel's numbers beside the one that its row shows."""
    numbers = {normalised(number) for number in known.numbers} - {normalised(known.tracking_number), ""}
    return tuple(("tracking_number", number) for number in sorted(numbers))


def replaced_parcels(shipment: str, known: Known, companion_of: str | None = None) -> list[str]:
    """The ids of the parcels that this shipment stands in for; they are of the same endpoint. A companion stands in for
    their companions at its order, too."""
    parcels = [f"{shipment.partition('/')[0]}/{key}" for key in sorted(known.replaces)]
    if companion_of is None:
        return parcels
    return [*parcels, *(companion_id(one, shipment.removeprefix(companion_id(companion_of, ""))) for one in parcels)]


def newest_words(links: Iterable[tuple[Name, Mapping[str, Any]]]) -> dict[Name, Mapping[str, Any]]:
    """The links by name. A tracking number may have been linked in two notations: the newest link counts."""
    newest: dict[Name, Mapping[str, Any]] = {}
    for (kind, value), row in sorted(links, key=lambda one: float(one[1]["told_at"])):
        newest[kind, normalised(value) if kind == "tracking_number" else value] = row
    return newest


def is_of_this_parcel(kind: str, at: float, known: Known) -> bool:
    """False if a name of this kind was told so long before or after the parcel that it is about another one, with the
    same recycled number. ``at`` is in seconds since the epoch."""
    first = known.since or known.first_heard or known.last_heard
    if kind in UNIQUE or first is None:
        return True
    return at > (first - RECYCLED_AFTER).timestamp() and not known.is_past(datetime.fromtimestamp(at, UTC))
