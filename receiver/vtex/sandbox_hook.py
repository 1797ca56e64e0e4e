"""The stand-in's order hook: one configuration an app key, a ping before it is kept, and notifications.

Source: the guide "Orders feed" and "Create or update hook configuration" (Orders API); that the configuration's headers
travel with the ping is documented nowhere, so here they do not.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from receiver.http import Http
from receiver.vtex.answers import NoAnswer
from receiver.vtex.sandbox_faults import Answer, oms_error
from receiver.vtex.sandbox_orders import Order, Refused, Sandbox

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SECONDS = 5.0


class Hooks:
    """The configurations by app key; thread-safe as far as a dict is. Notifications are sent at once, and only once."""

    def __init__(self, sandbox: Sandbox, *, clock: Callable[[], float]) -> None:
        self.configs: dict[str, dict[str, Any]] = {}
        self._clock = clock
        self._statuses: dict[str, str] = {}
        sandbox.on_change = self.notify

    def get(self, key: str) -> Answer:
        if key not in self.configs:
            raise Refused(oms_error(404, "There is no hook configuration"))
        return Answer(body=self.configs[key])

    def delete(self, key: str) -> Answer:
        if self.configs.pop(key, None) is None:
            raise Refused(oms_error(404, "There is no hook configuration"))
        return Answer(body=None)

    def save(self, key: str, body: Any) -> Answer:
        """Raises `Refused` unless the URL answers the ping with 200."""
        url, headers, filters = _checked(body)
        if _post(url, {}, {"hookConfig": "ping"}) != 200:
            raise Refused(oms_error(400, "Unable to check address"))
        self.configs[key] = {"filter": filters, "hook": {"url": url, "headers": headers}}
        return Answer(body=self.configs[key], applied=True)

    def notify(self, order: Order) -> None:
        """Tell every hook whose filter has the order's status."""
        name, status = order["orderId"], str(order.get("status") or "")
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat().replace("+00:00", "Z")
        last, self._statuses[name] = self._statuses.get(name, ""), status
        for key, config in list(self.configs.items()):
            wanted = config["filter"].get("status")
            if wanted and status not in wanted:
                continue
            event = {"Domain": "Fulfillment", "OrderId": name, "State": status, "LastState": last}
            event |= {"LastChange": now, "CurrentChange": now, "Origin": {"Account": "sandbox", "Key": key}}
            _post(config["hook"]["url"], config["hook"]["headers"], event)


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
