"""Every module in ``adapters/`` is a carrier; one that fails to load stops the boot."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import adapters
from adapters import Exchange, Fetch, Ignored, Probe, Reply, Request, Retries, Scheme, Shipment, Unreadable, strict_json
from receiver.hosts import strange
from receiver.schemas import BadSchema, Validator, validator

_REQUIRED = ("NAME", "DOCS", "AUTH", "REPLY", "PROBE", "RETRIES", "ZONE", "TRACKING_PAGE", "REFERENCES", "read")
#: Splits one message into its members, each with its JSON path.
Split = Callable[[Any], list[tuple[str, Any]]]
#: What a message asks to be fetched.
Notice = Callable[[Any, Request], list[Fetch]]


class BrokenCarriers(Exception):
    """One or more carriers do not load; the message names each with its fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a request came to: each shipment with the part of the payload that speaks of it, the members that could not
    be read while others could, and what is to be fetched."""

    payload: Any
    parcels: list[tuple[Shipment, Any]]
    refused: list[Unreadable]
    fetches: list[Fetch] = field(default_factory=list)

    @property
    def shipments(self) -> list[Shipment]:
        return [shipment for shipment, _ in self.parcels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One carrier as its module declares it; see the docstring of `adapters` for what each part means."""

    slug: str
    name: str
    docs: str
    auth: tuple[Scheme, ...]
    reply: Reply
    probe: Probe | None
    retries: Retries | None
    zone: ZoneInfo | None
    tracking_page: str | None
    references: tuple[str, ...]
    read: Callable[[Any, Request], list[Shipment]]
    decode: Callable[[Request], Any]
    split: Split | None
    event_id: Callable[[Any, Request], str | None]
    secret_fields: tuple[str, ...]
    methods: tuple[str, ...]
    query: tuple[str, ...]
    notice: Notice | None
    more: Notice | None
    hosts: tuple[str | re.Pattern[str], ...]
    credentials: str | Exchange | None
    credentials_optional: bool
    check: Validator
    check_member: Validator | None
    check_notice: Validator | None

    def convert(self, request: Request) -> Conversion:
        """Decode, validate and read. Raises `adapters.Unreadable` or `adapters.Ignored` where there is no shipment, and
        nothing to fetch."""
        payload = strict_json(request.body) if request.fetched else self.decode(request)
        if self.notice and self.check_notice and not request.fetched:
            self.check_notice(payload)
            if fetches := self.notice(payload, request):
                return Conversion(payload=payload, parcels=[], refused=[], fetches=self._allowed(fetches))
        self.check(payload)
        more = self.more(payload, request) if self.more and request.fetched else []
        try:
            conversion = self._converted(payload, request)
        except Ignored:
            if not more:
                raise
            conversion = Conversion(payload=payload, parcels=[], refused=[])
        return replace(conversion, fetches=self._allowed(more))

    def _converted(self, payload: Any, request: Request) -> Conversion:
        if self.split is None:
            parcels = [(shipment, payload) for shipment in self.read(payload, request)]
            return Conversion(payload=payload, parcels=parcels, refused=[])
        return self._converted_members(payload, self.split(payload), request)

    def _allowed(self, fetches: list[Fetch]) -> list[Fetch]:
        for fetch in fetches:
            why = strange(fetch.url, self.hosts)
            if why:
                raise Unreadable("$", f"asks for a call that is not made: the URL {why}")
            if not all(value.isascii() and value.isprintable() for value in fetch.headers.values()):
                raise Unreadable("$", "asks for a call that is not made: a header cannot hold what it gives")
        return fetches

    def _converted_members(self, payload: Any, members: list[tuple[str, Any]], request: Request) -> Conversion:
        conversion = Conversion(payload=payload, parcels=[], refused=[])
        ignored: list[Ignored] = []
        for path, member in members:
            try:
                if self.check_member:
                    self.check_member(member)
                conversion.parcels.extend((shipment, member) for shipment in self.read(member, request))
            except Unreadable as error:
                conversion.refused.append(Unreadable(path + error.path.removeprefix("$"), error.why))
            except Ignored as error:
                ignored.append(error)
        if not conversion.parcels:
            raise next(iter([*conversion.refused, *ignored]), Ignored("a message without any parcel"))
        return conversion


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
        check_member = validator(slug, "member") if hasattr(module, "split") else None
        check_notice = validator(slug, "notice") if hasattr(module, "notice") else None
    except BadSchema as error:
        raise BrokenCarriers(f"adapters/{slug}.py: {error}") from None
    return Carrier(
        slug=slug,
        name=module.NAME,
        docs=module.DOCS,
        auth=tuple(module.AUTH),
        reply=module.REPLY,
        probe=module.PROBE,
        retries=module.RETRIES,
        zone=module.ZONE,
        tracking_page=module.TRACKING_PAGE,
        references=tuple(module.REFERENCES),
        read=module.read,
        decode=getattr(module, "decode", _json_body),
        split=getattr(module, "split", None),
        event_id=getattr(module, "event_id", _no_event_id),
        secret_fields=tuple(getattr(module, "SECRET_FIELDS", ())),
        methods=tuple(getattr(module, "METHODS", ("POST", "PUT"))),
        query=tuple(getattr(module, "QUERY", ())),
        notice=getattr(module, "notice", None),
        more=getattr(module, "more", None),
        hosts=tuple(getattr(module, "HOSTS", ())),
        credentials=getattr(module, "CREDENTIALS", None),
        credentials_optional=getattr(module, "CREDENTIALS_OPTIONAL", False),
        check=check,
        check_member=check_member,
        check_notice=check_notice,
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
