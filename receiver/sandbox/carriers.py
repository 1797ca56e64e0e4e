"""A stand-in for carriers' APIs, for the demonstration: serves the answers of recordings on loopback."""

import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from adapters import Exchange
from receiver.carriers import discover
from receiver.recordings import Recording

_TOKEN = "stand-in-token"
_TOKEN_IN_QUERY = re.compile(rf"[?&]\w+={_TOKEN}")


@contextmanager
def running_apis(recordings: Iterable[Recording]) -> Iterator[str]:
    """The URL that replaces every carrier's API; answers are found by path and query."""
    answers = {_target(url): answer.body for recording in recordings for url, answer in recording.answers.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(_TOKEN_IN_QUERY.sub("", self.path))
            self._answer(HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK, body or b"")

        def do_POST(self) -> None:
            """Answer a POST with success and a token: activations ignore the body, and token requests need it."""
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(HTTPStatus.OK, json.dumps(dict.fromkeys(_token_names(), _TOKEN)).encode())

        def _answer(self, status: HTTPStatus, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _token_names() -> set[str]:
    """The names of the token field in carriers' answers."""
    exchanges = [carrier.credentials for carrier in discover().values()]
    return {exchange.token for exchange in exchanges if isinstance(exchange, Exchange)}


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
