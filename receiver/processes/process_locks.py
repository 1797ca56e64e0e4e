"""Which processes of this machine work on a database, so that a new one can release a killed one's leases at once."""

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
    """A process's ``name`` in its leases: a file of that name, locked while the process lives.

    However the process ends, the kernel releases the lock: a file that can be locked names a dead process. Names are
    unique, so releasing a dead process's leases takes none from a live one.
    """

    def __init__(self, database: str) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._folder, self._prefix = _place(database)
        self._path = self._folder / (self._prefix + self.name)
        self._path.touch(mode=PRIVATE)
        self._file: IO[str] = self._path.open("w")
        # Another process may think this file is a dead one's before it is locked. Then no process detects the end of
        # this one, and its leases expire as on another machine.
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def stale_names(self) -> Iterator[str]:
        """The names of killed processes; each file is deleted when the next name is requested."""
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(self._prefix):
                with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open() as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield path.name.removeprefix(self._prefix)
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Release the name: the process holds no leases any more."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def _place(database: str) -> tuple[Path, str]:
    """The folder and prefix of the files: beside the SQLite file (one machine opens it), else in a folder of this
    user."""
    if is_sqlite(database):
        file = sqlite_file(database)
        return file.parent, f"{file.name}-worker-"
    digest = hashlib.sha256(database.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()), f"receiver-{os.getuid()}-{digest}-"
