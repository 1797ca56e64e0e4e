"""The API as its operators call it: Ana decides, Vi views. Every answer is held to the OpenAPI document."""

from typing import Any

from werkzeug.test import TestResponse

from receiver.config import Config, parse
from tests.support.openapi import hold
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

ANA, VI = "ana-token-of-24-letters-and-more", "vi-token-of-24-letters-and-more"
OPERATORS = {"ana": {"token": [ANA, f"{ANA}-old"], "role": "decide"}, "vi": {"token": VI}}
SHIPMENT = "shipments/melhor-envio/p1"


def with_operators(rig: Rig, **endpoints: Any) -> Rig:
    """The rig with both operators in its configuration."""
    account = {"app_key": "key", "app_token": "token", "base_url": rig.vtex_url, "requests_per_minute": 1_000_000}
    raw = {
        "receiver": {"database": rig.database_url, "read_back_seconds": 0},
        "vtex": {"lux": account},
        "endpoints": endpoints or {"melhor-envio": MELHOR_ENVIO},
        "operators": OPERATORS,
    }
    made: Config = parse(raw, path=rig.folder / "receiver.toml", environ={})
    rig.use(made)
    return rig


def held(rig: Rig) -> None:
    """A parcel that could belong to either of two invoices."""
    rig.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000)))
    rig.post(posted())
    rig.work()


def get(rig: Rig, path: str, token: str | None = VI, **query: Any) -> TestResponse:
    """What a GET answers; ``path`` goes behind ``/api/v1/``."""
    answer = rig.client.get(f"/api/v1/{path}", query_string=query, headers=_bearer(token))
    hold(answer, "GET", f"/{path}")
    return answer


def post(rig: Rig, path: str, body: Any = None, token: str | None = ANA, *, key: str | None = None) -> TestResponse:
    """What a decision answers; ``key`` is its Idempotency-Key."""
    headers = {**_bearer(token), **({"Idempotency-Key": key} if key else {})}
    answer = rig.client.post(f"/api/v1/{path}", json=body, headers=headers)
    hold(answer, "POST", f"/{path}")
    return answer


def items(rig: Rig, path: str, **query: Any) -> list[dict[str, Any]]:
    """All that a list holds, page by page."""
    rows: list[dict[str, Any]] = []
    cursor = {}
    while True:
        answer = get(rig, path, **query, **cursor)
        assert 200 == answer.status_code, answer.text
        rows += answer.json["items"]
        if answer.json["next"] is None:
            return rows
        cursor = {"cursor": answer.json["next"]}


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
