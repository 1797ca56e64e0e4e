"""PURE: how well a carrier's adapter is proven, computed from where its recordings come from and what was run by hand.

Beside a carrier's recordings lies ``provenance.json``:

``published_samples``  ``{"converted": 9, "of": 10}``: the payloads its documentation publishes, run through the adapter
``vector``             ``"published"`` or ``"own"``: whose signed example verifies; ``null`` where nothing is signed
``facts``              how sure the facts themselves are: ``"high"`` … ``"low"``
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: How a recording's ``source`` begins → what that is worth, the best first.
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
class Quality:
    """``sources`` maps what recordings are worth to how many there are."""

    level: str
    facts: str
    sources: Mapping[str, int]
    converted: int
    of: int
    vector: str | None

    @property
    def details(self) -> str:
        """What the level rests on."""
        parts = [f"{many} recordings {kind}" for kind, many in self.sources.items()]
        parts.append(f"{self.converted} of {self.of} published payloads convert" if self.of else "no published payload")
        if self.vector:
            parts.append(f"{'the published' if self.vector == 'published' else 'an own'} signature vector verifies")
        return "; ".join([*parts, f"confidence in the facts: {self.facts}"])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def worth(source: str) -> str:
    """What a recording is worth by the words its ``source`` begins with. Raises `ValueError` for other words."""
    for opening, kind in SOURCES.items():
        if source.startswith(opening):
            return kind
    raise ValueError(f"a source begins with one of: {', '.join(SOURCES)}")


def quality(sources: Iterable[str], provenance: Mapping[str, Any]) -> Quality:
    """The level that recordings and hand-run checks bear out. Raises `ValueError`, `KeyError`."""
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
    return Quality(level=level, facts=facts, sources=counted, converted=converted, of=of, vector=provenance["vector"])
