"""Melhor Envio: one event of one label per POST. The carrier's code may follow a working day after the posting."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Hmac,
    Ignored,
    Probe,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    local_moment,
    look_up,
    name,
    page,
    single_event,
    text,
    url,
)

NAME = "Melhor Envio"
DOCS = "https://docs.melhorenvio.com.br/docs/webhooks"
AUTH = (Hmac(header="x-me-signature", encoding="base64"),)  # the key is the app's client secret; there is no other
REPLY = Reply(unreadable=200)  # any other status is sent again every 15 minutes, five times in all
# Saving the URL in the panel sends one, unsigned; anything but 2xx is E-WBH-0002 there, and the URL is not saved.
# Reports differ on what it is: GET, a body with nothing in it, or an event of a label.
PROBE = Probe(
    methods=("GET", "HEAD"),
    bodies=(b"", b"{}", b"[]", b"null"),
    hollow=("event", "data"),
    unless_headers=("x-me-signature",),
    unsigned=True,
)
RETRIES = Retries(times=4, over=timedelta(minutes=60))  # five attempts in all
ZONE = ZoneInfo("America/Sao_Paulo")  # times are in UTC; the parcels are in Brazil
TRACKING_PAGE = "https://www.melhorrastreio.com.br/rastreio/{number}"
REFERENCES = ("data.tags[*].tag",)

# "Webhooks", https://docs.melhorenvio.com.br/docs/webhooks, the list of events, read 2026-11-28. None of them means "in
# transit", and none a return.
STATUSES = {
    "order.created": Status.ANNOUNCED,
    "order.released": Status.ANNOUNCED,  # paid
    "order.generated": Status.ANNOUNCED,
    "order.received": Status.ANNOUNCED,  # left at a Pegaki point, where the carrier has yet to collect it
    "order.posted": Status.DISPATCHED,
    "order.delivered": Status.DELIVERED,
    "order.cancelled": Status.CANCELLED,
    "order.undelivered": Status.EXCEPTION,
    "order.paused": Status.EXCEPTION,
    "order.suspended": Status.EXCEPTION,
}
NOTHING_TO_DO = {
    "order.pending": "the label went back to the cart",
    "order.ready-to-print": "the label can be printed",  # not documented; their sandbox sends it
}
# Same page: the field with the time of the event. The events not listed here have none.
TIMES = {
    "order.created": "created_at",
    "order.released": "paid_at",
    "order.generated": "generated_at",
    "order.posted": "posted_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "canceled_at",
}
# What a shopper may read, in the language of the page; the other events are about the label.
WORDS = {"order.posted": "Encomenda postada", "order.delivered": "Encomenda entregue"}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    # `data.status` may lag behind the event: a generated label has arrived as "released".
    event, data = name(payload["event"], "$.event"), payload.get("data")
    if not data:
        raise Ignored("an event without a label: the panel's check of the URL")
    if event in NOTHING_TO_DO:
        raise Ignored(NOTHING_TO_DO[event])
    status, unknown = look_up(STATUSES, event)
    carriers = text(data.get("tracking"), "$.data.tracking")
    own = text(data.get("self_tracking"), "$.data.self_tracking")
    number = carriers or own
    field = TIMES.get(event, "")
    happened_at = local_moment(data.get(field), f"$.data.{field}", zone=request.zone)
    return [
        Shipment(
            key=name(data["id"], "$.data.id"),
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            tracking_url=url(data.get("tracking_url"), "$.data.tracking_url") or page(TRACKING_PAGE, number),
            dispatched_at=local_moment(data.get("posted_at"), "$.data.posted_at", zone=request.zone),
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.TRACKING_NUMBER, own),) if own and own != number else (),
            events=single_event(
                status,
                on=happened_at.date() if happened_at else None,
                happened_at=happened_at,
                words=WORDS.get(event, ""),
            ),
            unknown_words=(unknown,) if unknown else (),
        )
    ]
