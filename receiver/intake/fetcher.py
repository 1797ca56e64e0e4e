"""The second stage of thin notices: fetch what a carrier announced, and store the answer as its own delivery.

Calls go only to the carrier's own hosts, over https, without following redirects, so the merchant's credentials reach
no other host. Only an endpoint's ``base_url`` changes the host.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from adapters import Request
from receiver.carriers.allowed_urls import disallowed_reason
from receiver.config import Config, Endpoint
from receiver.http import TOTAL_SECONDS, Answer, Http, NoAnswer, pause
from receiver.intake.credentials import Credentials
from receiver.intake.intake import Intake
from receiver.log_context import about
from receiver.store import Database, Delivery, FetchClaim, Fetched, Fetches, Inbox, LeaseLost
from receiver.store.intake.fetches import NOT_ALLOWED
from receiver.timing import BAD_KEY, RETRY

log = logging.getLogger("receiver.fetcher")

#: Seconds until a fetch is looked at again if its endpoint is not configured (any more).
_ASIDE = 3_600.0
#: Statuses after which the same call may succeed later: what a notice announces may not be there at once.
_LATER = (404, 408, 409, 425)
#: Headers in which carriers say for how many seconds to be quiet; the second is ShipStation's.
_RETRY_AFTER = ("retry-after", "x-rate-limit-reset")


class Fetcher:
    """Makes due fetches. ``clock`` is Unix time in seconds."""

    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
        self._config, self._clock, self._chance = config, clock, random.Random()  # noqa: S311  only jitter
        inbox = Inbox(database)
        self._intake = Intake(config, inbox, clock=clock)
        self._fetches = Fetches(database, inbox, lease=config.lease)
        self._total = min(TOTAL_SECONDS, config.lease * 0.4)
        self._clients: dict[str, Http] = {}
        self._credentials = Credentials(self._call, clock=clock)
        #: Names of the endpoints whose carriers are called.
        self.endpoints = tuple(name for name, endpoint in config.endpoints.items() if endpoint.carrier.hosts)

    def begin(self) -> None:
        """Retry fetches that were held because of an endpoint's settings: the configuration has just been loaded."""
        for endpoint in self.endpoints:
            self._fetches.reopen(endpoint, now=self._clock())

    def something_due(self, endpoint: str) -> bool:
        """Whether a fetch may be due: a cheap check. Raises `StoreUnavailable`."""
        return self._fetches.something_due(endpoint, self._clock())

    def claim(self, endpoint: str) -> FetchClaim | None:
        """Lease a due fetch of the endpoint, one at a time. Raises `StoreUnavailable`."""
        return self._fetches.claim(endpoint, now=self._clock())

    def run(self, claim: FetchClaim) -> None:
        """Make the call and record how it ended. Raises `StoreUnavailable`: then the lease expires."""
        with about(endpoint=claim.endpoint, delivery=claim.delivery):
            try:
                self._fetches.settle(claim, self._end(claim), now=self._clock())
            except LeaseLost:
                log.info("lease lost, another worker has the fetch: endpoint=%s", claim.endpoint)

    def _end(self, claim: FetchClaim) -> Fetched:
        endpoint = self._config.endpoints.get(claim.endpoint)
        if endpoint is None:
            gone = "the endpoint is not in the configuration"
            return Fetched(outcome=None, due_at=self._clock() + _ASIDE, reason=gone)
        why = disallowed_reason(claim.fetch.url, endpoint.carrier.hosts)
        if why:
            return self._held(claim, None, f"the URL {why}")
        if endpoint.carrier.credentials and endpoint.fetch_credentials is None:
            return self._held(claim, None, "the endpoint has no fetch_credentials")
        try:
            headers = {"Accept": "application/json", **claim.fetch.headers}
            answer = self._credentials.call(endpoint, claim.fetch.method, claim.fetch.url, headers)
        except NoAnswer as error:
            return self._later(claim, error.status, str(error))
        return self._judged(claim, endpoint, answer)

    def _call(self, endpoint: Endpoint, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        url = endpoint.call_url(url)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        client = self._clients.setdefault(origin, Http([origin], total=self._total, most=self._config.max_body))
        return client.call(method, url, headers=headers, body=body)

    def _judged(self, claim: FetchClaim, endpoint: Endpoint, answer: Answer) -> Fetched:
        status = answer.status
        if 200 <= status < 300:
            return Fetched(outcome="done", status=status, answer=self._read(claim, endpoint, answer))
        if status in (429, 503):
            asked = next((answer.headers[name] for name in _RETRY_AFTER if name in answer.headers), None)
            until = self._clock() + pause(asked, self._clock())
            log.warning("carrier asks to slow down: endpoint=%s carrier=%s", claim.endpoint, endpoint.carrier.name)
            return replace(self._later(claim, status, f"HTTP {status}", earliest=until), quiet_until=until)
        if status in NOT_ALLOWED:
            until = self._clock() + BAD_KEY.first
            return replace(self._held(claim, status, "fetch_credentials are not accepted"), quiet_until=until)
        if status >= 500 or status in _LATER:
            return self._later(claim, status, f"HTTP {status}")
        why = "a redirect, which is not followed" if status < 400 else f"HTTP {status}"
        return self._held(claim, status, why)

    def _read(self, claim: FetchClaim, endpoint: Endpoint, answer: Answer) -> Delivery | None:
        if not claim.fetch.wanted:
            return None
        kind = answer.headers.get("content-type", "application/json")
        request = Request(
            method=claim.fetch.method,
            path=urlsplit(claim.fetch.url).path,
            headers={"content-type": kind},
            body=answer.body,
            received_at=datetime.fromtimestamp(self._clock(), UTC),
            zone=endpoint.zone,
            fetched=claim.fetch.url,
        )
        return self._intake.fetched(endpoint, request, notice=claim.delivery)

    def _later(self, claim: FetchClaim, status: int | None, why: str, *, earliest: float = 0.0) -> Fetched:
        now = self._clock()
        if now - claim.asked_at > self._config.horizon_days * 86_400:
            log.error(
                "fetch given up: endpoint=%s delivery=%s days=%g reason=%s",
                claim.endpoint, claim.delivery, self._config.horizon_days, why,
            )  # fmt: skip
            return Fetched(outcome="gave_up", status=status, reason=why)
        due_at = max(earliest, now + RETRY.seconds(claim.tries + 1, self._chance))
        return Fetched(outcome=None, due_at=due_at, status=status, reason=why)

    def _held(self, claim: FetchClaim, status: int | None, why: str) -> Fetched:
        log.error(
            "fetch held, see receiver fetches: endpoint=%s delivery=%s status=%s reason=%s",
            claim.endpoint, claim.delivery, status, why,
        )  # fmt: skip
        return Fetched(outcome="held", status=status, reason=why)
