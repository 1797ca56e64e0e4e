"""InPost ShipX (Poland): one status of one shipment per POST, unsigned and without any reference of the merchant's.

InPost's international API (developers.inpost-group.com) is another product and is not read here.
"""

from typing import Any

from adapters import (
    UNDERWAY,
    Ignored,
    Path,
    Probe,
    Query,
    Reply,
    Request,
    Shipment,
    Status,
    Unreadable,
    day,
    line,
    look_up,
    moment,
    name,
    single_event,
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

# ShipX's dictionary of statuses, https://api-shipx-pl.easypack24.net/v1/statuses (as of 2026-10-08), described at
# https://dokumentacja-inpost.atlassian.net/wiki/spaces/PL/pages/18153478, read 2026-11-28. The quotes are its titles.
STATUSES = {
    "created": Status.ANNOUNCED,
    "offers_prepared": Status.ANNOUNCED,
    "offer_selected": Status.ANNOUNCED,
    "confirmed": Status.ANNOUNCED,  # "przygotowana przez nadawcę"
    "dispatched_by_sender": Status.DISPATCHED,  # "nadana w automacie": in InPost's own locker
    "dispatched_by_sender_to_pok": Status.DISPATCHED,  # left at a point of InPost's
    "collected_from_sender": Status.DISPATCHED,
    "taken_by_courier": Status.DISPATCHED,  # "odebrana od nadawcy"
    "taken_by_courier_from_pok": Status.DISPATCHED,
    "adopted_at_source_branch": Status.IN_TRANSIT,
    "sent_from_source_branch": Status.IN_TRANSIT,
    "adopted_at_sorting_center": Status.IN_TRANSIT,
    "sent_from_sorting_center": Status.IN_TRANSIT,
    "adopted_at_target_branch": Status.IN_TRANSIT,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "out_for_delivery_to_address": Status.OUT_FOR_DELIVERY,
    "ready_to_pickup": Status.IN_TRANSIT,  # "umieszczona w automacie": the shopper has yet to open it
    "ready_to_pickup_from_pok": Status.IN_TRANSIT,
    "ready_to_pickup_from_pok_registered": Status.IN_TRANSIT,
    "ready_to_pickup_from_branch": Status.IN_TRANSIT,
    "pickup_reminder_sent": Status.IN_TRANSIT,
    "pickup_reminder_sent_address": Status.IN_TRANSIT,
    "pickup_time_expired": Status.IN_TRANSIT,
    "courier_avizo_in_customer_service_point": Status.IN_TRANSIT,  # waits at a point
    "avizo": Status.IN_TRANSIT,  # "powrót do oddziału"
    "redirect_to_box": Status.IN_TRANSIT,
    "canceled_redirect_to_box": Status.IN_TRANSIT,  # only the redirection is cancelled
    "readdressed": Status.IN_TRANSIT,
    "stack_in_box_machine": Status.IN_TRANSIT,
    "stack_in_customer_service_point": Status.IN_TRANSIT,
    "stack_parcel_pickup_time_expired": Status.IN_TRANSIT,
    "stack_parcel_in_box_machine_pickup_time_expired": Status.IN_TRANSIT,
    "unstack_from_box_machine": Status.IN_TRANSIT,
    "unstack_from_customer_service_point": Status.IN_TRANSIT,
    "delivered": Status.DELIVERED,
    "returned_to_sender": Status.RETURNED,
    "taken_by_courier_from_customer_service_point": Status.RETURNED,  # "zwrócona do nadawcy"
    "canceled": Status.CANCELLED,  # "anulowano etykietę"
    "rejected_by_receiver": Status.EXCEPTION,
    "undelivered": Status.EXCEPTION,
    "undelivered_wrong_address": Status.EXCEPTION,
    "undelivered_incomplete_address": Status.EXCEPTION,
    "undelivered_unknown_receiver": Status.EXCEPTION,
    "undelivered_cod_cash_receiver": Status.EXCEPTION,
    "undelivered_no_mailbox": Status.EXCEPTION,
    "undelivered_not_live_address": Status.EXCEPTION,
    "undelivered_lack_of_access_letterbox": Status.EXCEPTION,
    "oversized": Status.EXCEPTION,
    "delay_in_delivery": Status.EXCEPTION,
    "claimed": Status.EXCEPTION,  # "zareklamowana": the shopper complains at the locker
    "return_pickup_confirmation_to_sender": Status.OTHER,  # "przygotowano dokumenty zwrotne": papers, not the parcel
    "missing": Status.OTHER,
    "other": Status.OTHER,
}
TIME_FORMAT = "%Y-%m-%d %H:%M:%S %z"  # "2020-03-20 15:08:06 +0100"


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    event, parcel = payload["event"], payload["payload"]
    if event == "offers_prepared":
        raise Ignored("offers_prepared carries no parcel status")
    if event not in ("shipment_confirmed", "shipment_status_changed"):
        raise Unreadable("$.event", f"is {line(event, '$.event')}, which is not a known event")
    word = "confirmed" if event == "shipment_confirmed" else line(parcel.get("status"), "$.payload.status")
    status, unknown = look_up(STATUSES, word)
    at = moment(payload["event_ts"], "$.event_ts", TIME_FORMAT, zone=request.zone)
    on = day(payload["event_ts"], "$.event_ts", TIME_FORMAT)
    return [
        Shipment(
            key=name(parcel["shipment_id"], "$.payload.shipment_id"),
            status=status,
            happened_at=at,
            tracking_number=text(parcel.get("tracking_number"), "$.payload.tracking_number"),
            courier=NAME,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            events=single_event(status, on=on, happened_at=at, words=status.words),  # the word is a code
            unknown_words=(unknown,) if unknown else (),
        )
    ]
