"""The receiver's own processes, as people start them, against a stand-in VTEX on loopback."""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from adapters import Hmac, Request
from receiver.sandbox import Faults, create_sandbox, serve
from receiver.store import Database, OperatorQueries
from tests.support.forked import Forked
from tests.support.paths import ROOT
from tests.support.rig import eventually, order, package, posted

SECRET = "first-secret"
ENDPOINT = """
[endpoints.{name}]
carrier = "melhor_envio"
secrets = ["{secret}"]
[[endpoints.{name}.references]]
path = "data.tags[*].tag"
is = "order_id"
"""
SETTINGS = """
[receiver]
database = "{database}"
read_back_seconds = 0
lease = {lease}
[vtex.lux]
app_key = "key"
app_token = "token"
base_url = "{vtex}"
requests_per_minute = 1_000_000
"""
_LINE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARNING|ERROR) +\S")
_NOISE = re.compile(
    r"cannot schedule|failed, continuing|failed, the others|processing failed|internal error|database is locked|"
    r"Exception"
)


class Running:
    """One process that someone started; ``log`` is all it said."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        popen: type[subprocess.Popen[Any]] = subprocess.Popen,
        /,
        **environment: str,
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECEIVER_", "GUNICORN_"))}
        self._log = log
        with log.open("wb") as output:
            folder = str(log.parent)
            here = {"PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo", "TMPDIR": folder, "XDG_RUNTIME_DIR": folder}
            environment = {**kept, **here, **environment}
            self.process = popen(command, cwd=log.parent, stdout=output, stderr=output, env=environment)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def disorder(self) -> list[str]:
        """The lines of its log that are not one event each, or tell of a mistake of ours."""
        return [line for line in self.log.splitlines() if not _LINE.match(line) or _NOISE.search(line)]

    @property
    def url(self) -> str:
        """Where it receives; once it does."""
        return str(self.says(r"Listening at: (http://\S+)")[1])

    @property
    def children(self) -> list[int]:
        """The processes it has started, oldest first."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]

    def says(self, pattern: str) -> re.Match[str]:
        """Waits until the log matches."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.log)
            assert found or self.process.poll() is None, f"it ended: {self.log}"
            return found

        found: re.Match[str] = eventually(look)
        return found

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Waits for its end; the exit code."""
        return self.process.wait(timeout=60)

    def kill_child(self) -> None:
        """kill -9 for the process that answers."""
        os.kill(eventually(lambda: self.children)[0], signal.SIGKILL)

    def kill(self) -> None:
        """kill -9 for it and for those it started."""
        children = self.children
        for pid in (self.process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        eventually(lambda: not any(map(alive, children)))


class Site:
    """A merchant's machine: a configuration, a database, processes, and a VTEX whose calls can be held."""

    def __init__(self, folder: Path, database: str, *, lease: float = 60) -> None:
        self.folder, self.database, self._lease = folder, database, lease
        self.config = folder / "receiver.toml"
        self.running: list[Running] = []
        self._let_go, self.held = threading.Event(), threading.Event()
        self._opened = contextlib.ExitStack()
        app = create_sandbox([], sleep=self._slow)
        self.sandbox = app.extensions["sandbox"]
        self._vtex = serve(app)
        self.configure()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go.set()
        for one in self.running:
            if one.process.poll() is None:
                one.kill()
        self._opened.close()
        self._vtex.stop()

    def configure(self, *, secret: str = SECRET, endpoints: Iterable[str] = ("melhor-envio",)) -> None:
        tables = [ENDPOINT.format(name=name, secret=secret) for name in endpoints]
        settings = SETTINGS.format(database=self.database, lease=self._lease, vtex=self._vtex.url)
        self.config.write_text(settings + "".join(tables))

    def start(self, *arguments: str, first: str = "pass", popen: type[subprocess.Popen[Any]] = Forked) -> Running:
        """``receiver ARGUMENTS`` in the machine's folder, after the statement ``first``; `serve` and `web` take any
        free port. With ``popen=subprocess.Popen`` it imports all that it needs, as a start on a real machine does."""
        if arguments[0] in ("serve", "web") and "--bind" not in arguments:
            arguments = (*arguments, "--bind", "127.0.0.1:0")
        log = self.folder / f"{len(self.running)}-{arguments[0]}.log"
        program = f"import receiver.cli, receiver.processes.server; {first}; receiver.cli.main()"
        command = [sys.executable, "-c", program, *arguments]
        self.running.append(Running(command, log, popen, RECEIVER_CONFIG=str(self.config)))
        return self.running[-1]

    def add_orders(self, numbers: Iterable[int]) -> None:
        """Orders ``1-01``, ``2-01``, … with one invoice each, of the same number."""
        for number in numbers:
            self.sandbox.put(order(f"{number}-01", package(str(number))))

    def hold_writes(self) -> None:
        """From now on VTEX applies a PATCH and keeps its answer back, until `let_go`."""
        self._let_go.clear()
        self.held.clear()
        self.sandbox.faults = Faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}))

    def let_go(self) -> None:
        self.sandbox.faults = Faults()
        self._let_go.set()

    def written(self, number: int) -> list[str]:
        """The tracking numbers that were written to an invoice, in their order."""
        writes = self.sandbox.writes(f"{number}-01", str(number))
        return [call.body["trackingNumber"] for call in writes if call.method == "PATCH"]

    @functools.cached_property
    def queries(self) -> OperatorQueries:
        """The operator's look at the database; only once someone has migrated it."""
        return OperatorQueries(self._opened.enter_context(contextlib.closing(Database(self.database))))

    def all_in_step(self, many: int) -> bool:
        """True once so many shipments have come to rest and VTEX has what was said of them."""
        return ["in_step"] * many == [row["state"] for row in self.queries.shipments()]

    def written_once(self, numbers: Iterable[int]) -> bool:
        """True where each of these invoices was written one time, with its own parcel's number."""
        return all([f"TN{number}BR"] == self.written(number) for number in numbers)

    def _slow(self, _seconds: float) -> None:
        self.held.set()
        self._let_go.wait(60)


class Sender:
    """A carrier's side: posts signed webhooks over connections of its own, and keeps the statuses it heard."""

    def __init__(self, url: str, *, secret: str = SECRET, endpoint: str = "melhor-envio") -> None:
        self._address = urlsplit(url).netloc
        self._path, self._secret = f"/webhooks/{endpoint}", secret
        self._scheme = Hmac(header="x-me-signature", encoding="base64")
        self.connected = False

    def post(self, number: int, **said: Any) -> int:
        """One webhook: a parcel of order and invoice ``number`` has been posted.

        Returns the status, or 0 where the connection broke before there was one.
        """
        at = "2024-03-01T12:00:00+00:00"
        payload = posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR", at=at, **said)
        body = json.dumps(payload).encode()
        request = Request(method="POST", path=self._path, headers={}, body=body, received_at=datetime.now(UTC))
        with contextlib.closing(HTTPConnection(self._address, timeout=60)) as connection:
            try:
                connection.request("POST", self._path, body, self._scheme.sign(request, self._secret).headers)
                self.connected = True
                self.answer = connection.getresponse()
                self.answer.read()
            except (OSError, HTTPException):
                return 0
            return self.answer.status


def alive(pid: int) -> bool:
    """False for a process that has ended, whether someone has taken note of it or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("X", "Z")


def together(senders: int, work: Callable[[int], Any], numbers: Iterable[int]) -> list[Any]:
    """``work`` for each number, by so many senders at once."""
    with ThreadPoolExecutor(senders) as pool:
        return list(pool.map(work, numbers))
