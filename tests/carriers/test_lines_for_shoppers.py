"""The lines that recorded messages have for shoppers: none is a bare code, none tells of a cancelled label."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters import Ignored, Shipment, Status, Unreadable
from receiver.carriers import discover
from receiver.recordings import load
from tests.support.recorded import RECORDED, recordings_of, try_each

#: What carriers write for machines: in_route, onRoadToDelivery, OutForDelivery, OEC-1.
CODE = re.compile(r"\w*_\w*|[a-z]+[A-Z]\w*|(?:[A-Z][a-z]+){2,}|[A-Z]+-\d+")

every_carrier = pytest.mark.parametrize("slug", RECORDED)


def shipments(path: Path) -> Iterator[Shipment]:
    recording, carrier = load(path), discover()[path.parent.name]
    for request in (recording.request, *recording.answers.values()):
        try:
            yield from carrier.convert(replace(request, zone=carrier.zone)).shipments
        except (Ignored, Unreadable):
            continue


def each(slug: str, test: Callable[[Shipment], None]) -> None:
    try_each(recordings_of(slug), lambda path: [test(shipment) for shipment in shipments(path)])


@every_carrier
def test_no_code(slug: str) -> None:
    """A shopper reads words."""

    def reads_words(shipment: Shipment) -> None:
        assert [] == [event.description for event in shipment.events if CODE.fullmatch(event.description)]

    each(slug, reads_words)


@every_carrier
def test_no_cancelled_label(slug: str) -> None:
    """A cancelled label is the merchant's matter: the parcel may come with another one."""

    def hides_it(shipment: Shipment) -> None:
        if shipment.status is Status.CANCELLED:
            assert [] == [event for event in shipment.events if event.happened_at == shipment.happened_at]
            assert [] == [event for event in shipment.events if "cancel" in event.description.lower()]

    each(slug, hides_it)
