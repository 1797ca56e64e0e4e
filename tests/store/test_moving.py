"""From SQLite to PostgreSQL: `receiver migrate --from` brings everything over, or nothing."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select

from receiver.store import Database
from receiver.store.moving import _TABLES, _alone
from tests.support.console import Operator, receiver, write_config
from tests.support.paths import ROOT
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, Rig, order, package, posted


@pytest.fixture
def file(tmp_path: Path, migrated_sqlite_url: str) -> Path:
    """A database with some of everything: parcels that were written, held and dismissed, links, decisions, rejects."""
    with Rig(tmp_path, migrated_sqlite_url) as rig:
        rig.add_order(order("1-01", package("41001")), order("2-01", package("A"), package("B")))
        rig.link("TN9BR", "9-01", also=["8-01"])
        rig.post(posted())
        rig.post(posted("2-01", parcel="p2", number="TN2BR"))
        rig.post(posted("3-01", parcel="p3", number="TN3BR"))
        rig.post(UNREADABLE)
        rig.client.post("/webhooks/melhor-envio", json=posted())
        rig.client.post("/webhooks/melhorenvio")
        rig.work()
        Operator(rig).says("dismiss", "melhor-envio/p3", "--by", "ana", "--note", "not ours")
        assert "in_step" == rig.shipment()["state"]
    return tmp_path / "receiver.db"


def rows_of(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with contextlib.closing(Database(url)) as database:
        return {table.name: sorted((dict(row) for row in database.rows(select(table))), key=str) for table in _TABLES}


def copied(file: Path, url: str) -> Result:
    """What `receiver migrate --from` says, where the configuration names ``url``."""
    config = write_config(file.parent, url, "https://vtex.invalid", {"melhor-envio": MELHOR_ENVIO})
    return receiver("migrate", "--from", file, config=config)


def test_everything(tmp_path: Path, file: Path, postgres_url: str) -> None:
    """Every row is there, and the receiver goes on where it was: a repeat is a duplicate, what was dismissed stays so,
    what VTEX shows is not written again."""
    said = copied(file, postgres_url)

    before, after = rows_of(f"sqlite:///{file}"), rows_of(postgres_url)
    assert 0 == said.exit_code, said.output
    many = sum(map(len, before.values()))
    assert f"the database is up to date\n{many} rows copied from {file}, which stays where it is\n" == said.stdout
    assert before == after
    assert all(before[name] for name in ("deliveries", "updates", "shipments", "attempts", "links", "decisions"))
    with Rig(tmp_path, postgres_url) as rig:
        rig.add_order(order("1-01", package("41001", trackingNumber="TN1BR")))
        assert ["duplicate", "accepted"] == [
            rig.post(one).get_json()["outcome"] for one in (posted(), posted("3-01", parcel="p3", number="TN4BR"))
        ]
        rig.work()
        assert "dismissed" == rig.shipment("melhor-envio/p3")["state"]
        assert [] == rig.calls("PATCH")


def test_in_use(tmp_path: Path, file: Path, postgres_url: str) -> None:
    """While a process uses the file nothing is copied: what it stored meanwhile would be missing."""
    with contextlib.closing(Database(f"sqlite:///{file}")) as other:
        other.check_writable()
        said = copied(file, postgres_url)

    assert 1 == said.exit_code
    assert f"{file} cannot be copied: database is locked; stop every process of the receiver" in said.stderr
    assert [] == rows_of(postgres_url)["shipments"]


def test_meanwhile(file: Path) -> None:
    """A process that starts while rows are copied does not get the file."""
    with (
        _alone(file),
        contextlib.closing(sqlite3.connect(file, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("SELECT * FROM shipments")


def test_not_empty(file: Path, postgres_url: str) -> None:
    """Into a database that was used nothing is copied, and a second copy is refused."""
    assert 0 == copied(file, postgres_url).exit_code
    before = rows_of(postgres_url)
    again = copied(file, postgres_url)

    assert (1, before) == (again.exit_code, rows_of(postgres_url))
    assert "the database is not empty, " in again.stderr


def test_refused(tmp_path: Path, file: Path, postgres_url: str) -> None:
    """No copy into SQLite, none of another schema, and none of a file that is no database."""
    into_sqlite = copied(file, f"sqlite:///{tmp_path}/other.db")
    with contextlib.closing(sqlite3.connect(file)) as opened:
        opened.execute("UPDATE alembic_version SET version_num = '0001'")
        opened.commit()
    former = copied(file, postgres_url)
    (tmp_path / "text.db").write_text("no database" * 100)
    text = copied(tmp_path / "text.db", postgres_url)

    assert [1, 1, 1] == [said.exit_code for said in (into_sqlite, former, text)]
    assert "--from copies into PostgreSQL, and the configuration names an SQLite file\n" == into_sqlite.stderr
    assert "is at revision 0001, this program needs revision" in former.stderr
    assert "text.db cannot be copied: file is not a database" in text.stderr


def test_page(file: Path, postgres_url: str) -> None:
    """The page's command is this one."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    [line] = [line for line in page.splitlines() if "receiver migrate --from" in line]
    words = line.partition("bin/receiver ")[2].split()
    config = write_config(file.parent, postgres_url, "https://vtex.invalid", {"melhor-envio": MELHOR_ENVIO})

    said = receiver(*words[:-1], file, config=config)

    assert "/var/lib/receiver/receiver.db" == words[-1]
    assert (0, True) == (said.exit_code, "rows copied from" in said.stdout)
