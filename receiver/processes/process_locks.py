"""Which processes work on a database from this machine, so that a new one gives back at once what a killed one held."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from receiver.store.engine import PRIVATE, is_sqlite, sqlite_file


class ProcessLock:
    """A process's ``name`` in its leases: a file of that name, locked for as long as the process lives.

    However it ends, the kernel opens the lock: a file that can be locked names a dead process. No name is borne twice,
    so whoever gives back what a dead one held takes from nobody.
    """

    def __init__(self, database: str) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._folder, self._prefix = _place(database)
        self._path = self._folder / (self._prefix + self.name)
        self._path.touch(mode=PRIVATE)
        self._file: IO[str] = self._path.open("w")
        # Another process may take the file for a dead one's before it is locked. Then nobody will miss this process,
        # and its leases lapse as they do on another machine.
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def stale_names(self) -> Iterator[str]:
        """The names of killed processes; each is forgotten when the next one is asked for."""
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(self._prefix):
                with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open() as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield path.name.removeprefix(self._prefix)
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held any more."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def _place(database: str) -> tuple[Path, str]:
    """Beside the SQLite file, which only one machine opens; else where this user's programs on this machine meet."""
    if is_sqlite(database):
        file = sqlite_file(database)
        return file.parent, f"{file.name}-worker-"
    digest = hashlib.sha256(database.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()), f"receiver-{os.getuid()}-{digest}-"
