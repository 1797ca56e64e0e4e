"""Which findings are told, and when."""

from zoneinfo import ZoneInfo

import pytest

from receiver.notify.causes import Cause, Finding
from receiver.notify.decide import decide, digest, last_digest, quiet_until

NOW, HOUR = 1_795_000_000.0, 3600.0
HELD = Finding(cause=Cause.HELD, subject="lux", count=2, lines=("TN1BR: ambiguous_invoice",))


def after(*looks: tuple[float, list[Finding]], at_least: str = "warning") -> list[tuple[float, str, int]]:
    """What is told over several looks: hours, kind and count."""
    stored: dict = {}
    told = []
    for hours, findings in looks:
        now = NOW + hours * HOUR
        changed, messages = decide(list(stored.values()), findings, now=now, quiet=6 * HOUR, at_least=at_least)
        stored |= {(one["cause"], one["subject"]): one for one in changed}
        told += [(hours, one["kind"], one["count"]) for one in messages]
    return told


def more(count: int) -> list[Finding]:
    return [Finding(cause=Cause.HELD, subject="lux", count=count)]


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        pytest.param([(0, [HELD]), (1, [HELD]), (9, [HELD])], [(0, "opened", 2)], id="once"),
        pytest.param([(0, [HELD]), (1, [])], [(0, "opened", 2), (1, "resolved", 2)], id="resolved"),
        pytest.param([(0, [HELD]), (1, more(5)), (7, more(5))], [(0, "opened", 2), (7, "more", 5)], id="more"),
        pytest.param([(0, [HELD]), (7, more(1))], [(0, "opened", 2)], id="fewer"),
        pytest.param(
            [(0, more(3)), (1, more(1)), (7, more(2))], [(0, "opened", 3), (7, "more", 2)], id="others in their place"
        ),
        pytest.param(
            [(0, [HELD]), (1, []), (2, [HELD]), (3, []), (4, [HELD]), (7, [HELD])],
            [(0, "opened", 2), (1, "resolved", 2), (7, "opened", 2)],
            id="flapping",
        ),
        pytest.param([(0, []), (1, [])], [], id="nothing"),
    ],
)
def test_told(looks, told) -> None:
    """A cause is told when it begins and when it is over; within the quiet period it is not told again."""
    assert told == after(*looks)


def test_wait() -> None:
    """What is often over by itself must last before it is told; what was not told is not over either."""
    pause = [Finding(cause=Cause.ACCOUNT_PAUSED, subject="lux", wait=HOUR / 2)]

    assert [(1, "opened", 1)] == after((0, pause), (1, pause))
    assert [] == after((0, pause), (0.2, []))


def test_severity() -> None:
    """Who wants to hear of critical matters alone is not told of others."""
    paused = Finding(cause=Cause.ACCOUNT_PAUSED, subject="lux")

    assert [(0, "opened", 1)] == after((0, [HELD, paused]), at_least="critical")


def test_subjects() -> None:
    """Each account and endpoint has messages of its own."""
    other = Finding(cause=Cause.HELD, subject="outlet")

    assert [(0, "opened", 2), (1, "opened", 1)] == after((0, [HELD]), (1, [HELD, other]))


def test_digest() -> None:
    """One message about all that lasts, with what to do about each; none where nothing does."""
    changed, _ = decide(
        [], [HELD, Finding(cause=Cause.BACKLOG, subject="all")], now=NOW, quiet=HOUR, at_least="warning"
    )
    made = digest(changed, at_least="warning")

    assert ("2 matters last", "critical", NOW) == (made["title"], made["severity"], made["since"])
    assert "2 shipments are held, account lux: receiver shipments --state held" == made["lines"][0]
    assert digest(changed, at_least="critical")["title"] == "1 matter lasts"
    over, _ = decide(changed, [], now=NOW + 1, quiet=HOUR, at_least="warning")
    assert digest(over, at_least="warning") is None


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 3.11), ("America/Sao_Paulo", 0.11), ("America/Los_Angeles", 19.11)]
)
def test_morning(zone: str, hours: float) -> None:
    """The digest is due at its time of day, where the people are. The present is 11:06 in UTC."""
    assert pytest.approx(hours, abs=0.01) == (NOW - last_digest(NOW, 8 * 60, ZoneInfo(zone))) / HOUR


@pytest.mark.parametrize(
    ("zone", "span", "hours"),
    [
        # The present is 11:06 in UTC, 8:06 in São Paulo, 3:06 in Los Angeles.
        pytest.param("UTC", (22 * 60, 7 * 60), None, id="day"),
        pytest.param("America/Los_Angeles", (22 * 60, 7 * 60), 3.89, id="after midnight"),
        pytest.param("America/Los_Angeles", (1 * 60, 5 * 60), 1.89, id="within a day"),
        pytest.param("America/Los_Angeles", (4 * 60, 5 * 60), None, id="not yet"),
        pytest.param("America/Sao_Paulo", (8 * 60, 7 * 60), 22.89, id="before midnight"),
        pytest.param("UTC", None, None, id="none"),
    ],
)
def test_quiet_hours(zone: str, span: tuple[int, int] | None, hours: float | None) -> None:
    """Quiet hours are those of the people's clocks, over midnight, too."""
    until = quiet_until(NOW, span, ZoneInfo(zone))

    assert (None if until is None else (until - NOW) / HOUR) == (hours and pytest.approx(hours, abs=0.01))


def test_calm() -> None:
    """In quiet hours what is critical is told, the rest waits; an end waits in its message."""
    paused, until = Finding(cause=Cause.ACCOUNT_PAUSED, subject="lux"), NOW + HOUR
    changed, messages = decide([], [HELD, paused], now=NOW, quiet=HOUR, at_least="warning", calm_until=until)
    assert [("opened", "account_paused")] == [(one["kind"], one["cause"]) for one in messages]
    _, later = decide(changed, [HELD, paused], now=until, quiet=HOUR, at_least="warning")
    assert [("opened", "held")] == [(one["kind"], one["cause"]) for one in later]

    told, _ = decide([], [HELD, paused], now=NOW, quiet=HOUR, at_least="warning")
    _, ends = decide(told, [], now=NOW + 60, quiet=HOUR, at_least="warning", calm_until=until)
    assert [("held", until), ("account_paused", None)] == [(one["cause"], one.get("due_at")) for one in ends]


@pytest.mark.parametrize("cause", Cause)
def test_texts(cause: Cause) -> None:
    """Every cause says what happened, about whom, and what to do."""
    finding = Finding(cause=cause, subject="lux", count=3)

    assert "{" not in finding.title + finding.command
    assert ("lux" in finding.title) == ("{subject}" in cause.sentence)
    assert finding.command
