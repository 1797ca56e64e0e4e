"""PURE: how well a carrier's adapter is tested, computed from the sources of its recordings and from checks by hand.

A carrier's recordings have ``provenance.json`` beside them:

``published_samples``  ``{"converted": 9, "of": 10}``: the payloads its documentation publishes, run through the adapter
``vector``             ``"published"`` or ``"own"``: the signed example that verifies; ``null`` if nothing is signed
``facts``              how certain the facts themselves are: ``"high"`` … ``"low"``
``words``              ``{"known": 20, "of": 22, "source": "…"}``: how many status words the adapter knows, of how many
                       that ``source`` lists. ``of`` is ``null`` if there is no list, ``known`` if the carrier sends
                       no such words. Without the entry, the words have not been counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: The first words of a recording's ``source`` → their worth, the best first.
SOURCES = {
    "captured and scrubbed": "captured",
    "published documentation": "published",
    "written after the published structure": "documented",
    "written after": "second-hand",
}
LEVELS = {
    "captured": "real traffic was recorded and converts",
    "published": "every published payload converts as its documentation says",
    "documented": "written after the carrier's own documentation or code; its published payloads are few or incomplete",
    "second-hand": "what matters here is known from third parties only",
}
FACTS = ("high", "medium-high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How complete the adapter's table of status words is."""

    known: int | None
    of: int | None
    source: str

    @property
    def short(self) -> str:
        """For a table: ``20 of 22``."""
        if self.known is None:
            return "none sent"
        return f"{self.known} of {self.of}" if self.of is not None else f"{self.known}, no list"

    @property
    def details(self) -> str:
        """A sentence for the carrier's page."""
        if self.known is None:
            return f"none: the carrier sends no status words ({self.source})"
        if self.of is None:
            return f"{self.known} known; there is no published list ({self.source})"
        missing = f", {self.of - self.known} without an entry" if self.of > self.known else ""
        return f"{self.known} of {self.of} known{missing} ({self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """``sources`` maps a worth to its number of recordings; ``words`` is ``None`` if they were not counted."""

    level: str
    facts: str
    sources: Mapping[str, int]
    converted: int
    of: int
    vector: str | None
    words: Words | None = None

    @property
    def seen_live(self) -> str:
        """Whether any recording was captured from real traffic, in words."""
        many = self.sources.get("captured", 0)
        return f"yes: recordings of real traffic: {many}" if many else "never: no recording is of real traffic"

    @property
    def details(self) -> str:
        """The evidence for the level."""
        parts = [f"{many} recordings {kind}" for kind, many in self.sources.items()]
        parts.append(f"{self.converted} of {self.of} published payloads convert" if self.of else "no published payload")
        if self.vector:
            parts.append(f"{'the published' if self.vector == 'published' else 'an own'} signature vector verifies")
        return "; ".join([*parts, f"confidence in the facts: {self.facts}"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def worth(source: str) -> str:
    """A recording's worth, from the first words of its ``source``. Raises `ValueError` for other words."""
    for opening, kind in SOURCES.items():
        if source.startswith(opening):
            return kind
    raise ValueError(f"a source begins with one of: {', '.join(SOURCES)}")


def quality(sources: Iterable[str], provenance: Mapping[str, Any]) -> Quality:
    """The level that recordings and checks by hand support. Raises `ValueError`, `KeyError`."""
    found = [worth(source) for source in sources]
    counted = {kind: found.count(kind) for kind in dict.fromkeys(SOURCES.values()) if kind in found}
    samples, facts = provenance["published_samples"], provenance["facts"]
    if facts not in FACTS or provenance["vector"] not in ("published", "own", None):
        raise ValueError("facts or vector is none of the words this scale knows")
    converted, of = int(samples["converted"]), int(samples["of"])
    if "captured" in counted:
        level = "captured"
    elif facts == "high" and 0 < of == converted:
        level = "published"
    else:
        level = "second-hand" if facts == "low" or found.count("second-hand") * 2 > len(found) else "documented"
    return Quality(
        level=level,
        facts=facts,
        sources=counted,
        converted=converted,
        of=of,
        vector=provenance["vector"],
        words=_words(provenance["words"]) if provenance.get("words") else None,
    )


def _words(given: Mapping[str, Any]) -> Words:
    known, of, source = given["known"], given["of"], given["source"]
    if not all(number is None or (isinstance(number, int) and number >= 0) for number in (known, of)):
        raise ValueError("words: known and of are numbers or null")
    if (known is None and of is not None) or (known is not None and of is not None and known > of) or not source:
        raise ValueError("words: known is at most of, and source says where the list stands")
    return Words(known=known, of=of, source=str(source))
