"""Carriers in a storm: they post signed webhooks and send each one again until it is acknowledged."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any

from adapters import Hmac, Request
from tests.support.processes import SECRET
from tests.support.rig import posted

PATH = "/webhooks/melhor-envio"
_SCHEME = Hmac(header="x-me-signature", encoding="base64")
_AGAIN = 0.1


def webhook(number: int, **said: Any) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a signed webhook: the parcel of order and invoice ``number`` was posted an hour ago."""
    now = datetime.now(UTC)
    at = (now - timedelta(hours=1)).isoformat(timespec="seconds")
    payload = posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR", **{"at": at, **said})
    body = json.dumps(payload).encode()
    request = Request(method="POST", path=PATH, headers={}, body=body, received_at=now)
    return body, dict(_SCHEME.sign(request, SECRET).headers)


class Traffic:
    """``senders`` threads post ``rate`` new parcels a second together, each until it is answered 2xx."""

    def __init__(
        self,
        address: str,
        before: Callable[[int], None],
        *,
        senders: int,
        rate: float,
        first: int = 1,
        many: int | None = None,
        timeout: float = 10,
    ) -> None:
        self._address, self._before, self._timeout = address, before, timeout
        self._step, self._period, self._last = senders, senders / rate, None if many is None else first + many
        #: When each number was acknowledged, by the monotonic clock.
        self.acknowledged: dict[int, float] = {}
        #: (begun, seconds, status) of each answer; status 0 where the connection broke.
        self.answers: list[tuple[float, float, int]] = []
        #: Connections that broke after the request had been sent and had lasted: cut off in the middle.
        self.cut_off = 0
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(first + number, number / rate), daemon=True)
            for number in range(senders)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the request in hand."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until the last parcel was acknowledged, or the senders have been stopped."""
        for thread in self._threads:
            thread.join(120)

    @property
    def slowest(self) -> float:
        """The longest wait for a 2xx, in seconds."""
        return max((took for _, took, status in list(self.answers) if 200 <= status < 300), default=0.0)

    def slowest_refusal(self, since: float = 0.0) -> float:
        """The longest wait for a 503 that was asked for after ``since``, in seconds."""
        return max((took for at, took, status in list(self.answers) if status == 503 and at >= since), default=0.0)

    @property
    def told(self) -> str:
        """How often each answer came, as text."""
        counts = Counter(status or "broken" for _, _, status in list(self.answers))
        return ", ".join(f"{status} x{many}" for status, many in sorted(counts.items(), key=str))

    def _send(self, number: int, delay: float) -> None:
        due, connection = time.monotonic() + delay, None
        while not self._stop.is_set() and (self._last is None or number < self._last):
            self._stop.wait(max(0.0, due - time.monotonic()))
            due = max(due + self._period, time.monotonic() - 2)
            self._before(number)
            body, headers = webhook(number)
            while not self._stop.is_set():
                connection, status = self._post(connection, body, headers)
                if 200 <= status < 300:
                    self.acknowledged[number] = time.monotonic()
                    break
                self._stop.wait(_AGAIN)
            number += self._step
        if connection:
            connection.close()

    def _post(
        self, connection: HTTPConnection | None, body: bytes, headers: dict[str, str]
    ) -> tuple[HTTPConnection | None, int]:
        begun, sent, status = time.monotonic(), False, 0
        connection = connection or HTTPConnection(self._address, timeout=self._timeout)
        try:
            connection.request("POST", PATH, body, headers)
            sent = True
            answer = connection.getresponse()
            answer.read()
            status = answer.status
            keep = not answer.will_close
        except (OSError, HTTPException):
            keep = False
            self.cut_off += sent and time.monotonic() - begun > 0.02
        self.answers.append((begun, time.monotonic() - begun, status))
        if not keep:
            connection.close()
        return connection if keep else None, status
