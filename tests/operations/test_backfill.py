"""The index filled from the past: bounded windows, every order read once, and a killed run continues."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.commands.indexing import TimeLeft
from receiver.operations import backfill
from receiver.operations.backfill import Progress, TooMany
from receiver.store import Background
from receiver.vtex.answers import Refused, VtexError
from receiver.vtex.client import Vtex
from receiver.vtex.orders import UnexpectedOrder
from tests.support.backfilling import invoiced, made
from tests.support.console import on_terminal, receiver, write_config
from tests.support.rig import MELHOR_ENVIO, Rig, posted
from tests.support.times import DAY

KEY = "35261112345678000195550010000009001123456789"


def lists(rig: Rig) -> int:
    return sum("?" in call.path for call in rig.calls())


def read(rig: Rig) -> list[str]:
    return [call.order for call in rig.calls() if call.order]


def test_learns(rig_on_either: Rig) -> None:
    """Every order invoiced in the period is read once; those outside are not."""
    rig = rig_on_either
    for number, days_ago in enumerate((9, 4.5, 3.2, 0.5)):
        invoiced(rig, number, days_ago, invoiceKey=f"{KEY[:-1]}{number}")
    done = made(rig).run(rig.now - 5 * DAY, rig.now - DAY)

    assert ["1-01", "2-01"] == read(rig)
    assert (2, 10, 0) == (done.orders, done.facts, done.skipped)
    assert ["1-01"] == [row["order_id"] for row in rig.index.orders_named("lux", "invoice_key", f"{KEY[:-1]}1")]


def test_wakes(rig: Rig) -> None:
    """A parcel that waits with a key is woken by the order that bears it."""
    rig.configure(endpoints={"me": {**MELHOR_ENVIO, "references": [{"path": "data.tags[*].tag", "is": "invoice_key"}]}})
    invoiced(rig, 1, 2, invoiceKey=KEY)
    rig.post(posted(KEY), endpoint="me")
    rig.work()
    invoiced(rig, 2, 1)
    made(rig).run(rig.now - 5 * DAY, None)

    assert "TN1BR" == rig.package_of("1-01", "1")["trackingNumber"]


def test_narrower_windows(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window with more orders than VTEX lists is halved until it has not."""
    monkeypatch.setattr(backfill, "PAGES", 2)
    monkeypatch.setattr(backfill, "PER_PAGE", 2)
    for number in range(11):
        invoiced(rig, number, 1 + number / 20)
    done = made(rig).run(rig.now - 2 * DAY, rig.now)

    assert 11 == done.orders
    assert {f"{number}-01" for number in range(11)} == set(read(rig))


def test_too_many(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """More orders within one second than VTEX lists are told, not left out."""
    monkeypatch.setattr(backfill, "PAGES", 1)
    monkeypatch.setattr(backfill, "PER_PAGE", 2)
    for number in range(3):
        invoiced(rig, number, 1)
    with pytest.raises(TooMany, match="more than 2 orders were invoiced within a second of 2026-11-17T"):
        made(rig).run(rig.now - 2 * DAY, rig.now)


def test_continues(rig_on_either: Rig) -> None:
    """A run that was killed continues behind the last order it had learnt, with the period it had."""
    rig = rig_on_either
    for number in range(6):
        invoiced(rig, number, 3 - number / 2)
    since = rig.now - 4 * DAY

    class Killed(Exception):
        pass

    def killed(at: Progress) -> None:
        if at.orders == 3:
            raise Killed

    with pytest.raises(Killed):
        made(rig, report=killed).run(since, None)
    rig.later(60)
    done = made(rig).run(since, None)

    assert [f"{number}-01" for number in range(6)] == read(rig)
    assert 6 == done.orders
    assert 60 <= rig.now - done.until < 61

    again = made(rig).run(since, None)
    assert (6, 12) == (again.orders, len(read(rig)))


def test_trouble(rig: Rig) -> None:
    """What VTEX cannot show is skipped and told; a key that may not read orders ends it; what is no list, too."""
    for number in range(4):
        invoiced(rig, number, 1)
    said: list[str] = []
    rig.faults(forbidden=frozenset({"1-01"}))
    done = made(rig, skip=said.append).run(rig.now - 2 * DAY, None)
    assert (4, 1) == (done.orders, done.skipped)
    assert "order 1-01: HTTP 403" in said[0]

    before = len(read(rig))
    rig.faults(forbidden=frozenset(f"{number}-01" for number in range(4)))
    with pytest.raises(Refused):
        made(rig).run(rig.now - 3 * DAY, None)
    assert ["0-01", "1-01", "2-01"] == read(rig)[before:]
    rig.faults(unauthorized=True)
    with pytest.raises(VtexError):
        made(rig).run(rig.now - 3 * DAY, None)


def test_refused_here_and_there(rig: Rig) -> None:
    """Single orders are refused each for itself: only a row of them is about the key."""
    for number in range(8):
        invoiced(rig, number, 1)
    rig.faults(forbidden=frozenset({"0-01", "1-01", "3-01", "4-01", "6-01", "7-01"}))
    done = made(rig).run(rig.now - 2 * DAY, None)

    assert (8, 6) == (done.orders, done.skipped)


def test_no_list(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else under 200 is no empty list."""
    monkeypatch.setattr(Vtex, "list_orders", lambda *_: {"list": None})
    with pytest.raises(UnexpectedOrder):
        made(rig).run(rig.now - DAY, None)


def test_index_lag(rig: Rig) -> None:
    """The stand-in's list lags where it is told to; an order is then read by a later run."""
    rig.faults(index_lag=240.0)
    invoiced(rig, 1, 0.001)
    assert 0 == made(rig).run(rig.now - DAY, None).orders
    rig.now += 240
    assert 1 == made(rig).run(rig.now - DAY, None).orders


class TestCommand:
    """``receiver index``."""

    @pytest.fixture
    def config(self, rig: Rig) -> Any:
        rig.now = datetime.now(UTC).timestamp()
        return write_config(rig.folder, rig.database_url, rig.vtex_url, {"melhor-envio": MELHOR_ENVIO})

    def test_summary(self, rig: Rig, config: Any):
        """How many orders were read and what they taught, also as JSON; a second run reads them again."""
        invoiced(rig, 1, 1)
        since = datetime.fromtimestamp(rig.now - 3 * DAY, UTC).date().isoformat()
        assert "1 order read, 2 new keys in the index\n" == receiver("index", "--since", since, config=config).output
        result = json.loads(receiver("index", "--since", since, "--json", config=config).output)
        assert (1, 2, 0, "lux", f"{since}T00:00:00Z") == tuple(
            result[name] for name in ("orders", "facts", "skipped", "account", "since")
        )

    def test_terminal(self, rig: Rig, config: Any):
        """Where someone looks, a bar tells how far it is; where no one does, stderr stays silent."""
        invoiced(rig, 1, 1)
        since = datetime.fromtimestamp(rig.now - 3 * DAY, UTC).date().isoformat()
        said, shown = on_terminal("index", "--since", since, config=config)
        assert "1 order read, 2 new keys in the index\n" == said
        assert re.search(r"indexing .*1 order, up to 20\d\d-\d\d-\d\d ", shown), shown
        assert "" == receiver("index", "--since", since, config=config).stderr

    def test_faults(self, rig: Rig, config: Any):
        """What cannot be done is said in one line."""
        old = receiver("index", "--since", "2020-01-01", config=config)
        assert (1, 1) == (old.exit_code, len(old.output.splitlines()))
        assert "--since: VTEX shows orders of the last two years only" in old.output
        ahead = datetime.fromtimestamp(rig.now + DAY, UTC).date().isoformat()
        assert "--since: must be before" in receiver("index", "--since", ahead, config=config).output
        assert 2 == receiver("index", "--since", "soon", config=config).exit_code
        today = datetime.fromtimestamp(rig.now - DAY, UTC).date().isoformat()
        midnight = datetime.fromisoformat(f"{today}T00:00:00Z").timestamp()
        assert (
            "no account 'x'; there are lux\n"
            == receiver("index", "--since", today, "--account", "x", config=config).output
        )
        [line] = receiver("index", "--since", today, "--until", ahead, config=config).output.splitlines()
        assert "--until: lies ahead; leave it out to read everything up to now" == line
        assert ([], None) == (rig.calls(), Background(rig.database).backfill("lux", midnight))
        rig.faults(unauthorized=True)
        result = receiver("index", "--since", today, config=config)
        assert 1 == result.exit_code
        assert result.output.startswith("VTEX account lux: the app key is not accepted: HTTP 401")
        assert "the same command continues there" in result.output

    def test_waiting(self, rig: Rig, config: Any, monkeypatch: pytest.MonkeyPatch):
        """Where VTEX does not answer, each wait says whose it is, until when, and that it may be ended."""
        invoiced(rig, 1, 1)
        rig.faults(server_error=1.0)
        monkeypatch.setattr("receiver.calls.background.time.sleep", lambda _: rig.faults())
        since = datetime.fromtimestamp(rig.now - 3 * DAY, UTC).date().isoformat()
        first, *_ = receiver("index", "--since", since, config=config).stderr.splitlines()

        assert first.startswith("VTEX account lux: HTTP 500")
        assert re.search(r"tried again in \d+ s\. Ctrl-C ends it; the same command goes on from here$", first)


def test_time_left():
    """The bar says roughly how long it will take, by this run's own pace, and nothing before a tenth is done."""
    left, day = TimeLeft(), 86_400.0

    said = [left.words(5 * day + done * day, 25 * day, now=1_000 + done * 60) for done in (0, 1, 2, 10, 19, 20)]
    assert ["", "", ", about 18 min left", ", about 10 min left", ", about a minute left", ""] == said
