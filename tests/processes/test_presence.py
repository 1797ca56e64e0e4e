"""Who works on a database from this machine: a new process learns of the killed ones, and takes no living for dead."""

import os
import socket
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from receiver.processes.presence import Presence


@pytest.fixture(params=["sqlite:///{folder}/receiver.db", "postgresql+psycopg://user:secret@host/name"])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of either kind, that nobody works on yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return str(request.param).format(folder=tmp_path)


def killed(database: str) -> str:
    """The name of a process that was killed: its file is no longer locked, and nobody took it away."""
    presence = Presence(database)
    presence._file.close()
    return presence.name


def test_dead(database: str):
    """Killed processes are dead, and once only; one that lives, ended in order, or has another database is not."""
    first, second = killed(database), killed(database)
    with closing(Presence(database)) as living, closing(Presence(database + "2")) as elsewhere:
        Presence(database).close()
        assert {first, second} == set(living.dead())
        assert set() == set(living.dead())
        assert set() == set(elsewhere.dead())
        assert living.name != elsewhere.name


def test_not_yet_given_back(database: str):
    """Where what a dead one held could not be given back, the next process hears of it again."""
    name = killed(database)
    with closing(Presence(database)) as first, closing(Presence(database)) as second:
        for found in first.dead():
            assert name == found
            break
        assert [name] == list(second.dead())


def test_nothing_is_left(database: str, tmp_path: Path):
    """A process that ended in order leaves no file; no file tells the database's password."""
    presence = Presence(database)
    assert "secret" not in " ".join(path.name for path in tmp_path.iterdir())
    assert presence.name.startswith(f"{socket.gethostname()}-{os.getpid()}-")
    presence.close()
    assert [] == list(tmp_path.iterdir())
