"""Someone who invoices orders before the rig."""

import pytest

from tests.support.invoicing import InvoicingDriver, an_order
from tests.support.rig import Rig


@pytest.fixture
def driver(rig: Rig) -> InvoicingDriver:
    rig.add_order(an_order())
    return InvoicingDriver(rig)


@pytest.fixture
def driver_on_either(rig_on_either: Rig) -> InvoicingDriver:
    rig_on_either.add_order(an_order())
    return InvoicingDriver(rig_on_either)
