"""The console's cookies, and the token that each of its forms bears."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from flask import request
from werkzeug.wrappers import Response

#: Opens a session.
SESSION = "receiver_session"
#: Makes the form tokens of a person who is not signed in yet.
VISITOR = "receiver_visitor"
LANGUAGE = "receiver_language"
#: What the next page says.
FLASH = "receiver_flash"
#: The field of a form that holds its token.
FORM_TOKEN = "form_token"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_YEAR = 365 * 86_400


def put(response: Response, name: str, value: str, *, lasts: bool = False) -> None:
    """Set a cookie that no script reads and no other site sends along; ``lasts``: it outlives the browser."""
    response.set_cookie(
        name,
        value,
        max_age=_YEAR if lasts else None,
        path="/console",
        secure=must_be_secure(),
        httponly=True,
        samesite="Lax",  # Strict would show the login to a person who follows a link of an alert
    )


def drop(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/console", secure=must_be_secure(), httponly=True, samesite="Lax")


def must_be_secure() -> bool:
    """Whether cookies may only travel encrypted: always, except over plain HTTP to this very machine."""
    return is_encrypted() or urlsplit(f"//{request.host}").hostname not in _LOOPBACK


def is_encrypted() -> bool:
    """Whether the browser speaks HTTPS, as far as can be told. A proxy ends it, and says so."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def form_token(secret: str, action: str) -> str:
    """The token of the form that is sent to the path ``action``, as `flask.Request.path` has it: without ``%20``. It
    cannot be made without the cookie."""
    return hmac.new(secret.encode(), action.encode(), hashlib.sha256).hexdigest()


def is_from_our_form(secret: str) -> bool:
    """Whether the request came from a form that this person was shown."""
    given = request.form.get(FORM_TOKEN, "")
    return bool(secret) and hmac.compare_digest(given.encode(), form_token(secret, request.path).encode())
