"""A delivery's body as a person reads it."""

import pytest

from receiver.web.console.pages._body import MOST, pretty

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        (b'{"a":{"b":"\xc3\xa7"}}', "application/json", '{\n  "a": {\n    "b": "ç"\n  }\n}'),
        (b"a=1&payload=%7B%22b%22%3A1%7D&c=", f"{FORM}; charset=utf-8", 'a: 1\npayload: {\n  "b": 1\n}\nc: '),
        (b"<a>1</a>", "text/xml", "<a>1</a>"),
        (b"12", "application/json", "12"),
        (b"\xff{", "", "\N{REPLACEMENT CHARACTER}{"),
        (b"[" * 5_000, "", "[" * 5_000),
    ],
)
def test_pretty(body, kind, shown):
    """JSON and forms have a line for each field; everything else is as it came."""
    assert (shown, True) == pretty(body, kind)


def test_long():
    """Of a long body the beginning is shown."""
    assert ("x" * MOST, False) == pretty(b"x" * (MOST + 1), "text/plain")
