"""VTEX's order hook as it reaches the receiver."""

import json
from typing import Any

from werkzeug.test import TestResponse

from tests.support.rig import Rig

SECRET = "s3cr3t-of-the-hook"


def event(order_id: Any = "1-01", state: Any = "invoiced", **rest: Any) -> dict[str, Any]:
    return {"Domain": "Fulfillment", "OrderId": order_id, "State": state, **rest}


def tell(rig: Rig, body: Any, *, secret: str | None = SECRET, account: str = "lux") -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return rig.client.post(f"/hooks/vtex/{account}", data=data, headers={"X-Hook-Secret": secret} if secret else {})
