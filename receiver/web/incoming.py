"""What routes read of the request that is answered now: its whole body, its token, and who it was that is refused."""

from flask import abort, request
from werkzeug.exceptions import HTTPException

from receiver.intake.auth_failures import AuthFailures, harmless


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
