"""A small configuration, and all that is wrong with a changed one."""

from pathlib import Path
from typing import Any

import pytest

from receiver.config import BadConfig, Config, parse

VTEX = {"lux": {"app_key": "k", "app_token": "t"}}
FRENET = {"secrets": ["s"]}


def config(
    *,
    receiver: dict[str, Any] | None = None,
    lux: dict[str, Any] | None = None,
    endpoints: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    folder: Path = Path("/srv"),
    **rest: Any,
) -> Config:
    """A configuration of one account and one endpoint, with changes."""
    raw = {
        "receiver": receiver or {},
        "vtex": {"lux": {**VTEX["lux"], **(lux or {})}},
        "endpoints": {"frenet": FRENET} if endpoints is None else endpoints,
        **rest,
    }
    return parse(raw, path=folder / "receiver.toml", environ=environ or {})


def faults(**changes: Any) -> list[str]:
    """All that is wrong with it."""
    with pytest.raises(BadConfig) as caught:
        config(**changes)
    return caught.value.faults
