"""Pickit: the state of one parcel per POST, in one of two forms, without any date."""

from typing import Any

from adapters import (
    Header,
    Ignored,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    Unreadable,
    look_up,
    text,
)

NAME = "Pickit"
DOCS = "https://dev.pickit.net/Metodos.html"
# A store registers its own key, which comes back in Appkey. The API's form has a token in its body instead. No source
# says whose it is: for that form, put the secret in the URL.
AUTH = (Header("appkey"), Header(), Query(), Path())
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = None
TRACKING_PAGE = None  # one per country, and the country is not said
REFERENCES = ("trakingOrder", "order")
SECRET_FIELDS = ("token",)

# Pickit's own plugin for WooCommerce (wordpress.org/plugins/pickit), get_status() for Argentina and for the other
# countries, with what it shows for each; the API's form has the same words as tag of a state and of its substate. Two
# (`availableForCollectDOPoint`, `ended`) are words of the API's clients. Read 2026-11-28.
STATUSES = {
    **dict.fromkeys(("processing", "pending", "labelCreated", "forRegister"), Status.ANNOUNCED),
    "inRetailer": Status.ANNOUNCED,  # at the store, for Pickit to fetch
    "inDropOffPoint": Status.ANNOUNCED,  # "we will soon collect it"
    "availableForDrop": Status.ANNOUNCED,
    "availableForDropRetailer": Status.ANNOUNCED,
    "availableForDropDropoff": Status.ANNOUNCED,
    "availableForDropPoint": Status.ANNOUNCED,
    # The plugin shows "we have your parcel" for it, a client of the API "ready to be dispatched".
    "courier": Status.ANNOUNCED,
    "cancelled": Status.CANCELLED,
    "canceledOnPickit": Status.CANCELLED,
    "crossdock": Status.IN_TRANSIT,
    "pointDistribution": Status.IN_TRANSIT,
    "homeDistribution": Status.IN_TRANSIT,
    "lastMile": Status.IN_TRANSIT,
    "notDelivery": Status.IN_TRANSIT,  # the courier that tried to deliver it has it
    "point": Status.IN_TRANSIT,
    "inPikcitPoint": Status.IN_TRANSIT,  # the typo is Pickit's: it waits for the shopper
    "inPickitPoint": Status.IN_TRANSIT,
    "availableForCollect": Status.IN_TRANSIT,
    "delivery": Status.OUT_FOR_DELIVERY,
    "deliveryLastMile": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    **dict.fromkeys(("refund", "refundRetailer", "returnToSender", "returnedToSender"), Status.RETURNED),
    **dict.fromkeys(("returnedToSenderPoint", "returnedToSenderRetailer"), Status.RETURNED),
    "availableForCollectDOPoint": Status.RETURNED,  # waits at a drop-off point for its shipper
    **dict.fromkeys(("error", "expired", "lost"), Status.EXCEPTION),
    "restored": Status.OTHER,
    "waiting": Status.OTHER,
    **dict.fromkeys(("retired", "inRetired"), Status.OTHER),  # fetched by the shopper or by Pickit is not said
    "free": Status.OTHER,  # "released"; with the courier it is on its way
    "ended": Status.OTHER,
}
ON_ITS_WAY = ("courier", "free")  # state and substate, as a client of the API reads them
PAYMENT = ("pendingPayment", "pendingPaymentApproval", "PaymentRejected")


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:  # noqa: ARG001  the contract's signature
    code = text(payload.get("pickitCode"), "$.pickitCode")
    field = "order" if code else "trakingOrder"  # the typo is Pickit's
    order = text(payload.get(field), f"$.{field}")
    key = code or order
    if key is None:
        raise Unreadable("$.trakingOrder", "is blank, and there is no pickitCode")
    status, unknown_words = _status(payload)
    return [
        Shipment(
            key=key,
            status=status,
            tracking_number=code,
            courier=NAME,
            references=(Reference(ReferenceKind.ORDER_ID, order),) if order else (),
            unknown_words=unknown_words,
        )
    ]


def _status(payload: dict[str, Any]) -> tuple[Status, tuple[str, ...]]:
    """The substate says more than its state: with the courier, a parcel may be on its way back."""
    state = payload.get("state") or {}
    word = text(payload.get("status"), "$.status") or text(state.get("tag"), "$.state.tag")
    if word in PAYMENT:
        raise Ignored("about the payment of the label")
    detail = text((state.get("subState") or {}).get("tag"), "$.state.subState.tag")
    status, unknown = look_up(STATUSES, word)
    finer, unknown_detail = look_up(STATUSES, detail)
    if (word, detail) == ON_ITS_WAY:
        status = Status.DISPATCHED
    elif finer not in (Status.OTHER, Status.DELIVERED):
        status = finer
    return status, tuple(dict.fromkeys(one for one in (unknown, unknown_detail) if one))
