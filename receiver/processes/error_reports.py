"""Error lines to Sentry, where ``SENTRY_DSN`` is set. Nothing of a request goes along, and no value of a variable."""

import logging
from importlib import import_module
from importlib.metadata import version
from typing import Any

from receiver.log_context import present

log = logging.getLogger("receiver.server")


def start_sentry(dsn: str | None) -> None:
    """From now on each line of level ERROR is also an event there. Nothing happens without a ``dsn``."""
    if dsn is None:
        return
    try:
        sdk = import_module("sentry_sdk")  # the extra `sentry`; slow to import, and most do without
        logs = import_module("sentry_sdk.integrations.logging")
    except ImportError:
        log.error("errors not sent to Sentry, install it: command=%s", "pip install 'carrier-webhook-receiver[sentry]'")
        return
    sdk.init(
        dsn=dsn,
        release=version("carrier-webhook-receiver"),
        # Its own integrations would send requests, URLs that hold tokens, and SQL.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[logs.LoggingIntegration(level=None, event_level=logging.ERROR)],
        include_local_variables=False,
        send_default_pii=False,
        before_send=_without_values,
    )


def _without_values(event: dict[str, Any], _hint: dict[str, Any]) -> dict[str, Any]:
    """An exception's text may quote a row, and with it a person's address: its class and its place stay."""
    for one in (event.get("exception") or {}).get("values") or ():
        one["value"] = ""
    event.pop("request", None)
    event["tags"] = {**(event.get("tags") or {}), **present()}
    return event
