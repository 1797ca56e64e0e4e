"""What the tests of the request path send: an endpoint of every carrier, a good payload of each, carriers at fault."""

import json
from dataclasses import replace
from types import ModuleType
from typing import Any

from sqlalchemy import text
from werkzeug.test import TestResponse

from adapters import Hmac, Reply, Shipment, Status
from receiver import carriers
from receiver.carriers import Carrier
from receiver.web.app import create_app
from tests.support.paths import SAMPLES
from tests.support.rig import Rig

SECRET = "a-good-secret"
ENDPOINTS: dict[str, dict[str, Any]] = {
    "melhor-envio": {"carrier": "melhor_envio", "secrets": [SECRET]},
    "easypost": {"carrier": "easypost", "secrets": [SECRET]},
    "aftership": {"carrier": "aftership", "secrets": [SECRET]},
    "ups": {"carrier": "ups", "secrets": [SECRET]},
    "frenet": {"carrier": "frenet", "secrets": [SECRET]},
    "intelipost": {"carrier": "intelipost", "secrets": [SECRET]},
}
_RECORDINGS = {
    "melhor-envio": "melhor_envio/posted",
    "easypost": "easypost/in_transit",
    "aftership": "aftership/delivered_full_history",
    "ups": "ups/arrival_with_gmt_offset",
    "frenet": "frenet/posted",
    "intelipost": "intelipost/shipped",
}


def good(endpoint: str) -> Any:
    """A payload that the endpoint accepts."""
    raw = (SAMPLES / f"{_RECORDINGS[endpoint]}.http").read_bytes()
    return json.loads(raw[raw.index(b"{") :])


def rows(rig: Rig, table: str = "deliveries") -> list[dict[str, Any]]:
    """Everything in a table, in the order it came."""
    order = "rowid" if rig.database.is_sqlite else "id"  # ids of one millisecond are in no order
    return [dict(row) for row in rig.database.rows(text(f"SELECT * FROM {table} ORDER BY {order}"))]


def outcome(answer: TestResponse) -> tuple[int, str | None]:
    """The status and what became of the delivery."""
    return answer.status_code, json.loads(answer.data).get("outcome")


def toy(**parts: Any) -> Carrier:
    """A carrier of the tests' own, with melhor_envio's schema and signature; ``parts`` replace what it declares."""
    module = ModuleType("toy")
    declared = {
        "NAME": "Toy",
        "DOCS": "",
        "AUTH": (Hmac(header="x-me-signature", encoding="base64"),),
        "REPLY": Reply(),
        "PROBE": None,
        "RETRIES": None,
        "TRACKING_PAGE": None,
        "ZONE": None,
        "REFERENCES": (),
        "read": lambda payload, _request: [Shipment(key=payload["data"]["id"], status=Status.DISPATCHED)],
    }
    vars(module).update({**declared, **parts})
    return carriers.load("melhor_envio", module)


def serve(rig: Rig, carrier: Carrier, *, endpoint: str = "melhor-envio", **settings: Any) -> None:
    """Let another carrier's module answer for an endpoint from now on, as after a change of the code."""
    changed = replace(rig.config.endpoints[endpoint], carrier=carrier, **settings)
    rig.config = replace(rig.config, endpoints={**rig.config.endpoints, endpoint: changed})
    rig.app = create_app(rig.config, rig.database, clock=lambda: rig.now)
    rig.client = rig.app.test_client()
