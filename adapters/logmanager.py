"""LogManager: one status of one order per POST, without a tracking number."""

from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Bearer,
    Header,
    Path,
    Query,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Shipment,
    Status,
    local_moment,
    look_up,
    name,
    single_event,
)

NAME = "LogManager"
DOCS = "https://logmanager.readme.io/reference/consultar-pedido-copy"
AUTH = (Path(), Header(), Bearer(), Query())  # LogManager is told a URL; nothing else is documented
REPLY = Reply(unreadable=422)
PROBE = None
RETRIES = None
ZONE = ZoneInfo("America/Sao_Paulo")  # `processedAt` has no offset; assumed of a Brazilian carrier
TRACKING_PAGE = None
REFERENCES = ("orderId",)
NUMBERED = False

# DOCS, the table of statuses, read 2026-11-30
STATUSES = {
    "ready_to_ship": Status.ANNOUNCED,
    "pending": Status.OTHER,  # "Pendente": of what, is not said
    "handling": Status.OTHER,  # "EM MANUSEIO": by whom, is not said
    "collect_not_performed": Status.ANNOUNCED,  # "Insucesso na coleta"
    "not_collected": Status.ANNOUNCED,
    "other_carrier": Status.EXCEPTION,  # another carrier collected it
    "cancelled": Status.CANCELLED,
    "collected": Status.DISPATCHED,
    "received": Status.IN_TRANSIT,  # "RECEBIMENTO FÍSICO": at LogManager's base
    "shipped": Status.OUT_FOR_DELIVERY,  # "EM ROTA DE ENTREGA"
    "delivered": Status.DELIVERED,
    **dict.fromkeys(("away", "risk_area", "incorrect_address", "recused", "affected_by_rain"), Status.EXCEPTION),
    **dict.fromkeys(("stolen", "thefted", "avaried", "prejudicted"), Status.EXCEPTION),  # their spelling
    "confrontation": Status.EXCEPTION,  # "ACAREAÇÃO": the shopper says that nothing came
    "in_devolution": Status.RETURNED,
    "devolution": Status.RETURNED,  # "DEVOLVIDO AO CLIENTE": LogManager's client is the shop
}


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    order = name(payload["orderId"], "$.orderId")
    status, unknown = look_up(STATUSES, name(payload["status"], "$.status"))
    at = local_moment(payload.get("processedAt"), "$.processedAt", zone=request.zone)
    return [
        Shipment(
            key=order,
            status=status,
            happened_at=at,
            courier=NAME,
            dispatched_at=at if status in UNDERWAY else None,
            delivered_at=at if status is Status.DELIVERED else None,
            references=(Reference(ReferenceKind.ORDER_ID, order),),
            events=single_event(status, on=at.date() if at else None, happened_at=at, words=status.words),
            unknown_words=(unknown,) if unknown else (),
        )
    ]
