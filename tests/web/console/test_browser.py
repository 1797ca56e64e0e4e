"""The console in a real browser: keys, the policy, barriers, phones, and no script at all."""

import re
from itertools import product

import pytest
from sqlalchemy import update

from receiver.store.tables import deliveries
from receiver.web.console.pages import PAGES
from tests.support.api import VI
from tests.support.browser import PHONE, WIDE, Site, barriers, look, sideways
from tests.support.clerk import Clerk
from tests.support.rig import Rig, eventually, posted
from tests.support.store_cases import add_shipments

pytestmark = pytest.mark.process

#: Every page that is reached without an id.
PATHS = [one.PAGE.path for one in PAGES if "<" not in one.PAGE.path]


def test_looks(window: Site):
    """No page has a barrier, in light and in dark, wide and on a phone; and none scrolls sideways."""
    found = []
    # A change of colours that is under way is no barrier.
    page = window.open("/", locale="es-MX", reduced_motion="reduce")
    for path in PATHS:
        page.goto(f"{window.url}{path}")
        for size, scheme in product((WIDE, PHONE), ("light", "dark")):
            look(page, size, scheme)
            found += [(path, scheme, size, one) for one in barriers(page)]
            found += [(path, scheme, size, "scrolls sideways")] * (sideways(page) > 0)
    page.context.close()
    page = window.open("/login", token=None, size=PHONE)
    found += [("/login", one) for one in barriers(page)]

    assert [] == found


def test_long(window: Site, site: Rig):
    """A long note or reason makes no page wider than its window, and a long number breaks no order id."""
    Clerk(site).send("/parcels/melhor-envio/p1", "/parcels/melhor-envio/p1/decide", action="retry", note="y" * 1_000)
    add_shipments(site.database, "ep/1", tracking_number="9" * 120, order_id="1410000000001-01", due_at=None)
    page = window.open("/decisions")
    widths = [sideways(page)]
    page.goto(f"{window.url}/parcels")
    widths.append(sideways(page))
    look(page, PHONE, "light")
    site.database.write(lambda connection: connection.execute(update(deliveries).values(reason=f"$.{'y' * 200}: no")))
    page.goto(f"{window.url}/deliveries")
    widths.append(sideways(page))
    look(page, WIDE, "light")
    page.goto(f"{window.url}/parcels")
    box = page.locator("td .mono", has_text="1410000000001-01").bounding_box()

    assert ([0, 0, 0], True) == (widths, box is not None and box["height"] < 30)


def test_without_script(window: Site):
    """A person without JavaScript signs in, picks a language and signs out."""
    page = window.open("/", java_script_enabled=False)
    page.click("text=PT")
    assert "Visão geral" in page.inner_text(".pages")
    page.click("text=Sair")
    page.wait_for_url(f"{window.url}/login")
    page.goto(f"{window.url}/")

    assert page.url.startswith(f"{window.url}/login")


def test_with_rows(window: Site, site: Rig):
    """Without JavaScript a person reads a delivery, adds a link, uploads a file, checks the keys and finds the
    decisions; no page has a barrier on the way."""
    delivery = site.post(posted("2-01", parcel="p2", number="TN2BR")).json["delivery"]
    site.client.post("/webhooks/melhorenvio", data=b"{}")
    site.client.post("/webhooks/melhor-envio", json={"event": "order.posted"})
    page = window.open("/links", java_script_enabled=False, size=PHONE, color_scheme="dark")
    page.fill("#new-number", "TN9BR")
    page.fill("#new-order", "9-01")
    page.click("text=Add the link")
    assert "The link is stored." in page.inner_text("main")
    page.set_input_files(
        "#file",
        {"name": "links.csv", "mimeType": "text/csv", "buffer": b"tracking_number,order\nTN8BR,8-01\n--,7-01\n"},
    )
    page.click("text=Upload")
    assert "line 3" in page.inner_text("main")
    page.goto(f"{window.url}/deliveries/{delivery}")
    page.click("text=Read it again")
    assert "It was read again." in page.inner_text("main")
    page.goto(f"{window.url}/accounts")
    page.click("text=Check the keys")
    assert "VTEX takes the key." in page.inner_text("main")
    page.context.close()

    page = window.open("/decisions", size=PHONE, color_scheme="dark")
    assert 3 == page.locator("main tbody tr").count()
    found = []
    for path in ("/decisions", "/links", "/refused", "/deliveries", f"/deliveries/{delivery}"):
        page.goto(f"{window.url}{path}")
        found += barriers(page) + ["scrolls sideways"] * (sideways(page) > 0)
    assert [] == found


def test_forget(window: Site, site: Rig):
    """Without JavaScript a person goes from a parcel to what is held of its buyer, and has it blanked; no page has a
    barrier on the way, and no address names the buyer."""
    buyer = "Ana Conceição"
    site.post(posted("2-01", parcel="p2", number="TN2BR", to={"name": buyer}))
    found, scheme = [], {"size": PHONE, "color_scheme": "dark"}
    page = window.open("/parcels/melhor-envio/p2", java_script_enabled=False, **scheme)
    page.click("text=Forget the buyer")
    assert "1 webhook, with its body" in re.sub(r"\s+", " ", page.inner_text("#preview"))
    page.select_option("#named", "text")
    page.fill("#value", buyer)
    page.click("text=Show what is held")
    assert "melhor-envio/p2" in page.inner_text("#preview")
    page.click("text=for ever")
    assert "rows were blanked." in page.inner_text("main")
    assert page.url == f"{window.url}/forget"
    page.click("text=The record of it")
    assert "had data blanked" in page.inner_text("main tbody")
    page.context.close()

    page = window.open("/forget", **scheme)
    page.fill("#value", "1-01")
    page.click("text=Show what is held")
    found += barriers(page) + ["scrolls sideways"] * (sideways(page) > 0)
    assert [] == found


def test_keys(window: Site):
    """``?`` shows the keys, and Escape hides them; in a field a key is a letter."""
    page = window.open("/", token=VI)
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("Escape")
    assert not page.is_visible("#keys")
    page.evaluate(
        "document.querySelector('main').innerHTML = '<input type=search><a href=\"#a\" data-row>a</a>"
        '<a href="#b" data-row>b</a>\''
    )
    for key in "jjjk":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url("**#a")
    page.keyboard.press("/")
    page.keyboard.type("j?/k")

    assert "j?/k" == page.input_value("[data-search]")
    assert not page.is_visible("#keys")


def test_key_at_once(window: Site):
    """A key counts as soon as the list of keys is closed, though the browser has not moved the focus out of it yet."""
    page = window.open("/", token=VI)
    at = page.evaluate(
        """() => {
            const keys = document.getElementById("keys");
            keys.showModal();
            keys.querySelector("button, [tabindex]")?.focus();
            keys.close();
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
            return document.activeElement.matches("[data-row]");
        }"""
    )

    assert at


def test_tab_in_sight(window: Site):
    """On a phone the name of the page that is shown is in sight, although the row of pages is wider than the screen."""
    page = window.open("/forget", size=PHONE)
    box = page.locator(".pages [aria-current]").bounding_box()

    assert box is not None
    assert 0 <= box["x"] <= PHONE[0] - box["width"]


def test_fresh(window: Site, site: Rig):
    """The overview is brought up to date by itself; after the session's end, the login is shown."""
    page = window.open("/")
    assert "1 thing needs you" in page.inner_text("main")
    site.decisions.dismiss("melhor-envio/p1", now=site.now)

    def is_fresh() -> bool:
        page.evaluate("refresh()")
        return "Nothing needs you" in page.inner_text("main")

    assert eventually(is_fresh)
    site.now += 12 * 3600
    page.evaluate("refresh()")
    page.wait_for_url(re.compile(r"/console/login\?next="))
