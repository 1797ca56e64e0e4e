"""In a real browser: find the held parcel, choose an invoice, see it written, find the decision with the name."""

import time

import pytest
from playwright.sync_api import Page

from tests.support.api import ANA
from tests.support.browser import PHONE, WIDE, Site, barriers, look, sideways
from tests.support.rig import Rig

pytestmark = pytest.mark.process


def choose(page: Page, *, script: bool) -> None:
    """From the overview to the confirmed choice of invoice B, as a clerk goes. A script reads the order by itself."""
    page.click("text=Several invoices of the order fit")
    page.click("text=TN1BR")
    if not script:
        page.click("text=Look at order 1-01")
    page.wait_for_selector(".invoices")
    page.locator(".invoices li", has=page.locator("h3", has_text="B")).locator("text=Choose this invoice").click()
    assert "PATCH /api/oms/pvt/orders/1-01/invoice/B" in page.inner_text("#preview")
    page.fill("#note-choice", "as the buyer wrote")
    page.click("text=Assign it")
    page.wait_for_selector("[role=status]")
    assert "Assigned; the decision is recorded with your name." in page.inner_text("[role=status]")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_choose(window: Site, site: Rig, script: bool) -> None:
    """What a person without a shell does, with JavaScript and without it."""
    site.now = time.time()  # a look at VTEX goes by the real clock
    page = window.open("/", token=ANA, java_script_enabled=script)
    choose(page, script=script)
    site.now = time.time()
    site.work()
    page.reload()

    (made,) = site.calls("PATCH")
    assert ("B", "TN1BR") == (made.invoice, made.body["trackingNumber"])
    said = page.inner_text("main")
    assert all(one in said for one in ("In step with VTEX", "ana assigned it", "as the buyer wrote"))


def test_fresh(window: Site, site: Rig) -> None:
    """After a decision the page comes up to date by itself, and what was done stays to be read; a note that is being
    written is not lost."""
    site.now = time.time()
    page = window.open("/parcels/melhor-envio/p1?order=1-01&invoice=B&choose=1")
    page.click("text=Assign it")
    page.wait_for_selector("main[data-refresh='3']")
    page.fill("#note", "and the next")
    page.click("h1")
    site.work()
    page.evaluate("refresh()")
    assert ("and the next", True) == (page.input_value("#note"), "In the queue" in page.inner_text("main"))
    page.fill("#note", "")
    page.click("h1")
    page.wait_for_selector("text=In step with VTEX")

    assert "Assigned; the decision is recorded" in page.inner_text("[role=status]")
    assert 0 == page.locator("main[data-refresh]").count()


def test_session_ends(window: Site, site: Rig) -> None:
    """A note that is sent after the session's end stands in its form after the sign-in, and is not kept longer."""
    page = window.open("/parcels/melhor-envio/p1")
    page.fill("#note", "by phone")
    site.now += 12 * 3600
    page.click("text=Dismiss")
    assert "Your decision was not taken." in page.inner_text("[role=alert]")
    page.fill("#token", ANA)
    page.press("#token", "Enter")
    page.wait_for_url(f"{window.url}/parcels/melhor-envio/p1**")

    assert "by phone" == page.input_value("#note")
    page.reload()
    assert "" == page.input_value("#note")


def test_keys(window: Site) -> None:
    """From the search to the parcel and on to the next one, without a mouse."""
    page = window.open("/parcels", token=ANA)
    page.keyboard.press("/")
    page.keyboard.type("tn-1 br\n")
    page.wait_for_url("**/parcels/melhor-envio/p1")
    page.keyboard.press("n")
    page.wait_for_url("**/parcels?state=held")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/parcels/melhor-envio/p1")


def test_looks(window: Site, site: Rig) -> None:
    """No barrier and no sideways scrolling on the pages that need a parcel, light and dark, wide and on a phone."""
    parcel = "/parcels/melhor-envio/p1"
    paths = (f"{parcel}?order=1-01&invoice=B&choose=1", parcel, "/parcels/bulk?action=retry&state=held")
    found, site.now = [], time.time()
    page = window.open("/", reduced_motion="reduce", locale="pt-BR")
    for path in paths:
        page.goto(f"{window.url}{path}")
        for scheme, size in (("light", WIDE), ("dark", PHONE)):
            look(page, size, scheme)
            found += [(path, scheme, one) for one in barriers(page)]
            found += [(path, scheme, "scrolls sideways")] * (sideways(page) > 0)
    assert [] == found
