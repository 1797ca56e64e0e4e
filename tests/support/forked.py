"""Processes that run Python without the half second of CPU that it takes to import the receiver: a process that has
imported it forks them.

Each is a process as `subprocess.Popen` would start it: a child of the test's process, with its own arguments,
environment, folder, streams and signals, that ends as the interpreter ends.
"""

import atexit
import ctypes
import functools
import gc
import importlib
import inspect
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from tests.support.paths import ROOT

#: Beside the commands: what they import once they know what to do.
_IMPORTED = (
    "alembic.command",
    "gunicorn.app.base",
    "psycopg",
    "receiver.demo",
    "receiver.processes.server",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
_LONGEST = 100_000  # bytes of an order: the program, its arguments and the environment
_SET_CHILD_SUBREAPER = 36  # prctl(2)


class Forked(subprocess.Popen[Any]):
    """`subprocess.Popen` for ``[sys.executable, "-c", PROGRAM, …]``."""

    def _execute_child(self, *given: Any, **named: Any) -> None:
        asked = inspect.signature(super()._execute_child).bind(*given, **named).arguments  # type: ignore[misc]  # private
        (python, dash_c, program, *arguments), env = asked["args"], asked["env"]
        assert [sys.executable, "-c"] == [python, dash_c]
        order = {
            "program": program,
            "arguments": ["-c", *map(str, arguments)],
            "environment": dict(os.environ if env is None else env),
            "folder": str(asked["cwd"] or Path.cwd()),
            "own_session": asked["start_new_session"],
        }
        streams = [asked["p2cread"], asked["c2pwrite"], asked["errwrite"]]
        self.pid = _parent().fork(order, [own if own != -1 else usual for usual, own in enumerate(streams)])
        self._child_created = True
        pipes = (asked[f"{pipe}{end}"] for pipe in ("p2c", "c2p", "err") for end in ("read", "write"))
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # private, too


class _Parent:
    """The process that forks, as the tests see it. It ends with them."""

    def __init__(self) -> None:
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._turn, self._libc = threading.Lock(), ctypes.CDLL(None)
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        atexit.register(self._end)

    def fork(self, order: dict[str, Any], streams: list[int]) -> int:
        """A new process's id. For this moment orphans are adopted, and so it is a child of this process."""
        with self._turn:
            self._libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            try:
                socket.send_fds(self._asking, [json.dumps(order).encode()], streams)
                child = int(self._asking.recv(100))
                self._asking.recv(100)
                return child
            finally:
                self._libc.prctl(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def _end(self) -> None:
        self._asking.close()
        self._process.wait()


@functools.cache
def _parent() -> _Parent:
    return _Parent()


def _import_everything() -> None:
    for package in ("adapters", "receiver.commands"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    for name in _IMPORTED:
        importlib.import_module(name)


def _fork_for_ever(asked: socket.socket) -> str:
    """Forks as it is asked to, until the tests have ended. In each new process it returns the program to run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the tests, and for what they started
    while True:
        order, streams, _, _ = socket.recv_fds(asked, _LONGEST, 3)
        if not order:
            sys.exit()
        between = os.fork()
        if between == 0:
            between = os.getpid()
            child = os.fork()
            if child:
                asked.send(str(child).encode())
                os._exit(0)
            while os.getppid() == between:
                time.sleep(0.0005)  # a server ends when its parent changes
            return _become(json.loads(order), streams, asked)
        os.waitpid(between, 0)
        asked.send(b"adopted")
        for stream in streams:
            os.close(stream)


def _become(order: dict[str, Any], streams: list[int], asked: socket.socket) -> str:
    """Make this process what the order says; the program."""
    for usual, stream in enumerate(streams):
        os.dup2(stream, usual)
    asked.detach()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["own_session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["folder"])
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    sys.stdin = _stream(sys.stdin, "rb")
    sys.stdout = _stream(sys.stdout, "wb", unbuffered=unbuffered)
    sys.stderr = _stream(sys.stderr, "wb", unbuffered=unbuffered, by_line=True)
    sys.argv = order["arguments"]
    sys.path[:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.modules["__main__"] = ModuleType("__main__")
    return str(order["program"])


def _stream(former: TextIO, mode: str, *, unbuffered: bool = False, by_line: bool = False) -> TextIO:
    """A standard stream as the interpreter opens it for what is behind its number now."""
    raw = open(former.fileno(), mode, buffering=0 if unbuffered else -1, closefd=False)  # noqa: SIM115  open to the end
    return io.TextIOWrapper(
        raw,
        encoding=former.encoding,
        errors=former.errors,
        line_buffering=not unbuffered and (by_line or raw.isatty()),
        write_through=unbuffered,
    )


if __name__ == "__main__":
    _import_everything()
    gc.collect()
    gc.freeze()  # a search for garbage would write to every page that is shared
    program = _fork_for_ever(socket.socket(fileno=int(sys.argv[1])))
    exec(compile(program, "<string>", "exec"), vars(sys.modules["__main__"]))
