"""What the database leaves on the disk, and for whom."""

import os
from pathlib import Path

import pytest

from receiver.store import Database


@pytest.fixture
def usual_mask():
    """The mask of most accounts, under which others may read what is made."""
    former = os.umask(0o022)
    yield
    os.umask(former)


def modes(folder: Path) -> set[str]:
    return {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


@pytest.mark.usefixtures("usual_mask")
def test_modes(tmp_path):
    """The folder and every file in it are for their owner alone, while the database is open as well."""
    database = Database(f"sqlite:///{tmp_path}/var/receiver.db")
    database.check_writable()

    assert {"0o600"} == modes(tmp_path / "var")
    assert 0o700 == (tmp_path / "var").stat().st_mode & 0o777
    database.close()


def test_erased(tmp_path):
    """What is taken out of a row is overwritten in the file."""
    file = tmp_path / "receiver.db"
    database = Database(f"sqlite:///{file}")
    database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE told (word TEXT)"))
    long = "canary-of-ana" * 2_000  # pages of its own, which nothing else fills afterwards
    database.write(lambda connection: connection.exec_driver_sql(f"INSERT INTO told VALUES ('{long}')"))
    database.write(lambda connection: connection.exec_driver_sql("UPDATE told SET word = ''"))
    database.close()

    assert b"canary-of-ana" not in file.read_bytes()
