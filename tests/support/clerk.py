"""A person before the console, without a script: follows links and sends the forms that pages show."""

import re
from html import unescape
from typing import Any

from werkzeug.test import TestResponse

from tests.support.api import ANA
from tests.support.rig import Rig


class Clerk:
    """One browser of one person; cookies are kept. ``address`` is where it stands."""

    def __init__(self, rig: Rig, token: str | None = ANA, *, language: str = "en", address: str = "127.0.0.1") -> None:
        self._client = rig.app.test_client()
        self._settings = {"headers": {"Accept-Language": language}, "environ_base": {"REMOTE_ADDR": address}}
        if token is not None:
            assert 303 == self.sign_in(token).status_code

    def get(self, path: str, **headers: str) -> TestResponse:
        """A page; ``path`` goes behind ``/console``."""
        settings = {**self._settings, "headers": {**self._settings["headers"], **headers}}
        return self._client.get(f"/console{path}", buffered=True, **settings)

    def page(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(path)
        assert 200 == answer.status_code, answer.text
        return answer.text

    def send(self, page: str, action: str, /, **fields: Any) -> TestResponse:
        """Send the form of a page whose action is this, filled in; its hidden fields as they are."""
        return self.post(action, {**form(self.get(page).text, f"/console{action}"), **fields})

    def post(self, path: str, fields: dict[str, Any] | bytes, **headers: str) -> TestResponse:
        """Send fields, or a body, as they are, without a page."""
        settings = {**self._settings, "headers": {**self._settings["headers"], **headers}}
        return self._client.post(f"/console{path}", data=fields, **settings)

    def sign_in(self, token: str, *, page: str = "/login") -> TestResponse:
        return self.send(page, "/login", token=token)

    def cookie(self, name: str = "receiver_session") -> str | None:
        found = self._client.get_cookie(name, path="/console")
        return found.value if found else None

    def set_cookie(self, value: str, name: str = "receiver_session") -> None:
        self._client.set_cookie(name, value, path="/console")


def form(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    [inner] = re.findall(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inner)
    return {name: unescape(value) for name, value in hidden}
