"""What the API answers, and what it takes: JSON bodies, problems, cursors and the fields of a request."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, g, request

from receiver.shipments.plain import plain, seconds
from receiver.store.operator.listings import MOST, Ask, Page
from receiver.web import cursors
from receiver.web.api.privacy import hidden
from receiver.web.incoming import FieldTwice, json_of, whole_body

#: Rows of a page where none are asked for.
ROWS = 50
#: The largest body of a decision, in bytes, and the longest text in it, in characters.
_MAX_BODY, LONGEST = 65_536, 1_000


class Refused(Exception):
    """The request is answered with a problem of this ``status``; the text is its detail."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


def answer(body: Any, status: int = 200) -> Response:
    """The body as JSON, as the person may see it; times in ISO 8601."""
    shown = plain(body) if g.person.role == "decide" else hidden(plain(body))
    return Response(json.dumps(shown) + "\n", status=status, mimetype="application/json")


def page(listing: str, found: Page) -> Response:
    """A page, and the cursor with which the next one is asked for."""
    cursor = None if found.next is None else cursors.encoded(listing, found.next)
    return answer({"items": found.rows, "next": cursor})


def asked(listing: str, *kinds: type) -> Ask:
    """The page of a list that is asked for, whose keys have these types. Raises `Refused`."""
    written = request.args.get("limit", str(ROWS))
    if not (written.isascii() and written.isdecimal() and len(written) < 4 and 1 <= int(written) <= MOST):
        raise Refused(400, f"limit must be a number from 1 to {MOST}.")
    cursor = request.args.get("cursor")
    try:
        return Ask(int(written), None if cursor is None else cursors.decoded(listing, kinds, cursor))
    except cursors.BadCursor:
        raise Refused(400, "cursor is none that this list gave: take next of the page before.") from None


def filters(*names: str, **choices: tuple[str, ...]) -> dict[str, str | None]:
    """The filters of a list as they are given. Raises `Refused` for an unknown one, for an empty one, and for a value
    that is none of its ``choices``."""
    for name, given in request.args.lists():
        if len(given) > 1:
            raise Refused(400, f"{name[:40]} stands twice: give it once.")
    for name, value in request.args.items():
        if name not in (*names, *choices, "limit", "cursor"):
            raise Refused(400, f"{name[:40]} is no filter of this list; there are {', '.join((*names, *choices))}.")
        if not value.strip():
            raise Refused(400, f"{name} is empty: leave it out, or give it a value.")
    for name, values in choices.items():
        if request.args.get(name, values[0]) not in values:
            raise Refused(400, f"{name} must be one of {', '.join(values)}.")
    return {name: request.args.get(name) for name in (*names, *choices)}


def time_of(name: str, written: str | None) -> float | None:
    """A time of the request in seconds since the epoch. Raises `Refused`."""
    try:
        return None if written is None else seconds(written)
    except (ValueError, OverflowError):
        raise Refused(400, f"{name} must be a time such as 2026-01-31T12:00:00Z.") from None


def body_fields(*required: str, optional: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The fields of a decision's body, a JSON object, without spaces around texts; ``note`` may always be there.
    Raises `Refused`."""
    body = _object(whole_body(_MAX_BODY))
    texts = (*required, *optional, "note")
    for name, value in body.items():
        if name not in (*texts, *flags):
            known = ", ".join((*texts, *flags))
            raise Refused(422, f"$.{name[:40]} is no field of this decision; there are {known}.")
        if name in flags and not isinstance(value, bool):
            raise Refused(422, f"$.{name} must be true or false.")
        if name in texts and not (
            isinstance(value, str) and len(value) <= LONGEST and (name == "note" or value.strip())
        ):
            raise Refused(422, f"$.{name} must be a text of 1 to {LONGEST} characters.")
        if name in (*required, *optional) and not value.strip().isprintable():
            raise Refused(422, f"$.{name} holds characters that are not printable.")
    for name in required:
        if name not in body:
            raise Refused(422, f"$.{name} is missing.")
    return {name: value.strip() if isinstance(value, str) else value for name, value in body.items()}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json_of(raw.decode("utf-8-sig")) if raw.strip() else {}
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8.") from None
    except FieldTwice as error:
        raise Refused(400, str(error)) from None
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(422, "The body must be a JSON object.")
    return body
