"""InPost ShipX (Poland): one status of one shipment per POST, unsigned and without any reference of the merchant's.

InPost's international API (developers.inpost-group.com) is another product and is not read here.
"""

from typing import Any

from adapters import (
    Ignored,
    Path,
    Probe,
    Query,
    Reply,
    Request,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    moment,
    name,
    text,
)

NAME = "InPost"
DOCS = "https://dokumentacja-inpost.atlassian.net/wiki/spaces/PL/pages/18153494/Webhooks"
AUTH = (Path(), Query())  # nothing is signed; InPost can only be given a URL
REPLY = Reply(unreadable=422)
PROBE = Probe(methods=("GET", "HEAD"))  # the URL must answer GET with 200
RETRIES = None
ZONE = None  # every time carries its offset
TRACKING_PAGE = None
REFERENCES = ()

# The webhook's page shows "delivered" alone. The others are ShipX's own status names, on which public integrations
# agree, with the Polish titles that ShipX gives them.
STATUSES = {
    "confirmed": Status.ANNOUNCED,  # "przygotowana przez nadawcę"
    "dispatched_by_sender": Status.DISPATCHED,  # "nadana w automacie": in InPost's own locker
    "collected_from_sender": Status.DISPATCHED,
    "taken_by_courier": Status.DISPATCHED,  # "odebrana od nadawcy"
    "adopted_at_source_branch": Status.IN_TRANSIT,
    "sent_from_source_branch": Status.IN_TRANSIT,
    "adopted_at_sorting_center": Status.IN_TRANSIT,
    "sent_from_sorting_center": Status.IN_TRANSIT,
    "adopted_at_target_branch": Status.IN_TRANSIT,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "ready_to_pickup": Status.IN_TRANSIT,  # "umieszczona w automacie": the shopper has yet to open it
    "avizo": Status.IN_TRANSIT,  # "powrót do oddziału"
    "delivered": Status.DELIVERED,
    "returned_to_sender": Status.RETURNED,
    "canceled": Status.CANCELLED,
    "undelivered": Status.EXCEPTION,
}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
TIME_FORMAT = "%Y-%m-%d %H:%M:%S %z"  # "2020-03-20 15:08:06 +0100"


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event, told = payload["event"], payload["payload"]
    if event not in ("shipment_confirmed", "shipment_status_changed"):
        raise Ignored(f"{line(event, '$.event')} carries no parcel status")
    said = "confirmed" if event == "shipment_confirmed" else line(told.get("status"), "$.payload.status")
    status = STATUSES.get(said, Status.OTHER)
    at = moment(payload["event_ts"], "$.event_ts", TIME_FORMAT, zone=request.zone)
    on = day(payload["event_ts"], "$.event_ts", TIME_FORMAT)
    return [
        Shipment(
            key=name(told["shipment_id"], "$.payload.shipment_id"),
            status=status,
            happened_at=at,
            tracking_number=text(told.get("tracking_number"), "$.payload.tracking_number"),
            courier=NAME,
            dispatched_at=at if status in ON_THE_WAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            events=(TrackingEvent(day=on, description=said, happened_at=at),) if on and said else (),
        )
    ]
