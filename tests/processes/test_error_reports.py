"""Errors to Sentry: off unless SENTRY_DSN is set, and without anything of a request or a person."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Self

from tests.support.configs import config
from tests.support.paths import ROOT

PROGRAM = """
import logging, sys
from receiver.log_context import about
from receiver.processes.error_reports import start_sentry
start_sentry(None)
assert "sentry_sdk" not in sys.modules
start_sentry(sys.argv[1])
log = logging.getLogger("receiver.worker")
with about(shipment="melhor-envio/p1", account="lux"):
    try:
        raise ValueError(sys.argv[2])
    except ValueError:
        log.exception("processing failed: name=%s", "p1")
import sentry_sdk
sentry_sdk.flush(10)
"""


class Sentry:
    """A server that takes events."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        taken = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self._server.server_port}/1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_event() -> None:
    """An error is one event: the line, the exception's class and place, and what it is about. No value goes along."""
    with Sentry() as sentry:
        program = [sys.executable, "-c", PROGRAM, sentry.dsn, "Maria Silva, Rua das Flores 5"]
        subprocess.run(program, check=True, cwd=ROOT, capture_output=True, timeout=60)

    [body] = sentry.bodies
    event = json.loads(body.splitlines()[-1])
    assert "processing failed: name=%s" == event["logentry"]["message"]
    assert {"shipment": "melhor-envio/p1", "account": "lux"} == event["tags"]
    assert ("ValueError", "") == tuple(event["exception"]["values"][0][name] for name in ("type", "value"))
    assert not any(text in body for text in (b"Maria", b'"vars"'))


def test_setting() -> None:
    """The environment says where errors go; without it they go nowhere."""
    assert [None, "https://key@sentry.example/1"] == [
        config(environ=environ).sentry_dsn for environ in ({}, {"SENTRY_DSN": "https://key@sentry.example/1"})
    ]
    assert "key@" not in repr(config(environ={"SENTRY_DSN": "https://key@sentry.example/1"}))
