"""A token for a carrier that authenticates as an OAuth client: the answers of RFC 6749, sections 4.4.3, 5.1 and 5.2."""

import json

from flask import Response

from adapters import ClientCredentials, NotAuthentic, Request, Unreadable, form
from receiver.config import Endpoint
from receiver.intake import Intake

#: RFC 6749, 5.1: no cache may store a token.
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def answer(endpoint: Endpoint, scheme: ClientCredentials, request: Request, intake: Intake, *, noted: bool) -> Response:
    """The token, or the error in the RFC's own words, which tells an unknown client nothing else. Where that is not
    ``noted``, it is only counted."""
    try:
        granted = intake.authenticate(endpoint, request, scheme.grant, noted=noted)
    except NotAuthentic:
        return _json(401, {"error": "invalid_client"}, {"WWW-Authenticate": f'Basic realm="{endpoint.name}"'})
    try:
        grant_type = form(request.body).get("grant_type")
    except Unreadable:
        grant_type = None
    if not grant_type:  # empty counts as omitted (3.2)
        return _json(400, {"error": "invalid_request"})
    if grant_type != "client_credentials":
        return _json(400, {"error": "unsupported_grant_type"})
    return _json(200, granted)


def _json(status: int, body: dict[str, object], headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(body), status=status, mimetype="application/json", headers={**_NOT_KEPT, **(headers or {})}
    )
