"""What the log says of a delivery. Nothing of people: an order is named where the text holds VTEX's own id of one."""

import logging
from collections.abc import Sequence

from adapters import ReferenceKind, Shipment
from receiver.config import Endpoint
from receiver.log_context import learn
from receiver.vtex.order_ids import own_id

log = logging.getLogger("receiver.intake")


def learn_delivery(endpoint: Endpoint, delivery: str, ids: Sequence[str], shipments: Sequence[Shipment]) -> None:
    """From here on the log is about this delivery, and about its shipment if it speaks of one."""
    learn(endpoint=endpoint.name, delivery=delivery, account=endpoint.account)
    if len(set(ids)) == 1:
        orders = [one.value for one in shipments[0].references if one.kind is ReferenceKind.ORDER_ID]
        learn(shipment=ids[0], order=next(filter(None, map(own_id, orders)), None))


def log_quarantined(endpoint: Endpoint, delivery: str, reason: str | None) -> None:
    log.warning(
        "delivery quarantined, kept for receiver reprocess: endpoint=%s delivery=%s carrier=%s reason=%s",
        endpoint.name, delivery, endpoint.carrier.slug, reason,
    )  # fmt: skip


def error_location(error: BaseException) -> str:
    """An exception's class and where it was raised, without its message, which might quote a person's address."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    where = f"{last.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{last.tb_lineno}" if last else "?"
    return f"{type(error).__name__} at {where}"
