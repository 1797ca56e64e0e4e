"""Every listing: how many rows, of which time, in which form."""

import csv
import io
import os
import pty

import click
import pytest
from rich.cells import cell_len

from receiver.commands._common import lines
from tests.support.console import Operator, receiver_process
from tests.support.rig import NOON, posted

UUID = "9c1f2a60-5b7e-4f7e-9a35-0f5e2f1d7c11"


@pytest.fixture
def three(operator_on_either: Operator) -> Operator:
    """Parcels p1, p2 and p3, a day apart; p1 was written to order 1-01."""
    rig = operator_on_either.rig
    operator_on_either.in_step()
    for number in (2, 3):
        rig.now = NOON + (number - 1) * 86_400
        rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR"))
    return operator_on_either


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), [3, 2, 1]),
        (("--limit", 2), [3, 2]),
        (("--since", "2026-11-19"), [3, 2]),
        (("--until", "2026-11-20"), [2, 1]),
        (("--account", "lux", "--limit", 1), [3]),
        (("--order", "1-01"), [1]),
    ],
)
def test_which(three, options, found):
    """The newest first; each option keeps what it names."""
    assert [f"melhor-envio/p{number}" for number in found] == [row["id"] for row in three.tells("shipments", *options)]


def test_deliveries_newest_first(three):
    """The latest arrival stands first."""
    arrived = [row["received_at"][:10] for row in three.tells("deliveries")]

    assert ["2026-11-20", "2026-11-19", "2026-11-18"] == arrived
    assert arrived[1:] == [row["received_at"][:10] for row in three.tells("deliveries", "--until", "2026-11-20")]
    assert arrived[2:] == [row["received_at"][:10] for row in three.tells("deliveries", "--order", "1-01")]


def test_count(three):
    """How many, by account, state and reason."""
    counted = {(row["account"], row["state"]): row["count"] for row in three.tells("shipments", "--count")}

    assert {("lux", "in_step"): 1, ("lux", "due"): 2} == counted


def test_csv(three):
    """A heading, and every row with the fields of --json; no text is a formula for a spreadsheet."""
    three.rig.now += 60
    three.rig.post(posted("9-01", parcel="=1+1", number="=cmd"))
    three.rig.work()

    found = list(csv.DictReader(io.StringIO(three.says("shipments", "--csv"))))

    assert {"'=cmd", "TN1BR"} <= {row["tracking_number"] for row in found}
    assert list(three.tells("shipments")[0]) == list(found[0])


def test_both_forms(operator):
    """--json and --csv contradict each other."""
    result = receiver_process("rejects", "--json", "--csv", config=operator.config)

    assert "Give --json or --csv, not both." in result.communicate(timeout=60)[1]


def test_unknown_account(operator):
    """An account that is not configured is a typing error, not an empty list."""
    assert "no account 'nope'; there are lux" == operator.fails("shipments", "--account", "nope")


def test_fits():
    """A table that is too wide becomes a head and indented lines for each row; names stay whole."""
    row = [f"melhor-envio/{UUID}", "awaiting_invoice", "ME11BR", "1410000000011-01", "word " * 30, ""]

    shown = list(lines(["shipment", "state", "number", "order", "why", "none"], [row], 80))

    assert f"melhor-envio/{UUID}" == shown[0]
    assert "    state awaiting_invoice  number ME11BR  order 1410000000011-01" == shown[1]
    assert 80 >= max(map(cell_len, shown))
    assert "none" not in "".join(shown)
    assert 2 == len(list(lines(["shipment", *"abcde"], [row], None)))


def test_terminal(three):
    """On a terminal of 80 columns every line fits."""
    ours, its = pty.openpty()
    environ = {**os.environ, "COLUMNS": "80", "RECEIVER_CONFIG": str(three.config)}
    process = receiver_process("shipments", config=three.config, stdout=its, env=environ)
    os.close(its)
    _, said = process.communicate(timeout=60)
    shown = click.unstyle(os.read(ours, 65_536).decode()).splitlines()
    os.close(ours)

    assert "" == said
    assert "melhor-envio/p3" in shown
    assert 80 >= max(map(len, shown))
