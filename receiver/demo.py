"""Demonstrates the main job: the receiver on SQLite, a stand-in VTEX, and every recording sent over HTTP.

It takes no short cuts: the receiver is ``receiver serve`` in its own process, and recordings are posted with real
signatures. The table is read from the receiver's database and from the stand-in's orders.
"""

import contextlib
import json
import random
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from receiver.carriers import discover
from receiver.config import BadConfig, Config, endpoint_from, load
from receiver.http import Http, NoAnswer
from receiver.processes.stop_request import StopRequest
from receiver.recordings import BadRecording, Recording, walk
from receiver.recordings.replay import Replay, Replayed
from receiver.sandbox import create_sandbox, serve
from receiver.sandbox.carriers import running_apis
from receiver.shipments import Visibility
from receiver.store import Database, Index, Link, OperatorQueries

ACCOUNT = "demostore"
#: Who may use the console of the demonstration.
OPERATOR = "demo"
#: The order that waits for the reader's own webhook.
OWN_ORDER, OWN_INVOICE = "1500000000001-01", "50001"
#: The endpoint for that webhook.
_OWN_ENDPOINT = {"carrier": "frenet", "secrets": ["demo-token"]}
#: Where a port is looked for: below those that systems give out by themselves, so that nothing takes it before we do.
_OTHER_PORTS = range(20_000, 32_000)
_PATIENCE = 60.0
#: The receiver would wait for kept-alive connections before it ends.
_CLOSE = {"connection": "close"}


class DemoFailed(Exception):
    """The demonstration could not be set up; the message says what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The result of one recording: the answer, its final state and reason, and what VTEX holds now."""

    recording: str
    carrier: str
    reply: str
    state: str
    order: str
    invoice: str
    why: str
    vtex: str
    differences: tuple[str, ...]


@dataclass(slots=True)
class Demo:
    """A running demonstration. ``token`` opens its console."""

    url: str
    token: str
    vtex_url: str
    config: Config
    database: Database
    recordings: list[Recording]
    sandbox: Any
    stop: StopRequest

    def play(self, report: Callable[[int], None] = lambda _: None) -> list[Line]:
        """Post every recording, wait until nothing is left to do, and return how each ended. ``report`` is told how
        many were posted.

        Raises `DemoFailed`, and `Stopped` as every wait here does.
        """
        run = Replay(config=self.config)
        http = Http([self.url])
        queries = OperatorQueries(self.database)
        for recording in self.recordings:
            for link in recording.expected.get("links", ()):
                name = ("tracking_number", link["tracking_number"])
                Index(self.database).link(ACCOUNT, [Link((name,), link["order"], link.get("invoice"))], now=time.time())
        replies = []
        for recording in self.recordings:
            self.stop.check()
            replies.append((recording, run.post(recording, self.url, http)))
            report(len(replies))
        self.settle()
        rows = {row["id"]: row for row in queries.shipments()}
        told = Counter(_parcel(recording) for recording, _ in replies)
        return [self._line(recording, reply, rows, told) for recording, reply in replies]

    def settle(self) -> None:
        """Wait until every shipment is settled and its write was read back."""
        queries, ends = OperatorQueries(self.database), time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            rows = list(queries.shipments())
            fetching = any(row["due_at"] is not None for row in queries.fetches())
            if not fetching and all(row["state"] != "due" and not _unverified(row) for row in rows):
                return
            self.stop.pause(0.1)
        raise DemoFailed(f"after {_PATIENCE:.0f} s some shipments are still being worked on")

    def curl(self) -> str:
        """The command line with which the reader can send a webhook."""
        yesterday = datetime.now(UTC) - timedelta(days=1)
        payload = {
            "OrderId": OWN_ORDER,
            "ShipmentId": 5000001,
            "TrackingNumber": "QB500000001BR",
            "TrackingUrl": "https://rastreio.frenet.com.br/COR/QB500000001BR",
            "ServiceDescrition": "PAC",
            "TrackingEvents": [
                {
                    "EventDateTime": f"{yesterday:%d/%m/%Y} 09:30",
                    "EventDescription": "Objeto postado",
                    "EventLocation": "Curitiba-PR",
                    "EventType": "0",
                }
            ],
        }
        return (
            f"curl -i {self.url}/webhooks/frenet -H 'x-webhook-token: {_OWN_ENDPOINT['secrets'][0]}' "
            f"-H 'content-type: application/json' \\\n  -d '{json.dumps(payload)}'"
        )

    def news(self) -> Iterator[Mapping[str, Any]]:
        """Shipments as they change from now on. Raises `Stopped` when a signal asked for it."""
        queries = OperatorQueries(self.database)
        seen = {row["id"]: (row["state"], _visibility(row)) for row in queries.shipments()}
        while True:
            self.stop.pause(0.25)
            for row in queries.shipments():
                now = (row["state"], _visibility(row))
                if row["state"] != "due" and seen.get(row["id"]) != now:
                    seen[row["id"]] = now
                    yield row

    def _line(self, recording: Recording, reply: Replayed, rows: Mapping[str, Any], told: Counter[str | None]) -> Line:
        expected = recording.expected
        parcel = _parcel(recording)
        row = rows.get(parcel or "")
        if told[parcel] > 1 and row and row["rule"] == "tracking_number":
            # Another recording may have led to the first write: since then the invoice bears the parcel's number.
            expected = {**expected, "rule": None}
        held = self._package(row) if row else None
        return Line(
            recording=_short(recording),
            carrier=reply.carrier,
            reply=f"{reply.status} {reply.outcome}",
            state=f"{row['state']}{': ' + row['reason'] if row['reason'] else ''}" if row else "",
            order=(row["order_id"] or "") if row else "",
            invoice=(row["invoice_number"] or "") if row else "",
            why=(row["rule"] or "") if row else "",
            vtex=_in_words(held) if held else "",
            differences=(*reply.differences, *self._differences(expected, row, held)),
        )

    def _package(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        order = self.sandbox.orders.get(row["order_id"])
        packages = self.sandbox.with_dates(order)["packageAttachment"]["packages"] if order else []
        found = [one for one in packages if one["invoiceNumber"] == row["invoice_number"]]
        return found[0] if found else None

    def _differences(
        self, expected: Mapping[str, Any], row: Mapping[str, Any] | None, held: Mapping[str, Any] | None
    ) -> Iterator[str]:
        if row is None:
            if expected.get("shipments"):
                yield "no shipment came of it"
            return
        for name in ("state", "reason", "rule"):
            if expected.get(name) is not None and expected[name] != row[name]:
                yield f"{name} {row[name]}, expected {expected[name]}"
        patch = expected.get("patch")
        if patch and (row["order_id"], row["invoice_number"]) != (patch["order"], patch["invoice"]):
            yield f"went to {row['order_id']}/{row['invoice_number']}, not {patch['order']}/{patch['invoice']}"
        for name, value in (patch or {}).get("body", {}).items():
            if held is None or held.get(name) != value:
                yield f"VTEX holds {name} {held.get(name) if held else None}, expected {value}"


@contextmanager
def running(samples: Path, folder: Path, *, bind: str, stop: StopRequest) -> Iterator[Demo]:
    """Start receiver and stand-in VTEX on ``samples``; both write only to ``folder``.

    Raises `DemoFailed`, `Stopped`.
    """
    names = _Names()
    recordings = [_addressed(recording, names) for recording in walk(samples) if _is_parcel(recording)]
    if not recordings:
        raise DemoFailed(f"no recordings under {samples}")
    orders = {order["orderId"]: order for one in recordings for order in one.expected.get("orders", ())}
    app = create_sandbox([*orders.values(), _own_order()])
    with serve(app) as vtex, running_apis(recordings) as carriers_url:
        path = folder / "receiver.toml"
        token = secrets.token_hex(16)
        path.write_text(_settings(names.endpoints(), vtex.url, carriers_url, token), encoding="utf-8")
        config = load(path, {})
        with _receiver(path, bind, folder, stop) as url:
            database = Database(config.database, connections=config.database_connections)
            try:
                yield Demo(url, token, vtex.url, config, database, recordings, app.extensions["sandbox"], stop)
            finally:
                database.close()


@contextmanager
def _receiver(path: Path, bind: str, folder: Path, stop: StopRequest) -> Iterator[str]:
    """``receiver serve`` in its own process."""
    with (folder / "receiver.log").open("w") as out:
        command = [sys.executable, "-m", "receiver.cli", "serve", "--bind", bind]
        environment = {"RECEIVER_CONFIG": str(path), "PYTHONPATH": ":".join(sys.path)}
        # Its own process group: Ctrl-C in the terminal reaches only this process, which then stops it gracefully.
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, process_group=0)  # noqa: S603  our own interpreter
        try:
            _wait_ready(process, f"http://{bind}", folder, stop)
            yield f"http://{bind}"
        finally:
            process.terminate()
            process.wait(40)


def _wait_ready(process: subprocess.Popen[bytes], url: str, folder: Path, stop: StopRequest) -> None:
    http, ends = Http([url]), time.monotonic() + 30
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(NoAnswer):  # it is not listening yet
            if http.call("GET", f"{url}/readyz", headers=_CLOSE).status == 200:
                return
        stop.pause(0.1)
    raise DemoFailed(f"the receiver did not start:\n{(folder / 'receiver.log').read_text()}")


def free_bind(wanted: str) -> str:
    """``wanted`` if the port is free, else another free port of the same host; port 0 is any."""
    host, _, port = wanted.rpartition(":")
    others = random.sample(_OTHER_PORTS, 20)
    for candidate in others if port == "0" else (int(port), *others):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return f"{host}:{probe.getsockname()[1]}"
    raise DemoFailed(f"no port is free on {host}")


def _settings(endpoints: Mapping[str, Mapping[str, Any]], vtex_url: str, carriers_url: str, token: str) -> str:
    lines = [
        "[receiver]",
        'database = "sqlite:///receiver.db"',
        "read_back_seconds = 0.2",
        f"[vtex.{ACCOUNT}]",
        'app_key = "demo-key"',
        'app_token = "demo-token"',
        f'base_url = "{vtex_url}"',
        "requests_per_minute = 6000",
        f"[operators.{OPERATOR}]",
        f'token = "{token}"',
        'role = "decide"',
    ]
    for name, settings in endpoints.items():
        plain = {key: value for key, value in settings.items() if key not in ("references", "auth")}
        if discover()[settings["carrier"]].hosts:
            plain["base_url"] = carriers_url
        lines.append(f"[endpoints.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
        if "auth" in settings:
            lines.append(f"[endpoints.{name}.auth]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in settings["auth"].items()]
        for rule in settings.get("references", ()):
            lines.append(f"[[endpoints.{name}.references]]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in rule.items()]
    return "\n".join(lines) + "\n"


class _Names:
    """An endpoint name for each distinct settings of recordings: the carrier's slug, numbered from the second on."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._many: Counter[str] = Counter()
        self.of(_OWN_ENDPOINT)

    def of(self, settings: Mapping[str, Any]) -> str:
        written = json.dumps(settings, sort_keys=True)
        if written not in self._names:
            slug = str(settings["carrier"]).replace("_", "-")
            self._many[slug] += 1
            self._names[written] = slug if self._many[slug] == 1 else f"{slug}-{self._many[slug]}"
        return self._names[written]

    def endpoints(self) -> dict[str, dict[str, Any]]:
        return {name: json.loads(written) for written, name in self._names.items()}


def _addressed(recording: Recording | BadRecording, names: _Names) -> Recording:
    """The recording, addressed to the endpoint with its settings."""
    if isinstance(recording, BadRecording):
        raise DemoFailed(str(recording))
    settings = recording.expected["endpoint"]
    try:
        endpoint_from(settings, account=ACCOUNT)
    except BadConfig as error:
        raise DemoFailed(f"{recording.name}: {'; '.join(error.faults)}") from None
    headers = {**recording.request.headers, **_CLOSE}
    return replace(
        recording, request=replace(recording.request, path=f"/webhooks/{names.of(settings)}", headers=headers)
    )


def _is_parcel(recording: Recording | BadRecording) -> bool:
    return isinstance(recording, BadRecording) or "endpoint" in recording.expected


def _parcel(recording: Recording) -> str | None:
    """The id of the shipment that the recording tells of."""
    keys = [one["key"] for one in recording.expected.get("shipments", ())]
    return f"{_endpoint_name(recording)}/{keys[-1]}" if keys else None


def _endpoint_name(recording: Recording) -> str:
    return recording.request.path.rpartition("/")[2]


def _own_order() -> dict[str, Any]:
    return {
        "orderId": OWN_ORDER,
        "status": "invoiced",
        "value": 12_990,
        "orderGroup": OWN_ORDER[:-3],
        "packageAttachment": {
            "packages": [
                {
                    "invoiceNumber": OWN_INVOICE,
                    "invoiceValue": 12_990,
                    "type": "Output",
                    "items": [],
                    **dict.fromkeys(("invoiceKey", "trackingNumber", "trackingUrl", "courier", "courierStatus")),
                }
            ]
        },
    }


def _short(recording: Recording) -> str:
    return "/".join(Path(recording.name).with_suffix("").parts[-2:])


def _visibility(row: Mapping[str, Any]) -> Visibility | None:
    return row["sent"].visibility if row["sent"] is not None else None


def _unverified(row: Mapping[str, Any]) -> bool:
    return row["sent"] is not None and row["sent"].visibility.is_open


def _in_words(held: Mapping[str, Any]) -> str:
    parts = [held["trackingNumber"], held["courier"]]
    parts += [f"dispatched {held['dispatchedDate']}"] if held.get("dispatchedDate") else []
    return " · ".join(part for part in parts if part)
