"""SuperFrete: one event of one label per POST, in Melhor Envio's vocabulary and under its header, but not its rules."""

from typing import Any

from adapters import Hmac, Ignored, Path, Reply, Request, Shipment, Status, TrackingEvent, day, moment, name, text, url

NAME = "SuperFrete"
DOCS = "https://superfrete.readme.io/"
# The key is the secret_token that the registration answers with. Nobody has published a captured header: integrators
# compute hex, one strips "sha256=", and Melhor Envio, whose header it is, writes base64.
AUTH = (Hmac(header="x-me-signature", encoding="either", tolerated="sha256="), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None  # times are ISO 8601; of one without an offset nobody says where it is
TRACKING_PAGE = None
REFERENCES = ("data.tags[*].tag",)

# The plugin "superfrete" for WooCommerce handles the posting and the delivery; the other names are integrators'.
STATUSES = {
    "order.released": Status.ANNOUNCED,  # paid
    "order.generated": Status.ANNOUNCED,
    "order.posted": Status.DISPATCHED,
    "order.delivered": Status.DELIVERED,
    "order.cancelled": Status.CANCELLED,
}
TIMES = {"order.posted": "posted_at", "order.delivered": "delivered_at"}
WORDS = {"order.posted": "Encomenda postada", "order.delivered": "Encomenda entregue"}  # what a shopper may read


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event, data = payload["event"], payload["data"]
    if event == "order.created":
        raise Ignored("a label was ordered; there is nothing to track yet")
    status = STATUSES.get(event, Status.OTHER)
    field = TIMES.get(event, "")
    happened_at = moment(data.get(field), f"$.data.{field}", zone=request.zone)
    happened_on = day(data.get(field), f"$.data.{field}")
    return [
        Shipment(
            key=name(data["id"], "$.data.id"),
            status=status,
            happened_at=happened_at,
            tracking_number=text(data.get("tracking"), "$.data.tracking"),
            tracking_url=url(data.get("tracking_url"), "$.data.tracking_url"),
            dispatched_at=moment(data.get("posted_at"), "$.data.posted_at", zone=request.zone),
            delivered_at=happened_at if status is Status.DELIVERED else None,
            events=(TrackingEvent(day=happened_on, description=WORDS[event], happened_at=happened_at),)
            if happened_on
            else (),
        )
    ]
