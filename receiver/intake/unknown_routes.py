"""Webhooks that no endpoint takes: a wrong address, name or method, a token too many, a body too large or compressed. A
carrier that is configured so is never heard otherwise; a scanner that asks for anything must cost nothing. So both are
counted, and bounded."""

import difflib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, StrEnum, auto
from typing import NamedTuple

from receiver.config import Config
from receiver.intake.redaction import REDACTED, Redaction
from receiver.store import Database, StoreUnavailable
from receiver.store.intake.unknown_routes import UnknownRoute, UnknownRoutes
from receiver.timing import is_within
from receiver.vtex.answers import storable

log = logging.getLogger("receiver.web")

#: Names and causes that one process stores within `_HOUR`; of more, only the log hears how many requests there were.
#: Names that are an endpoint's, names that are like one, and all others have as much room each: a scanner that asks for
#: anything hides no carrier whose URL is nearly right.
MOST_NAMES = 50
#: Seconds between two writes about one name and cause; what comes meanwhile is counted with the next one.
_WRITE_EVERY, _HOUR = 60.0, 3600.0
_LONGEST = 64
#: Who asks here is a person or a program that reads the answer.
_SEEN = ("/api/v1/", "/console/")


class RouteCause(StrEnum):
    """Why no endpoint takes a request."""

    ADDRESS = "unknown_address"
    ENDPOINT = "unknown_endpoint"
    ACCOUNT = "unknown_account"
    METHOD = "unknown_method"
    PATH = "unknown_path"
    TOO_LARGE = "too_large"
    ENCODING = "unsupported_encoding"


class _Name(Enum):
    """What a name is to the configuration."""

    CONFIGURED = auto()
    LIKE = auto()
    OTHER = auto()


class _Meant(NamedTuple):
    """What a name is, why nothing takes it, and what is probably meant instead."""

    kind: _Name
    reason: str
    likely: str | None


def _nothing_written() -> dict[_Name, dict[tuple[str, RouteCause], tuple[float, int]]]:
    return {kind: {} for kind in _Name}


class UntakenRequests:
    """Records requests that no endpoint takes. ``clock`` is Unix time in seconds."""

    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
        self._config, self._stored, self._clock = config, UnknownRoutes(database), clock
        self._redactions = [Redaction(endpoint) for endpoint in config.endpoints.values()]
        accounts = config.accounts.values()
        self._of_accounts = [one for account in accounts for one in (*account.link_tokens, *account.hook_secrets)]
        self._lock = threading.Lock()
        self._begun, self._surplus = 0.0, 0
        #: When each was written last, and how often it came since, by which of the three its name is.
        self._written = _nothing_written()

    def note_address(self, path: str, *, method: str) -> None:
        """A request to a path that is nothing here: a webhook, if a part of it is an endpoint's name, as in
        ``/webhook/<name>`` or ``/Webhooks/<name>``; links or the order hook, if it is an account's, as in
        ``/hooks/lux``. All else is a scanner's, but for the API and the console: who asks there sees the answer."""
        if path.startswith(_SEEN):
            return
        by_name = {_canonical(endpoint): endpoint for endpoint in self._config.endpoints}
        parts = path.split("/")
        found = next((place for place, part in enumerate(parts) if _canonical(part) in by_name), None)
        if found is not None:
            address, name = self._shown("/".join(parts[: found + 1])), by_name[_canonical(parts[found])]
            self.note(name, RouteCause.ADDRESS, method=method, has_token=found < len(parts) - 1, address=address)
        elif route := self._account_route(parts):
            meant = _Meant(_Name.CONFIGURED, f"the address is /{route}", None)
            self._record(route, RouteCause.ADDRESS, lambda: meant, method=method, target=self._shown(path))

    def _account_route(self, parts: list[str]) -> str | None:
        """Where links, or the order hook, of the account in a path belong."""
        place = next((place for place, part in enumerate(parts) if part in self._config.accounts), 0)
        before = {part.lower() for part in parts[:place]}
        if before & {"link", "links"}:
            return self._config.accounts[parts[place]].links_route
        return self._config.accounts[parts[place]].hook_route if before & {"hook", "hooks"} else None

    def note(
        self, name: str, cause: RouteCause, *, method: str, has_token: bool = False, address: str | None = None
    ) -> None:
        """A request to ``/webhooks/<name>``, or to the ``address`` instead, with something behind it where it
        ``has_token``."""
        shown = self._shown(name)
        target = address or f"/webhooks/{shown}"
        target = f"{target}/{REDACTED}" if has_token else target
        self._record(shown, cause, lambda: self._endpoint_meant(shown, cause, method), method=method, target=target)

    def note_account(self, name: str, routes: Mapping[str, str], *, takes: Iterable[str], setting: str) -> None:
        """A POST of links, or of VTEX's order hook, to an account that takes none. ``routes``: those of all accounts,
        by their names, such as ``links/lux``; ``takes``: the accounts that have the ``setting`` for it. Where there is
        none, only an account's own name is recorded."""
        shown, taking = self._shown(name), {one: routes[one] for one in takes}
        if not taking and shown not in routes:
            return
        prefix = next(iter(routes.values())).rpartition("/")[0]
        route = f"{prefix}/{shown}"
        meant = lambda: _account_meant(shown, routes, taking, setting)  # noqa: E731
        self._record(route, RouteCause.ACCOUNT, meant, method="POST", target=f"/{route}")

    def _record(self, name: str, cause: RouteCause, meant: Callable[[], _Meant], *, method: str, target: str) -> None:
        """Count the request, and store it where it is due. ``meant`` is looked for only then."""
        now = self._clock()
        with self._lock:
            self._begin_hour(now)
            count = self._again(name, cause, now)
        if count == 0:
            return
        found = meant()
        if count is None:
            with self._lock:
                count = self._first(name, cause, now, found.kind)
        if not count:
            return
        is_ours = found.kind is _Name.CONFIGURED
        route = UnknownRoute(
            name=name, cause=cause, reason=found.reason, likely=found.likely, method=method, target=target,
            is_endpoint=is_ours, count=count,
        )  # fmt: skip
        try:
            if self._stored.note(route, now=now):
                log.warning(
                    "webhook that no endpoint takes, see receiver rejects: name=%s method=%s reason=%s",
                    name, method, found.reason,
                )  # fmt: skip
        except StoreUnavailable as error:
            log.warning("webhook that no endpoint takes not recorded: name=%s reason=%s", name, error)

    def _endpoint_meant(self, name: str, cause: RouteCause, method: str) -> _Meant:
        likely = self._likely(name) if cause is RouteCause.ENDPOINT else None
        kind = _Name.CONFIGURED
        if cause is RouteCause.ENDPOINT:
            kind = _Name.LIKE if likely else _Name.OTHER
        reason = _reason(cause, method, likely, name=name, is_endpoint=likely in self._config.endpoints)
        return _Meant(kind, reason, likely)

    def _begin_hour(self, now: float) -> None:
        if not is_within(_HOUR, self._begun, now):
            if self._surplus:
                log.warning("webhooks to unknown addresses not recorded, too many names: requests=%d", self._surplus)
            self._begun, self._surplus, self._written = now, 0, _nothing_written()

    def _again(self, name: str, cause: RouteCause, now: float) -> int | None:
        """How many requests to write down now, 0: none. ``None``: this name and cause is not known yet."""
        key = (name, cause)
        for written in self._written.values():
            if key in written:
                written_at, more = written[key]
                is_due = not is_within(_WRITE_EVERY, written_at, now)
                written[key] = (now, 0) if is_due else (written_at, more + 1)
                return more + 1 if is_due else 0
        return None

    def _first(self, name: str, cause: RouteCause, now: float, kind: _Name) -> int:
        """The same for a new name and cause."""
        written = self._written[kind]
        if len(written) >= MOST_NAMES:
            self._surplus += 1
            return 0
        written[name, cause] = (now, 0)
        return 1

    def _shown(self, name: str) -> str:
        """The name as it may be kept: short, printable, and no secret that got into the wrong place."""
        for redaction in self._redactions:
            name = redaction.text(name)
        for secret in self._of_accounts:
            name = name.replace(secret, REDACTED)
        return storable(name[:_LONGEST])

    def _likely(self, name: str) -> str | None:
        """The endpoint that is probably meant; else the carrier for which there is none."""
        config, written = self._config, _canonical(name)
        by_name = {_canonical(endpoint): endpoint for endpoint in config.endpoints}
        near = difflib.get_close_matches(written, sorted(by_name), n=1, cutoff=0.7)
        if near:
            return by_name[near[0]]
        slug = written.replace("-", "_")
        of_carrier = [name for name, endpoint in config.endpoints.items() if endpoint.carrier.slug == slug]
        return next(iter(of_carrier), slug if slug in config.carriers else None)


def _account_meant(name: str, routes: Mapping[str, str], takes: Mapping[str, str], setting: str) -> _Meant:
    """``takes``: those of the routes that take requests."""
    if name in routes:
        return _Meant(_Name.CONFIGURED, f"account {name} has no {setting}: add them to [vtex.{name}]", routes[name])
    by_name = {_canonical(one): one for one in takes}
    near = difflib.get_close_matches(_canonical(name), sorted(by_name), n=1, cutoff=0.7)
    if not near:
        return _Meant(_Name.OTHER, "no account has this name", None)
    likely = by_name[near[0]]
    return _Meant(_Name.LIKE, f"no account has this name; did you mean {likely}?", routes[likely])


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def _reason(cause: RouteCause, method: str, likely: str | None, *, name: str, is_endpoint: bool) -> str:
    if cause is RouteCause.ADDRESS:
        return f"the endpoint's address is /webhooks/{name}"
    if cause is RouteCause.METHOD:
        return f"the endpoint does not take {method}"
    if cause is RouteCause.PATH:
        return "the endpoint takes nothing behind its name in the URL"
    if cause is RouteCause.TOO_LARGE:
        return "the body is larger than max_body, and was refused unread"
    if cause is RouteCause.ENCODING:
        return "the body is compressed (Content-Encoding), and was refused unread"
    if likely is None:
        return "no endpoint has this name"
    if is_endpoint:
        return f"no endpoint has this name; did you mean {likely}?"
    return f"no endpoint is configured for {likely}: add [endpoints.{likely.replace('_', '-')}]"
