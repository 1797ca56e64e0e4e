"""``receiver.toml`` and the environment, as one frozen `Config`. The only module that looks at the environment.

``${NAME}`` takes a value from the environment, ``${file:PATH}`` from a file. Relative paths are relative to the file.
Every fault is named at once; there is no half-read configuration.
"""

import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from adapters import Exchange, RsaJwks, Scheme
from receiver.carriers import BrokenCarriers, Carrier, discover
from receiver.references import BadRule, Rule

_ENVIRONMENTS = ("vtexcommercestable", "vtexcommercebeta")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HEADER = re.compile(r"[a-z0-9-]+")
_PLACEHOLDER = re.compile(r"\$\{(file:)?([^}]*)\}")
_MISSING = object()
#: Seconds between looks for an order or invoice that is not there yet; the last one repeats until the horizon.
#: Over 72 hours that is 20 looks of at most two calls each.
AWAIT_SECONDS = (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 2 * 3600.0, 4 * 3600.0, 6 * 3600.0)


class BadConfig(Exception):
    """The configuration cannot be used. ``faults`` are the reasons, one line each, all of them."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        super().__init__("\n".join([f"{path}: {len(faults)} fault(s)", *(f"  - {fault}" for fault in faults)]))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One VTEX account. ``app_tokens`` are newest first; ``base_url`` is the only host its key is ever sent to.

    ``hook_secrets`` prove VTEX's order hook, ``link_tokens`` the merchant's systems that send links; without any, that
    door is shut.
    """

    name: str
    base_url: str
    app_key: str = field(repr=False)
    app_tokens: tuple[str, ...] = field(repr=False)
    requests_per_minute: float = 600.0
    hook_secrets: tuple[str, ...] = field(default=(), repr=False)
    link_tokens: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One ``/webhooks/<name>``: which carrier speaks there, how it proves itself, whose orders it is about.

    ``base_url`` stands for the carrier's own hosts wherever it is called, ``fetch_credentials`` are sent there and
    nowhere else. ``secrets`` is empty only where the carrier publishes its keys.
    """

    name: str
    carrier: Carrier
    account: str
    scheme: Scheme
    secrets: tuple[str, ...] = field(repr=False)
    references: tuple[Rule, ...] = ()
    courier: str | None = None
    zone: ZoneInfo | None = None
    unreadable: int = 422
    events: bool = True
    second_parcel: Literal["hold", "first", "latest", "join"] = "hold"
    number_changed: Literal["keep", "overwrite"] = "keep"
    base_url: str | None = None
    fetch_credentials: str | None = field(default=None, repr=False)

    def call_url(self, url: str) -> str:
        """Where to call for what the carrier has at ``url``: there, or at the same path of ``base_url``."""
        if self.base_url is None:
            return url
        parts = urlsplit(url)
        return self.base_url + urlunsplit(("", "", parts.path, parts.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the program is told. Times are seconds unless the name says otherwise, sizes are bytes."""

    path: Path
    database: str = field(repr=False)
    send_on: Literal["dispatched", "label"] = "dispatched"
    operator_token: str | None = field(default=None, repr=False)
    max_body: int = 2_000_000
    lease: float = 60.0
    hands: int = 16
    horizon_days: float = 7.0
    keep_bodies_days: float = 30.0
    read_back_seconds: float = 10.0
    carriers: Mapping[str, Carrier] = field(default_factory=discover, repr=False)
    await_seconds: tuple[float, ...] = AWAIT_SECONDS
    accounts: Mapping[str, Account] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)


def default_path(environ: Mapping[str, str] | None = None) -> Path:
    """``RECEIVER_CONFIG``, else ``receiver.toml`` in the current folder."""
    return Path((os.environ if environ is None else environ).get("RECEIVER_CONFIG") or "receiver.toml")


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration at ``path``. Raises `BadConfig` with every fault."""
    environ = os.environ if environ is None else environ
    path = default_path(environ) if path is None else path
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fault = f"cannot be read ({error.strerror}); copy receiver.example.toml, or set RECEIVER_CONFIG"
        raise BadConfig(path, [fault]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(path, [f"is not TOML: {error}"]) from None
    return parse(raw, path=path, environ=environ)


def parse(raw: Mapping[str, Any], *, path: Path, environ: Mapping[str, str]) -> Config:
    """A configuration already read as TOML. Raises `BadConfig` with every fault."""
    faults: list[str] = []
    filled = _fill(dict(raw), path.parent, environ, faults, "")
    top = _Table(filled, "", faults)
    accounts = {name: _account(name, table) for name, table in top.tables("vtex").items()}
    if not accounts:
        faults.append("no VTEX account: add a [vtex.<account name>] table")
    config = _general(top.table("receiver"), path, accounts)
    for name, account in accounts.items():
        if account and 60.0 / account.requests_per_minute > config.lease / 2:
            faults.append(f"vtex.{name}.requests_per_minute: is so few that a lease of {config.lease:g} s would lapse")
    endpoints = {
        name: endpoint
        for name, table in top.tables("endpoints").items()
        if (endpoint := parse_endpoint(name, table, accounts, config.carriers)) is not None
    }
    top.finish()
    if faults:
        raise BadConfig(path, faults)
    return replace(config, endpoints=endpoints)


def _general(table: "_Table", path: Path, accounts: Mapping[str, Account]) -> Config:
    config = Config(
        path=path,
        database=_database(table.text("database", "sqlite:///var/receiver.db"), path.parent, table),
        send_on=table.choice("send_on", ("dispatched", "label"), "dispatched"),
        operator_token=table.text("operator_token", None),
        max_body=int(table.number("max_body", 2_000_000, least=1_000)),
        lease=table.number("lease", 60, least=5),
        hands=int(table.number("hands", 16, least=1)),
        horizon_days=table.number("horizon_days", 7, least=0.01),
        keep_bodies_days=table.number("keep_bodies_days", 30, least=1),
        read_back_seconds=table.number("read_back_seconds", 10, least=0),
        carriers=_carriers(table, path.parent),
        await_seconds=table.growing("await_seconds", AWAIT_SECONDS, least=10),
        accounts=accounts,
    )
    table.finish()
    return config


def _carriers(table: "_Table", folder: Path) -> Mapping[str, Carrier]:
    """The house's carriers and those of the merchant's own folder."""
    own = table.text("carriers", None)
    try:
        return discover((folder / own).absolute() if own else None)
    except BrokenCarriers as error:
        if own is None:
            raise
        for fault in str(error).splitlines():
            table.fault("carriers", fault)
        return discover()


def _database(url: str, folder: Path, table: "_Table") -> str:
    if url.startswith("sqlite:///"):
        file = url.removeprefix("sqlite:///")
        if not file or file == ":memory:" or "?" in file:
            table.fault("database", "must be a file: what is answered 2xx has to survive the process")
        return "sqlite:///" + str((folder / file).absolute())
    if url.startswith("postgresql+psycopg://"):
        try:
            urlsplit(url).port  # noqa: B018  reading it is what raises
        except ValueError:
            table.fault("database", "is no URL: the port is not a number")
        if find_spec("psycopg") is None:
            table.fault("database", "needs the extra for PostgreSQL: pip install '.[postgres]'")
        return url
    table.fault("database", "must start with sqlite:/// or postgresql+psycopg://")
    return url


def _account(name: str, table: "_Table") -> Account:
    if not _NAME.fullmatch(name):
        table.fault("", "is not a VTEX account name (lower-case letters, digits, hyphens)")
    environment = table.choice("environment", _ENVIRONMENTS, _ENVIRONMENTS[0])
    account = Account(
        name=name,
        base_url=_base_url(table.text("base_url", None) or f"https://{name}.{environment}.com.br", table),
        app_key=table.text("app_key") or "",
        app_tokens=table.texts("app_token"),
        requests_per_minute=table.number("requests_per_minute", 600, least=1),
        hook_secrets=table.texts("hook_secrets", ()),
        link_tokens=table.texts("link_tokens", ()),
    )
    travelling = {
        "app_key": (account.app_key,),
        "app_token": account.app_tokens,
        "hook_secrets": account.hook_secrets,
        "link_tokens": account.link_tokens,
    }
    for key, values in travelling.items():
        if not all(value.isascii() and value.isprintable() for value in values):
            table.fault(key, "holds characters that cannot travel in a header")
    table.finish()
    return account


def _base_url(url: str, table: "_Table") -> str:
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        table.fault("base_url", "is no URL")
        return url
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or set(url) & set("@?#"):
        table.fault("base_url", "must be https://host, without credentials, query or fragment")
    elif parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        table.fault("base_url", "must be https: credentials travel with every call (http only to this machine)")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def parse_endpoint(
    name: str, table: "_Table", accounts: Mapping[str, Account], carriers: Mapping[str, Carrier]
) -> Endpoint | None:
    """One ``[endpoints.<name>]`` table; ``None`` where a fault leaves nothing to build."""
    if not _NAME.fullmatch(name):
        table.fault("", "is not an endpoint name (lower-case letters, digits, hyphens)")
    slug = table.text("carrier", name.replace("-", "_"))
    carrier = carriers.get(slug)
    account = _account_of(table, accounts)
    if carrier is None:
        table.fault("carrier", f"{slug!r} is no carrier; known are {', '.join(carriers)}")
        table.ignore_rest()
        return None
    scheme = _scheme(carrier, table)
    secrets = table.texts("secrets", *([()] if isinstance(scheme, RsaJwks) else []))
    for fault in {scheme.fault(secret) for secret in secrets} - {None} if scheme else ():
        table.fault("secrets", str(fault))
    zone = table.zone("zone")
    endpoint = Endpoint(
        name=name,
        carrier=carrier,
        account=account,
        scheme=scheme or carrier.auth[0],
        secrets=secrets,
        references=_rules(table),
        courier=(table.text("courier", None) or "").strip() or None,
        zone=zone or carrier.zone,
        unreadable=table.choice("unreadable", (200, 422), carrier.reply.unreadable),
        events=table.boolean("events", default=True),
        second_parcel=table.choice("second_parcel", ("hold", "first", "latest", "join"), "hold"),
        number_changed=table.choice("number_changed", ("keep", "overwrite"), "keep"),
        **_calls(carrier, scheme, table),
    )
    table.finish()
    return endpoint


def _calls(carrier: Carrier, scheme: Scheme | None, table: "_Table") -> dict[str, str | None]:
    """The settings of calls to the carrier, for those that need any."""
    url, credentials = table.text("base_url", None), table.text("fetch_credentials", None)
    if url and not (carrier.hosts or isinstance(scheme, RsaJwks)):
        table.fault("base_url", f"has no meaning: {carrier.slug} is never called")
    if credentials and not carrier.credentials:
        table.fault("fetch_credentials", f"has no meaning: {carrier.slug} is never asked for anything")
    if carrier.credentials and not carrier.credentials_optional and "fetch_credentials" not in table.given:
        table.fault("fetch_credentials", f"is missing: {carrier.slug} only tells that there is news, which is fetched")
    if credentials and not (credentials.isascii() and credentials.isprintable()):
        table.fault("fetch_credentials", "holds characters that cannot travel in a header")
    halves = carrier.credentials == "basic" or isinstance(carrier.credentials, Exchange)
    if credentials and halves and ":" not in credentials:
        table.fault("fetch_credentials", "must be 'user:password', or a key and its secret written like that")
    return {"base_url": _base_url(url, table) if url else None, "fetch_credentials": credentials}


def _account_of(table: "_Table", accounts: Mapping[str, Account]) -> str:
    """The account an endpoint names, or the only one there is."""
    account: str | None = table.text("account", *(accounts if len(accounts) == 1 else ()))
    if account and accounts and account not in accounts:
        table.fault("account", f"{account!r} has no [vtex.{account}] table")
    return account or ""


def endpoint_from(
    settings: Mapping[str, Any], *, account: str, carriers: Mapping[str, Carrier] | None = None
) -> Endpoint:
    """An endpoint from settings alone, as recordings bring them; it is named after its carrier. Raises `BadConfig`."""
    faults: list[str] = []
    name = str(settings.get("carrier", "")).replace("_", "-")
    table = _Table({**settings, "account": account}, f"endpoints.{name}", faults)
    endpoint = parse_endpoint(name, table, {}, discover() if carriers is None else carriers)
    if faults or endpoint is None:
        raise BadConfig(Path("recording"), faults)
    return endpoint


def _scheme(carrier: Carrier, table: "_Table") -> Scheme | None:
    given = table.table("auth")
    kind, name = given.text("scheme", None), given.text("name", None)
    given.finish()
    if kind is None:
        if name is not None:
            given.fault("scheme", "must be given together with name")
        return carrier.auth[0]
    if name is not None and kind not in ("header", "query"):
        given.fault("name", f"has no meaning for scheme {kind!r}")
    if name is not None and kind == "header":
        name = name.lower()
        if not _HEADER.fullmatch(name):
            given.fault(
                "name", f"{name!r} is no safe header name: use letters, digits and '-' ('_' is lost by proxies)"
            )
    return _chosen_scheme(carrier, kind, name, given)


def _chosen_scheme(carrier: Carrier, kind: str, name: str | None, table: "_Table") -> Scheme | None:
    of_kind = [scheme for scheme in carrier.auth if scheme.kind == kind]
    if not of_kind:
        allowed = sorted({scheme.kind for scheme in carrier.auth})
        table.fault("scheme", f"{kind!r} is not offered by {carrier.slug}; choose one of {', '.join(allowed)}")
        return None
    if kind == "query":
        return replace(of_kind[0], name=name) if name else of_kind[0]  # type: ignore[type-var]  # a Query dataclass
    if kind != "header" or not name:
        if kind == "header" and not of_kind[0].credential_headers[0]:
            table.fault("name", "is needed: which header carries the secret?")
        return of_kind[0]
    free = [scheme for scheme in of_kind if scheme.credential_headers in ((name,), ("",))]
    if not free:
        table.fault("name", f"{carrier.slug} sends its secret in {of_kind[0].credential_headers[0]}, not in {name}")
        return None
    return replace(free[0], name=name)  # type: ignore[type-var]  # a Header dataclass


def _rules(table: "_Table") -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for number, given in enumerate(table.list_of_tables("references"), 1):
        rule = _Table(given, f"{table.where}.references[{number}]", table.faults)
        path, kind, pattern = rule.text("path"), rule.text("is"), rule.text("pattern", None)
        rule.finish()
        if path and kind:
            try:
                rules.append(Rule.parse(path, kind, pattern))
            except BadRule as error:
                rule.fault("", str(error))
    return tuple(rules)


def _fill(value: Any, folder: Path, environ: Mapping[str, str], faults: list[str], where: str) -> Any:
    """The tree with every placeholder replaced; unset and empty ones are faults."""
    if isinstance(value, dict):
        return {key: _fill(item, folder, environ, faults, f"{where}.{key}".lstrip(".")) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, folder, environ, faults, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def fetch(match: re.Match[str]) -> str:
        from_file, name = match.groups()
        try:
            found = ((folder / name).read_text(encoding="utf-8") if from_file else environ.get(name, "")).strip()
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"{where}: file {name} cannot be read: {error}")
            return "-"
        if not found:
            faults.append(f"{where}: {'file' if from_file else 'environment variable'} {name} is unset or empty")
        return found or "-"

    return _PLACEHOLDER.sub(fetch, value)


class _Table:
    """One TOML table, read key by key; every fault is noted with its place instead of raised."""

    def __init__(self, given: object, where: str, faults: list[str]) -> None:
        self.where, self.faults = where, faults
        self.given: dict[str, Any] = given if isinstance(given, dict) else {}
        self.read: set[str] = set()
        if not isinstance(given, dict):
            faults.append(f"{where}: must be a table")

    def fault(self, key: str, why: str) -> None:
        self.faults.append(f"{'.'.join(part for part in (self.where, key) if part)}: {why}")

    def finish(self) -> None:
        """Whatever nobody asked for is a typing error."""
        for key in self.given.keys() - self.read:
            self.fault(key, "is not a setting")

    def ignore_rest(self) -> None:
        self.read.update(self.given)

    def _get(self, key: str, default: Any, right: Callable[[Any], bool], expected: str) -> Any:
        self.read.add(key)
        value = self.given.get(key, _MISSING)
        if value is _MISSING:
            if default is _MISSING:
                self.fault(key, "is missing")
                return None
            return default
        if not right(value):
            self.fault(key, f"must be {expected}")
            return None if default is _MISSING else default
        return value

    def text(self, key: str, default: Any = _MISSING) -> Any:
        return self._get(key, default, lambda value: isinstance(value, str) and value.strip() != "", "a non-empty text")

    def texts(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        def right(value: Any) -> bool:
            values = value if isinstance(value, list) else [value]
            return bool(values) and all(isinstance(item, str) and item.strip() for item in values)

        value = self._get(key, default, right, "a non-empty text or a list of them")
        if value is None:
            return ()
        return (value,) if isinstance(value, str) else tuple(value)

    def number(self, key: str, default: float, *, least: float) -> float:
        def right(value: Any) -> bool:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            return math.isfinite(value) and value >= least

        return float(self._get(key, default, right, f"a number of at least {least:g}"))

    def growing(self, key: str, default: tuple[float, ...], *, least: float) -> tuple[float, ...]:
        def right(value: Any) -> bool:
            if not isinstance(value, list) or not value or any(isinstance(item, bool) for item in value):
                return False
            numbers = all(isinstance(item, int | float) and math.isfinite(item) and item >= least for item in value)
            return numbers and sorted(value) == value

        value = self._get(
            key, default, right, f"a list of numbers of at least {least:g}, none less than the one before"
        )
        return tuple(map(float, value))

    def boolean(self, key: str, *, default: bool) -> bool:
        return bool(self._get(key, default, lambda value: isinstance(value, bool), "true or false"))

    def choice(self, key: str, options: tuple[Any, ...], default: Any) -> Any:
        return self._get(key, default, lambda value: value in options, f"one of {', '.join(map(str, options))}")

    def zone(self, key: str) -> ZoneInfo | None:
        name = self.text(key, None)
        try:
            return ZoneInfo(name) if name else None
        except (ValueError, OSError, KeyError):
            self.fault(key, f"{name!r} is no time zone (use a name such as America/Sao_Paulo)")
            return None

    def table(self, key: str) -> "_Table":
        self.read.add(key)
        return _Table(self.given.get(key, {}), f"{self.where}.{key}".lstrip("."), self.faults)

    def tables(self, key: str) -> dict[str, "_Table"]:
        outer = self.table(key)
        return {name: _Table(given, f"{outer.where}.{name}", self.faults) for name, given in outer.given.items()}

    def list_of_tables(self, key: str) -> list[Any]:
        value = self._get(key, [], lambda value: isinstance(value, list), "a list of tables")
        return value or []
