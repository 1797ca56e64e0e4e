"""The system's Chromium before the console, and axe, which looks for barriers in a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, sync_playwright

from receiver.sandbox import serve
from tests.support.api import ANA
from tests.support.rig import Rig, eventually

#: A phone, and a wide screen.
PHONE, WIDE = (360, 740), (1440, 900)
#: What a page must keep: WCAG 2.1 A and AA, and axe's own good habits.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # what a page does well would take as long to write down
}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. A test is skipped where there is none; CI fails instead, because it installs one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Site:
    """The rig's console over HTTP, as one person's browser sees it."""

    def __init__(self, rig: Rig, browser: Browser) -> None:
        self._browser, self._server, self._database = browser, serve(rig.app), rig.database
        self.url = f"{self._server.url}/console"
        #: What the browser complained of: the policy stopped something, or a script broke.
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        # A page that was left may still be answered: it has a connection to the database.
        eventually(lambda: not self._database._reader.pool.checkedout())
        assert [] == self.errors

    def open(self, path: str = "/", *, token: str | None = ANA, size: tuple[int, int] = WIDE, **settings: Any) -> Page:
        """A page of a new browser window, signed in with the token. ``settings`` are Playwright's."""
        viewport = {"width": size[0], "height": size[1]}
        page = self._browser.new_context(viewport=viewport, **settings).new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda one: self.errors.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda one: self.errors.append(str(one)))
        page.goto(f"{self.url}{path}")
        if token is not None:
            page.fill("#token", token)
            page.press("#token", "Enter")
            page.wait_for_url(f"{self.url}{path}")
        return page


def look(page: Page, size: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
    """Have the open page in another window and other colours. To open one more costs two seconds, most of it for axe,
    which each new window compiles."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)


def barriers(page: Page) -> list[str]:
    """What axe finds, a line for each element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("rules => axe.run(rules)", _RULES)["violations"]
    return [f"{one['id']}: {one['help']}: {node['html']}" for one in found for node in one["nodes"]]


def sideways(page: Page) -> int:
    """By how much the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
