"""A backup of the running receiver by the page's own command, and what its restored copy does to VTEX."""

import contextlib
import shlex
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.store import Database, Index, OperatorQueries
from tests.deploy.support import (
    MELHOR_ENVIO,
    PAGE,
    Rig,
    Sender,
    Site,
    free_port,
    is_ready,
    needs,
    order,
    package,
    patiently,
    posted,
    shell,
)

WITH_EVENTS = {"melhor-envio": {**MELHOR_ENVIO, "events": True}}
WITHOUT_EVENTS = {"melhor-envio": {**MELHOR_ENVIO, "events": False}}


def backup(database: Path, copy: Path) -> None:
    """What the page says, for these two files."""
    words = shlex.split(shell(PAGE, "source.backup"))
    assert ["sudo", "-u", "receiver", "/opt/receiver/current/bin/python"] == words[:4]
    assert ["/var/lib/receiver/receiver.db", "/var/lib/receiver/copy.db"] == words[-2:]
    subprocess.run([sys.executable, *words[4:-2], str(database), str(copy)], check=True)


def parcels(file: Path) -> set[str]:
    """The shipments of a database."""
    with contextlib.closing(sqlite3.connect(file)) as opened:
        assert ("ok",) == opened.execute("PRAGMA integrity_check").fetchone()
        return {row[0] for row in opened.execute("SELECT shipment FROM updates")}


def test_under_load(tmp_path: Path, sqlite_url: str):
    """A copy taken while webhooks come in holds every delivery that was acknowledged before. Restored, it has all of
    them in step, those that were written meanwhile without a second PATCH."""
    copy = tmp_path / "copy.db"
    with Site(tmp_path, sqlite_url) as site:
        site.add_orders(range(1, 1000))
        port = free_port()
        web = site.start("web", "--processes", "1", "--bind", f"127.0.0.1:{port}")
        patiently(lambda: is_ready(port))
        sender, stop = Sender(f"http://127.0.0.1:{port}"), threading.Event()
        acknowledged: list[int] = []

        def send(first: int) -> None:
            number = first
            while not stop.wait(0.02) and number < 1000:
                assert 200 == sender.post(number)
                acknowledged.append(number)
                number += 3

        senders = [threading.Thread(target=send, args=(first,)) for first in (1, 2, 3)]
        for thread in senders:
            thread.start()
        patiently(lambda: len(acknowledged) >= 30)
        before = set(acknowledged)
        backup(tmp_path / "receiver.db", copy)
        during = len(acknowledged)
        patiently(lambda: len(acknowledged) >= during + 10)
        stop.set()
        for thread in senders:
            thread.join()
        copied = parcels(copy)
        assert {f"melhor-envio/p{number}" for number in before} <= copied
        assert copied < {f"melhor-envio/p{number}" for number in acknowledged}
        work = site.start("work")
        patiently(lambda: site.all_in_step(len(acknowledged)))
        for process in (web, work):
            process.kill()

        shutil.copy(copy, tmp_path / "restored.db")
        site.database = f"sqlite:///{tmp_path}/restored.db"
        site.configure()
        del site.queries
        again = site.start("serve")
        assert patiently(lambda: site.all_in_step(len(copied)))
        assert site.written_once(acknowledged)
        assert [] == again.disorder


@pytest.fixture
def copied(rig: Rig) -> Callable[[], Path]:
    """Takes a copy of the rig's database."""

    def copy() -> Path:
        backup(rig.folder / "receiver.db", rig.folder / "copy.db")
        return rig.folder / "copy.db"

    return copy


def restore(rig: Rig, copy: Path | str, **settings: Any) -> None:
    """The receiver goes on with a copy, a file or a URL; VTEX is as it was."""
    rig.database.close()
    rig.database_url = f"sqlite:///{copy}" if isinstance(copy, Path) else copy
    rig.database = Database(rig.database_url)
    rig.queries, rig.index = OperatorQueries(rig.database), Index(rig.database)
    rig.configure(**settings)


class TestRestored:
    """Each row of the page's table."""

    @pytest.fixture(autouse=True)
    def _orders(self, rig: Rig) -> None:
        rig.add_order(order("1-01", package("1")), order("2-01", package("2")))

    def test_written_since(self, rig: Rig, copied: Callable[[], Path]):
        """A parcel that was due, and was written since, is read and is in step."""
        rig.post(posted())
        copy = copied()
        rig.work()
        restore(rig, copy)
        rig.work()
        assert "in_step" == rig.shipment()["state"]
        assert 1 == len(rig.calls("PATCH"))

    def test_another_number_since(self, rig: Rig, copied: Callable[[], Path]):
        """The copy does not overwrite a number that came after it was taken."""
        rig.post(posted())
        copy = copied()
        rig.work()
        rig.now += 60
        rig.post(posted(number="NEWBR"))
        rig.work()
        assert 2 == len(rig.calls("PATCH"))
        restore(rig, copy)
        rig.works_until(86_400)
        assert ("held", "number_differs") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert 2 == len(rig.calls("PATCH"))
        assert "NEWBR" == rig.package_of("1-01", "1")["trackingNumber"]

    def test_being_written(self, rig: Rig, copied: Callable[[], Path]):
        """A copy taken while VTEX applies a PATCH finds it applied."""
        taken: list[Path] = []
        rig.on_slow = lambda _: taken.append(copied())
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}))
        rig.post(posted())
        rig.work()
        rig.faults()
        [copy] = taken
        restore(rig, copy)
        rig.later(rig.config.lease + 1)
        assert "in_step" == rig.shipment()["state"]
        assert 1 == len(rig.calls("PATCH"))

    def test_unknown_to_the_copy(self, rig: Rig, copied: Callable[[], Path]):
        """A parcel that came since is brought back by its next message, and what VTEX has stays."""
        copy = copied()
        rig.post(posted())
        rig.work()
        restore(rig, copy)
        assert [] == list(rig.queries.shipments())
        rig.post(posted(event="order.delivered", at="2026-11-12T12:00:00+00:00"))
        rig.work()
        assert "in_step" == rig.shipment()["state"]
        assert 1 == len(rig.calls("PATCH"))

    def test_delivered_since(self, rig: Rig, copied: Callable[[], Path]):
        """With events off, as the page says, a delivery that VTEX was told of is not taken back; with events on again,
        news is told as ever."""
        rig.configure(endpoints=WITH_EVENTS)
        rig.post(posted())
        copy = copied()
        rig.work()
        rig.now += 60
        delivered = posted(event="order.delivered", at="2026-11-12T12:00:00+00:00")
        rig.post(delivered)
        rig.work()
        told = rig.calls("PUT")
        assert [False, True] == [call.body["isDelivered"] for call in told]

        restore(rig, copy, endpoints=WITHOUT_EVENTS)
        rig.work()
        assert "in_step" == rig.shipment()["state"]
        rig.configure(endpoints=WITH_EVENTS)
        rig.works_until(86_400)
        assert told == rig.calls("PUT")
        rig.post(delivered)
        rig.work()
        assert told[-1].body == rig.calls("PUT")[-1].body


def test_postgres(tmp_path: Path, migrated_postgres_url: str, postgres_url: str):
    """The page's `pg_dump` and `pg_restore` give a database on which the receiver goes on, without a second PATCH."""
    dump, restored = (shlex.split(shell(PAGE, text)) for text in ("pg_dump --format", "pg_restore"))
    programs = [needs("pg_dump"), needs("pg_restore")]
    with Rig(tmp_path, migrated_postgres_url) as rig:
        rig.add_order(order("1-01", package("1")))
        rig.post(posted())
        subprocess.run([programs[0], *dump[1:-1], plain(migrated_postgres_url)], check=True, cwd=tmp_path)
        rig.work()
        target = f"--dbname={plain(postgres_url)}"
        subprocess.run(
            [programs[1], *(target if "--dbname" in one else one for one in restored[1:])], check=True, cwd=tmp_path
        )
        restore(rig, postgres_url)
        rig.work()
        assert "in_step" == rig.shipment()["state"]
        assert 1 == len(rig.calls("PATCH"))


def plain(url: str) -> str:
    """A database's URL as PostgreSQL's own programs take it."""
    return url.replace("postgresql+psycopg://", "postgresql://")
