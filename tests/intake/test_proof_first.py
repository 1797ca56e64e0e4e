"""Nothing but bytes is looked at before the proof."""

import json
from datetime import UTC, datetime

from adapters import Request, Shipment, Status, strict_json
from tests.support.rig import Rig, posted
from tests.support.sending import serve, toy


def test_no_adapter_sees_what_is_not_proven(rig: Rig) -> None:
    """A body is decoded only after its signature is found to be right."""
    decoded: list[bytes] = []

    def decode(request: Request) -> object:
        decoded.append(request.body)
        return strict_json(request.body)

    serve(rig, toy(decode=decode, read=lambda _payload, _request: [Shipment(key="p1", status=Status.DISPATCHED)]))
    body = json.dumps(posted()).encode()
    at = datetime.fromtimestamp(rig.now, UTC)
    request = Request(method="POST", path="/webhooks/melhor-envio", headers={}, body=body, received_at=at)

    assert 401 == rig.send(request, endpoint="melhor-envio", signed=False).status_code
    assert [] == decoded
    assert 200 == rig.send(request, endpoint="melhor-envio").status_code
    assert [body] == decoded
