"""``[operators.<name>]``: who may use the API. Every fault is named, and no token is shown."""

import logging

import pytest

from receiver.config import Person, load
from tests.support.configs import config, faults

TOKEN, OTHER = "a" * 24, "b" * 24


def test_read():
    """A token, or a list while it is rotated; a person without a role reads only."""
    made = config(operators={"ana": {"token": [TOKEN, OTHER], "role": "decide"}, "bo.s": {"token": "c" * 24}})

    ana, bo = (TOKEN, OTHER), ("c" * 24,)
    assert {
        "ana": Person(name="ana", tokens=ana, role="decide"),
        "bo.s": Person(name="bo.s", tokens=bo, role="view"),
    } == made.operators
    assert TOKEN not in repr(made)


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({"ana": {}}, "operators.ana.token: is missing"),
        ({"ana": {"token": "a" * 23}}, "operators.ana.token: must have at least 24 characters"),
        ({"ana": {"token": [TOKEN, "short"]}}, "operators.ana.token: must have at least 24 characters"),
        ({"ana": {"token": "é" * 24}}, "operators.ana.token: holds characters that cannot travel in a header"),
        ({"ana": {"token": f"{TOKEN} x"}}, "operators.ana.token: holds characters that cannot travel in a header"),
        ({"ana": {"token": TOKEN, "role": "admin"}}, "operators.ana.role: must be one of view, decide"),
        ({"ana": {"token": TOKEN, "rôle": "view"}}, "operators.ana.rôle: is not a setting"),
        ({"a na": {"token": TOKEN}}, "operators.a na: is not an operator's name"),
        ({"ana": {"token": TOKEN}, "bo": {"token": [OTHER, TOKEN]}}, "operators.bo.token: is also the token of ana"),
    ],
)
def test_faults(people, expected):
    """What makes no sense is refused by name, and never quoted."""
    (fault,) = faults(operators=people)

    assert fault.startswith(expected)
    assert TOKEN not in fault


def test_operator_token_of_old(tmp_path, caplog):
    """The reserved setting of earlier versions is taken with one warning, and opens nothing."""
    file = tmp_path / "receiver.toml"
    file.write_text(f"[receiver]\noperator_token = '{TOKEN}'\n[vtex.lux]\napp_key = 'k'\napp_token = 't'\n")

    with caplog.at_level(logging.WARNING):
        made = load(file, {})

    assert {} == made.operators
    (line,) = caplog.messages
    assert "receiver.operator_token has no effect; tokens stand in [operators.<name>] now" in line
    assert TOKEN not in line
