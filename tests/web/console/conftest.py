"""The rig with two operators: Ana decides, Vi views; and a real browser before it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.api import held, with_operators
from tests.support.browser import Site, chromium
from tests.support.clerk import Clerk
from tests.support.rig import Rig


@pytest.fixture
def site(rig: Rig) -> Rig:
    return with_operators(rig)


@pytest.fixture
def ana(site: Rig) -> Clerk:
    """Ana, signed in."""
    return Clerk(site)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def window(site: Rig, browser: Browser) -> Iterator[Site]:
    held(site)
    with Site(site, browser) as opened:
        yield opened
