"""What we are told: ``receiver.toml`` and the environment, as one frozen `Config`."""

from receiver.config.loader import BadConfig, default_path, endpoint_from, load, parse
from receiver.config.model import AWAIT_SECONDS, Account, Config, Endpoint

__all__ = [
    "AWAIT_SECONDS",
    "Account",
    "BadConfig",
    "Config",
    "Endpoint",
    "default_path",
    "endpoint_from",
    "load",
    "parse",
]
