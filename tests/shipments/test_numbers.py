"""Tracking numbers as people, carriers and systems write them."""

import pytest

from receiver.shipments.numbers import is_among, joins, normalised, same_number, spellings


@pytest.mark.parametrize(
    "written",
    ["QS123456789BR", "qs123456789br", "QS 123 456 789 BR", "QS-123.456.789-BR", "\tQS\u2011123456789\u2013br\u00a0"],
)
def test_notations(written: str):
    """Spaces, hyphens, dots and case do not count."""
    assert "QS123456789BR" == normalised(written)
    assert same_number(written, "Qs1234 56789bR")
    assert is_among(written, ["X", None, "qs123456789br"])


@pytest.mark.parametrize("written", [None, "", "-", " . ", "\u2014"])
def test_nothing(written: str | None):
    """What normalises to nothing equals nothing, not even itself."""
    assert "" == normalised(written)
    assert not same_number(written, written)
    assert not is_among(written, [written, "", None])
    assert set() == spellings(written)


@pytest.mark.parametrize(("one", "other"), [("QS1", "QS12"), ("QS1/2", "QS12"), ("QS_1", "QS1"), ("0QS1", "QS1")])
def test_other_numbers(one: str, other: str):
    """Anything else makes another number: zeros, slashes and underscores count."""
    assert not same_number(one, other)


def test_spellings():
    """A number is looked up as it is written and normalised."""
    assert {"qs 1", "QS1"} == spellings("qs 1")
    assert {"QS1"} == spellings("QS1")


@pytest.mark.parametrize(
    ("text", "numbers", "expected"),
    [
        ("TN1;TN9", ["TN9", "TN1"], True),
        ("tn 9, TN-1", ["TN1", "TN9"], True),
        ("TN1", ["TN1"], True),
        ("TN1;TN9", ["TN1"], False),
        ("TN1", ["TN1", "TN9"], False),
        ("TN1;", ["TN1"], False),
        ("-", ["."], False),
        ("", [], False),
        (None, [], False),
    ],
)
def test_joins(text: str | None, numbers: list[str], *, expected: bool) -> None:
    """A join is the same in any order; one number more or less is another."""
    assert expected is joins(text, numbers)
