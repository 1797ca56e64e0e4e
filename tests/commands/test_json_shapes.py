"""What ``--json`` prints is what docs/json.md says, and nothing of the queue's own."""

import json
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest

from receiver.cli import main
from receiver.notify.causes import Cause, Finding
from receiver.notify.decide import decide
from receiver.store.notify.alerts import Alerts
from receiver.store.operator.following import Following
from receiver.store.operator.listings import FETCH_FIELDS
from tests.support.console import Operator
from tests.support.paths import ROOT
from tests.support.rig import UNREADABLE, Rig, order, package, posted

PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
#: The first column of the page's tables → the fields of the second.
SHAPES = {
    name.strip(): re.findall(r"`(\w+)`", re.sub(r"\(.*?\)|;.*", "", fields))
    for name, fields in re.findall(r"^\| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
}
#: What is never printed, however deep.
INTERNAL = {
    *("token", "lease_until", "worker_name", "update_count", "wake_count", "check_at", "priority", "waits"),
    *("input_digest", "normalised_number", "wanted", "verified", "dedup", "is_told", "quiet_until"),
}


@pytest.fixture
def operator(rig: Rig) -> Operator:
    """A parcel in step, one that waits for its order, one held, an unreadable delivery and a wrong address."""
    made = Operator(rig)
    made.in_step()
    rig.add_order(order("2-01", package("A", value=5_000), package("B", value=5_000)))
    rig.post(posted("2-01", parcel="p2", number="TN2BR"))
    rig.post(posted("3-01", parcel="p3", number="TN3BR"))
    rig.work()
    rig.post(UNREADABLE)
    rig.client.post("/webhooks/melhorenvio")
    return made


def fields(row: str) -> set[str]:
    """What the page says of a row, which is named in full."""
    return set(SHAPES[row])


def printed(operator: Operator, *arguments: str) -> dict[str, Any]:
    """The last line that the command prints."""
    lines = operator.tells(*arguments)
    assert lines, arguments
    assert [] == [name for line in lines for name in _names(line) if name in INTERNAL]
    return lines[-1]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(one)


@pytest.mark.parametrize(
    "command",
    [
        *("shipments", "shipments --count", "deliveries", "deliveries --count", "rejects", "rejects --count"),
        *("status", "carriers"),
    ],
)
def test_listings(operator: Operator, command: str) -> None:
    """A listing prints the fields of its row on the page."""
    assert fields(f"`{command}`") == printed(operator, *command.split()).keys()
    assert fields("`fetches`") == set(FETCH_FIELDS)


def test_story(operator: Operator) -> None:
    """The story has the page's fields in each of its parts, and so has an order."""
    story = printed(operator, "show", "TN1BR")

    assert fields("`show SHIPMENT`") == story.keys()
    assert (fields("`shipment`") | fields("`shipments`")) - {"shipments", "awaited_order"} == story["shipment"].keys()
    assert fields("`known`: what the carrier said") == story["shipment"]["known"].keys()
    assert fields("`sent`: what VTEX got") == story["shipment"]["sent"].keys()
    assert fields("each of `deliveries`") == story["deliveries"][0].keys()
    assert fields("each of `attempts`") == story["attempts"][0].keys()
    assert ("dispatched", "TN1BR") == (
        story["shipment"]["known"]["status"],
        story["shipment"]["known"]["volumes"][0]["tracking_number"],
    )
    assert "unseen" != story["shipment"]["sent"]["visibility"]
    of_order = printed(operator, "show", "1-01")
    assert fields("`show ORDER`") == of_order.keys()
    assert story["shipment"] == of_order["shipments"][0]


def test_decided(operator: Operator) -> None:
    """A decision prints what became of it."""
    seen = {
        "`retry` of many": ("retry", "--state", "held"),
        "`retry`, `dismiss` of one with `--dry-run`": ("dismiss", "TN2BR", "--dry-run"),
        "`retry`, `dismiss` of many with `--dry-run`": ("retry", "--state", "due", "--dry-run"),
        "`retry SHIPMENT`": ("retry", "TN2BR"),
        "`dismiss SHIPMENT`": ("dismiss", "TN2BR"),
        "`dismiss` of many": ("dismiss", "--state", "awaiting_order"),
        "`assign --dry-run`": ("assign", "TN2BR", "--order", "2-01", "--invoice", "A", "--dry-run"),
        "`assign`": ("assign", "TN2BR", "--order", "2-01", "--invoice", "A"),
        "`unassign`": ("unassign", "TN2BR"),
        "`decisions`": ("decisions",),
        "`decisions --count`": ("decisions", "--count"),
        "`links`": ("links",),
        "`links --count`": ("links", "--count"),
        "`prune`": ("prune",),
        "`reprocess`": ("reprocess",),
    }
    printed(operator, "link", "X9", "1-01")

    assert {row: fields(row) for row in seen} == {row: set(printed(operator, *words)) for row, words in seen.items()}


def test_reconciled(operator: Operator) -> None:
    """Each kind of line of `reconcile` has its own fields; an invoice says how its parcel stands."""
    rows = {row["gap"]: row for row in operator.tells("reconcile", "--older-than", "0")}

    assert {"without_tracking", "never_written"} == rows.keys()
    assert {gap: fields(f"`reconcile`, `{gap}`") for gap in rows} == {gap: set(row) for gap, row in rows.items()}


def test_messages(operator: Operator) -> None:
    """What lasts, and what could not be sent."""
    found = [Finding(cause=Cause.HELD, subject="lux", count=2)]
    now = operator.rig.now
    alerts = Alerts(operator.rig.database)
    alerts.decide(lambda stored: decide(stored, found, now=now, quiet=60, at_least="warning"), ["smtp"], now=now)

    lasts, unsent = operator.tells("notify", "list")
    assert fields("`notify list`, what lasts") == lasts.keys()
    assert fields("`notify list`, messages not sent") == unsent.keys()
    assert (lasts["since"], "2 shipments are held, account lux") == (lasts["told_at"], unsent["title"])


def test_followed(operator: Operator) -> None:
    """`tail` prints the fields of the lists."""
    rows = Following(operator.rig.database).new(now=operator.rig.now)

    shipment = next(row for row in rows if row["what"] == "shipment")
    assert {"what", *fields("`shipments`")} == shipment.keys()
    delivery = Following(operator.rig.database).before(1, now=operator.rig.now)[0]
    assert {"what", *fields("`deliveries`"), "shipments"} == delivery.keys()


def test_every_command() -> None:
    """Each command that has ``--json`` stands on the page."""

    def with_json(command: click.Command, *path: str) -> Iterator[str]:
        if any(option.name == "as_json" for option in command.params):
            yield " ".join(path)
        for name, one in command.commands.items() if isinstance(command, click.Group) else ():
            yield from with_json(one, *path, name)

    written = set(re.findall(r"[a-z]+(?: [a-z]+)?", json.dumps([*SHAPES])))
    assert [] == [name for name in with_json(main) if name not in written]
