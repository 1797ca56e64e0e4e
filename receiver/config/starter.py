"""PURE: the configuration to begin with, for an account and the carriers that one names. `receiver init` writes it."""

from collections.abc import Iterable, Iterator, Mapping

from adapters import Exchange, RsaJwks, Scheme
from receiver.carriers import Carrier

_HEAD = """\
# Written by receiver init. Commented settings show their defaults, or an example where there is none.
#
# ${NAME} takes a value from the environment, ${file:PATH} from a file. Relative paths are relative to this file.
# Every fault is named at start, all at once: receiver check

[receiver]
# database = "sqlite:///var/receiver.db"    # a file on a local disk, or postgresql+psycopg://user:password@host/name
# log_format = "text"                       # "json": one object a line
# horizon_days = 7                          # how long an order or invoice is waited for

# [operators.ana]                           # a person who may use /console and /api/v1
# token = "${ANA_TOKEN}"                    # at least 24 characters
# role = "decide"                           # or "view"

# [metrics]                                 # /metrics for Prometheus
# token = "${METRICS_TOKEN}"

# [notify.smtp]                             # who is told when a person is needed
# server = "smtp.example.com:587"
# user = "${SMTP_USER}"
# password = "${SMTP_PASSWORD}"
# from = "receiver@example.com"
# to = ["ana@example.com"]
"""
_ACCOUNT = """
[vtex.{account}]
app_key = "${{VTEX_APP_KEY}}"                 # a key of its own: roles "Notify invoice" and "View order"
app_token = "${{VTEX_APP_TOKEN}}"             # a list while you rotate it, the newest first
# requests_per_minute = 600                 # of all processes together
# hook_secrets = ["${{VTEX_HOOK_SECRET}}"]    # for: receiver hook install
# link_tokens = ["${{LINK_TOKEN}}"]           # for your own systems that tell which order a parcel belongs to
"""
#: What the secret of a scheme is.
_SECRETS: Mapping[str, str] = {
    "hmac": "the key that the carrier signs with",
    "jwt": "the key that the carrier signs with",
    "basic": "user:password, as you enter them at the carrier",
    "oauth": "client_id:client_secret, as you enter them at the carrier",
    "path": "a random text; it is the last part of the URL that you register",
}
_RANDOM = "a random text, which you enter at the carrier: openssl rand -hex 32"
_ISSUED = "the webhook's secret, which the carrier makes: copy it from there"
#: Schemes that carry the secret in the URL, and what stands behind the endpoint's name there.
_IN_URL: Mapping[str, str] = {"path": "/<secret>", "query": "?{name}=<secret>"}


def starter(account: str, carriers: Iterable[Carrier]) -> str:
    """The text of a ``receiver.toml``: every fault that it has is a secret that is not set."""
    endpoints = ("\n".join(_endpoint(carrier)) + "\n" for carrier in carriers)
    return _HEAD + _ACCOUNT.format(account=account) + "".join(endpoints)


def _endpoint(carrier: Carrier) -> Iterator[str]:
    name, scheme = carrier.slug.replace("_", "-"), carrier.auth[0]
    table, variable = f"endpoints.{name}", carrier.slug.upper()
    where = _IN_URL.get(scheme.kind, "").format(name=getattr(scheme, "name", ""))
    yield ""
    yield f"# {carrier.name}: {carrier.docs}"
    yield f"[{table}]"
    yield f"# The URL to register: https://your.host/webhooks/{name}{where}"
    if isinstance(scheme, RsaJwks):
        yield f'# secrets = ["${{{variable}_KEYS}}"]   # unset: the keys that the carrier publishes are fetched'
    else:
        made_up = _ISSUED if getattr(scheme, "issued", False) else _RANDOM
        yield f'secrets = ["${{{variable}_SECRET}}"]   # {_SECRETS.get(scheme.kind, made_up)}'
    if others := _others(carrier.auth):
        yield f"# auth = {{ scheme = {others[0]} }}   # default: {scheme.kind}; there is also {', '.join(others)}"
    if carrier.credentials:
        mark = "# " if carrier.credentials_optional else ""
        halves = carrier.credentials == "basic" or isinstance(carrier.credentials, Exchange)
        form = "user:password, or a key and its secret written like that" if halves else "the carrier's key"
        yield f'{mark}fetch_credentials = "${{{variable}_FETCH}}"   # {form}: the receiver calls this carrier, too'
    yield '# courier = "…"   # what shoppers read, where the carrier\'s message does not say'
    yield from _references(carrier, table)
    yield from _number(carrier, table)


def _others(schemes: Iterable[Scheme]) -> list[str]:
    """The other schemes of a carrier that need no further setting, as TOML texts."""
    first, *rest = schemes
    kinds = dict.fromkeys(one.kind for one in rest if one.kind not in ("header", first.kind))
    return [f'"{kind}"' for kind in kinds]


def _references(carrier: Carrier, table: str) -> Iterator[str]:
    if not carrier.references:
        yield "# No field holds an order: tell each parcel's order by receiver link, or with a rule of your own."
        return
    found = "The order is read" if carrier.names_orders else "Merchants write the order into"
    yield f"# {found}{' from' if carrier.names_orders else ''} {', '.join(carrier.references)}."
    yield "# Where you write it otherwise, say how:" if carrier.names_orders else "# Say where you write it:"
    yield f"# [[{table}.references]]"
    yield f'# path = "{carrier.references[0]}"   # JMESPath into the message'
    yield "# pattern = '^(v?\\d+[a-z]*-\\d{2})$'   # group 1 is the order's id"
    yield '# is = "order_id"   # or order_group, sequence, invoice_number, invoice_series, invoice_key, tracking_number'


def _number(carrier: Carrier, table: str) -> Iterator[str]:
    if carrier.numbered:
        return
    yield f"# {carrier.name} gives no tracking number. Without the field that shoppers know nothing is written:"
    yield f"[[{table}.references]]"
    yield f'path = "{carrier.references[0]}"'
    yield 'is = "tracking_number"'
