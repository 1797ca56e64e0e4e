"""Returns as Brazil's carriers tell them: each is built from a recording."""

from collections.abc import Callable
from typing import Any

from adapters import Shipment
from tests.support.parcels import body_of, read

Row = tuple[str, str, Callable[[], list[Shipment]]]


def _recorded(slug: str, case: str) -> Callable[[], list[Shipment]]:
    return lambda: read(slug, body_of(slug, case), case)


def _changed(slug: str, case: str, *path: str | int, value: Any) -> Callable[[], list[Shipment]]:
    """A recording with another value at one place of its body."""

    def build() -> list[Shipment]:
        payload = node = body_of(slug, case)
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
        return read(slug, payload, case)

    return build


ROWS: list[Row] = [
    ("abbiamo", "a success that was a return", _recorded("abbiamo", "successful_return")),
    ("abbiamo", "an order of the type RETURN, delivered", _recorded("abbiamo", "return_order_delivered")),
    ("abbiamo", "on its way back", _changed("abbiamo", "collected", "status", value="RETURNING")),
    ("borzo", "a finished return", _recorded("borzo", "delivery_return_finished")),
    ("borzo", "a planned return", _changed("borzo", "delivery_finished", "delivery", "status", value="return_planned")),
    ("borzo", "a returned stop", _changed("borzo", "delivery_finished", "delivery", "status", value="returned")),
    ("correios", "refused, to be returned", _recorded("correios", "refused_and_returning")),
    ("correios", "out for delivery to the sender", _recorded("correios", "out_for_delivery_to_the_sender")),
    ("correios", "delivered, in words to the sender", _recorded("correios", "delivered_to_the_sender")),
    ("correios", "back with the sender", _changed("correios", "posted", "tipoEvento", value="BDE-23")),
    ("correios", "not fetched by the sender", _changed("correios", "posted", "tipoEvento", value="BDR-12")),
    ("frenet", "returned", _recorded("frenet", "returned")),
    ("frenet", "delivered after a return", _recorded("frenet", "delivered_after_return")),
    ("frenet", "delivered, in words to the sender", _recorded("frenet", "delivered_to_the_sender")),
    ("frete_rapido", "delivered to the store (314)", _recorded("frete_rapido", "reverse_delivered")),
    ("frete_rapido", "refused by the recipient", _changed("frete_rapido", "delivered", "codigo", value=22)),
    ("frete_rapido", "the return began", _changed("frete_rapido", "delivered", "codigo", value=316)),
    (
        "frete_rapido",
        "delivered, in words to the sender",
        _changed("frete_rapido", "delivered", "nome", value="Objeto devolvido ao remetente"),
    ),
    ("intelipost", "delivered, in the micro state to the sender", _recorded("intelipost", "delivered_to_the_sender")),
    (
        "intelipost",
        "delivered, in the carrier's words to the sender",
        _changed(
            "intelipost",
            "delivered_to_the_sender",
            "history",
            value={
                "shipment_order_volume_state": "DELIVERED",
                "event_date_iso": "2026-11-19T10:00:00-03:00",
                "provider_message": "Objeto devolvido ao remetente",
            },
        ),
    ),
    (
        "intelipost",
        "failed, in the micro state returned",
        _changed(
            "intelipost", "delivered_to_the_sender", "history", "shipment_order_volume_state", value="DELIVERY_FAILED"
        ),
    ),
    ("loggi", "on its way back", _recorded("loggi", "returning")),
    ("loggi", "delivered after a return", _recorded("loggi", "delivered_to_the_sender")),
]
