"""The configuration: ``receiver.toml`` and the environment, as one frozen `Config`."""

from receiver.config.loader import ACCOUNT_NAME, BadConfig, default_path, endpoint_from, load, parse
from receiver.config.model import (
    AWAIT_SECONDS,
    MAX_BODY,
    Account,
    Config,
    Endpoint,
    Metrics,
    Notify,
    NotifyWebhook,
    Person,
    Smtp,
)
from receiver.config.tables import did_you_mean

__all__ = [
    "ACCOUNT_NAME",
    "AWAIT_SECONDS",
    "MAX_BODY",
    "Account",
    "BadConfig",
    "Config",
    "Endpoint",
    "Metrics",
    "Notify",
    "NotifyWebhook",
    "Person",
    "Smtp",
    "default_path",
    "did_you_mean",
    "endpoint_from",
    "load",
    "parse",
]
