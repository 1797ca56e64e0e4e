"""Frete Rápido: one occurrence of one freight per POST, as a number from a catalogue of some three hundred."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    Basic,
    Bearer,
    Header,
    Ignored,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    day,
    line,
    moment,
    name,
    page,
    text,
    url,
)

NAME = "Frete Rápido"
DOCS = "https://dev.freterapido.com.br/common/ocorrencias_da_fr/"
# Nothing is signed. The panel lets the merchant choose Bearer, Basic or headers of his own.
AUTH = (Bearer(), Basic(), Header(), Path())
REPLY = Reply(unreadable=200)  # whatever is not 200 is sent again, but for 404 and 413
PROBE = None
RETRIES = Retries(times=12, over=timedelta(hours=24))
ZONE = ZoneInfo("America/Sao_Paulo")  # times have no offset; assumed, as integrators do
# The page's own id, not the carrier's number: "URL base + o identificador do frete" (API, "Rastreamento / Ocorrências")
TRACKING_PAGE = "https://ondeestameupedido.com.br/{number}"
REFERENCES = ("numero_pedido", "numero_pedido_pai", "metadados[*].valor")

# https://dev.freterapido.com.br/common/ocorrencias_da_fr/, as far as the names leave no doubt. Not among them:
# 269 (delivered at a pick-up point: to whom?), 285 ("finished"), 11 (a part of it), and the many troubles.
STATUSES = {
    str(code): status
    for status, codes in {
        Status.ANNOUNCED: (0, 1, 128, 130, 145, 169, 187, 188, 193, 196, 197, 275, 315, 355),
        Status.CANCELLED: (99, 170, 171, 172, 254, 255, 334, 346, 353, 354),
        Status.DISPATCHED: (15, 120, 121, 141, 349),
        Status.IN_TRANSIT: (
            *(2, 16, 23, 26, 30, 37, 106, 174, 175, 177, 178, 186, 198),
            *(237, 240, 295, 296, 307, 319, 320, 337, 345, 352),
            # waits for the shopper; 140 is called "delivered", and 348, in a smart mailbox, may well be a locker
            *(19, 118, 140, 228, 230, 231, 232, 239, 348),
            *(5, 6, 32, 35, 36, 205, 206, 207),  # who tried to deliver it has it
        ),
        Status.OUT_FOR_DELIVERY: (17,),
        Status.DELIVERED: (3, 146, 258, 270, 271),
        Status.RETURNED: (7, 8, 9, 12, 13, 14, 22, *range(215, 228), 306),
        Status.EXCEPTION: (18, 27, 127, 131, 133, 134, 138, 139, 148, 179, 236, 277),
    }.items()
    for code in codes
}
ON_THE_WAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
# The freight that brings goods back to the store; 314 is "Pedido entregue - Reversa".
REVERSE = frozenset(str(code) for code in (309, 310, 311, 312, 313, 314, 340))
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")  # the page announces the one and shows the other


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    code = name(payload["codigo"], "$.codigo")
    if code in REVERSE:
        raise Ignored("an occurrence of a freight back to the store")
    status = STATUSES.get(code, Status.OTHER)
    freight = name(payload["id_frete"], "$.id_frete")
    happened_at = moment(payload.get("data_ocorrencia"), "$.data_ocorrencia", *TIME_FORMATS, zone=request.zone)
    carrier = payload.get("transportadora") or {}
    return [
        Shipment(
            key=freight,
            status=status,
            happened_at=happened_at,
            tracking_number=_number(payload, freight),
            tracking_url=page(TRACKING_PAGE, freight),
            courier=line(carrier.get("nome_fantasia"), "$.transportadora.nome_fantasia") or None,
            dispatched_at=happened_at if status in ON_THE_WAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=_references(payload),
            events=_events(payload, status, happened_at),
        )
    ]


def _number(payload: dict[str, Any], freight: str) -> str:
    """The carrier's code; many carriers give none, and then the freight's own id is what the shopper can look up.

    Elsewhere in this API ``rastreio`` is the page's URL, which is no number.
    """
    written = text(payload.get("rastreio"), "$.rastreio")
    return freight if written is None or url(written, "$.rastreio") else written


def _references(payload: dict[str, Any]) -> tuple[Reference, ...]:
    order = text(payload.get("numero_pedido"), "$.numero_pedido")
    named = [(ReferenceKind.ORDER_ID, order)]
    invoices = payload.get("notas_fiscais") or []
    for index, invoice in enumerate(invoices):
        path = f"$.notas_fiscais[{index}]"
        named.append((ReferenceKind.INVOICE_NUMBER, text(invoice.get("numero"), f"{path}.numero")))
        named.append((ReferenceKind.INVOICE_KEY, text(invoice.get("chave_acesso"), f"{path}.chave_acesso")))
        if len(invoices) == 1:
            named.append((ReferenceKind.INVOICE_SERIES, text(invoice.get("serie"), f"{path}.serie")))
    return tuple(dict.fromkeys(Reference(kind, value) for kind, value in named if value))


def _events(payload: dict[str, Any], status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The occurrence by its name; ``mensagem`` is free text, which may name people."""
    happened_on = day(payload.get("data_ocorrencia"), "$.data_ocorrencia", *TIME_FORMATS)
    words = line(payload.get("nome"), "$.nome")
    if happened_on is None or not words or status is Status.ANNOUNCED:
        return ()
    return (TrackingEvent(day=happened_on, description=words, happened_at=happened_at),)
