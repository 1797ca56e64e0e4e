"""A web server that takes what the stand-in's order hook sends."""

from typing import Any

from flask import Flask, request


class Listener:
    """Takes what the stand-in sends."""

    def __init__(self) -> None:
        self.got: list[tuple[Any, str | None]] = []
        self.status = 200
        self.app = Flask("listener")
        self.app.add_url_rule("/hook", view_func=self._take, methods=["POST"])

    def _take(self) -> tuple[str, int]:
        self.got.append((request.get_json(), request.headers.get("x-hook-secret")))
        return "", self.status
