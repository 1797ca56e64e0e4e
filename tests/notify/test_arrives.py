"""Each cause arrives at a real mail server and a real HTTP receiver, once although two processes look, and so does its
end. `tests/notify/test_store_away.py` has the one that cannot go through the database, `tests/notify/test_telling.py`
the one that a channel cannot tell of itself."""

import re
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from receiver.notify.causes import Cause
from receiver.notify.task import NotifyTask
from receiver.store import OperatorQueries
from receiver.store.notify.watches import Noted, Watches
from receiver.store.operator.deciding import ShipmentDecisions
from tests.support import happenings
from tests.support.configs import config
from tests.support.console import toml
from tests.support.happenings import HAPPENINGS
from tests.support.mail_server import MailServer
from tests.support.paths import ROOT
from tests.support.processes import Sender, Site
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, order, package
from tests.support.taker import Taker


@pytest.fixture
def people() -> Iterator[tuple[MailServer, Taker]]:
    with MailServer() as mail, Taker() as taker:
        yield mail, taker


@pytest.mark.parametrize("cause", HAPPENINGS)
def test_each(rig: Rig, people: tuple[MailServer, Taker], cause: Cause) -> None:
    """It is told once over each channel, with what to do, and its end is told once."""
    mail, taker = people
    rig.configure(endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))
    settings = config(notify={"smtp": mail.settings, "webhook": taker.settings, "repeat_hours": 0.1}).notify
    tasks = [NotifyTask(replace(rig.config, notify=settings), rig.database, clock=lambda: rig.now) for _ in range(2)]
    subject, happening = HAPPENINGS[cause]

    def told() -> list[str]:
        """What each channel heard of it by now; both heard the same."""
        for _ in range(2):
            rig.now += 61
            for task in tasks:
                task.run_once()
        kinds = [kind for kind, *about in taker.told if about == [cause.value, subject]]
        title = next((one["Subject"] for one in mail.mails if _is_about(one, cause, subject)), None)
        assert len(kinds) == sum(_is_about(one, cause, subject) for one in mail.mails), title
        return kinds

    assert [] == told()
    happens = happening(rig)
    next(happens)
    assert ["opened"] == told()
    assert ["opened"] == told()
    assert None is next(happens, None)
    assert ["opened", "resolved"] == told()
    assert ["opened", "resolved"] == told()


def _is_about(mail, cause: Cause, subject: str) -> bool:
    """Whether a mail tells of the cause: by the part of its sentence that does not change."""
    fixed = max(cause.sentence.replace("{count}", "|").replace("{subject}", "|").split("|"), key=len).strip()
    said = mail.get_content().splitlines()[0]
    return fixed in said and (subject in said or "{subject}" not in cause.sentence) and "this morning" not in said


def test_every_cause() -> None:
    """No cause is missing above, and none begins by a row that a test writes: real things happen."""
    assert {*Cause} - {Cause.STORE_AWAY, Cause.CHANNEL_FAILS} == HAPPENINGS.keys()
    source = Path(happenings.__file__).read_text(encoding="utf-8")
    assert [] == re.findall(r"sqlalchemy|\.tables|_tables|database\.write|Watches|Alerts|Accounts", source)


def test_page() -> None:
    """The page on alerts has each cause with its severity."""
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert sorted((cause.value, cause.severity.value) for cause in Cause) == sorted(rows)


def test_processes(tmp_path: Path, people: tuple[MailServer, Taker]) -> None:
    """Two real workers tell of a held parcel once; when one of them is killed, the other tells the end."""
    mail, taker = people
    soon = "import receiver.notify.task as one; one.LOOK, one._SEND = 0.3, 0.1"
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as site:
        with site.config.open("a") as settings:
            for name, values in (("smtp", mail.settings), ("webhook", taker.settings)):
                lines = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
                settings.write(f"[notify.{name}]\n{lines}")
        site.sandbox.put(order("1-01", package("A", value=5_000), package("B", value=5_000)))
        web = site.start("web", "--processes", "1")
        assert 200 == Sender(web.url).post(1)
        workers = [site.start("work", first=soon) for _ in range(2)]
        eventually(lambda: len(taker.got) == 1 and len(mail.mails) == 1)
        workers[0].send(signal.SIGKILL)
        [row] = OperatorQueries(site.queries._database).shipments()
        assert "held" == row["state"]
        ShipmentDecisions(site.queries._database).dismiss(row["id"], now=row["changed_at"] + 1)
        eventually(partial(_both_heard, mail, taker, 2))

    assert [("opened", "held", "lux"), ("resolved", "held", "lux")] == taker.told
    assert ["1 shipment is held, account lux", "over: 1 shipment is held, account lux"] == [
        one["Subject"].partition(": ")[2] for one in mail.mails
    ]


def test_no_worker(tmp_path: Path, people: tuple[MailServer, Taker]) -> None:
    """A real worker is killed: a process that only receives tells it. The next worker tells that it is over."""
    mail, taker = people
    soon = "import receiver.notify.task as one, receiver.notify.findings as two; one.LOOK, one._SEND = 0.3, 0.1"
    soon += "; one._LEAVES_LOOK, one._LEAVES_MESSAGE, two.NO_WORKER = 0.1, 0.1, 1.0"
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as site:
        with site.config.open("a") as settings:
            for name, values in (("smtp", mail.settings), ("webhook", taker.settings)):
                lines = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
                settings.write(f"[notify.{name}]\n{lines}")
        worker = site.start("work")
        eventually(lambda: Watches(site.queries._database).notes(Noted.WORKER))
        worker.send(signal.SIGKILL)
        site.start("web", "--processes", "2", first=soon)
        eventually(partial(_both_heard, mail, taker, 1))
        site.start("work")
        eventually(partial(_both_heard, mail, taker, 2))

    assert [("opened", "no_worker", "all"), ("resolved", "no_worker", "all")] == taker.told
    assert f"the last one on host {socket.gethostname()}, at " in mail.mails[0].get_content()


def _both_heard(mail: MailServer, taker: Taker, many: int) -> bool:
    return len(taker.got) == many == len(mail.mails)
