"""PURE: rows of the database as JSON and spreadsheets take them, the same for commands and the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from receiver.shipments.sent import Sent
from receiver.timing import stamp

#: Fields that hold seconds since the epoch, besides those that end in ``_at``.
_TIMES = ("at", "until", "since", "wanted_since")
#: How a text begins that a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(value: Any, name: str = "") -> Any:
    """A value as JSON takes it: times in ISO 8601, UTC; bytes as text."""
    if isinstance(value, Sent):
        value = value.to_json()
    if isinstance(value, Mapping):
        return {key: plain(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, float) and (name.endswith("_at") or name in _TIMES):
        return stamp(value)
    return value


def seconds(written: str) -> float:
    """A date or a time of ISO 8601 as seconds since the epoch; without an offset it is UTC. Raises `ValueError`."""
    found = datetime.fromisoformat(written)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: carriers' words are printed."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def from_text(cell: str) -> str:
    """What `as_text` made the cell of."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
