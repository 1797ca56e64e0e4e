"""Each cause arrives at a real mail server and a real HTTP receiver, once although two processes look, and so does its
end. `tests/notify/test_store_away.py` has the one that cannot go through the database."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from receiver.notify.causes import Cause
from receiver.notify.task import NotifyTask
from receiver.store import Background, OperatorQueries, Queue
from receiver.store.alerts import Alerts
from receiver.store.tables import deliveries, fetches
from tests.support.configs import config
from tests.support.console import toml
from tests.support.mail_server import MailServer
from tests.support.processes import Sender, Site
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, Rig, eventually, order, package, posted
from tests.support.taker import Taker
from tests.support.telling import HOUR, heard_daily, hold

DAY = 24 * HOUR
PARCEL = "melhor-envio/p1"
Step = Callable[[Rig], object]


def later(hours: float) -> Step:
    def step(rig: Rig) -> None:
        rig.now += hours * HOUR

    return step


def delivered(rig: Rig) -> None:
    """The carrier is heard."""
    assert 200 == rig.post({**posted(), "event": "order.created"}).status_code
    rig.work()


def sql(rig: Rig, statement: object) -> None:
    rig.database.write(lambda connection: connection.execute(statement))


def no_order(rig: Rig) -> None:
    rig.post(posted("9-01"))
    rig.works_until(9 * DAY)


def unproven(rig: Rig) -> None:
    for _ in range(3):
        assert 401 == rig.client.post("/webhooks/melhor-envio", json=posted()).status_code


def fetch_held(rig: Rig) -> None:
    row = {"id": "x/1", "endpoint": "melhor-envio", "delivery": "d", "method": "GET", "url": "https://x.example/"}
    row |= {"wanted": 1, "outcome": "held", "reason": "HTTP 401", "asked_at": rig.now, "changed_at": rig.now}
    sql(rig, insert(fetches).values(row))


def accounts(rig: Rig):
    return Queue(rig.database, worker_name="test", lease=60).accounts


def waiting(rig: Rig) -> None:
    rig.post(posted())
    rig.now += 20 * 60


def hooked(rig: Rig, *, is_ours: bool) -> None:
    Background(rig.database).hook_installed("lux", "https://r.example/hooks/vtex/lux", now=rig.now)
    Alerts(rig.database).note_hook("lux", is_ours=is_ours, now=rig.now)


#: Cause and subject → what makes it begin, and what ends it.
CASES: dict[tuple[Cause, str], tuple[Step, Step]] = {
    (Cause.HELD, "lux"): (lambda rig: hold(rig, "p1"), lambda rig: rig.queries.dismiss(PARCEL, now=rig.now)),
    (Cause.GAVE_UP, "lux"): (no_order, lambda rig: rig.queries.dismiss(PARCEL, now=rig.now)),
    (Cause.UNREADABLE, "melhor-envio"): (
        lambda rig: rig.post(UNREADABLE), lambda rig: sql(rig, update(deliveries).values(outcome="ignored"))
    ),
    (Cause.UNKNOWN_WORD, "melhor_envio"): (lambda rig: rig.post(posted(event="order.teleported")), later(25)),
    (Cause.UNKNOWN_ADDRESS, "melhor-envio"): (lambda rig: rig.client.post("/webhooks/melhorenvio"), later(25)),
    (Cause.NOT_PROVEN, "melhor-envio"): (unproven, delivered),
    (Cause.FETCH_HELD, "melhor-envio"): (fetch_held, lambda rig: sql(rig, delete(fetches))),
    (Cause.ACCOUNT_PAUSED, "lux"): (
        lambda rig: accounts(rig).pause("lux", until=rig.now + HOUR, reason="HTTP 401", own_fault=True),
        lambda rig: accounts(rig).resume("lux"),
    ),
    (Cause.BACKLOG, "all"): (waiting, Rig.work),
    (Cause.SILENT, "melhor-envio"): (
        lambda rig: [heard_daily(rig, melhor_envio=12, other=18), later(2)(rig)], delivered
    ),
    (Cause.ACCOUNT_SILENT, "lux"): (
        lambda rig: [heard_daily(rig, melhor_envio=12, other=12), later(3)(rig)], delivered
    ),
    (Cause.NEVER_HEARD, "melhor-envio"): (later(73), delivered),
    (Cause.ORDER_HOOK, "lux"): (partial(hooked, is_ours=False), partial(hooked, is_ours=True)),
    (Cause.CLOCK, "host-b"): (
        lambda rig: Alerts(rig.database).note_clock("host-b", 95.0, now=rig.now), later(0.2)
    ),
}  # fmt: skip


@pytest.fixture
def people() -> Iterator[tuple[MailServer, Taker]]:
    with MailServer() as mail, Taker() as taker:
        yield mail, taker


@pytest.mark.parametrize(("cause", "subject"), CASES, ids=lambda one: str(one))
def test_each(rig: Rig, people: tuple[MailServer, Taker], cause: Cause, subject: str) -> None:
    """It is told once over each channel, with what to do, and its end is told once."""
    mail, taker = people
    rig.configure(endpoints=dict.fromkeys(("melhor-envio", "other"), MELHOR_ENVIO))
    settings = config(notify={"smtp": mail.settings, "webhook": taker.settings, "repeat_hours": 0.1}).notify
    tasks = [NotifyTask(replace(rig.config, notify=settings), rig.database, clock=lambda: rig.now) for _ in range(2)]
    begin, end = CASES[cause, subject]

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
    begin(rig)
    assert ["opened"] == told()
    assert ["opened"] == told()
    end(rig)
    assert ["opened", "resolved"] == told()
    assert ["opened", "resolved"] == told()


def _is_about(mail, cause: Cause, subject: str) -> bool:
    """Whether a mail tells of the cause: by the part of its sentence that does not change."""
    fixed = max(cause.sentence.replace("{count}", "|").replace("{subject}", "|").split("|"), key=len).strip()
    said = mail.get_content().splitlines()[0]
    return fixed in said and (subject in said or "{subject}" not in cause.sentence) and "this morning" not in said


def test_every_cause() -> None:
    """No cause is missing above."""
    assert {*Cause} - {Cause.STORE_AWAY} == {cause for cause, _ in CASES}


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
        site.queries.dismiss(row["id"], now=row["changed_at"] + 1)
        eventually(partial(_both_heard, mail, taker, 2))

    assert [("opened", "held", "lux"), ("resolved", "held", "lux")] == taker.told
    assert ["1 shipment is held, account lux", "over: 1 shipment is held, account lux"] == [
        one["Subject"].partition(": ")[2] for one in mail.mails
    ]


def _both_heard(mail: MailServer, taker: Taker, many: int) -> bool:
    return len(taker.got) == many == len(mail.mails)
