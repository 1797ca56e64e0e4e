"""What `receiver check` warns of: it works as configured, and may do harm one day."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from adapters import ReferenceKind
from receiver.carriers.slow_patterns import slow_patterns
from receiver.config import Config
from receiver.store.engine import is_sqlite, sqlite_file

#: Characters of a secret that a merchant makes up. The draft of OWASP's webhook security page asks for 32 random bytes.
LEAST_SECRET = 16
#: Schemes whose secret the merchant makes up; under the others it is the carrier's.
_CHOSEN = ("header", "bearer", "basic", "path", "query", "oauth")
_NUMBER = ReferenceKind.TRACKING_NUMBER
_PLACEHOLDER = re.compile(
    r"(change[-_ ]?(me|this|it)|(my|your|the)?[-_ ]?(secret|password|webhook[-_ ]?secret|api[-_ ]?key)[-_ ]?(here)?"
    r"|example|replace[-_ ]?me|todo|x+|\*+|user:(value|password)|(hook|link)[-_]?(secret|token)|<.*>)\d*",
    re.IGNORECASE,
)


def warnings(config: Config, *, connections: tuple[int, int] | None) -> Iterator[str]:
    """A sentence each, without a secret in it. ``connections``: how many PostgreSQL has open, and the most it takes."""
    if connections:
        yield from _connections(config, *connections)
    yield from _secrets(config)
    yield from _patterns(config)
    yield from _bodies(config)
    yield from _numbers(config)
    yield from _open_files(config)


def _secrets(config: Config) -> Iterator[str]:
    for name, endpoint in config.endpoints.items():
        chosen = endpoint.scheme.kind in _CHOSEN
        yield from _weak(f"endpoints.{name}.secrets", endpoint.secrets, chosen=chosen)
    for name, account in config.accounts.items():
        yield from _weak(f"vtex.{name}.app_key", [account.app_key], chosen=False)
        yield from _weak(f"vtex.{name}.app_token", account.app_tokens, chosen=False)
        yield from _weak(f"vtex.{name}.hook_secrets", account.hook_secrets, chosen=True)
        yield from _weak(f"vtex.{name}.link_tokens", account.link_tokens, chosen=True)


def _weak(setting: str, secrets: Iterable[str], *, chosen: bool) -> Iterator[str]:
    for secret in secrets:
        word = secret.rpartition(":")[2]
        if _PLACEHOLDER.fullmatch(secret) or _PLACEHOLDER.fullmatch(word):
            yield f"{setting}: holds a placeholder, which everybody knows; put a random text in its place"
        elif chosen and len(word) < LEAST_SECRET:
            yield f"{setting}: is shorter than {LEAST_SECRET} characters; 'openssl rand -hex 32' makes a good one"


def _patterns(config: Config) -> Iterator[str]:
    for name, endpoint in config.endpoints.items():
        for slow in slow_patterns(rule.pattern.pattern for rule in endpoint.rules if rule.pattern):
            yield f"endpoints.{name}: pattern {slow!r} may take seconds for one text; anchor it, and bound what repeats"


def _bodies(config: Config) -> Iterator[str]:
    short = [one for one in config.endpoints.values() if one.max_body < one.enough_body]
    if short:
        enough = ", ".join(f"{one.name} ({one.enough_body})" for one in short)
        yield (
            f"receiver.max_body: {config.max_body} bytes are fewer than is taken where it is not set, of {enough}: a "
            "larger webhook is answered 413, and its carrier may not send it again"
        )


def _numbers(config: Config) -> Iterator[str]:
    for name, endpoint in config.endpoints.items():
        if not endpoint.carrier.numbered and not any(rule.kind == _NUMBER for rule in endpoint.references):
            yield (
                f"endpoints.{name}: {endpoint.carrier.name} gives no tracking number, so nothing can be written: add a "
                f"reference rule with is = {str(_NUMBER)!r} for the field that shoppers know"
            )


def _connections(config: Config, opened: int, most: int) -> Iterator[str]:
    needed = config.database_connections
    if opened + needed > most:
        yield (
            f"PostgreSQL has {opened} of {most} connections open, and each process of the receiver may open {needed}: "
            "set max_connections of the server higher, or database_connections lower"
        )


def _open_files(config: Config) -> Iterator[str]:
    files = [config.path, *([sqlite_file(config.database)] if is_sqlite(config.database) else [])]
    for file in files:
        if _others_may_read(file):
            yield f"{file}: other users of this machine may read it; run 'chmod 600 {file.name}' there"


def _others_may_read(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & 0o077)
    except OSError:
        return False
