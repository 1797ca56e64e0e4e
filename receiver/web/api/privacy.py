"""PURE: an answer as a person of the role ``view`` reads it: without what may be a buyer's data."""

from collections.abc import Mapping
from typing import Any

from receiver.vtex.answers import without_words

#: Fields that may hold a buyer's name, address or words: a carrier's texts and pages, calls to VTEX and what it said.
_HIDDEN = ("tracking_url", "trackingUrl", "wanted", "kept_back", "events", "request", "answer")


def hidden(value: Any) -> Any:
    """The value with ``null`` for such fields and for notes of decisions; of an address without its query, and of what
    VTEX answered without its words."""
    if isinstance(value, str):
        return without_words(value)
    if isinstance(value, list):
        return [hidden(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    own = ("note",) if "actor" in value else ()
    shown = {name: None if name in (*_HIDDEN, *own) else hidden(one) for name, one in value.items()}
    return {**shown, "target": value["target"].partition("?")[0]} if "target" in value else shown
