"""No carrier's return is read as a delivery to the shopper.

Each module beside this one has ``ROWS``: the carrier's slug, the kind of return in plain words, and a function that
builds the message from a recording and reads it.
"""

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Ignored, Request, Shipment, Status, Unreadable
from receiver.carriers import Carrier, discover
from receiver.recordings import load
from tests.support.damage import damaged
from tests.support.paths import SAMPLES

Row = tuple[str, str, Callable[[], list[Shipment]]]
IN_WORDS = "Delivered, To Original Sender"
MODULES = sorted(
    module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("test_")
)


def rows(module: str) -> list[Row]:
    found: list[Row] = importlib.import_module(f"tests.carriers.returns.{module}").ROWS
    return found


ROWS = [row for module in MODULES for row in rows(module)]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row[0]}: {row[1]}") for row in ROWS])
def test_return(row: Row) -> None:
    """The parcel is returned and has no date of delivery, or its delivery is marked as one after a return, or the label
    of a return is ignored as one."""
    _, _, sent = row
    try:
        found = {(each.status, each.delivered_at) for each in sent() if not _is_marked(each)}
    except Ignored as ignored:
        found = set() if "return" in ignored.reason else {(Status.OTHER, None)}

    assert {(Status.RETURNED, None)} >= found


@pytest.mark.parametrize("module", MODULES)
def test_rows(module: str) -> None:
    """A module has rows, each of a known carrier, and no two of one name."""
    named = [(slug, kind) for slug, kind, _ in rows(module)]

    assert named
    assert {slug for slug, _ in named} <= set(discover())
    assert len(named) == len(set(named))


def test_each_carrier() -> None:
    """Every carrier that has a word for a return has a row, or a recording of a return."""
    silent = set(discover()) - {slug for slug, _, _ in ROWS}

    assert [] == [slug for slug in sorted(silent) if _has_a_word(slug) and not _has_a_recording(slug)]


def _has_a_word(slug: str) -> bool:
    words = SAMPLES / slug / "words.json"
    groups = json.loads(words.read_text(encoding="utf-8")).get("statuses", ()) if words.exists() else ()
    return any(Status.RETURNED in group["words"] for group in groups)


def _has_a_recording(slug: str) -> bool:
    expected = [json.loads(file.read_text(encoding="utf-8")) for file in (SAMPLES / slug).glob("*.expected.json")]
    return any(told["status"] == Status.RETURNED for one in expected for told in one.get("shipments") or ())


@pytest.mark.parametrize("carrier", [pytest.param(carrier, id=slug) for slug, carrier in discover().items()])
def test_words_of_a_return(carrier: Carrier) -> None:
    """A delivery whose newest line for shoppers says that the parcel went back is a return: each text of each recorded
    delivery says so in turn."""
    told = {
        ".".join(map(str, place))
        for request in _deliveries(carrier)
        for place, changed in _in_words(carrier, request)
        if any(_is_told(shipment) and _shows(shipment) for shipment in _read(carrier, changed))
    }

    assert set() == told


def _deliveries(carrier: Carrier) -> Iterator[Request]:
    """The carrier's recorded requests and answers that are read as a delivery."""
    for file in sorted((SAMPLES / carrier.slug).glob("*.http")):
        recording = load(file)
        for request in (recording.request, *recording.answers.values()):
            zoned = replace(request, zone=carrier.zone)
            if any(shipment.status is Status.DELIVERED for shipment in _read(carrier, zoned)):
                yield zoned


def _in_words(carrier: Carrier, request: Request) -> Iterator[tuple[tuple[str | int, ...], Request]]:
    """The request once for each of its texts, which then says that the parcel went back."""
    payload: Any = json.loads(request.body) if request.fetched else carrier.decode(request)
    for place in _texts(payload):
        body = damaged(payload, place, IN_WORDS)
        yield place, replace(request, body=json.dumps(body).encode() if request.fetched else carrier.encode(body))


def _texts(node: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where each text stands."""
    if isinstance(node, str):
        yield above
    elif isinstance(node, dict | list):
        for name, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _texts(inner, (*above, name))


def _read(carrier: Carrier, request: Request) -> list[Shipment]:
    try:
        return carrier.convert(request).shipments
    except (Ignored, Unreadable):
        return []


def _is_told(shipment: Shipment) -> bool:
    """Whether it is a delivery that shoppers hear of."""
    return shipment.status is Status.DELIVERED and not shipment.returned


def _is_marked(shipment: Shipment) -> bool:
    return shipment.status is Status.DELIVERED and shipment.returned


def _shows(shipment: Shipment) -> bool:
    """Whether a line of the last day says that the parcel went back."""
    last = max((event.day for event in shipment.events), default=None)
    return any(event.day == last and IN_WORDS in event.description for event in shipment.events)
