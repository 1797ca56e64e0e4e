"""What the trap tests of the single carriers share: recordings as requests, and what an adapter reads in a body."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters import NotAuthentic, Request, Shipment
from receiver import recordings
from receiver.carriers import discover
from tests.support.paths import SAMPLES


def recorded(slug: str, case: str) -> Request:
    """A recording's request, under its carrier's own zone."""
    request = recordings.load(SAMPLES / slug / f"{case}.http").request
    return replace(request, zone=discover()[slug].zone)


def body_of(slug: str, case: str) -> Any:
    return json.loads(recorded(slug, case).body)


def read(slug: str, payload: Any, case: str, **changes: Any) -> list[Shipment]:
    """What the carrier reads in this payload, with the headers of the recording; ``changes`` are the request's."""
    request = replace(recorded(slug, case), body=json.dumps(payload).encode(), **changes)
    return discover()[slug].convert(request).shipments


def reader(slug: str, case: str) -> Callable[..., Shipment]:
    """A function that changes members of a recorded body (``a__b=1`` is ``{"a": {"b": 1}}``) and reads its parcel."""

    def read_one(case: str = case, zone: Any = None, **changes: Any) -> Shipment:
        payload = body_of(slug, case)
        for dotted, value in changes.items():
            node, *names = payload, *dotted.split("__")
            for name in names[:-1]:
                node = node[int(name) if name.isdecimal() else name]
            node[names[-1]] = value
        (shipment,) = read(slug, payload, case, **({"zone": zone} if zone else {}))
        return shipment

    return read_one


def proves(slug: str, request: Request, secret: str, scheme: int = 0) -> bool:
    """Whether the carrier's scheme of that number takes the request as proven."""
    try:
        discover()[slug].auth[scheme].check(request, [secret])
    except NotAuthentic:
        return False
    return True
