"""No carrier's return is read as a delivery to the shopper.

Each module beside this one has ``ROWS``: the carrier's slug, the kind of return in plain words, and a function that
builds the message from a recording and reads it.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import Ignored, Shipment, Status
from receiver.carriers import discover

Row = tuple[str, str, Callable[[], list[Shipment]]]
MODULES = sorted(
    module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("test_")
)


def rows(module: str) -> list[Row]:
    found: list[Row] = importlib.import_module(f"tests.carriers.returns.{module}").ROWS
    return found


ROWS = [row for module in MODULES for row in rows(module)]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row[0]}: {row[1]}") for row in ROWS])
def test_return(row: Row) -> None:
    """The parcel is returned and has no date of delivery, or the label of a return is ignored as one."""
    _, _, sent = row
    try:
        found = {(each.status, each.delivered_at) for each in sent()}
    except Ignored as ignored:
        found = {(Status.RETURNED, None)} if "return" in ignored.reason else {(Status.OTHER, None)}

    assert {(Status.RETURNED, None)} == found


@pytest.mark.parametrize("module", MODULES)
def test_rows(module: str) -> None:
    """A module has rows, each of a known carrier, and no two of one name."""
    named = [(slug, kind) for slug, kind, _ in rows(module)]

    assert named
    assert {slug for slug, _ in named} <= set(discover())
    assert len(named) == len(set(named))
