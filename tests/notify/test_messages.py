"""How a message to people reads."""

import pytest

from receiver.notify.messages import message, text

PAUSED = ("VTEX account lux is paused", "until 18:43: the key is not accepted; after a correction: receiver resume lux")


@pytest.mark.parametrize("kind", ["opened", "resolved"])
def test_over(kind: str) -> None:
    """What is over has no examples and nothing to do: they would read as if it went on."""
    title, line = PAUSED
    said = text(message(kind, "critical", title, lines=[line], command="receiver check", count=3, since=0.0), link="L")

    lasts = f"{title}, since 1970-01-01T00:00:00Z\n\n- {line}\n- and 2 more\n\nWhat to do: receiver check\n\nL\n"
    assert {"opened": lasts, "resolved": f"over: {title}, since 1970-01-01T00:00:00Z\n\n\nL\n"}[kind] == said
