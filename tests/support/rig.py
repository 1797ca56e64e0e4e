"""The whole receiver in one process: real HTTP to a stand-in VTEX, a real database, and a clock that tests move."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters import Request
from receiver.config import Config, parse
from receiver.http import Http
from receiver.processes.worker import Worker
from receiver.reconcile.reconciler import Reconciler
from receiver.recordings import Recording
from receiver.sandbox import Faults, create_sandbox, serve
from receiver.store import Database, Index, Link, Linked, OperatorQueries, Queue
from receiver.store.finding.companions import Place
from receiver.store.operator.bulk import BulkDecisions
from receiver.store.operator.deciding import ShipmentDecisions
from receiver.store.operator.shipment_filter import ShipmentFilter
from receiver.vtex.client import Vtex
from receiver.web.app import create_app

NOON = 1_795_000_000.0  # 2026-11-18T10:26:40Z: after every recording

#: A melhor_envio endpoint whose tags hold VTEX order ids: the rig's default. Events have tests of their own.
MELHOR_ENVIO = {
    "carrier": "melhor_envio",
    "secrets": ["rig-secret"],
    "events": False,
    "references": [{"path": "data.tags[*].tag", "pattern": r"^(\S+-\d{2})$", "is": "order_id"}],
}


def order(order_id: str, *packages: dict[str, Any], value: int = 10_000, **rest: Any) -> dict[str, Any]:
    """A VTEX order, reduced to what matters here; its status is ``invoiced`` once its invoices cover its value."""
    group = order_id.rsplit("-", 1)[0]
    invoiced = sum(one["invoiceValue"] for one in packages if one.get("type") == "Output")
    return {
        "orderId": order_id,
        "sequence": None,
        "status": "invoiced" if packages and invoiced >= value else "handling",
        "value": value,
        "orderGroup": group,
        "packageAttachment": {"packages": list(packages)},
        **rest,
    }


#: A melhor_envio payload that its schema refuses: a label without an id.
UNREADABLE = {"event": "order.posted", "data": {"tracking": "T"}}


def package(number: str, *, value: int = 10_000, kind: str = "Output", **rest: Any) -> dict[str, Any]:
    """An invoice of an order; ``rest`` in VTEX's own names."""
    return {
        "invoiceNumber": number,
        "invoiceKey": None,
        "invoiceValue": value,
        "type": kind,
        "trackingNumber": None,
        "trackingUrl": None,
        "courier": None,
        "courierStatus": None,
        "items": [],
        **rest,
    }


def posted(
    order_id: str | None = "1-01",
    *,
    parcel: str = "p1",
    number: str | None = "TN1BR",
    event: str = "order.posted",
    at: str | None = "2026-11-10T12:00:00+00:00",
    **data: Any,
) -> dict[str, Any]:
    """A melhor_envio payload."""
    stage = event.removeprefix("order.")
    return {
        "event": event,
        "data": {
            "id": parcel,
            "status": stage,
            "tracking": number,
            "self_tracking": None,
            "tags": [{"tag": order_id, "url": None}] if order_id else [],
            "posted_at": at if stage in ("posted", "delivered") else None,
            "delivered_at": at if stage == "delivered" else None,
            "created_at": "2026-11-09T12:00:00+00:00",
            "tracking_url": f"https://track.example/{number}" if number else None,
            **data,
        },
    }


def eventually(happens: Callable[[], Any]) -> Any:
    """What ``happens`` returns once it is true: for what another thread or process does."""
    ends = time.monotonic() + 60  # patience: a busy machine is no fault
    while True:
        is_last = time.monotonic() >= ends  # noted before the look: the whole machine may stand still in between
        if found := happens():
            return found
        assert not is_last, "it did not happen"
        time.sleep(0.01)


class Rig:
    """``client`` posts webhooks, ``work()`` lets the worker finish what is due, ``sandbox`` is VTEX.

    The web side and the worker are made when a test first asks for them: most tests configure them first.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.now = NOON
        #: What VTEX does for as many seconds where the fault ``slow`` strikes; its answer waits meanwhile.
        self.on_slow: Callable[[float], object] = lambda _: None
        self.sandbox_app = create_sandbox([], clock=lambda: self.now, sleep=lambda seconds: self.on_slow(seconds))
        self.sandbox = self.sandbox_app.extensions["sandbox"]
        self._vtex = serve(self.sandbox_app)
        self.vtex_url = self._vtex.url
        self.database = Database(database_url)
        self.queries = OperatorQueries(self.database)
        self.decisions = ShipmentDecisions(self.database)
        self.index = Index(self.database)
        self.configure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()
        self._vtex.stop()

    def configure(
        self,
        *,
        endpoints: Mapping[str, Any] | None = None,
        account: Mapping[str, Any] | None = None,
        accounts: Mapping[str, Mapping[str, Any]] | None = None,
        **receiver: Any,
    ) -> Config:
        """Apply settings as in ``receiver.toml``; the web side and the worker are made again.

        ``account`` changes the account ``lux``, ``accounts`` stand beside it.
        """
        raw = {
            "receiver": {"database": self.database_url, "read_back_seconds": 0, **receiver},
            "vtex": {
                name: {
                    "app_key": "key",
                    "app_token": "token",
                    "base_url": self.vtex_url,
                    "requests_per_minute": 100_000_000,
                    **changes,
                }
                for name, changes in {"lux": account or {}, **(accounts or {})}.items()
            },
            "endpoints": endpoints or {"melhor-envio": MELHOR_ENVIO},
        }
        return self.use(parse(raw, path=self.folder / "receiver.toml", environ={}))

    def use(self, config: Config) -> Config:
        """Apply a configuration; the web side and the worker are made again."""
        self.config = config
        for made in ("app", "client", "worker"):
            self.__dict__.pop(made, None)
        return self.config

    @cached_property
    def app(self) -> Flask:
        return create_app(self.config, self.database, clock=lambda: self.now)

    @cached_property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @cached_property
    def worker(self) -> Worker:
        return self.new_worker("rig")

    def new_worker(self, name: str, **settings: Any) -> Worker:
        """Another worker on the same clock."""
        return Worker(
            self.config, self.database, name=name, clock=lambda: self.now, steady=lambda: self.now, **settings
        )

    def hands(self, name: str, kind: type[Vtex] = Vtex, **settings: Any) -> tuple[Queue, Reconciler]:
        """The insides of a worker of account ``lux``, for tests that step in between; ``kind`` is its way to VTEX."""
        queue = Queue(self.database, worker_name=name, lease=self.config.lease)
        vtex = kind(self.config.accounts["lux"], Http([self.vtex_url]), clock=lambda: self.now)
        return queue, Reconciler(self.config, queue, {"lux": vtex}, clock=lambda: self.now, **settings)

    def retry_all(self, **of: Any) -> int:
        """A person retries all shipments that a `ShipmentFilter` means; how many."""
        return BulkDecisions(self.database).decide("retry", ShipmentFilter(**of), now=self.now)

    def add_order(self, *orders: dict[str, Any]) -> None:
        """Put orders into the stand-in VTEX, or replace them."""
        for one in orders:
            self.sandbox.put(one)

    def faults(self, **faults: Any) -> None:
        """Switch VTEX's faults; none given: all off."""
        self.sandbox.faults = Faults(**faults)

    def post(self, payload: Any, *, endpoint: str = "melhor-envio", **headers: str) -> TestResponse:
        """POST a payload (or raw bytes) signed with the endpoint's secret."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.send(
            Request(
                method="POST",
                path=f"/webhooks/{endpoint}",
                headers={"content-type": "application/json", **headers},
                body=body,
                received_at=datetime.fromtimestamp(self.now, UTC),
            ),
            endpoint=endpoint,
        )

    def send(self, request: Request, *, endpoint: str, signed: bool = True) -> TestResponse:
        settings = self.config.endpoints[endpoint]
        if signed:
            request = settings.scheme.sign(request, settings.secrets[0])
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        target = f"{request.path}?{request.query}" if request.query else request.path
        return self.client.open(target, method=request.method, headers=headers, data=request.body)

    def play(self, recording: Recording, *, endpoint: str) -> TestResponse:
        """Send a recording to one of the configured endpoints."""
        return self.send(replace(recording.request, path=f"/webhooks/{endpoint}"), endpoint=endpoint)

    def work(self) -> None:
        """Everything that is due now, by one worker, in this thread."""
        self.worker.run_until_idle()

    def later(self, seconds: float) -> None:
        """Let time pass, then work."""
        self.now += seconds
        self.work()

    def works_until(self, seconds: float) -> None:
        """Let time pass as it would, from one due time to the next, and work at each."""
        end = self.now + seconds
        while True:
            self.work()
            due = [row["due_at"] for row in self.queries.shipments() if row["due_at"] is not None]
            pauses = [row["until"] for row in self.queries.paused_accounts(now=self.now)]
            ahead = [at for at in (*due, *pauses) if at > self.now]
            if not ahead or min(ahead) > end:
                break
            self.now = min(ahead)
        self.now = end
        self.work()

    def link(
        self,
        value: str,
        order_id: str,
        invoice: str | None = None,
        *,
        kind: str = "tracking_number",
        also: Sequence[str] = (),
        account: str = "lux",
    ) -> Linked:
        """Tell which order a number belongs to, and which other orders its parcel serves."""
        link = Link(((kind, value),), order_id, invoice, tuple(Place(one) for one in also))
        (linked,) = self.index.link(account, [link], now=self.now)
        return linked

    def shipment(self, name: str = "melhor-envio/p1") -> dict[str, Any]:
        """The shipment's row; ``sent`` as the database has it."""
        row: dict[str, Any] = self.queries.history(name)["shipment"]
        return {**row, "sent": row["sent"].to_json() if row["sent"] else None}

    def package_of(self, order_id: str, number: str) -> dict[str, Any]:
        """What VTEX now holds for an invoice."""
        packages = self.sandbox.orders[order_id]["packageAttachment"]["packages"]
        found: dict[str, Any] = next(one for one in packages if one["invoiceNumber"] == number)
        return found

    def attempts(self, name: str = "melhor-envio/p1") -> list[dict[str, Any]]:
        """Every call made for the shipment, as it was written down."""
        rows: list[dict[str, Any]] = self.queries.history(name)["attempts"]
        return rows

    def calls(self, method: str | None = None) -> list[Any]:
        """The calls VTEX saw."""
        return [call for call in self.sandbox.calls if method in (None, call.method)]
