"""Enviopack: a GET whose query names a shipment, and nothing else; the shipment is fetched."""

import re
from datetime import timedelta
from typing import Any

from adapters import (
    Exchange,
    Fetch,
    Ignored,
    Path,
    Query,
    Reply,
    Request,
    Retries,
    Shipment,
    Status,
    Unreadable,
    form,
    name,
    text,
)

NAME = "Enviopack"
DOCS = "https://developers.enviopack.com.ar/"
AUTH = (Path(), Query())  # nothing is signed: the secret stands in the URL that the merchant registers
REPLY = Reply(unreadable=200)  # whatever is not 200 is sent again
PROBE = None
RETRIES = Retries(times=10, over=timedelta(minutes=20))  # as three integrators have it from the documentation
ZONE = None
TRACKING_PAGE = None
REFERENCES = ()  # the fetched shipment names Enviopack's own order, whose structure is not documented publicly

METHODS = ("GET", "POST")  # integrators see GET
QUERY = ("tipo", "id")
HOSTS = ("api.enviopack.com",)
# POST /auth, as the vendor's plugins do it: the token is good for four hours, and is renewed before.
CREDENTIALS = Exchange(
    url="https://api.enviopack.com/auth",
    fields=("api-key", "secret-key"),
    token="token",
    query="access_token",
    lives=timedelta(hours=3, minutes=50),
)

TYPES = ("envio-procesado", "envio-cambio-condicion")

_SHIPMENT = re.compile(r"/envios/(\d+)$")


def decode(request: Request) -> dict[str, str]:
    """The message stands in the query; a body is not looked at."""
    return form(request.query.encode("latin-1", "replace")) if request.query else {}


def notice(payload: dict[str, str], request: Request) -> list[Fetch]:  # noqa: ARG001  the contract's signature
    if payload["tipo"] not in TYPES:
        raise Ignored("a notice of another type")
    number = name(payload["id"], "$.id")
    if not (number.isascii() and number.isdecimal()):
        raise Unreadable("$.id", "is no number")
    return [Fetch(url=f"https://api.enviopack.com/envios/{number}")]


def read(payload: dict[str, Any], request: Request) -> list[Shipment]:
    shipment = _SHIPMENT.search(request.fetched)
    if shipment is None:
        raise Unreadable("$", "is a shipment, and its URL names none")
    number = text(payload.get("tracking_number"), "$.tracking_number")
    if number is None:
        raise Ignored("no tracking number yet")
    # `condicion` tells where the parcel is; which word means what only customers can read (GET /envios/condiciones).
    return [Shipment(key=shipment.group(1), status=Status.OTHER, tracking_number=number)]
