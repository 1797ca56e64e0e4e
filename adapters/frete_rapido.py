"""Frete Rápido: one occurrence of one freight per POST, as a number from a catalogue of some three hundred."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import (
    UNDERWAY,
    Basic,
    Bearer,
    Header,
    Path,
    Reference,
    ReferenceKind,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    TrackingEvent,
    line,
    look_up,
    moment,
    name,
    page,
    single_event,
    text,
    unless_returned,
    url,
)

NAME = "Frete Rápido"
DOCS = "https://dev.freterapido.com.br/common/ocorrencias_da_fr/"
# Nothing is signed. In the panel the merchant chooses Bearer, Basic or other headers.
AUTH = (Bearer(), Basic(), Header(), Path())
REPLY = Reply(unreadable=200)  # any status but 200, 404 and 413 is sent again
PROBE = None
RETRIES = Retries(times=12, over=timedelta(hours=24))
ZONE = ZoneInfo("America/Sao_Paulo")  # times have no offset; assumed, as integrators do
# The page's own id, not the carrier's number: "URL base + o identificador do frete" (API, "Rastreamento / Ocorrências")
TRACKING_PAGE = "https://ondeestameupedido.com.br/{number}"
REFERENCES = ("numero_pedido", "numero_pedido_pai", "metadados[*].valor")

# "Ocorrências da FR", https://dev.freterapido.com.br/common/ocorrencias_da_fr/, and the groups that a receiver in
# production makes of them, read 2026-11-28. The catalogue goes from 0 to 355, with gaps.
STATUSES = {
    str(code): status
    for status, codes in {
        Status.ANNOUNCED: (0, 1, 128, 130, 145, 169, 187, 188, 193, 196, 197, 275, 315, 355),
        Status.CANCELLED: (99, 170, 171, 172, 189, 254, 255, 334, 346, 353, 354),
        Status.DISPATCHED: (15, 120, 121, 141, 191, 194, 238, 349),
        Status.IN_TRANSIT: (
            *(2, 16, 20, 23, 26, 30, 37, 102, 106, 113, 173, 174, 175, 177, 178, 186, 198),
            *(237, 240, 295, 296, 307, 308, 319, 320, 337, 345, 352),
            # waits for the shopper; 140 is called "delivered", and 348, in a smart mailbox, may well be a locker
            *(19, 118, 140, 152, 214, 228, 230, 231, 232, 239, 348),
            # the delivery was tried, so the carrier has it
            *(5, 6, 32, 34, 35, 36, 38, 129, 132, 205, 206, 207, 208),
            *(261, 263, 264, 265, 305, 332, 333, 342),
        ),
        Status.OUT_FOR_DELIVERY: (17,),
        Status.DELIVERED: (3, 146, 258, 270, 271),
        Status.RETURNED: (7, 8, 9, 12, 13, 14, 22, 104, 114, 115, *range(215, 228), 306, 316),
        Status.EXCEPTION: (
            *(18, 27, 127, 131, 133, 134, 138, 139, 148, 179, 236, 277),  # lost, stolen or destroyed
            *(21, 24, 25, 28, 29, 31, 33, *range(40, 46), 97, 98, 101, 103, 105, *range(107, 113), 116, 117, 119),
            *(122, 125, 126, 135, 136, 137, 142, 143, 144, 147, 149, 150, 151, *range(153, 169), 176),
            *(*range(180, 186), 190, 192, 195, 199, 200, 202, 203, 204, *range(209, 214), 233, 234, 235),
            *(*range(241, 254), 256, 257, 259, 260, 262, 266, 267, 268, 272, 273, 274, 276),
            *(*range(278, 285), *range(286, 295), *range(297, 305), 317, 318, *range(321, 332), 335, 336),
            *(338, 339, 341, 343, 344, 347, 350, 351),
        ),
        # a part of it (11, 201), "at a pick-up point" (269: to whom?), "finished" (285: what?)
        Status.OTHER: (11, 201, 269, 285),
    }.items()
    for code in codes
}
# The freight that brings goods back to the store; 314 is "Pedido entregue - Reversa".
REVERSE = frozenset(str(code) for code in (309, 310, 311, 312, 313, 314, 340))
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")  # the page announces the one and shows the other


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    code = name(payload["codigo"], "$.codigo")
    reverse = code in REVERSE
    status, unknown = (Status.RETURNED, "") if reverse else look_up(STATUSES, code)
    words = line(payload.get("nome"), "$.nome")
    status = unless_returned(status, words)
    freight = name(payload["id_frete"], "$.id_frete")
    happened_at = moment(payload.get("data_ocorrencia"), "$.data_ocorrencia", *TIME_FORMATS, zone=request.zone)
    carrier = payload.get("transportadora") or {}
    of_box = _number(payload)
    number = of_box or freight
    return [
        Shipment(
            key=freight,
            status=status,
            happened_at=happened_at,
            tracking_number=number,
            tracking_url=page(TRACKING_PAGE, freight),
            courier=line(carrier.get("nome_fantasia"), "$.transportadora.nome_fantasia") or None,
            dispatched_at=happened_at if status in UNDERWAY else None,
            delivered_at=happened_at if status is Status.DELIVERED else None,
            references=_references(payload, freight if freight != number else None),
            events=_events(words, status, happened_at) if status is not Status.ANNOUNCED else (),
            volume=of_box or "",  # each volume has its own occurrences: "4 in 21 minutes", says an integrator
            reverse=reverse,
            unknown_words=(unknown,) if unknown else (),
        )
    ]


def _number(payload: dict[str, Any]) -> str | None:
    """The carrier's code. Many carriers give none: then shoppers can look up the freight's own id.

    Elsewhere in this API ``rastreio`` is the page's URL, which is not a number.
    """
    written = text(payload.get("rastreio"), "$.rastreio")
    return None if url(written, "$.rastreio") else written


def _references(payload: dict[str, Any], own_number: str | None) -> tuple[Reference, ...]:
    order = text(payload.get("numero_pedido"), "$.numero_pedido")
    named = [(ReferenceKind.ORDER_ID, order), (ReferenceKind.TRACKING_NUMBER, own_number)]
    invoices = payload.get("notas_fiscais") or []
    for index, invoice in enumerate(invoices):
        path = f"$.notas_fiscais[{index}]"
        named.append((ReferenceKind.INVOICE_NUMBER, text(invoice.get("numero"), f"{path}.numero")))
        named.append((ReferenceKind.INVOICE_KEY, text(invoice.get("chave_acesso"), f"{path}.chave_acesso")))
        if len(invoices) == 1:
            named.append((ReferenceKind.INVOICE_SERIES, text(invoice.get("serie"), f"{path}.serie")))
    return tuple(dict.fromkeys(Reference(kind, value) for kind, value in named if value))


def _events(words: str, status: Status, happened_at: datetime | None) -> tuple[TrackingEvent, ...]:
    """The event with the occurrence's name; ``mensagem`` is free text, which may name people."""
    on = happened_at.date() if happened_at else None
    return single_event(status, on=on, happened_at=happened_at, words=words)
