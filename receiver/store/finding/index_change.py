"""What a settlement adds to the index of orders."""

from dataclasses import dataclass

from receiver.store.finding.companions import Place
from receiver.vtex.facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChange:
    """What a settlement adds to the index. ``names`` are the kinds and values by which a link, an order or the hook may
    refer to the shipment, in its own account and in ``accounts``. ``named``: all of them lead to it, because it waits
    for such news, or because its row names no order, and a person may look for it.
    ``other_numbers``: the names by which a link finds it in any case; its row bears but one number.
    ``has_new_names``: some names are new. ``learnt`` has the facts of the orders that were read; ``links_read`` the
    kind, value and time of each link that was read. ``also``: the other orders that the links name which led the
    parcel; ``None`` where no link bears one of its names. ``placed``: its numbers, where it has its order, or
    one of them, only now; ``placed_at``: its place, where it is known by more than a number that stands there."""

    names: tuple[tuple[str, str], ...] = ()
    accounts: tuple[str, ...] = ()
    named: bool = False
    other_numbers: tuple[tuple[str, str], ...] = ()
    has_new_names: bool = False
    learnt: tuple[Fact, ...] = ()
    links_read: frozenset[tuple[str, str, float]] = frozenset()
    also: tuple[Place, ...] | None = None
    placed: tuple[tuple[str, str], ...] = ()
    placed_at: Place | None = None
