"""The words by which people choose parcels at the command line, the API and the console, made into one filter."""

from collections.abc import Mapping, Sequence
from typing import Any

from receiver.config import Config
from receiver.store import Database
from receiver.store.operator.search import of_order
from receiver.store.operator.search import search as found_by
from receiver.store.operator.shipment_filter import ShipmentFilter

#: The words of a filter that are texts; ``since`` and ``until`` are times.
TEXTS = ("state", "reason", "endpoint", "account", "carrier", "number", "order", "search")


def chosen(config: Config, database: Database, words: Mapping[str, Any]) -> ShipmentFilter:
    """The shipments that the words mean: each of `TEXTS`, ``since`` and ``until`` as a text or a time, or ``None``.
    ``search`` is any number or id; of an ``order`` are those that wait for it, too. Raises
    `receiver.store.StoreUnavailable`."""
    search, order = words.get("search"), words.get("order")
    return ShipmentFilter(
        state=words.get("state"),
        reason=words.get("reason"),
        account=words.get("account"),
        number=words.get("number"),
        order_id=order,
        order_ids=None if order is None else of_order(database, order),
        endpoints=_endpoints(config, words.get("carrier"), words.get("endpoint")),
        ids=None if search is None else found_by(database, search, config.accounts, config.endpoints),
        since=words.get("since"),
        until=words.get("until"),
    )


def _endpoints(config: Config, carrier: str | None, endpoint: str | None) -> tuple[str, ...] | None:
    """The endpoints of a carrier, the named one, or what is both; ``None`` for all."""
    if carrier is None:
        return None if endpoint is None else (endpoint,)
    of_carrier: Sequence[str] = [one.name for one in config.endpoints.values() if one.carrier.slug == carrier]
    return tuple(name for name in of_carrier if endpoint in (None, name))
