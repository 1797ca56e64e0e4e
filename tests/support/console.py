"""The `receiver` command over the rig's database and stand-in VTEX."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

from receiver.cli import main
from tests.support.forked import Forked
from tests.support.paths import ROOT
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted


def toml(value: Any) -> str:
    """A value in TOML, whose texts, numbers and lists JSON writes as well; tables stand inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)


def write_config(folder: Path, database_url: str, vtex_url: str, endpoints: dict[str, Any]) -> Path:
    """A ``receiver.toml`` with one account, ``lux``."""
    account = {"app_key": "key", "app_token": "token", "base_url": vtex_url, "requests_per_minute": 1_000_000}
    tables = {
        "receiver": {"database": database_url, "read_back_seconds": 0},
        "vtex.lux": account,
        **{f"endpoints.{name}": settings for name, settings in endpoints.items()},
    }
    lines = [
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items()))
    ]
    path = folder / "receiver.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def receiver(*arguments: object, config: Path | None = None) -> Result:
    """Run the command in this process; whatever it raises comes through."""
    environ = {"RECEIVER_CONFIG": str(config)} if config else {}
    return CliRunner().invoke(main, [str(one) for one in arguments], env=environ, catch_exceptions=False)


def receiver_process(
    *arguments: object, config: Path | None = None, popen: type[subprocess.Popen[str]] = Forked, **options: Any
) -> subprocess.Popen[str]:
    """Start the command in a process of its own. With ``popen=subprocess.Popen`` it imports all that it needs, as a
    start on a real machine does."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TERM": "xterm",
        "RECEIVER_CONFIG": str(config or "none"),
    }
    return popen(
        [sys.executable, "-c", "from receiver.cli import main; main()", *(str(one) for one in arguments)],
        **{"cwd": ROOT, "env": environ, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
    )


def on_terminal(*arguments: object, config: Path) -> tuple[str, str]:
    """Standard output of the command, and what it shows on the terminal that is its stderr; it must succeed."""
    ours, its = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = receiver_process(*arguments, config=config, stderr=its)
        os.close(its)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: its end is closed
            while piece := terminal.read(65_536):
                shown += piece
    said, _ = process.communicate(timeout=60)
    assert 0 == process.returncode, shown
    return said, click.unstyle(shown.decode())


class Operator:
    """A rig, and the operator before it."""

    def __init__(self, rig: Rig, **endpoints: Any) -> None:
        self.rig = rig
        self.endpoints = endpoints or {"melhor-envio": MELHOR_ENVIO}
        self.rig.configure(endpoints=self.endpoints)
        self.config = write_config(rig.folder, rig.database_url, rig.vtex_url, self.endpoints)

    def in_step(self) -> None:
        """One parcel, written to the invoice of its order."""
        self.rig.add_order(order("1-01", package("41001")))
        self.rig.post(posted())
        self.rig.work()

    def held(self) -> None:
        """One parcel that could belong to either of two invoices."""
        self.rig.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000)))
        self.rig.post(posted())
        self.rig.work()

    def says(self, *arguments: object, code: int = 0) -> str:
        """What the command prints on standard output, and nothing on stderr."""
        result = receiver(*arguments, config=self.config)
        assert (code, "") == (result.exit_code, result.stderr), result.output
        return result.stdout

    def fails(self, *arguments: object, code: int = 1) -> str:
        """The one line on stderr with which the command ends."""
        result = receiver(*arguments, config=self.config)
        assert (code, "") == (result.exit_code, result.stdout), result.output
        assert 1 == result.stderr.count("\n"), result.stderr
        return result.stderr.strip()

    def tells(self, *arguments: object, code: int = 0) -> list[dict[str, Any]]:
        """The objects that ``--json`` prints, one a line."""
        return [json.loads(line) for line in self.says(*arguments, "--json", code=code).splitlines()]

    def work(self) -> None:
        """The worker, after the command: its clock is the real one."""
        self.rig.now = max(self.rig.now, time.time()) + 1
        self.rig.work()
