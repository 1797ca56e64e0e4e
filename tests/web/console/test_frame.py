"""What holds for every page: headers, languages, faults, and a console without operators."""

import re
import time
from html import unescape

import pytest

from receiver.web.console.pages import PAGES
from tests.support.api import ANA, VI, held
from tests.support.clerk import Clerk
from tests.support.rig import Rig

PATHS = ["/login", "/static/console.css", "/nothing", *(one.PAGE.path for one in PAGES)]


@pytest.mark.parametrize("path", PATHS)
def test_headers(ana, path):
    """Nothing inline, nothing from elsewhere, in no frame; pages are stored by no cache."""
    headers = ana.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))

    assert {"'none'"} == {policy[name] for name in ("default-src", "frame-ancestors", "base-uri")}
    assert {"'self'"} == {policy[name] for name in ("script-src", "style-src", "form-action")}
    assert ("nosniff", "no-referrer") == (headers["X-Content-Type-Options"], headers["Referrer-Policy"])
    assert ("no-cache" if "static" in path else "no-store") == headers["Cache-Control"]


@pytest.mark.parametrize("module", PAGES, ids=lambda one: one.PAGE.name)
def test_nothing_inline(ana, module):
    """No page has a style, script or handler that the policy would stop."""
    page = ana.page(module.PAGE.path)

    assert not any(inline in page for inline in (" style=", "<style", "<script>", " onclick=", "javascript:"))


class TestLanguage:
    @pytest.mark.parametrize(
        ("wanted", "tag", "title"),
        [
            ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR", "Entrar"),
            ("es-MX", "es", "Iniciar sesión"),
            ("de, es;q=0.5", "es", "Iniciar sesión"),
            ("de", "en", "Sign in"),
            ("", "en", "Sign in"),
        ],
    )
    def test_browser(self, site, wanted, tag, title):
        """The browser's language is spoken, where we know it; else English."""
        page = Clerk(site, None, language=wanted).page("/login")

        assert (True, True) == (f'<html lang="{tag}">' in page, f"<h1>{title}</h1>" in page)

    def test_switch(self, ana):
        """A person may pick another one, and it stays."""
        assert "Resumen" in ana.page("/?language=es")
        assert "Resumen" in ana.page("/")
        assert "Resumen" in ana.page("/?language=xx")

    @pytest.mark.parametrize(
        ("page", "action", "fields", "status"),
        [
            ("/parcels/melhor-envio/p1", "/parcels/melhor-envio/p1/decide", {"action": "unassign"}, 409),
            ("/parcels/melhor-envio/p1?order=1-01&choose=1", "/parcels/melhor-envio/p1/assign", {"token": "x"}, 409),
            ("/parcels/bulk?action=retry&state=held", "/parcels/bulk", {"token": "x"}, 409),
            ("/links", "/links/add", {"kind": "tracking_number", "number": "TN1", "order": ""}, 422),
            ("/accounts", "/accounts/lux/check", {}, 200),
            ("/accounts", "/accounts/lux/check", {"form_token": "x"}, 403),
            ("/login", "/login", {"token": "x"}, 401),
        ],
    )
    def test_switch_after_form(self, site, page, action, fields, status):
        """A page that answers a form leads to where it stands, in another language."""
        site.now = time.time()
        held(site)
        site.now += 1
        clerk = Clerk(site, None if page == "/login" else ANA)
        answer = clerk.send(page, action, **fields)
        path = unescape(re.search(r'href="/console(/[^"]*)" lang="pt-BR"', answer.text)[1])

        assert (status, 200) == (answer.status_code, clerk.get(path).status_code)
        assert '<html lang="pt-BR">' in clerk.page(path)
        assert path.partition("?")[0] == page.partition("?")[0]


class TestFlash:
    def test_once(self, site, ana):
        """What was done is said once."""
        held(site)
        done = ana.send("/parcels/melhor-envio/p1", "/parcels/melhor-envio/p1/decide", action="dismiss")
        page = done.location.removeprefix("/console")

        assert [True, False] == ['role="status"' in ana.page(page) for _ in range(2)]

    def test_not_by_address(self, ana):
        """No address says that something was done."""
        for path in ("/accounts?resumed=lux", "/links?done=added", "/carriers?word=x&read=1&unreadable=0&left=0"):
            assert 'role="status"' not in ana.page(path)

    def test_other_session(self, site, ana):
        """What one session was told says nothing in another, and no text that was changed does."""
        link = {"kind": "tracking_number", "number": "TN1", "order": "1-01"}
        ana.send("/links", "/links/add", **link)
        told = ana.cookie("receiver_flash")
        vi = Clerk(site, VI)
        for value in (told, "x", "e30=.x", f"x{told}", "\u00e9.\u00e9"):
            vi.set_cookie(value, "receiver_flash")
            assert 'role="status"' not in vi.page("/links")
        assert "The link is stored." in ana.page("/links")


class TestFaults:
    def test_not_found(self, ana):
        """An unknown page is a page."""
        answer = ana.get("/nothing/here")

        assert (404, "text/html") == (answer.status_code, answer.mimetype)
        assert "There is no such page" in answer.text

    def test_zero_byte(self, ana):
        """No database is asked for a zero byte."""
        assert 400 == ana.get("/?language=%00").status_code
        assert 400 == ana.send("/", "/logout", extra="\0").status_code

    def test_too_large(self, ana):
        """A form of more than 64 KB is refused."""
        assert 413 == ana.post("/logout", {"form_token": "x" * 70_000}).status_code

    def test_store_away(self, ana, site):
        """While the database is away, the page says so and when to come back."""
        site.database._reader.dispose()
        file = site.folder / "receiver.db"
        file.rename(site.folder / "elsewhere.db")
        file.mkdir()
        answer = ana.get("/")

        assert (503, "30") == (answer.status_code, answer.headers["Retry-After"])
        assert "The database cannot be reached" in answer.text


def test_closed(rig: Rig):
    """Without an operator every page says how to configure one."""
    for path in ("/", "/login", "/nothing"):
        assert "[operators.ana]" in Clerk(rig, None).page(path)


def test_role(site):
    """The page says who is signed in, and what the role may do."""
    assert ("vi", "may view") == tuple(part in Clerk(site, VI).page("/") and part for part in ("vi", "may view"))
