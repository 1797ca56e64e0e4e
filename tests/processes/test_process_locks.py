"""Who works on a database from this machine: a new process learns of the killed ones, and takes no living for dead."""

import os
import socket
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from receiver.processes.process_locks import ProcessLock


@pytest.fixture(params=["sqlite:///{folder}/receiver.db", "postgresql+psycopg://user:secret@host/name"])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of either kind, that no one works on yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return str(request.param).format(folder=tmp_path)


def killed(database: str) -> str:
    """The name of a process that was killed: its file is no longer locked, and no one took it away."""
    lock = ProcessLock(database)
    lock._file.close()
    return lock.name


def test_dead(database: str):
    """Killed processes are dead, and once only; one that lives, ended in order, or has another database is not."""
    first, second = killed(database), killed(database)
    with closing(ProcessLock(database)) as living, closing(ProcessLock(database + "2")) as elsewhere:
        ProcessLock(database).close()
        assert {first, second} == set(living.stale_names())
        assert set() == set(living.stale_names())
        assert set() == set(elsewhere.stale_names())
        assert living.name != elsewhere.name


def test_not_yet_given_back(database: str):
    """Where what a dead one held could not be given back, the next process hears of it again."""
    name = killed(database)
    with closing(ProcessLock(database)) as first, closing(ProcessLock(database)) as second:
        for found in first.stale_names():
            assert name == found
            break
        assert [name] == list(second.stale_names())


def test_nothing_is_left(database: str, tmp_path: Path):
    """A process that ended in order leaves no file; no file tells the database's password."""
    lock = ProcessLock(database)
    assert "secret" not in " ".join(path.name for path in tmp_path.iterdir())
    assert lock.name.startswith(f"{socket.gethostname()}-{os.getpid()}-")
    lock.close()
    assert [] == list(tmp_path.iterdir())
