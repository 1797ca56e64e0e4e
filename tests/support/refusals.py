"""The sentences with which conversions refuse."""

import pytest

from adapters import Unreadable


def refusal(convert, *arguments, **named) -> str:
    """The sentence with which the conversion refuses; it always leads with a JSON path."""
    with pytest.raises(Unreadable) as refused:
        convert(*arguments, **named)
    assert refused.value.path.startswith("$")
    return str(refused.value)
