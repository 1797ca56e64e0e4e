"""What a command prints of fields that changed."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from receiver.shipments.differences import Change


def change_lines(changes: Iterable[Change]) -> Iterator[str]:
    """A line for each field that changed: ``status other → dispatched``; for a list, what was removed and added."""
    for change in changes:
        if isinstance(change.before or change.after, list):
            before, after = change.before or [], change.after or []
            yield from (f"{change.name:<16}- {_changed(item)}" for item in before if item not in after)
            yield from (f"{change.name:<16}+ {_changed(item)}" for item in after if item not in before)
        else:
            yield f"{change.name:<16}{_changed(change.before)} → {_changed(change.after)}"


def plain_changes(changes: Iterable[Change]) -> dict[str, list[Any]]:
    """The same for JSON: before and after by the field's name."""
    return {change.name: [change.before, change.after] for change in changes}


def _changed(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
