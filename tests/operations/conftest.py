"""Somebody who invoices orders before the rig."""

import pytest

from tests.support.invoicing import Clerk, an_order
from tests.support.rig import Rig


@pytest.fixture
def clerk(rig: Rig) -> Clerk:
    rig.add_order(an_order())
    return Clerk(rig)


@pytest.fixture
def clerk_on_either(rig_on_either: Rig) -> Clerk:
    rig_on_either.add_order(an_order())
    return Clerk(rig_on_either)
