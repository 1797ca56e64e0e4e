"""SuperFrete: one event of one label per POST, in Melhor Envio's vocabulary and under its header, but not its rules."""

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Hmac,
    Ignored,
    Path,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    local_moment,
    look_up,
    name,
    single_event,
    text,
    url,
)

NAME = "SuperFrete"
DOCS = "https://superfrete.readme.io/"
# The key is the secret_token that the registration answers with. No captured header is published: integrators compute
# hex, one strips "sha256=", and Melhor Envio writes base64 under the same header.
AUTH = (Hmac(header="x-me-signature", encoding="either", tolerated="sha256="), Path())
REPLY = Reply(unreadable=200)  # any other status is sent again every 15 minutes, five times in all
PROBE = None
RETRIES = Retries(times=4, over=timedelta(minutes=60))  # five attempts in all
ZONE = ZoneInfo("America/Sao_Paulo")  # the parcels are in Brazil; a time without an offset is taken for theirs
TRACKING_PAGE = None
REFERENCES = ("data.tags[*].tag",)

# "Webhooks", https://superfrete.readme.io/, the list of events as integrators transcribe it, read 2026-11-28. The
# plugin "superfrete" for WooCommerce handles the posting and the delivery.
STATUSES = {
    "order.released": Status.ANNOUNCED,  # paid
    "order.generated": Status.ANNOUNCED,  # the tracking number is there from now on
    "order.posted": Status.DISPATCHED,
    "order.delivered": Status.DELIVERED,
    "order.cancelled": Status.CANCELLED,
}
TIMES = {"order.posted": "posted_at", "order.delivered": "delivered_at"}
WORDS = {"order.posted": "Encomenda postada", "order.delivered": "Encomenda entregue"}  # what a shopper may read
NO_SCHEME = re.compile(r"[\w-]+(\.[\w-]+)+(/.*)?")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event, data = name(payload["event"], "$.event"), payload["data"]
    if event == "order.created":
        raise Ignored("a label was ordered; there is nothing to track yet")
    status, unknown = look_up(STATUSES, event)
    field = TIMES.get(event, "")
    happened_at = local_moment(data.get(field), f"$.data.{field}", zone=request.zone)
    return [
        Shipment(
            key=name(data["id"], "$.data.id"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(data.get("tracking"), "$.data.tracking"),
            tracking_url=_page(data.get("tracking_url"), "$.data.tracking_url"),
            dispatched_at=local_moment(data.get("posted_at"), "$.data.posted_at", zone=request.zone),
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=single_event(
                status,
                on=happened_at.date() if happened_at else None,
                happened_at=happened_at,
                words=WORDS.get(event, ""),
            ),
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def _page(value: object, path: str) -> str | None:
    """The page's URL, which SuperFrete writes without its scheme."""
    written = text(value, path, most=2000)
    return url(f"https://{written}" if written and NO_SCHEME.fullmatch(written) else written, path)
