"""A store that is away is told without it: by one process of a host, once, and when it is back."""

import contextlib
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.notify.channels import NotSent
from receiver.notify.store_away import AWAY, StoreAway
from receiver.store import StoreUnavailable
from tests.support.mail_server import MailServer
from tests.support.processes import Sender, Site
from tests.support.rig import eventually
from tests.support.taker import Taker

GONE = StoreUnavailable("the database refuses: gone")
HOUR = 3_600.0


class Chat:
    def __init__(self) -> None:
        self.heard: list[tuple[str, list[str]]] = []
        self.tried: list[str] = []
        self.fails = False

    def send(self, name: str, message: dict[str, Any], *, at: float) -> None:
        self.tried.append(name)
        if self.fails:
            raise NotSent("HTTP 500")
        self.heard.append((message["kind"], message["lines"]))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.heard]


class Host:
    """Processes of one host, on one clock."""

    def __init__(self, folder: Path, processes: int = 2) -> None:
        self.now, self.chat, self._folder = 1_000.0, Chat(), folder
        self.processes = [self.start() for _ in range(processes)]

    def start(self) -> StoreAway:
        url = f"sqlite:///{self._folder}/receiver.db"
        return StoreAway({"chat": self.chat}, url, quiet=6 * HOUR, clock=lambda: self.now)  # type: ignore[dict-item]

    def away(self, seconds: float = AWAY) -> list[str]:
        """The store is away for so long; what was told until then."""
        for _ in range(2):
            for one in self.processes:
                one.away(GONE, ("ups (3 refused)",))
            self.now += seconds
        for one in self.processes:
            one.away(GONE, ("ups (3 refused)",))
        return self.chat.kinds

    def back(self) -> list[str]:
        for one in self.processes:
            one.back()
        return self.chat.kinds


def test_once(tmp_path: Path) -> None:
    """Of a host's processes one tells, with what is known of the refused, and the same one tells the end."""
    host = Host(tmp_path, 3)

    assert ["opened"] == host.away()
    assert [("opened", ["the database refuses: gone", "ups (3 refused)"])] == host.chat.heard
    assert ["opened", "resolved"] == host.back()
    assert 0o600 == (tmp_path / "receiver.db-away").stat().st_mode & 0o777


def test_short(tmp_path: Path) -> None:
    """What is over within a minute is not told, and neither is its end."""
    host = Host(tmp_path)

    assert [] == host.away(seconds=10)
    assert [] == host.back()


def test_quiet(tmp_path: Path) -> None:
    """A store that comes and goes is told again when the quiet period has passed."""
    host = Host(tmp_path)
    host.away()
    host.back()

    assert ["opened", "resolved"] == host.away()
    host.back()
    host.now += 6 * HOUR
    assert ["opened", "resolved", "opened"] == host.away()
    host.back()


def test_killed(tmp_path: Path) -> None:
    """A process that ended without a word leaves its turn: the next one tells the end, and not the beginning again."""
    host = Host(tmp_path, 1)
    host.away()
    [dead] = host.processes
    host.processes = [host.start()]
    dead._turn.give_back()  # as the kernel does

    assert ["opened"] == host.away()
    assert ["opened", "resolved"] == host.back()


def test_channel_away(tmp_path: Path) -> None:
    """Where the network takes the channel along, it is tried again under the same id, more and more rarely; one that
    never heard of it does not hear that it is over."""
    host = Host(tmp_path, 1)
    host.chat.fails = True
    host.away()
    for _ in range(60):
        host.away(seconds=5)
    assert 1 == len(set(host.chat.tried))
    assert 6 >= len(host.chat.tried) >= 4
    host.chat.fails = False
    host.now += HOUR

    assert ["opened"] == host.away(seconds=1)
    assert ["opened", "resolved"] == host.back()
    host.now += 6 * HOUR
    host.chat.fails = True
    host.away()
    host.chat.fails = False
    assert ["opened", "resolved"] == host.back()


def test_no_file(tmp_path: Path) -> None:
    """Where the file cannot be made, people are told all the same."""
    host = Host(tmp_path / "missing", 1)

    assert ["opened"] == host.away()
    assert ["opened", "resolved"] == host.back()


@contextlib.contextmanager
def gone(file: Path, *tables: str) -> Iterator[None]:
    """Within the block the tables are not there."""

    def run(statement: str) -> None:
        with contextlib.closing(sqlite3.connect(file, timeout=30)) as connection:
            for table in tables:
                connection.execute(statement.format(table))
            connection.commit()

    run("ALTER TABLE {0} RENAME TO gone_{0}")
    yield
    run("ALTER TABLE gone_{0} RENAME TO {0}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as made:
        yield made


def test_no_webhook(site: Site) -> None:
    """Where no webhook comes, a host without a worker notices by itself that the database does not answer."""
    with Taker() as taker:
        with site.config.open("a") as settings:
            lines = "".join(f"{key} = {json.dumps(one)}\n" for key, one in taker.settings.items())
            settings.write(f"[notify.webhook]\n{lines}")
        soon = "import receiver.notify.store_away as one; one.AWAY, one._LOOK = 0.2, 0.1"
        web = site.start(
            "web", "--processes", "1", first=f"{soon}; import receiver.notify.task as two; two._SEND = 0.1"
        )
        assert web.url  # it listens
        with gone(site.folder / "receiver.db", "rejects", "notifications"):
            eventually(lambda: taker.got)
        eventually(lambda: len(taker.got) == 2)

    host = socket.gethostname()
    assert [("opened", "store_away", host), ("resolved", "store_away", host)] == taker.told


def test_host_that_only_receives(site: Site) -> None:
    """A host without a worker tells by mail and by webhook, once for all its processes, which carrier is refused; and
    when deliveries are stored again."""
    with MailServer() as mail, Taker() as taker:
        tables = {"notify.smtp": mail.settings, "notify.webhook": taker.settings}
        with site.config.open("a") as settings:
            for name, values in tables.items():
                settings.write(f"[{name}]\n" + "".join(f"{key} = {json.dumps(one)}\n" for key, one in values.items()))
        soon = "import receiver.notify.store_away as one; one.AWAY, one._LOOK = 0.2, 0.1"
        web = site.start("web", "--processes", "2", first=soon)
        sender = Sender(web.url)
        assert 200 == sender.post(1)
        with gone(site.folder / "receiver.db", "rejects", "deliveries"):
            ends = time.monotonic() + 60
            while not taker.got and time.monotonic() < ends:
                assert 503 == sender.post(2)
        eventually(lambda: len(taker.got) == 2 and len(mail.mails) == 2)

        host = socket.gethostname()
        assert [("opened", "store_away", host), ("resolved", "store_away", host)] == taker.told
        assert [True, True] == [host in one["Subject"] for one in mail.mails]
        assert "melhor-envio (" in mail.mails[0].get_content()
        assert 200 == sender.post(3)
    assert 1 == web.log.count("channel=webhook kind=opened cause=store_away")
