"""The rig with two operators: Ana decides, Vi views."""

import pytest

from tests.support.api import with_operators
from tests.support.clerk import Clerk
from tests.support.rig import Rig


@pytest.fixture
def site(rig: Rig) -> Rig:
    return with_operators(rig)


@pytest.fixture
def ana(site: Rig) -> Clerk:
    """Ana, signed in."""
    return Clerk(site)
