"""The table of replies, the same as the README's: outcome → status and what the sender should do."""

import json
from dataclasses import dataclass

from flask import Response
from werkzeug.http import HTTP_STATUS_CODES

from receiver.config import Endpoint
from receiver.intake import Outcome, Result


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table. ``status`` is text if it depends on the carrier."""

    outcome: str
    status: str
    sender: str


TABLE = (
    Row("accepted, duplicate, ignored, probe", "the carrier's success code (200)", "stop"),
    Row("quarantined", "422, or 200 where a 4xx would harm", "stop"),
    Row("sender not proven", "401", "correct the secret"),
    Row("refused too often from one address", "429 with Retry-After", "correct the secret, then try again"),
    Row("unknown endpoint, unknown method", "404, 405", "correct the URL"),
    Row("too large, unsupported encoding", "413, 415", "stop"),
    Row("error", "200", "stop"),
    Row("cannot store, carrier's keys not at hand", "503 with Retry-After", "try again"),
)

#: Seconds after which a sender that got 503 should retry.
RETRY_AFTER = 30

#: A probe's own text is sent back: a browser must not interpret it as a page.
_AS_IT_IS = {"X-Content-Type-Options": "nosniff"}

PROBLEMS = {
    400: "The request did not arrive whole.",
    401: "Authentication failed.",
    404: "There is no such endpoint.",
    405: "The endpoint does not take this method; Allow names those it takes.",
    413: "The body is larger than this receiver takes.",
    415: "Send the body without Content-Encoding.",
    429: "Too many requests from this address were refused. Send it again later.",
    503: "The delivery cannot be stored now. Send it again.",
}


def reply(endpoint: Endpoint, result: Result) -> Response:
    """The answer to a delivery."""
    carrier = endpoint.carrier
    if result.outcome == Outcome.UNAUTHENTICATED:
        return problem(401)
    if result.outcome == Outcome.QUARANTINED:
        status = endpoint.unreadable
        return problem(
            status,
            f"{carrier.slug}: {result.path}: {result.why}",
            title="A part of the payload cannot be read; all of it is kept."
            if result.shipments
            else "The payload is kept, but cannot be read.",
            path=result.path,
            delivery=result.delivery,
            outcome=result.outcome,
            shipments=result.shipments or None,
        )
    if isinstance(result.answer, str):
        return Response(result.answer, status=carrier.reply.success, mimetype="text/plain", headers=_AS_IT_IS)
    if result.answer is not None:
        return Response(json.dumps(result.answer), status=carrier.reply.success, mimetype="application/json")
    status = 200 if result.outcome == Outcome.ERROR else carrier.reply.success
    body: dict[str, object] = {"outcome": result.outcome}
    if result.outcome == Outcome.PROBE and result.why:
        body["why"] = result.why
    if result.delivery is not None:
        body = {"delivery": result.delivery, **body, "shipments": result.shipments}
    return Response(json.dumps(body) + "\n", status=status, mimetype="application/json")


def problem(
    status: int, detail: str | None = None, *, title: str | None = None, retry_after: int | None = None, **extra: object
) -> Response:
    """RFC 9457 problem details; without a ``detail``, with the status's sentence from `PROBLEMS`. ``retry_after`` is in
    seconds."""
    members = {"detail": detail or PROBLEMS.get(status), **extra}
    body = {"type": "about:blank", "title": title or HTTP_STATUS_CODES[status], "status": status}
    body |= {name: value for name, value in members.items() if value is not None}
    response = Response(json.dumps(body) + "\n", status=status, mimetype="application/problem+json")
    if status == 503 or retry_after is not None:
        response.headers["Retry-After"] = str(retry_after or RETRY_AFTER)
    return response
