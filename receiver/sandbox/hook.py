"""The stand-in's order hook: one configuration for each app key, a ping before it is saved, and notifications.

Source: the guide "Orders feed" and "Create or update hook configuration" (Orders API). VTEX does not document whether
the ping has the configuration's headers: here it does not. Nor does it document the waits between tries: here they
double from a second to an hour. Due events are sent when a client calls the stand-in.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from receiver.http import Http, NoAnswer
from receiver.sandbox.answers import Answer, Refused, oms_error
from receiver.sandbox.orders import Order, Sandbox

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SECONDS = 5.0
_DAY = 86_400.0
#: A configuration without events for this long is deleted.
SILENT = 3 * _DAY
#: An event is dropped after this many tries, or this long.
TRIES, KEPT = 100, 4 * _DAY
_LATE = 60.0
_LONGEST_WAIT = 3600.0


@dataclass(slots=True)
class _Event:
    key: str
    body: dict[str, Any]
    since: float
    due: float
    tries: int = 0


class Hooks:
    """The configurations by app key, and their queued events."""

    def __init__(self, sandbox: Sandbox, *, clock: Callable[[], float]) -> None:
        self.configs: dict[str, dict[str, Any]] = {}
        self._sandbox, self._clock = sandbox, clock
        self._statuses: dict[str, str] = {}
        self._last_event: dict[str, float] = {}
        self._waiting: list[_Event] = []
        self._lock = threading.Lock()
        sandbox.on_change = self.notify

    def get(self, key: str) -> Answer:
        self._forget_silent()
        if key not in self.configs:
            raise Refused(oms_error(404, "There is no hook configuration"))
        return Answer(body=self.configs[key])

    def delete(self, key: str) -> Answer:
        if self.configs.pop(key, None) is None:
            raise Refused(oms_error(404, "There is no hook configuration"))
        return Answer(body=None)

    def save(self, key: str, body: Any) -> Answer:
        """Save a configuration. Raises `Refused` unless the URL answers the ping with 200."""
        url, headers, filters = _checked(body)
        if _post(url, {}, {"hookConfig": "ping"}) != 200:
            raise Refused(oms_error(400, "Unable to check address"))
        self.configs[key] = {"filter": filters, "hook": {"url": url, "headers": headers}}
        self._last_event[key] = self._clock()
        return Answer(body=self.configs[key], applied=True)

    def notify(self, order: Order) -> None:
        """Queue an event for every hook whose filter has the order's status."""
        self._forget_silent()
        now, trouble = self._clock(), self._sandbox.faults.hook_trouble
        name, status = order["orderId"], str(order.get("status") or "")
        last, self._statuses[name] = self._statuses.get(name, ""), status
        for key, config in list(self.configs.items()):
            wanted = config["filter"].get("status")
            if wanted and status not in wanted and "unfiltered" not in trouble:
                continue
            self._last_event[key] = now
            if "lost" in trouble:
                continue
            event = _event(key, name, status, now)
            event |= {} if "bare" in trouble else {"LastState": last, "CurrentChange": event["LastChange"]}
            due = now + _LATE if "disorder" in trouble else now
            with self._lock:
                self._waiting += [_Event(key, event, now, due) for _ in range(2 if "twice" in trouble else 1)]
        self.deliver()

    def deliver(self) -> None:
        """Send due events; those not answered 200 are sent again later."""
        now = self._clock()
        with self._lock:
            due = [event for event in self._waiting if event.due <= now]
            self._waiting = [event for event in self._waiting if event.due > now]
        for event in reversed(due) if "disorder" in self._sandbox.faults.hook_trouble else due:
            config = self.configs.get(event.key)
            if config is None or _post(config["hook"]["url"], config["hook"]["headers"], event.body) == 200:
                continue
            event.tries += 1
            event.due = now + min(2.0 ** (event.tries - 1), _LONGEST_WAIT)
            if event.tries <= TRIES and event.due - event.since <= KEPT:
                with self._lock:
                    self._waiting.append(event)

    def _forget_silent(self) -> None:
        now = self._clock()
        for key in list(self.configs):
            if now - self._last_event.setdefault(key, now) >= SILENT:
                self.configs.pop(key, None)
                self._last_event.pop(key)


def _event(key: str, order_id: str, status: str, now: float) -> dict[str, Any]:
    change = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
    origin = {"Account": "sandbox", "Key": key}
    return {"Domain": "Fulfillment", "OrderId": order_id, "State": status, "LastChange": change, "Origin": origin}


def _checked(body: Any) -> tuple[str, dict[str, str], dict[str, Any]]:
    hook = body.get("hook") if isinstance(body, dict) else None
    filters = (body.get("filter") if isinstance(body, dict) else None) or {"type": "FromWorkflow"}
    if not isinstance(hook, dict) or not isinstance(hook.get("url"), str) or not isinstance(filters, dict):
        raise Refused(oms_error(400, "hook.url is missing"))
    if "status" in filters and ("expression" in filters or "disableSingleFire" in filters):
        raise Refused(oms_error(409, "status and expression exclude each other"))
    parts = urlsplit(hook["url"])
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise Refused(oms_error(400, "Only https scheme is accepted"))
    headers = hook.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise Refused(oms_error(400, "hook.headers is not valid"))
    return hook["url"], headers, filters


def _post(url: str, headers: dict[str, str], body: Any) -> int | None:
    try:
        http = Http([url], total=_SECONDS)
        return http.call("POST", url, headers={**headers, "Content-Type": "application/json"}, body=_bytes(body)).status
    except NoAnswer:
        return None


def _bytes(body: Any) -> bytes:
    return json.dumps(body).encode()
