"""What the next page says of the act that led there: in a cookie that only this session can have made, shown once. An
address cannot say that something was done."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any

from flask import g, request
from werkzeug.wrappers import Response

from receiver.web.console import cookies


def tell(response: Response, page: str, **said: Any) -> Response:
    """The answer to a form, with what the page it leads to is to say. ``page`` is the name under which it takes it."""
    packed = base64.urlsafe_b64encode(json.dumps({"page": page, **said}).encode()).decode()
    cookies.put(response, cookies.FLASH, f"{packed}.{_signed(packed)}")
    return response


def told(page: str) -> Mapping[str, Any] | None:
    """What this page is to say now; it is not said again."""
    text, _, signature = request.cookies.get(cookies.FLASH, "").partition(".")
    if not g.secret or not hmac.compare_digest(signature.encode(), _signed(text).encode()):
        return None
    try:
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error):
        return None
    if found.pop("page") != page:
        return None
    g.was_told = True
    return found


def forget(response: Response) -> None:
    """Drop the cookie after the page that said it."""
    if g.get("was_told"):
        cookies.drop(response, cookies.FLASH)


def _signed(text: str) -> str:
    return cookies.form_token(g.secret, f"flash {text}")  # the action of a form is a path
