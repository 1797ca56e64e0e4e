"""Whole worlds, each by its seed: what is written, told and said at the end is true."""

import pytest

from tests.support.rig import Rig
from tests.support.worlds import World


@pytest.mark.parametrize("seed", range(4))
def test_world(rig: Rig, seed: int) -> None:
    """No number stands on a wrong invoice, no delivery is told that was none, and none is lost."""
    assert [] == World(rig, seed).run()
