"""PURE: the configuration as frozen values: accounts, endpoints, and general settings."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from adapters import Scheme
from receiver.carriers import Carrier, Carriers, available
from receiver.carriers.references import AccountRule, Finder, ReverseRule, Rule
from receiver.timing import READ_BACK_SECONDS

#: Seconds between looks for an order or invoice that is not there yet; the last one repeats until the horizon. In 72
#: hours that is 20 looks of at most two calls each.
AWAIT_SECONDS = (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 2 * 3600.0, 4 * 3600.0, 6 * 3600.0)


#: Bytes of the largest body that is taken, where neither the merchant nor the carrier says less.
MAX_BODY = 2_000_000

#: This machine.
LOOPBACK = (IPv4Network("127.0.0.1/32"), IPv6Network("::1/128"))

#: What may stand in braces in a text of ``placeholders``: an order's own values (`receiver.vtex.orders`).
PLACEHOLDER_FIELDS = ("invoice_number", "order_id", "sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One VTEX account. ``app_tokens`` are newest first; ``base_url`` is the only host that gets its key.

    ``hook_secrets`` authenticate VTEX's order hook, ``link_tokens`` the merchant's systems that send links; without
    any, that route does not exist.
    """

    name: str
    base_url: str
    app_key: str = field(repr=False)
    app_tokens: tuple[str, ...] = field(repr=False)
    requests_per_minute: float = 600.0
    hook_secrets: tuple[str, ...] = field(default=(), repr=False)
    link_tokens: tuple[str, ...] = field(default=(), repr=False)
    #: Texts that do not count as tracking numbers. ``never_indexed`` adds those of the account's endpoints.
    placeholders: tuple[str, ...] = ()
    never_indexed: tuple[str, ...] = ()

    @property
    def hook_route(self) -> str:
        """Where VTEX's order hook is received, as refusals and counters name it: beside the endpoints' names."""
        return f"hooks/vtex/{self.name}"

    @property
    def links_route(self) -> str:
        """Where links are received, named in the same way."""
        return f"links/{self.name}"

    @property
    def routes(self) -> tuple[str, ...]:
        """Those of the two that there are."""
        return (*(self.hook_route,) * bool(self.hook_secrets), *(self.links_route,) * bool(self.link_tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One ``/webhooks/<name>``: its carrier, how the carrier authenticates, and the account of its orders. That is
    ``account``, except for parcels that a rule of ``accounts`` gives to another one.

    ``base_url`` replaces the carrier's own hosts in all calls; ``fetch_credentials`` are sent only there. ``secrets``
    is empty only if the carrier publishes its keys.
    """

    name: str
    carrier: Carrier
    account: str
    #: The accounts in which an order is looked for, in this order, if there are several; ``account`` is the first.
    asked_accounts: tuple[str, ...] = ()
    scheme: Scheme
    secrets: tuple[str, ...] = field(repr=False)
    references: tuple[Rule, ...] = ()
    accounts: tuple[AccountRule, ...] = ()
    #: Additional text around an order id that means nothing; it is compared word by word.
    order_id_affixes: tuple[str, ...] = ()
    reverse: tuple[ReverseRule, ...] = ()
    reverse_shipments: Literal["hold", "ignore"] = "hold"
    courier: str | None = None
    #: Courier names by a gateway's own code in lower case.
    couriers: Mapping[str, str] = field(default_factory=dict)
    zone: ZoneInfo | None = None
    unreadable: int = 422
    #: Bytes of a body.
    max_body: int = MAX_BODY
    events: bool = True
    second_parcel: Literal["hold", "first", "latest", "join"] = "hold"
    number_changed: Literal["keep", "overwrite"] = "keep"
    invoice_numbers: Literal["repeat", "unique"] = "repeat"
    #: No two parcels share an invoice: the last invoice without tracking need not be named.
    one_parcel_per_invoice: bool = False
    #: Texts in VTEX's tracking field that do not count as numbers; `PLACEHOLDER_FIELDS` in braces are filled in.
    placeholders: tuple[str, ...] = ()
    #: Hours without a delivery that people are told of; 0: never; ``None``: against the endpoint's own rhythm.
    silent_after: float | None = None
    base_url: str | None = None
    fetch_credentials: str | None = field(default=None, repr=False)

    @property
    def enough_body(self) -> int:
        """Bytes of a body that are enough for what its carrier sends."""
        return self.carrier.max_body or MAX_BODY

    @property
    def accounts_served(self) -> tuple[str, ...]:
        """Every account whose parcels it reports, its own first."""
        return tuple(dict.fromkeys([self.account, *self.asked_accounts, *(rule.account for rule in self.accounts)]))

    @property
    def rules(self) -> tuple[Finder, ...]:
        """All rules, those of references first."""
        return (*self.references, *self.accounts, *self.reverse)

    def call_url(self, url: str) -> str:
        """The URL to call for the carrier's ``url``: itself, or the same path at ``base_url``."""
        if self.base_url is None:
            return url
        parts = urlsplit(url)
        return self.base_url + urlunsplit(("", "", parts.path, parts.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One operator. Any of ``tokens`` enters; ``view`` reads, ``decide`` also decides. The name stands in the record
    of decisions."""

    name: str
    tokens: tuple[str, ...] = field(repr=False)
    role: Literal["view", "decide"] = "view"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Who may read ``/metrics``: who knows one of the ``tokens``, at the receiver's own address; and at ``bind``
    (``HOST:PORT``), where there is one, any client, or, where there are tokens, who knows one."""

    tokens: tuple[str, ...] = field(default=(), repr=False)
    bind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A mail server, and whose mail it takes."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    sender: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyWebhook:
    """An address that takes messages signed as Standard Webhooks do; ``secret`` as they write it, ``whsec_…``."""

    url: str
    secret: str = field(repr=False)

    @property
    def key(self) -> bytes:
        """The secret's bytes; none where it is not written so."""
        try:
            key = base64.b64decode(self.secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            return b""
        return key if len(key) >= 24 else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Who is told when a person is needed. ``digest_minutes`` are after midnight in ``zone``, and so are the begin and
    the end of ``quiet_hours``, in which only what is critical is told. ``quiet_seconds`` lie between two messages about
    one matter. ``link`` leads people to where they look; below ``console`` each parcel has its page. ``urls`` are
    Apprise's."""

    smtp: Smtp | None = None
    webhook: NotifyWebhook | None = None
    urls: tuple[str, ...] = field(default=(), repr=False)
    at_least: Literal["warning", "critical"] = "warning"
    quiet_seconds: float = 6 * 3600.0
    quiet_hours: tuple[int, int] | None = None
    digest_minutes: int = 8 * 60
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    link: str | None = None
    console: str | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels, under which messages wait."""
        named = ("smtp",) * (self.smtp is not None) + ("webhook",) * (self.webhook is not None)
        return (*named, *(f"apprise-{number}" for number in range(1, len(self.urls) + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration. Times are seconds unless the name says otherwise, sizes are bytes."""

    path: Path
    database: str = field(repr=False)
    send_on: Literal["dispatched", "label"] = "dispatched"
    log_format: Literal["text", "json"] = "text"
    #: Where errors are also sent; from the environment (``SENTRY_DSN``), where Sentry's users expect it.
    sentry_dsn: str | None = field(default=None, repr=False)
    max_body: int = MAX_BODY
    #: Proxies that are believed about their clients' addresses; this machine's always are.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = LOOPBACK
    lease: float = 60.0
    concurrency: int = 16
    #: Of one process, to PostgreSQL.
    database_connections: int = 8
    horizon_days: float = 7.0
    keep_bodies_days: float = 30.0
    keep_unreadable_days: float = 180.0
    #: ``None``: as the database began; 0: never.
    keep_rows_days: float | None = None
    read_back_seconds: float = READ_BACK_SECONDS
    carriers: Carriers = field(default_factory=available, repr=False)
    await_seconds: tuple[float, ...] = AWAIT_SECONDS
    accounts: Mapping[str, Account] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    operators: Mapping[str, Person] = field(default_factory=dict)
    notify: Notify = field(default_factory=Notify)
    metrics: Metrics = field(default_factory=Metrics)
    #: Settings under a former name, and those without effect, a line each.
    notices: tuple[str, ...] = ()
