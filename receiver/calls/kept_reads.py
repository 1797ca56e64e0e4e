"""Orders that were read for a write which a pause of the account held back.

The shipment returns to the queue. When this process claims it again soon, it writes by what it has read, instead of
reading the order once more for each pause.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from receiver.store import Claim
from receiver.vtex.orders import Order


@dataclass(frozen=True, slots=True)
class KeptRead:
    """The ``orders`` by the ids asked for; the oldest was read ``at`` (seconds since the epoch)."""

    orders: Mapping[str, Order]
    at: float
    #: What no other claim may have changed meanwhile.
    unchanged: tuple[Any, ...]


class KeptReads:
    """The reads of one process, by shipment. They serve once, for up to ``longest`` seconds: a claim may wait as long
    between its read and its write."""

    def __init__(self, *, longest: float) -> None:
        self.longest = longest
        self._kept: dict[str, KeptRead] = {}
        self._lock = threading.Lock()

    def keep(self, claim: Claim, orders: Mapping[str, Order], at: float, *, now: float) -> None:
        """Keep what was read for the claim, because its write is held back."""
        with self._lock:
            self._kept = {of: kept for of, kept in self._kept.items() if self._is_fresh(kept, now)}
            self._kept[claim.id] = KeptRead(dict(orders), at, _of(claim))

    def take(self, claim: Claim, *, now: float) -> KeptRead | None:
        """What was read for this shipment, unless it was written or assigned since, or a write's outcome is unknown."""
        with self._lock:
            kept = self._kept.pop(claim.id, None)
        if kept is None or claim.open_writes or kept.unchanged != _of(claim) or not self._is_fresh(kept, now):
            return None
        return kept

    def _is_fresh(self, kept: KeptRead, now: float) -> bool:
        return 0 <= now - kept.at < self.longest  # a clock that was set back says nothing


def _of(claim: Claim) -> tuple[Any, ...]:
    generation = claim.record.generation
    return claim.account, generation.number, generation.sent, generation.assignment
