"""A listener for the stand-in's order hook."""

from collections.abc import Iterator

import pytest

from receiver.sandbox import serve
from tests.support.listener import Listener


@pytest.fixture
def listener() -> Iterator[tuple[Listener, str]]:
    made = Listener()
    with serve(made.app) as running:
        yield made, f"{running.url}/hook"
