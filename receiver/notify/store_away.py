"""Tells people that deliveries cannot be stored, from the process that meets it: what the database knows cannot be read
then. Processes of one host share a small file, so that one of them tells."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from receiver.notify.causes import Cause, Finding
from receiver.notify.channels import Channel, NotSent
from receiver.notify.messages import message
from receiver.store import StoreUnavailable, new_id
from receiver.store.engine import PRIVATE, is_sqlite, sqlite_file
from receiver.timing import NOTIFICATION

log = logging.getLogger("receiver.notify")

#: Seconds for which the store must be away before that is told.
AWAY = 60.0
#: Seconds between two looks of a `Watch`.
_LOOK = 5.0


class StoreAway:
    """Tells once that the store is away, and once that it is back, over each channel. ``quiet`` are the seconds between
    two messages; ``clock`` is Unix time. A process that ends meanwhile leaves its turn to another one."""

    def __init__(
        self, channels: Mapping[str, Channel], database: str, *, quiet: float, clock: Callable[[], float]
    ) -> None:
        self._channels, self._quiet, self._clock = channels, quiet, clock
        self._turn = _Turn(_place(database))
        self._since: float | None = None
        self._told = False
        #: The channels that are still to be told, each with the id of its message.
        self._left: dict[str, str] = {}
        self._tries, self._next_try = 0, 0.0

    def away(self, error: StoreUnavailable, lines: Sequence[str] = ()) -> None:
        """The store does not answer. ``lines`` say more than the error."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        if not self._told and now >= self._since + AWAY and self._turn.take():
            self._begin(now)
        if self._left and now >= self._next_try:
            self._tell("opened", (" ".join(str(error).split()), *lines), self._since)
            self._tries += 1
            self._next_try = now + NOTIFICATION.seconds(self._tries)

    def back(self) -> None:
        """The store answers. A channel that could not be told the beginning is not told the end."""
        if self._told and self._since is not None:
            self._turn.write({**self._turn.read(), "lasts": False})
            self._turn.give_back()
            self._left = {name: new_id() for name in self._channels if name not in self._left}
            self._tell("resolved", (), self._since)
        self._since, self._told, self._left = None, False, {}

    def _begin(self, now: float) -> None:
        """Whether people must be told now: not again within the quiet period, nor what an ended process told."""
        last = self._turn.read()
        if not last.get("lasts") and now < last.get("told_at", -self._quiet) + self._quiet:
            self._turn.give_back()
            return
        self._told = True
        if not last.get("lasts"):
            self._turn.write({"lasts": True, "told_at": now})
            self._left, self._tries, self._next_try = {name: new_id() for name in self._channels}, 0, now

    def _tell(self, kind: str, lines: tuple[str, ...], since: float) -> None:
        """Tell the channels that are left; those that took it are left no more."""
        finding = Finding(cause=Cause.STORE_AWAY, subject=socket.gethostname(), lines=lines)
        told = message(
            kind,
            finding.cause.severity.value,
            f"{finding.subject}: {finding.title}",
            cause=finding.cause.value,
            about=finding.subject,
            lines=lines,
            command=finding.command,
            since=since,
        )
        for name, message_id in list(self._left.items()):
            try:
                self._channels[name].send(message_id, told, at=self._clock())
            except NotSent as error:
                following = "tried again" if kind == "opened" else "none"
                log.error("notification not sent: channel=%s reason=%s next=%s", name, error, following)
            else:
                del self._left[name]
                log.info("notification sent: channel=%s kind=%s cause=%s", name, kind, finding.cause.value)


class Watch:
    """Looks after an outage that a request met, in a thread of its own, until ``check`` raises no `StoreUnavailable`.
    ``lines`` give what else is known of it."""

    def __init__(self, away: StoreAway, check: Callable[[], None], *, lines: Callable[[], Sequence[str]]) -> None:
        self._away, self._check, self._lines = away, check, lines
        self._lock, self._running = threading.Lock(), False

    def away(self, _: StoreUnavailable) -> None:
        """See `receiver.notify.task.MeetsOutage`."""
        self.begin()

    def back(self) -> None:
        """Nothing is to be done: it looks by itself."""

    def begin(self) -> None:
        """Look from now on, unless that goes on already."""
        with self._lock:
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, name="store-watch", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        try:
            while not self._looks_well():
                pause.wait(_LOOK)
        finally:
            with self._lock:
                self._running = False

    def _looks_well(self) -> bool:
        try:
            self._check()
        except StoreUnavailable as error:
            self._away.away(error, self._lines())
            return False
        self._away.back()
        return True


class _Turn:
    """The right of one process of the host to tell, and what was told last. However the process ends, the kernel gives
    the right back. Where the file cannot be used, each process has the right."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        if self._file is not None:
            return True
        try:
            file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE), "r+", encoding="utf-8")
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def read(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            if self._file is not None:
                self._file.seek(0)
                found = json.load(self._file)
                return found if isinstance(found, dict) else {}
        return {}

    def write(self, told: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # a full disk: what was told is then known to this process alone
            if self._file is not None:
                self._file.seek(0)
                self._file.truncate()
                json.dump(told, self._file)
                self._file.flush()

    def give_back(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def _place(database: str) -> Path:
    """Beside the SQLite file, else in a folder of this user."""
    if is_sqlite(database):
        file = sqlite_file(database)
        return file.with_name(f"{file.name}-away")
    digest = hashlib.sha256(database.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"receiver-away-{os.getuid()}-{digest}"
