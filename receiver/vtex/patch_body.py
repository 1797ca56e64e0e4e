"""PURE: the body of a PATCH, and whether an order shows it."""

from collections.abc import Mapping
from typing import Any

from receiver.shipments import Parcels
from receiver.shipments.numbers import is_among, joins, same_number
from receiver.vtex.differences import is_earlier_day, iso, same_page
from receiver.vtex.orders import Package
from receiver.vtex.wanted import Body, History, Wanted, tracking_numbers_of


def merged(package: Package, wanted: Wanted, history: History, parcels: Parcels) -> Body:
    """The PATCH body: all four keys, merged with the package's values for these parcels, so no filled field is blanked.
    The URL and courier of another parcel, whose number a person has overwritten, are dropped: they would mislead the
    shopper.

    Of several parcels, the page, courier and date are those of the one dispatched first. ``dispatchedDate`` cannot be
    read back, so the date sent before counts as VTEX's.
    """
    number = joined(parcels, package.tracking_number)
    first = next(iter(parcels))
    ours = {number, *tracking_numbers_of(parcels), *history.written}
    held = package if package.tracking_number is None or is_among(package.tracking_number, ours) else None
    url, courier = held.tracking_url if held else None, held.courier if held else None
    is_same_page = same_number(package.tracking_number, number) and same_page(url, wanted.tracking_url)
    own_courier = wanted.courier or wanted.configured_courier
    if first != wanted.shipment:
        return patch_body(
            tracking_number=number,
            tracking_url=url or wanted.tracking_url,
            courier=courier or own_courier or wanted.name,
            dispatched_date=parcels[first][0],
        )
    return patch_body(
        tracking_number=number,
        tracking_url=url if is_same_page else wanted.tracking_url or url,
        courier=own_courier or courier or wanted.name,
        dispatched_date=_earliest(iso(wanted.dispatched_at), history.date_sent),
    )


def joined(parcels: Parcels, standing: str | None) -> str:
    """The number sent for the parcels: ``A;B`` for several (VTEX community, thread 42917; VTEX documents none). Where
    these stand on the invoice, they keep their order there: a write for another one would mail the shopper."""
    numbers = tracking_numbers_of(parcels)
    return standing if standing is not None and joins(standing, numbers) else ";".join(numbers)


def patch_body(
    *, tracking_number: str, tracking_url: str | None, courier: str | None, dispatched_date: str | None
) -> Body:
    """The body of "Update partial invoice" (Orders API): VTEX requires all four keys."""
    return {
        "trackingNumber": tracking_number,
        "trackingUrl": tracking_url,
        "courier": courier,
        "dispatchedDate": dispatched_date,
    }


def shows(package: Package, body: Mapping[str, Any]) -> bool:
    """True if the order shows the body's values, the number in any notation. GET order does not show the dispatch
    date."""
    there = visible(package)
    number, own = there["trackingNumber"], body["trackingNumber"]
    others_match = all(there[name] == body[name] for name in ("trackingUrl", "courier"))
    return others_match and (number == own or same_number(number, own))


def visible(package: Package) -> Body:
    """The body that an order shows."""
    return patch_body(
        tracking_number=package.tracking_number or "",
        tracking_url=package.tracking_url,
        courier=package.courier,
        dispatched_date=None,
    )


def _earliest(known: str | None, sent: str | None) -> str | None:
    """The date known now, unless an earlier day was sent before."""
    if known is None or sent is None:
        return known or sent
    return sent if is_earlier_day(sent, known) else known
