"""A request as it is stored, and the request that can be made of it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from adapters import Request
from receiver.carriers import Carrier
from receiver.config import Endpoint
from receiver.intake.reading import Outcome, Reading
from receiver.store import Delivery

#: The ``auth`` of a delivery that this receiver fetched.
FETCHED = "fetched"
#: The program's version.
VERSION = version("carrier-webhook-receiver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request, or a fetched answer, as it is stored: without secrets, with the digest of the original. What it is
    read as may change; this does not."""

    id: str
    endpoint: str
    carrier: str
    received_at: float
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    digest: str
    auth: str
    notice: str | None = None

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> "Arrival":
        """From a row of `receiver.store.OperatorQueries.delivery` whose body is still there."""
        names = ("id", "endpoint", "carrier", "received_at", "method", "target", "headers", "body", "digest", "notice")
        return cls(**{name: row[name] for name in names}, auth=row["proof"])

    def read_as(
        self, endpoint: Endpoint, reading: Reading, *, asks: bool = True, asked_at: float | None = None
    ) -> Delivery:
        """The delivery that it is under this reading. Without ``asks`` the carrier is asked for nothing."""
        return Delivery(
            id=self.id,
            endpoint=self.endpoint,
            carrier=self.carrier,
            account=endpoint.account,
            received_at=self.received_at,
            dedup=_dedup(endpoint, self.digest, reading, self.id),
            outcome=reading.outcome,
            reason=reading.reason,
            method=self.method,
            target=self.target,
            headers=self.headers,
            body=self.body,
            digest=self.digest,
            auth=self.auth,
            version=read_by(endpoint.carrier),
            updates=reading.updates,
            accounts=reading.accounts,
            unknown_words=reading.unknown_words,
            fetches=reading.fetches if asks else (),
            notice=self.notice,
            asked_at=asked_at,
        )


def read_by(carrier: Carrier) -> str:
    """The version stored with a delivery: that of this program, and the digest of the adapter and schema."""
    return f"{VERSION}+{carrier.digest}"


def stored_request(row: dict[str, Any], endpoint: Endpoint) -> Request:
    """The original request of a stored delivery, without its credentials."""
    path, _, query = row["target"].partition("?")
    return Request(
        method=row["method"],
        path=path,
        query=query,
        headers=row["headers"],
        body=bytes(row["body"]),
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        zone=endpoint.zone,
        fetched=row["target"] if row["proof"] == FETCHED else "",
    )


def _dedup(endpoint: Endpoint, digest: str, reading: Reading, delivery: str) -> str:
    """The key that identifies duplicates. It joins the carrier's event id and the content: a correction that reuses the
    id is news, unless only the id is signed. An unreadable delivery has its own key and blocks no other. A notice is
    always news, because its text is the same no matter what happened."""
    if reading.outcome in (Outcome.QUARANTINED, Outcome.ERROR):
        return f"{endpoint.name}:kept:{digest}"
    if reading.fetches:
        return f"{endpoint.name}:notice:{delivery}"
    if reading.event_id and endpoint.carrier.signed_id:
        return f"{endpoint.name}:event:{reading.event_id}"
    if reading.event_id:
        content = "\n".join(update for _, update in reading.updates)
        return f"{endpoint.name}:event:{reading.event_id}:{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return f"{endpoint.name}:body:{digest}"
