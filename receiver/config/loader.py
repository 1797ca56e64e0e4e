"""Reads ``receiver.toml`` and the environment into one frozen `Config`. The only module that reads the environment.

``${NAME}`` takes a value from the environment, ``${file:PATH}`` from a file. Relative paths are relative to the file.
All faults are reported at once; there is no half-read configuration.
"""

import logging
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from adapters import Exchange, RsaJwks, Scheme
from receiver.carriers import BrokenCarriers, Carrier, Carriers, available
from receiver.config import rules
from receiver.config.model import LOOPBACK, PLACEHOLDER_FIELDS, Account, Config, Endpoint, Metrics
from receiver.config.notify import read_notify
from receiver.config.operators import operators
from receiver.config.schemes import read_scheme
from receiver.config.tables import REQUIRED, THIS_MACHINE, Table, did_you_mean, fill

log = logging.getLogger("receiver.config")

_ENVIRONMENTS = ("vtexcommercestable", "vtexcommercebeta")
ACCOUNT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: Carriers write both signs, and `receiver.web.webhooks` takes one for the other.
_ENDPOINT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_FIELD = re.compile(r"\{(\w*)\}")
#: What each setting is that a file does not give.
_CONFIG: dict[str, Any] = {one.name: one.default for one in fields(Config)}
_ACCOUNT: dict[str, Any] = {one.name: one.default for one in fields(Account)}
_ENDPOINT: dict[str, Any] = {one.name: one.default for one in fields(Endpoint)}
#: Characters of a token that a person chooses and machines send.
LEAST_TOKEN = 16


class BadConfig(Exception):
    """The configuration cannot be used. ``faults`` are the reasons, one line each, all of them."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        many = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
        super().__init__("\n".join([f"{path}: {many}", *(f"  - {fault}" for fault in faults)]))
        self.faults = faults


def default_path(environ: Mapping[str, str] | None = None) -> Path:
    """``RECEIVER_CONFIG``, else ``receiver.toml`` in the current folder."""
    return Path((os.environ if environ is None else environ).get("RECEIVER_CONFIG") or "receiver.toml")


def load(path: Path | None = None, environ: Mapping[str, str] | None = None, *, every_carrier: bool = True) -> Config:
    """The configuration at ``path``. Raises `BadConfig` with every fault, and `receiver.carriers.BrokenCarriers` if one
    carrier of all does not load; without ``every_carrier`` only those of the endpoints are loaded."""
    environ = os.environ if environ is None else environ
    path = default_path(environ) if path is None else path
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        begin = "Begin with: receiver init ACCOUNT CARRIER; or set RECEIVER_CONFIG"
        fault = f"there is no {path.name} in {path.absolute().parent}. {begin}"
        raise BadConfig(path, [fault]) from None
    except OSError as error:
        fault = f"cannot be read ({error.strerror}). Another file is named by RECEIVER_CONFIG"
        raise BadConfig(path, [fault]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(path, [f"is not TOML: {error}"]) from None
    config = parse(raw, path=path, environ=environ)
    if every_carrier:
        config.carriers.load()
    for notice in config.notices:
        log.warning("setting renamed: notice=%s", notice)
    return config


def parse(raw: Mapping[str, Any], *, path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration from parsed TOML. Raises `BadConfig` with every fault."""
    faults: list[str] = []
    filled = fill(dict(raw), path.parent, environ, faults, "")
    top = Table(filled, "", faults)
    accounts = {name: _account(name, table) for name, table in top.tables("vtex").items()}
    if not accounts:
        faults.append("no VTEX account: add a [vtex.<account name>] table")
    config = _general(top.table("receiver"), path, accounts, environ)
    for name, account in accounts.items():
        if account and 60.0 / account.requests_per_minute > config.lease / 2:
            faults.append(f"vtex.{name}.requests_per_minute: is so few that a lease of {config.lease:g} s would expire")
    endpoints = {
        name: endpoint
        for name, table in top.tables("endpoints").items()
        if (endpoint := parse_endpoint(name, table, accounts, config.carriers)) is not None
    }
    people = operators(top.tables("operators"))
    metrics, notify = _metrics(top.table("metrics")), read_notify(top.table("notify"))
    top.finish()
    if faults:
        raise BadConfig(path, faults)
    endpoints = {name: _limited(endpoint, filled) for name, endpoint in endpoints.items()}
    accounts = {name: _never_indexing(account, endpoints.values()) for name, account in accounts.items()}
    return replace(config, accounts=accounts, endpoints=endpoints, operators=people, metrics=metrics, notify=notify)


def _rows_days(table: Table) -> float | None:
    """``None`` where it is left to the database."""
    days = table.optional_number("keep_rows_days", least=0)
    if days is not None and 0 < days < 30:
        table.fault("keep_rows_days", "must be 0 (never) or at least 30: a repeat is known by its row")
    return days


def _limited(endpoint: Endpoint, given: Mapping[str, Any]) -> Endpoint:
    """The endpoint with the size of body that it takes: the merchant's own ``max_body``, else what is enough for its
    carrier."""
    own = given.get("receiver", {}).get("max_body")
    return replace(endpoint, max_body=int(own or endpoint.enough_body))


def _general(table: Table, path: Path, accounts: Mapping[str, Account], environ: Mapping[str, str]) -> Config:
    table.renamed("hands", "concurrency")
    if table.text("operator_token", None) is not None:
        table.notices.append("receiver.operator_token has no effect; tokens stand in [operators.<name>] now")
    config = Config(
        path=path,
        database=_database(table.text("database", "sqlite:///var/receiver.db"), path.parent, table),
        send_on=table.choice("send_on", ("dispatched", "label"), _CONFIG["send_on"]),
        log_format=table.choice("log_format", ("text", "json"), _CONFIG["log_format"]),
        sentry_dsn=environ.get("SENTRY_DSN") or None,
        max_body=int(table.number("max_body", _CONFIG["max_body"], least=1_000)),
        trusted_proxies=(*LOOPBACK, *table.networks("trusted_proxies")),
        lease=table.number("lease", _CONFIG["lease"], least=5),
        concurrency=int(table.number("concurrency", _CONFIG["concurrency"], least=1)),
        database_connections=int(table.number("database_connections", _CONFIG["database_connections"], least=4)),
        horizon_days=table.number("horizon_days", _CONFIG["horizon_days"], least=0.01),
        keep_bodies_days=table.number("keep_bodies_days", _CONFIG["keep_bodies_days"], least=1),
        keep_unreadable_days=table.number("keep_unreadable_days", _CONFIG["keep_unreadable_days"], least=1),
        keep_rows_days=_rows_days(table),
        read_back_seconds=table.number("read_back_seconds", _CONFIG["read_back_seconds"], least=0),
        carriers=_carriers(table, path.parent),
        await_seconds=table.growing("await_seconds", _CONFIG["await_seconds"], least=10),
        accounts=accounts,
        notices=tuple(table.notices),
    )
    table.finish()
    return config


def _metrics(table: Table) -> Metrics:
    metrics = Metrics(tokens=table.texts("token", ()), bind=table.address("bind"))
    if any(len(token) < LEAST_TOKEN for token in metrics.tokens):
        table.fault("token", f"must have at least {LEAST_TOKEN} characters")
    table.finish()
    return metrics


def _carriers(table: Table, folder: Path) -> Carriers:
    """The built-in carriers, and those of the merchant's own folder."""
    own = table.text("carriers", None)
    try:
        return available((folder / own).absolute() if own else None)
    except BrokenCarriers as error:
        for fault in str(error).splitlines():
            table.fault("carriers", fault)
        return available()


def _database(url: str, folder: Path, table: Table) -> str:
    if url.startswith("sqlite:///"):
        file = url.removeprefix("sqlite:///")
        if not file or file == ":memory:" or "?" in file:
            table.fault("database", "must be a file: what is answered 2xx has to survive the process")
        return "sqlite:///" + str((folder / file).absolute())
    if url.startswith("postgresql+psycopg://"):
        try:
            urlsplit(url).port  # noqa: B018  reading the port raises
        except ValueError:
            table.fault("database", "is no URL: the port is not a number")
        if find_spec("psycopg") is None:
            table.fault("database", "needs the extra for PostgreSQL: pip install '.[postgres]'")
        return url
    table.fault("database", "must start with sqlite:/// or postgresql+psycopg://")
    return url


def _account(name: str, table: Table) -> Account:
    if not ACCOUNT_NAME.fullmatch(name):
        table.fault("", "is not a VTEX account name (lower-case letters, digits, hyphens)")
    environment = table.choice("environment", _ENVIRONMENTS, _ENVIRONMENTS[0])
    account = Account(
        name=name,
        base_url=_base_url(table.text("base_url", None) or f"https://{name}.{environment}.com.br", table),
        app_key=table.text("app_key"),
        app_tokens=table.texts("app_token"),
        requests_per_minute=table.number("requests_per_minute", _ACCOUNT["requests_per_minute"], least=1),
        hook_secrets=table.texts("hook_secrets", ()),
        link_tokens=table.texts("link_tokens", ()),
        placeholders=_placeholders(table),
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


def _placeholders(table: Table) -> tuple[str, ...]:
    """Texts that do not count as tracking numbers, stripped, as VTEX shows them."""
    texts = tuple(text.strip() for text in table.texts("placeholders", ()))
    for text in texts:
        unknown = sorted(set(_FIELD.findall(text)) - set(PLACEHOLDER_FIELDS))
        if unknown or not text:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDER_FIELDS)
            wrong = f"names {{{unknown[0]}}}; there are {known}" if unknown else "holds an empty text"
            table.fault("placeholders", wrong)
    return texts


def _never_indexing(account: Account, endpoints: Iterable[Endpoint]) -> Account:
    """The account, plus the placeholders of every endpoint that serves it."""
    of_endpoints = [
        text for endpoint in endpoints if account.name in endpoint.accounts_served for text in endpoint.placeholders
    ]
    return replace(account, never_indexed=tuple(dict.fromkeys([*account.placeholders, *of_endpoints])))


def _base_url(url: str, table: Table) -> str:
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        table.fault("base_url", "is no URL")
        return url
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or set(url) & set("@?#"):
        table.fault("base_url", "must be https://host, without credentials, query or fragment")
    elif parts.scheme == "http" and parts.hostname not in THIS_MACHINE:
        table.fault("base_url", "must be https: credentials travel with every call (http only to this machine)")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def parse_endpoint(
    name: str, table: Table, accounts: Mapping[str, Account], carriers: Mapping[str, Carrier]
) -> Endpoint | None:
    """Read one ``[endpoints.<name>]`` table; ``None`` if faults prevent it."""
    if not _ENDPOINT_NAME.fullmatch(name):
        table.fault("", "is not an endpoint name (lower-case letters, digits, hyphens, underscores)")
    slug = table.text("carrier", name.replace("-", "_"))
    carrier = carriers.get(slug)
    asked = _accounts_of(table, accounts)
    if carrier is None:
        table.fault("carrier", f"{slug!r} is no carrier{did_you_mean(slug, carriers)} (receiver carriers lists them)")
        for read in (rules.references, partial(rules.accounts, known=accounts), rules.reverse):
            read(table)
        table.ignore_rest()
        return None
    scheme = read_scheme(carrier, table)
    secrets = table.texts("secrets", () if isinstance(scheme, RsaJwks) else REQUIRED)
    for fault in {scheme.fault(secret) for secret in secrets} - {None} if scheme else ():
        table.fault("secrets", str(fault))
    zone = table.zone("zone")
    endpoint = Endpoint(
        name=name,
        carrier=carrier,
        account=asked[0] if asked else "",
        asked_accounts=asked if len(asked) > 1 else (),
        scheme=scheme or carrier.auth[0],
        secrets=secrets,
        references=rules.references(table),
        accounts=rules.accounts(table, accounts),
        order_id_affixes=table.texts("order_id_affixes", ()),
        reverse=rules.reverse(table),
        courier=(table.text("courier", None) or "").strip() or None,
        couriers=_couriers(table.table("couriers")),
        zone=zone or carrier.zone,
        unreadable=table.choice("unreadable", (200, 422), carrier.reply.unreadable),
        events=table.boolean("events", default=_ENDPOINT["events"]),
        placeholders=_placeholders(table),
        silent_after=table.optional_number("silent_after", least=0),
        **_policies(table),
        **_calls(carrier, scheme, table),
    )
    table.finish()
    return endpoint


def _policies(table: Table) -> dict[str, Any]:
    """The settings by which a merchant decides once what would be held each time, or guessed."""
    return {
        "reverse_shipments": table.choice("reverse_shipments", ("hold", "ignore"), _ENDPOINT["reverse_shipments"]),
        "second_parcel": table.choice("second_parcel", ("hold", "first", "latest", "join"), _ENDPOINT["second_parcel"]),
        "number_changed": table.choice("number_changed", ("keep", "overwrite"), _ENDPOINT["number_changed"]),
        "invoice_numbers": table.choice("invoice_numbers", ("repeat", "unique"), _ENDPOINT["invoice_numbers"]),
        "one_parcel_per_invoice": table.boolean("one_parcel_per_invoice", default=_ENDPOINT["one_parcel_per_invoice"]),
    }


def _calls(carrier: Carrier, scheme: Scheme | None, table: Table) -> dict[str, Any]:
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


def _couriers(table: Table) -> dict[str, str]:
    """Courier names by lower-case code, because gateways write the same code in several ways."""
    found: dict[str, str] = {}
    for code in table.given:
        name = table.text(code).strip()
        if code.strip().lower() in found:
            table.fault(code, "is there twice, but for case")
        found[code.strip().lower()] = name
    return found


def _accounts_of(table: Table, accounts: Mapping[str, Account]) -> tuple[str, ...]:
    """The accounts an endpoint names, or the only one there is."""
    named = tuple(dict.fromkeys(table.texts("account", tuple(accounts) if len(accounts) == 1 else REQUIRED)))
    for account in named if accounts else ():
        if account not in accounts:
            table.fault("account", f"{account!r} has no [vtex.{account}] table")
    if len(named) > 1 and table.given.get("accounts"):
        table.fault("account", "must be one where [[accounts]] rules say which parcels are of another account")
    return named


def endpoint_from(
    settings: Mapping[str, Any],
    *,
    account: str,
    carriers: Mapping[str, Carrier] | None = None,
    only_reads: bool = False,
) -> Endpoint:
    """An endpoint from a recording's settings, named after its carrier. One that ``only_reads`` needs neither secrets
    nor credentials. Raises `BadConfig`."""
    faults: list[str] = []
    name = str(settings.get("carrier", "")).replace("_", "-")
    table = Table({**settings, "account": account}, f"endpoints.{name}", faults)
    endpoint = parse_endpoint(name, table, {}, available() if carriers is None else carriers)
    if only_reads:
        needless = tuple(f"{table.where}.{key}: is missing" for key in ("secrets", "fetch_credentials"))
        faults = [fault for fault in faults if not fault.startswith(needless)]
    if faults or endpoint is None:
        raise BadConfig(Path("recording"), faults)
    return endpoint
