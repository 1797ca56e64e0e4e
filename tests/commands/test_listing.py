"""Every listing: how many rows, of which time, in which form."""

import csv
import io
import os
import pty
import re

import click
import pytest
from rich.cells import cell_len
from sqlalchemy import insert

from receiver.cli import main
from receiver.commands._common import lines
from receiver.store.tables import fetches
from tests.support.console import Operator, receiver_process
from tests.support.paths import ROOT
from tests.support.rig import NOON, UNREADABLE, order, package, posted

#: Listing → what the page says of `--account`, `--order`, `--endpoint` and `--count`.
TABLE = {
    name: dict(zip(("account", "order", "endpoint", "count"), map(str.strip, cells.split("|")), strict=True))
    for name, cells in re.findall(
        r"^\| `(\w+)` \| (.+ \| .+ \| .+ \| .+) \|$",
        (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").partition("counts by |\n")[2],
        re.MULTILINE,
    )
}
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


def test_table():
    """Each listing has the options that the page says, and where it has one not, the page says why."""
    shared = {"--limit", "--since", "--until", "--json", "--csv", "--count"}
    with_csv = {name for name, one in main.commands.items() if name != "link" and "--csv" in _options(one)}

    assert with_csv == TABLE.keys()
    for name, cells in TABLE.items():
        reasons = {f"--{option}": said for option, said in cells.items() if said.startswith("no")}
        assert {f"--{option}" for option in cells} - reasons.keys() <= _options(main.commands[name])
        assert not reasons.keys() & _options(main.commands[name])
        assert all(re.fullmatch(r"no: .{10,}", said) for said in reasons.values())
        assert shared <= _options(main.commands[name])


def _options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


@pytest.fixture
def all_kinds(three: Operator) -> Operator:
    """Something of each kind: a reject, a fetch, a link, decisions, an unreadable delivery."""
    three.rig.configure(endpoints=three.endpoints, account={"link_tokens": ["t" * 32]})
    three.rig.client.post("/webhooks/melhor-envio", json=posted())
    three.rig.client.post("/webhooks/melhor-envio", json=posted())
    three.rig.client.post("/webhooks/melhorenvio")
    three.rig.client.post("/links/lux", json=[])
    three.rig.post(UNREADABLE)
    row = {"id": "x/1", "endpoint": "melhor-envio", "delivery": "d", "method": "GET", "url": "https://x.example/"}
    row |= {"wanted": 1, "outcome": "held", "asked_at": NOON, "changed_at": NOON}
    three.rig.database.write(lambda connection: connection.execute(insert(fetches).values(row)))
    for number, order_id in (("A1BR", "7-01"), ("A2BR", "8-01")):
        three.says("link", number, order_id, "--by", "ana")
    three.says("dismiss", "melhor-envio/p2", "--by", "ana")
    three.says("dismiss", "melhor-envio/p3", "--by", "bia")
    return three


COUNTED = {
    "shipments --order 1-01": {("lux", "in_step", None): 1},
    "deliveries": {("melhor_envio", "quarantined"): 1},
    "deliveries --outcome accepted": {("melhor_envio", "accepted", None): 3},
    "deliveries --account lux --until 2026-11-19": {("melhor_envio", "accepted", None): 1},
    "fetches --account lux": {("melhor-envio", "held"): 1},
    "rejects --account lux": {("melhor-envio",): 2, ("links/lux",): 1},
    "rejects --endpoint melhorenvio": {("melhorenvio",): 1},
    "rejects --since 2030-01-01": {},
    "links": {("lux", "tracking_number"): 2},
    "links --order 7-01": {("lux", "tracking_number"): 1},
    "decisions": {("ana", "command line", "link"): 2, ("ana", "command line", "dismiss"): 1, ("bia",): 1},
    "decisions --order 7-01": {("ana", "command line", "link"): 1},
    "decisions --account lux --since 2030-01-01": {},
}


def test_counted(all_kinds):
    """Every listing counts what its options keep, in the groups that the page names."""
    for words, found in COUNTED.items():
        rows = all_kinds.tells(*words.split(), "--count")
        groups = [[value for name, value in row.items() if name not in ("count", "last_at")] for row in rows]

        assert sorted(found.values()) == sorted(row["count"] for row in rows), words
        for key, many in found.items():
            of = [row["count"] for row, group in zip(rows, groups, strict=True) if list(key) == group[: len(key)]]
            assert [many] == of, words


def test_decisions_of(all_kinds):
    """Decisions are found by the account, and by the order of their parcels or that they name."""
    assert 4 == len(all_kinds.tells("decisions", "--account", "lux"))
    assert ["lux/tracking_number/A2BR"] == [row["subject"] for row in all_kinds.tells("decisions", "--order", "8-01")]
    all_kinds.says("assign", "melhor-envio/p3", "--order", "9-01", "--unseen")
    assert ["assign"] == [row["action"] for row in all_kinds.tells("decisions", "--order", "9-01")]
    all_kinds.says("retry", "melhor-envio/p2")
    all_kinds.rig.add_order(order("2-01", package("A")))
    all_kinds.work()
    assert ["retry", "dismiss"] == [row["action"] for row in all_kinds.tells("decisions", "--order", "2-01")]
    assert "no account 'nope'; there are lux" == all_kinds.fails("decisions", "--account", "nope")


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
