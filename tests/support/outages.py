"""Six parcels in work while VTEX has trouble, and what became of them."""

from typing import Any

import pytest

from tests.support.rig import Rig, order, package, posted


def states(rig: Rig) -> set[tuple[str, str | None]]:
    return {(row["state"], row["reason"]) for row in rig.queries.shipments()}


PARCELS = range(1, 7)


def prepare(rig: Rig) -> None:
    """Six parcels of six orders, posted but not worked on yet."""
    for number in PARCELS:
        rig.add_order(order(f"{number}-01", package("900")))
        tell(rig, number)


def tell(rig: Rig, number: int, **rest: Any) -> None:
    assert 200 == rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}", **rest)).status_code


def written(rig: Rig) -> list[int]:
    """How many PATCHes took effect on each order."""
    return [len(rig.sandbox.writes(f"{number}-01", "900")) for number in PARCELS]


def told(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == level]
