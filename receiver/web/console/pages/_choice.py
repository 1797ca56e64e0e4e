"""The words of a list of parcels, as its form and its links carry them."""

from collections.abc import Mapping
from typing import Any

from flask import abort, request

from receiver.shipments import Reason, State
from receiver.shipments.plain import seconds

#: Names in an address, in the order in which a form shows them; ``q`` is the search.
NAMES = ("q", "state", "reason", "endpoint", "carrier", "account", "since", "until")
_CHOICES = {"state": tuple(State), "reason": tuple(Reason)}
_LONGEST = 200


def given(fields: Mapping[str, str] | None = None) -> dict[str, str]:
    """The filled-in words of the request, or of a form. Answers 400 for one that makes no sense."""
    told = request.args if fields is None else fields
    found = {name: told[name].strip() for name in NAMES if told.get(name, "").strip()}
    for name, value in found.items():
        if len(value) > _LONGEST or value not in _CHOICES.get(name, (value,)):
            abort(400)
    return found


def words(found: Mapping[str, str]) -> dict[str, Any]:
    """The same as `receiver.operations.parcels.chosen` takes them. Answers 400 for a date that is none."""
    wanted: dict[str, Any] = {name: value for name, value in found.items() if name != "q"}
    try:
        times = {name: seconds(found[name]) for name in ("since", "until") if name in found}
    except (ValueError, OverflowError):
        abort(400)
    return {**wanted, **times, "search": found.get("q")}
