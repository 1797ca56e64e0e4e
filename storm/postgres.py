"""A PostgreSQL server of its own for a storm, which may be stopped without harm to others."""

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench.servers import free_port
from storm.run import NotHere

_SETTINGS = "-c listen_addresses=127.0.0.1 -c max_connections=150"


class Cluster:
    """A server on a free port. `restart` stops it and starts it again."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._data, self._programs, self._port = folder / "data", programs, free_port()
        self._folder = folder
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", "postgres")
        self.start()

    def start(self) -> None:
        options = f"-p {self._port} -c unix_socket_directories={self._folder} {_SETTINGS}"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def restart(self, mode: str, away: float) -> None:
        """Stop the server by ``pg_ctl``'s ``mode``, and start it after ``away`` seconds."""
        self.stop(mode)
        time.sleep(away)
        self.start()

    def new_database(self, _folder: Path) -> str:
        """The URL of a new database."""
        name = f"storm_{secrets.token_hex(4)}"
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{self._port}/postgres", autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        with (self._folder / "commands.log").open("ab") as log:
            subprocess.run(
                command, check=True, stdout=log, stderr=log, user=self._user, cwd="/", start_new_session=True
            )


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server in a folder of its own, stopped afterwards. Raises `NotHere` where its programs are missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = shutil.which("initdb") or (str(found[-1]) if found else None)
    if programs is None:
        raise NotHere("initdb is not installed (Debian: postgresql)")
    with tempfile.TemporaryDirectory(prefix="storm-postgres-", ignore_cleanup_errors=True) as folder:
        made = Cluster(Path(folder), Path(os.path.realpath(programs)).parent)
        try:
            yield made
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                made.stop("immediate")
