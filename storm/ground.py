"""A merchant's machine in a storm: configuration, database, processes that are restarted, and a stand-in VTEX."""

import contextlib
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import psycopg

from bench.servers import free_port
from receiver.sandbox import create_sandbox, serve
from storm.traffic import Traffic
from tests.support.paths import ROOT
from tests.support.processes import ENDPOINT, SECRET, Running
from tests.support.rig import order, package

#: Seconds after which a process that ended is started again, as systemd does with ``RestartSec=0.5``.
RESTART = 0.5
_PATIENCE = 60.0
_SETTINGS = """
[receiver]
database = "{database}"
lease = {lease}
read_back_seconds = 0
[vtex.lux]
app_key = "key"
app_token = "token"
base_url = "{vtex}"
requests_per_minute = {pace}
"""


class Ground:
    """Where one fault run takes place. Everything that it starts ends with its ``with`` block."""

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        lease: float = 10,
        pace: int = 600_000,
        clock: Callable[[], float] = time.time,
        program: Path = ROOT,
    ) -> None:
        self.folder, self.database = folder, database
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        app = create_sandbox([], clock=clock, sleep=time.sleep)
        self.sandbox = app.extensions["sandbox"]
        self._app, self.vtex = app, serve(app)
        self.config = folder / "receiver.toml"
        settings = _SETTINGS.format(database=database, lease=lease, vtex=self.vtex.url, pace=pace)
        self.config.write_text(settings + ENDPOINT.format(name="melhor-envio", secret=SECRET), encoding="utf-8")
        #: What runs, by name, and the arguments by which it is started again.
        self.processes: dict[str, Running] = {}
        self._arguments: dict[str, tuple[tuple[str, ...], str]] = {}
        self._started = 0
        self._minding = threading.Event()
        #: The checkout that the processes run: `storm.faults.upgrade` begins with an older one.
        self.program = program
        self.run("migrate")

    @property
    def is_sqlite(self) -> bool:
        return self.database.startswith("sqlite")

    @property
    def file(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.database.removeprefix("sqlite:///"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._minding.clear()
        self.end(signal.SIGKILL)
        with contextlib.suppress(Exception):
            self.vtex.stop()

    def start(self, name: str, *arguments: str, clock: str = "") -> Running:
        """Start ``receiver ARGUMENTS`` under ``name``. ``clock`` is a call of `storm.clocks` for that process."""
        if arguments[0] in ("serve", "web") and "--bind" not in arguments:
            arguments = (*arguments, "--bind", f"127.0.0.1:{self.port}")
        self._arguments[name] = arguments, clock
        self.processes[name] = self._run(name, arguments, clock)
        return self.processes[name]

    def run(self, *arguments: str) -> None:
        """Run ``receiver ARGUMENTS`` to its end. Raises `AssertionError` if it fails."""
        ran = self._run(arguments[0], arguments)
        assert ran.process.wait(_PATIENCE) == 0, ran.log

    def _run(self, name: str, arguments: tuple[str, ...], clock: str = "") -> Running:
        self._started += 1
        program = (
            f"import storm.clocks; storm.clocks.{clock}; " * bool(clock) + "import receiver.cli; receiver.cli.main()"
        )
        log = self.folder / f"{self._started:03}-{name}.log"
        environment = {"RECEIVER_CONFIG": str(self.config), "PYTHONPATH": str(self.program)}
        return Running([sys.executable, "-c", program, *arguments], log, **environment)

    def start_apart(self, workers: int = 2) -> None:
        """Start a receiving process with two children, and workers beside it."""
        self.start("web", "web", "--processes", "2")
        for number in range(1, workers + 1):
            self.start(f"work-{number}", "work")
        self.ready()
        self._forked(2)

    def start_serve(self) -> None:
        """Start the one process that receives and works."""
        self.start("web", "serve")
        self.ready()

    def _forked(self, children: int) -> None:
        """Wait until the receiving process has all its children: the first one answers before the others are there."""
        ends = time.monotonic() + _PATIENCE
        while len(self.processes["web"].children) < children:
            if time.monotonic() > ends:
                raise AssertionError(f"it does not start its children; see {self.folder}")
            time.sleep(0.02)

    def ready(self, seconds: float = _PATIENCE) -> float:
        """Wait until the receiver says that it is ready; the seconds it took."""
        begun = time.monotonic()
        while self.probe("/readyz") != 200:
            if time.monotonic() - begun > seconds:
                raise AssertionError(f"it does not get ready; see {self.folder}")
            time.sleep(0.05)
        return time.monotonic() - begun

    def probe(self, path: str, *, timeout: float = 5) -> int:
        """The status of a GET, 0 where no one answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                status: int = answer.status
                return status
        except OSError as error:
            return getattr(error, "code", 0)

    def traffic(self, *, senders: int = 8, rate: float = 80, **rest: Any) -> Traffic:
        """Carriers that post parcels, each with an order and invoice of its own, until `Traffic.stop`."""
        return Traffic(f"127.0.0.1:{self.port}", self.add_order, senders=senders, rate=rate, **rest)

    def add_order(self, number: int) -> None:
        """The order of a parcel; a return's invoice stands beside the sale's."""
        back = package(f"R{number}", kind="Input")
        self.sandbox.put(order(f"{number}-01", back, package(str(number))))

    def mind(self) -> None:
        """From now on, start processes again that end."""
        self._minding.set()
        threading.Thread(target=self._mind, daemon=True).start()

    def leave(self) -> None:
        """No longer start processes again."""
        self._minding.clear()
        time.sleep(2 * RESTART)

    def _mind(self) -> None:
        ended: dict[str, float] = {}
        while self._minding.is_set():
            now = time.monotonic()
            for name, one in list(self.processes.items()):
                if one.process.poll() is None:
                    ended.pop(name, None)
                elif now - ended.setdefault(name, now) > RESTART and self._minding.is_set():
                    arguments, clock = self._arguments[name]
                    self.start(name, *arguments, clock=clock)
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """Every living process, parents before their children."""
        living = [one for one in self.processes.values() if one.process.poll() is None]
        return [pid for one in living for pid in (one.process.pid, *one.children)]

    def start_again(self) -> None:
        """Kill what is left and start all of it again."""
        arguments = {name: self._arguments[name] for name in self.processes}
        self.end(signal.SIGKILL)
        for name, (words, clock) in arguments.items():
            self.start(name, *words, clock=clock)
        self.ready()

    def end(self, number: int = signal.SIGTERM) -> list[int]:
        """Send every process a signal and wait for its end; the exit codes."""
        pids = self.pids()
        for pid in pids if number == signal.SIGKILL else [one.process.pid for one in self.processes.values()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        codes = [one.process.wait(_PATIENCE) for one in self.processes.values()]
        self.processes.clear()
        return codes

    def blackout(self) -> None:
        """VTEX's port is closed, until `light`."""
        self.vtex.stop()

    def light(self) -> None:
        self.vtex = serve(self._app, port=int(self.vtex.url.rsplit(":", 1)[1]))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The result of a query on the database."""
        if self.is_sqlite:
            with contextlib.closing(sqlite3.connect(self.file, timeout=30)) as opened:
                return opened.execute(query).fetchall()
        with psycopg.connect(self.database.replace("+psycopg", "")) as connection:
            return connection.execute(query).fetchall()

    def stored(self) -> set[int]:
        """The numbers of the parcels that the database knows."""
        return {int(name.removeprefix("melhor-envio/p")) for (name,) in self.rows("SELECT id FROM shipments")}

    def patches(self, number: int) -> list[Any]:
        """The PATCHes that took effect on a parcel's invoice, oldest first."""
        return [call for call in self.sandbox.writes(f"{number}-01", str(number)) if call.method == "PATCH"]

    def watch_writes(self, seconds: float) -> Iterator[float]:
        """For so long, the seconds since VTEX last heard from us, ten times a second."""
        ends = time.monotonic() + seconds
        last, heard = time.monotonic(), (0, 0.0)
        while time.monotonic() < ends:
            time.sleep(0.1)
            calls = self.sandbox.calls
            newest = (len(calls), calls[-1].at if calls else 0.0)
            if newest != heard:
                last, heard = time.monotonic(), newest
            yield time.monotonic() - last
