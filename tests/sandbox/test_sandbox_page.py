"""The page on the stand-in names every fault, and no test that is not there."""

import re
from dataclasses import fields

import pytest

from receiver.sandbox import Faults, parse_faults
from receiver.sandbox.faults import _ONE_OF, _SOME_OF
from tests.support.pages import rows, shell, spans
from tests.support.paths import ROOT, TESTS

PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
HEADINGS = [heading for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE) if heading != "What it does not show"]
ROWS = [row for heading in HEADINGS for row in rows(PAGE, heading)]
TEST = re.compile(r"(test_\w+)::(test_\w+)")


@pytest.mark.parametrize("name", [field.name for field in fields(Faults)])
def test_every_fault(name: str):
    """Every switch has its place, and so has every word it takes."""
    words = {word for span in spans(PAGE) for word in re.split(r"[=,]", span)}
    takes = [*_ONE_OF.get(name, ("",))[1:], *_SOME_OF.get(name, ())]
    assert name in words
    assert [] == [word for word in takes if name != "methods" and str(word) not in words]


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_every_row(row: list[str]):
    """Each behaviour tells how it is shown, what the receiver does, and the tests that hold it to that."""
    assert (4, True) == (len(row), all(row))
    named = TEST.findall(row[3])
    assert [f"{file}::{test}" for file, test in named] == spans(row[3])
    for file, test in named:
        [path] = TESTS.rglob(f"{file}.py")
        source = path.read_text(encoding="utf-8")
        assert re.search(rf"^ *def {test}\(", source, re.MULTILINE), f"{file} has no {test}"


def test_command():
    """The faults in the examples can be given."""
    lines = [line for line in shell(PAGE) if line.startswith("receiver sandbox") and "--fault" in line]
    assert lines
    for line in lines:
        assert Faults() != parse_faults(re.findall(r"--fault (\S+)", line))
