"""Every module in ``adapters/`` is a carrier; one that fails to load stops the boot."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import adapters
from adapters import Probe, Reply, Request, Scheme, Shipment, strict_json
from receiver.schemas import BadSchema, Validator, validator

_REQUIRED = ("NAME", "DOCS", "AUTH", "REPLY", "PROBE", "ZONE", "REFERENCES", "read")


class BrokenCarriers(Exception):
    """One or more carriers do not load; the message names each with its fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One carrier as its module declares it; see the docstring of `adapters` for what each part means."""

    slug: str
    name: str
    docs: str
    auth: tuple[Scheme, ...]
    reply: Reply
    probe: Probe | None
    zone: ZoneInfo | None
    references: tuple[str, ...]
    read: Callable[[Any, Request], list[Shipment]]
    decode: Callable[[Request], Any]
    event_id: Callable[[Any, Request], str | None]
    secret_fields: tuple[str, ...]
    check: Validator

    def shipments(self, request: Request) -> tuple[Any, list[Shipment]]:
        """The decoded payload and the shipments it speaks of.

        Raises `adapters.Unreadable` or `adapters.Ignored`.
        """
        payload = self.decode(request)
        self.check(payload)
        return payload, self.read(payload, request)


def _json_body(request: Request) -> Any:
    return strict_json(request.body)


def _no_event_id(payload: Any, request: Request) -> None:  # noqa: ARG001  the contract's signature
    return None


def load(slug: str, module: ModuleType) -> Carrier:
    """One module as a `Carrier`. Raises `BrokenCarriers` naming what the module lacks."""
    missing = [name for name in _REQUIRED if not hasattr(module, name)]
    if missing:
        raise BrokenCarriers(f"adapters/{slug}.py lacks {', '.join(missing)}")
    try:
        check = validator(slug)
    except BadSchema as error:
        raise BrokenCarriers(f"adapters/{slug}.py: {error}") from None
    return Carrier(
        slug=slug,
        name=module.NAME,
        docs=module.DOCS,
        auth=tuple(module.AUTH),
        reply=module.REPLY,
        probe=module.PROBE,
        zone=module.ZONE,
        references=tuple(module.REFERENCES),
        read=module.read,
        decode=getattr(module, "decode", _json_body),
        event_id=getattr(module, "event_id", _no_event_id),
        secret_fields=tuple(getattr(module, "SECRET_FIELDS", ())),
        check=check,
    )


@cache
def discover() -> dict[str, Carrier]:
    """All carriers by slug, in alphabetical order. Raises `BrokenCarriers` with every fault at once."""
    found: dict[str, Carrier] = {}
    faults: list[str] = []
    for info in sorted(pkgutil.iter_modules(adapters.__path__), key=lambda info: info.name):
        if info.name.startswith("_"):
            continue
        try:
            found[info.name] = load(info.name, importlib.import_module(f"adapters.{info.name}"))
        except BrokenCarriers as error:
            faults.append(str(error))
        except Exception as error:  # noqa: BLE001  whatever a module does wrong, the operator hears which one
            faults.append(f"adapters/{info.name}.py does not load: {type(error).__name__}: {error}")
    if faults:
        raise BrokenCarriers("\n".join(faults))
    return found
