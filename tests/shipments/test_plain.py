"""Rows of the database as JSON takes them."""

import pytest

from receiver.shipments.plain import as_text, from_text, plain, seconds
from tests.support.sent import SENT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"changed_at": 0.0, "count": 2.0}, {"changed_at": "1970-01-01T00:00:00Z", "count": 2.0}),
        ({"before": {"until": 60.0, "reason": None}}, {"before": {"until": "1970-01-01T00:01:00Z", "reason": None}}),
        (({"at": 0.0}, b"\xe9"), [{"at": "1970-01-01T00:00:00Z"}, "é"]),
    ],
)
def test_plain(value, expected):
    """Times become ISO 8601 in UTC by their field's name, at any depth; bytes become text."""
    assert expected == plain(value)


def test_sent():
    """What was sent has its JSON form, and its place apart."""
    assert "1970-01-01T00:00:00Z" == plain({"sent": SENT})["sent"]["at"]
    assert {"order_id": "1-01", "invoice_number": "9", "tracking_number": "TN1"} == SENT.place


@pytest.mark.parametrize(
    "written", ["2026-11-18T12:00:00Z", "2026-11-18T12:00:00", "2026-11-18T09:00:00-03:00"], ids=str
)
def test_seconds(written: str) -> None:
    """A time without an offset is UTC."""
    assert 1_795_003_200.0 == seconds(written)


def test_seconds_of_a_day() -> None:
    """A date is its first moment; what is neither is refused."""
    assert 1_794_960_000.0 == seconds("2026-11-18")
    with pytest.raises(ValueError, match="yesterday"):
        seconds("yesterday")


@pytest.mark.parametrize("cell", ["", "TN1BR", "it's", "'quoted'", "=1+1", "+55", "-1", "@me", "\tx"])
def test_cells(cell):
    """A cell that a spreadsheet would take for a formula gets an apostrophe, which is taken away when it is read."""
    assert cell == from_text(as_text(cell))
    assert cell[:1] in ("", *"Ti'") or as_text(cell) == f"'{cell}"
