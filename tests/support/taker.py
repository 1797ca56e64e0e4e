"""A people's HTTP receiver on loopback: what alerts are sent to."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, Self

from flask import Flask, request

from adapters import Request
from receiver.sandbox import serve
from tests.support.rig import NOON

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


class Taker:
    """An HTTP server that keeps what it is sent, and answers ``status``."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        self.status = 200
        app = Flask("taker")
        app.add_url_rule("/<path:path>", view_func=self._take, methods=["POST"])
        self.server = serve(app)

    def _take(self, path: str) -> tuple[str, int]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received_at = datetime.fromtimestamp(NOON, UTC)
        kept = Request(method="POST", path=path, headers=headers, body=request.get_data(), received_at=received_at)
        self.got.append(kept)
        return "", self.status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def settings(self) -> dict[str, Any]:
        """What ``[notify.webhook]`` says of it."""
        return {"url": f"{self.server.url}/alerts", "secret": SECRET}

    @property
    def told(self) -> list[tuple[str, str | None, str | None]]:
        """Kind, cause and subject of each message, in the order they came."""
        said = [json.loads(one.body)["data"] for one in self.got]
        return [(one["kind"], one["cause"], one["subject"]) for one in said]
