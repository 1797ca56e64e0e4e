"""The page of what reviews found names tests that exist."""

import ast
import re

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| F?\d", line)]


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[f"{file.rpartition('/')[2]}-{test}" for file, test in NAMED])
def test_exists(file: str, test: str) -> None:
    """The file defines the test."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))

    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_finding() -> None:
    """F1 to F10 and 1 to 10 each have a row, and each row names a test."""
    found = {row[0].removeprefix("| ").partition(":")[0] for row in ROWS}

    assert {f"{kind}{number}" for kind in ("F", "") for number in range(1, 11)} == found
    assert [] == [row[0] for row in ROWS if "`tests/" not in row[2]]
