"""Loads the carriers: every module in ``adapters/`` and in the merchant's own folder is one. If one fails to load, the
program does not start."""

import hashlib
import importlib
import importlib.util
import json
import pkgutil
import re
import sys
from collections import UserDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from zoneinfo import ZoneInfo

import adapters
from adapters import Exchange, Fetch, Ignored, Probe, Reply, Request, Retries, Scheme, Shipment, Unreadable, strict_json
from receiver.carriers.allowed_urls import disallowed_reason
from receiver.carriers.schemas import BadSchema, Validator, content, document, validator

#: How an adapter's source names a reference to an order. A tracking number only leads to known orders.
_ORDER_REFERENCE = re.compile(rb"ReferenceKind\.(ORDER|SEQUENCE|INVOICE)")
_REQUIRED = ("NAME", "DOCS", "AUTH", "REPLY", "PROBE", "RETRIES", "ZONE", "TRACKING_PAGE", "REFERENCES", "read")
#: Members of one message that are read. Each costs a check by its schema and a conversion, up to 0.4 ms: a message of
#: many thousands would hold its thread for seconds.
MOST_MEMBERS = 1_000
#: Bytes that are taken of a carrier whose messages tell of one parcel each, without pictures, unless the merchant sets
#: ``max_body``. The largest recording has 5 KB.
ONE_PARCEL_BODY = 256 * 1024
#: Splits one message into its members, each with its JSON path.
Split = Callable[[Any], list[tuple[str, Any]]]
#: The fetches that a message asks for.
Notice = Callable[[Any, Request], list[Fetch]]


class BrokenCarriers(Exception):
    """Some carriers do not load; the message names each with its fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """The result of reading a request: each shipment with its part of the payload, the unreadable members if others are
    readable, and the fetches."""

    payload: Any
    parcels: list[tuple[Shipment, Any]]
    refused: list[Unreadable]
    fetches: list[Fetch] = field(default_factory=list)

    @property
    def shipments(self) -> list[Shipment]:
        return [shipment for shipment, _ in self.parcels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One carrier as its module declares it; see the docstring of `adapters` for each part. ``own``: it is the
    merchant's, from outside the source tree. ``digest`` changes with every change of its module or schema.
    ``names_orders``: it reads references to an order or an invoice without a rule of the merchant."""

    slug: str
    own: bool
    digest: str
    names_orders: bool
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
    encode: Callable[[Any], bytes]
    split: Split | None
    event_id: Callable[[Any, Request], str | None]
    signed_id: bool
    headers: tuple[str, ...]
    secret_fields: tuple[str, ...]
    pictures: bool
    numbered: bool
    schema: dict[str, Any]
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

    @property
    def max_body(self) -> int | None:
        """Bytes of a body that are enough for this carrier; ``None`` where it sends batches or pictures of any size."""
        return None if self.split or self.pictures else ONE_PARCEL_BODY

    def convert(self, request: Request) -> Conversion:
        """Decode, validate and read. Raises `adapters.Unreadable` or `adapters.Ignored` if there is no shipment and
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
        return replace(conversion, fetches=self._allowed(more)) if more else conversion

    def _converted(self, payload: Any, request: Request) -> Conversion:
        if self.split is None:
            parcels = [(shipment, payload) for shipment in self.read(payload, request)]
            return Conversion(payload=payload, parcels=parcels, refused=[])
        return self._converted_members(payload, self.split(payload), request)

    def _allowed(self, fetches: list[Fetch]) -> list[Fetch]:
        for fetch in fetches:
            why = disallowed_reason(fetch.url, self.hosts)
            if why:
                raise Unreadable("$", f"asks for a call that is not made: the URL {why}")
            if not all(value.isascii() and value.isprintable() for value in fetch.headers.values()):
                raise Unreadable("$", "asks for a call that is not made: a header cannot hold what it gives")
        return fetches

    def _converted_members(self, payload: Any, members: list[tuple[str, Any]], request: Request) -> Conversion:
        conversion = Conversion(payload=payload, parcels=[], refused=[])
        ignored: list[Ignored] = []
        if len(members) > MOST_MEMBERS:
            raise Unreadable("$", f"has {len(members):,} members, more than {MOST_MEMBERS:,}")
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


def _as_json(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def _no_event_id(payload: Any, request: Request) -> None:  # noqa: ARG001  the contract's signature
    return None


def load(slug: str, module: ModuleType, *, folder: Path | None = None) -> Carrier:
    """Load one module as a `Carrier`, a merchant's own from ``folder``. Raises `BrokenCarriers` with what it lacks."""
    where = f"{folder or 'adapters'}/{slug}.py"
    missing = [name for name in _REQUIRED if not hasattr(module, name)]
    if missing:
        raise BrokenCarriers(f"{where} lacks {', '.join(missing)}")
    try:
        check = validator(slug, folder=folder)
        check_member = validator(slug, "member", folder=folder) if hasattr(module, "split") else None
        check_notice = validator(slug, "notice", folder=folder) if hasattr(module, "notice") else None
    except BadSchema as error:
        raise BrokenCarriers(f"{where}: {error}") from None
    return Carrier(
        slug=slug,
        own=folder is not None,
        digest=_digest(module, content(slug, folder=folder)),
        names_orders=bool(_ORDER_REFERENCE.search(_source(module))),
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
        encode=getattr(module, "encode", _as_json),
        split=getattr(module, "split", None),
        event_id=getattr(module, "event_id", _no_event_id),
        signed_id=getattr(module, "SIGNED_ID", False),
        headers=tuple(getattr(module, "HEADERS", ())),
        secret_fields=tuple(getattr(module, "SECRET_FIELDS", ())),
        pictures=getattr(module, "PICTURES", False),
        numbered=getattr(module, "NUMBERED", True),
        schema=document(slug, folder=folder),
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


def _digest(module: ModuleType, schema: bytes) -> str:
    """The first eight digits of ``cat MODULE SCHEMA | sha256sum``."""
    return hashlib.sha256(_source(module) + schema).hexdigest()[:8]


def _source(module: ModuleType) -> bytes:
    file = getattr(module, "__file__", None)
    return Path(file).read_bytes() if file else b""


#: A carrier's slug, its folder if it is the merchant's own, and what imports its module.
_Home = tuple[str, Path | None, Callable[[], ModuleType]]


class Carriers(UserDict[str, Carrier]):
    """Carriers by slug, in alphabetical order. One is loaded when it is first looked up: a short command needs few.
    Looking up raises `BrokenCarriers` if it does not load."""

    def __init__(self, homes: Sequence[_Home]) -> None:
        super().__init__()
        self._homes = {slug: (folder, module) for slug, folder, module in sorted(homes, key=itemgetter(0))}

    def __getitem__(self, slug: str) -> Carrier:
        if slug not in self.data:
            self.data[slug] = _loaded(slug, *self._homes[slug])
        return self.data[slug]

    def __contains__(self, slug: object) -> bool:
        return slug in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)

    def load(self, slugs: Iterable[str] | None = None, faults: Iterable[str] = ()) -> Self:
        """Load these, or all. Raises `BrokenCarriers` with all faults at once, those found before included."""
        broken = []
        for slug in self if slugs is None else slugs:
            try:
                self[slug]
            except BrokenCarriers as error:
                broken.append(str(error))
        faults = [*broken, *faults]
        if faults:
            raise BrokenCarriers("\n".join(faults))
        return self


def _loaded(slug: str, folder: Path | None, module: Callable[[], ModuleType]) -> Carrier:
    try:
        return load(slug, module(), folder=folder)
    except BrokenCarriers:
        raise
    except Exception as error:  # no matter what is wrong, the operator reads which module
        raise BrokenCarriers(
            f"{folder or 'adapters'}/{slug}.py does not load: {type(error).__name__}: {error}"
        ) from error


@cache
def available(folder: Path | None = None) -> Carriers:
    """All carriers, including the merchant's own in ``folder``: each a module beside its schema. The merchant's own are
    loaded, ours when they are looked up. Raises `BrokenCarriers` with all faults of the merchant's own at once."""
    ours, own = _ours(), _own(folder)
    taken = {slug for slug, _, _ in ours} & {slug for slug, _, _ in own}
    faults = [f"{folder}/{slug}.py: there is a carrier of this name already" for slug in sorted(taken)]
    return Carriers([*ours, *own]).load([slug for slug, _, _ in own if slug not in taken], faults)


def discover(folder: Path | None = None) -> Carriers:
    """The `available` carriers, all of them loaded. Raises `BrokenCarriers` with all faults at once."""
    return available(folder).load()


def _ours() -> list[_Home]:
    names = sorted(info.name for info in pkgutil.iter_modules(adapters.__path__) if not info.name.startswith("_"))
    return [(name, None, partial(importlib.import_module, f"adapters.{name}")) for name in names]


def _own(folder: Path | None) -> list[_Home]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise BrokenCarriers(f"{folder} is no folder")
    files = sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))
    return [(file.stem, folder, partial(_imported, file)) for file in files]


def _imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"own_carrier_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BrokenCarriers(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module there
    spec.loader.exec_module(module)
    return module
