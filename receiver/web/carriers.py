"""The configured carriers: how well each adapter is tested, when it was heard, and how long it repeats. For the console
and the API."""

from typing import Any

from receiver.carriers.pages import stored
from receiver.config import Config, Endpoint
from receiver.notify.causes import Cause
from receiver.store import Database
from receiver.store.counters import PROBES, last_deliveries, last_of
from receiver.store.notify.alerts import Alerts
from receiver.store.operator.overview import Overview

_HOUR, _DAY = 3600, 86_400


def configured(config: Config, database: Database, overview: Overview, *, now: float) -> list[dict[str, Any]]:
    """Each configured endpoint, by its carrier's name. ``now`` in seconds since the epoch."""
    today = range(int(now // _DAY * _DAY // _HOUR), int(now // _HOUR) + 1)
    heard = overview.heard(today, now=now)
    totals = database.counters.totals()
    last, probed = last_deliveries(totals), last_of(PROBES, totals)
    silent = {one["subject"] for one in Alerts(database).all() if one["cause"] in (Cause.SILENT, Cause.NEVER_HEARD)}
    found = [
        {
            "name": name,
            "accounts": endpoint.accounts_served,
            "carrier": endpoint.carrier,
            "quality": _quality(endpoint),
            "last_at": last.get(name),
            "probed_at": probed.get(name),
            "today": sum(hour.get(name, 0) for hour in heard),
            "is_silent": name in silent,
            "retries": endpoint.carrier.retries,
        }
        for name, endpoint in config.endpoints.items()
    ]
    return sorted(found, key=lambda one: (one["carrier"].name, one["name"]))


def _quality(endpoint: Endpoint) -> dict[str, Any]:
    """The level, and how many of the carrier's words its adapter knows; a carrier of the merchant's own has neither."""
    found: dict[str, Any] = stored().get(endpoint.carrier.slug, {})
    return {"level": "own", "words": None, **found}
