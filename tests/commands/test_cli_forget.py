"""`receiver forget`: what one order, number or text left behind is found, and blanked."""

import json

import pytest
from sqlalchemy import text

from tests.support.console import Operator, receiver
from tests.support.rig import order, package, posted

CANARY = "Ana Conceição Canário"


def told(operator: Operator) -> None:
    """Two parcels: the first one's webhook names a person, the second one's another."""
    rig = operator.rig
    rig.add_order(order("1-01", package("41001")), order("11-01", package("41002")))
    rig.post(posted("1-01", parcel="p1", number="TN1BR", to={"name": CANARY}), **{"user-agent": "carrier/1"})
    rig.post(posted("11-01", parcel="p2", number="TN11BR", to={"name": "Bruno"}))
    rig.work()


def stored(operator: Operator) -> str:
    """Everything that the database holds, as one text."""
    tables = ("deliveries", "updates", "shipments", "attempts", "orders", "waits", "links", "rejects", "fetches")
    found = [row for table in tables for row in operator.rig.database.rows(text(f"SELECT * FROM {table}"))]
    return "\n".join(
        bytes(value).decode() if isinstance(value, bytes | memoryview) else str(value)
        for row in found
        for value in row.values()
    )


@pytest.mark.parametrize("option", [("--order", "1-01"), ("--number", "tn-1 br"), ("--text", CANARY.upper())])
def test_forgotten(operator_on_either, option):
    """What is blanked is gone from every table, and the other person's data stays."""
    told(operator_on_either)
    before = stored(operator_on_either)
    assert json.dumps(CANARY)[1:-1] in before

    listed = operator_on_either.tells("forget", *option, "--dry-run")
    assert before == stored(operator_on_either)
    (done,) = operator_on_either.tells("forget", *option)

    assert [{**done, "dry_run": True}] == listed
    assert (["melhor-envio/p1"], 1) == (done["shipments"], len(done["deliveries"]))
    after = stored(operator_on_either)
    for gone in (json.dumps(CANARY)[1:-1], "TN1BR", "carrier/1"):
        assert gone not in after
    for kept in ("Bruno", "TN11BR", "41002"):
        assert kept in after


def test_shown(operator):
    """The parcel says what became of it, nothing more is sent for it, and its webhook is still known as a repeat."""
    told(operator)
    operator.says("forget", "--order", "1-01")

    assert "forgotten: a person asked for it" in operator.says("show", "melhor-envio/p1")
    operator.rig.later(86_400)
    again = operator.rig.post(posted("1-01", parcel="p1", number="TN1BR", to={"name": CANARY}))
    assert "duplicate" == again.get_json()["outcome"]
    assert [] == operator.tells("forget", "--text", CANARY, "--dry-run")[0]["deliveries"]


@pytest.mark.parametrize(
    ("option", "value"), [("--order", "1-01"), ("--number", "TN1BR"), ("--text", CANARY), ("--text", "nowhere")]
)
def test_recorded(operator, option, value):
    """Who had it blanked stands in the record, without what was named; what blanks nothing leaves no row."""
    told(operator)
    operator.says("forget", option, value, "--dry-run")
    assert [] == operator.tells("decisions")
    operator.says("forget", option, value, "--by", "ana", "--note", "she asked by mail")

    rows = [row for row in operator.tells("decisions") if row["action"] == "forget"]
    if value == "nowhere":
        assert [] == rows
        return
    [row] = rows
    said = [row[name] for name in ("actor", "kind", "subject", "note")]
    assert ["ana", "data", option.removeprefix("--"), "she asked by mail"] == said
    assert 1 == row["after"]["shipments"]
    assert value not in json.dumps(row, ensure_ascii=False)


@pytest.mark.parametrize("options", [(), ("--order", "1-01", "--text", "abcd"), ("--text", "abc"), ("--order", " ")])
def test_usage(operator, options):
    """The command takes exactly one option, and a text of enough characters to mean one person."""
    assert 2 == receiver("forget", *options, config=operator.config).exit_code
