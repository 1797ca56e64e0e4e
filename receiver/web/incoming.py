"""What routes read of the request that is answered now: its whole body, its token, and who it was that is refused."""

import json
from typing import Any

from flask import abort, request
from werkzeug.exceptions import HTTPException

from receiver.intake.auth_failures import AuthFailures, harmless


class FieldTwice(Exception):
    """An object has a field twice, with different values: only the last would count."""


def whole_body(most: int) -> bytes:
    """The bytes as they came, whole. Raises 413 past ``most`` bytes, having buffered no more than one beyond that, and
    400 for half a body: werkzeug cuts a chunked one at its limit, and does not notice a sender that hung up."""
    request.max_content_length = most + 1  # one byte past the limit shows that there is more
    declared = request.content_length
    if declared is not None and declared > most:
        abort(413)
    try:
        # With a length the server ends the body itself: what is beneath the framework's own stream is read at once.
        body = request.get_data(cache=False) if declared is None else request.environ["wsgi.input"].read(declared)
    except HTTPException:
        raise
    except Exception:  # noqa: BLE001  each server has its own errors for a body with broken framing
        abort(400)
    if len(body) > most:
        abort(413)
    if declared is not None and declared != len(body):
        abort(400)
    return body


def json_of(text: str) -> Any:
    """The document that a system of the merchant's sent. Raises `FieldTwice`, `ValueError` and `RecursionError`."""
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for name, value in pairs:
        if found[name] != value:
            raise FieldTwice(f"The field {name[:40]!r} stands twice in one object, with different values.")
    return found


def bearer_token() -> str | None:
    """The token of ``Authorization: Bearer …``; ``None``: there is none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def note_refused(auth_failures: AuthFailures, route: str, reason: str) -> None:
    """Record for the operator that the sender could not be authenticated, and why."""
    auth_failures.note(
        route,
        reason,
        method=request.method,
        target=request.path,
        headers=harmless(request.headers.items()),
        client=request.remote_addr or "",
    )
