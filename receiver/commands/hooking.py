"""Commands for VTEX's order hook: show the present one, install and remove ours."""

import time
from typing import Any
from urllib.parse import urlsplit

import click

from receiver.calls.background import BackgroundCalls, calls_to
from receiver.commands._common import account_of, account_option, fail, json_option, opened, printable, say
from receiver.commands._types import TEXT
from receiver.store import Background, Paused, RateLimited
from receiver.store.notify.watches import Noted, Watches
from receiver.timing import stamp
from receiver.vtex.answers import NotFound, VtexError
from receiver.vtex.hook import Standing, configuration, read_configuration

#: Seconds to wait for a pause, or for live work, before the command gives up.
_PATIENCE = 30.0
#: VTEX's message if the URL of a hook does not answer its ping.
_UNREACHED = "unable to check address"
_UNREACHED_ADVICE = ". VTEX could not reach the URL: is the receiver up there, and is its certificate valid?"
_ONE_A_KEY = (
    "! An app key has one hook: installing this one replaces whatever that key had. "
    "Use a key of the receiver's own, never the one of your ERP."
)


@click.group()
def hook() -> None:
    """VTEX's order hook: it tells of new invoices at once."""


@hook.command()
@account_option
@json_option
def status(account: str | None, *, as_json: bool) -> None:
    """Say which hook the account's app key has."""
    with opened() as (config, database):
        of = account_of(config, account)
        standing = _standing(calls_to(config, database, of))
        ours = Background(database).hook(of)
        fields = {"account": of, **_plain(standing), "ours": _is_ours(standing, ours)}
        fields |= {"installed_at": stamp(ours["installed_at"]) if ours else None}
        say("\n".join(_described(standing, ours)), fields, as_json=as_json)


@hook.command()
@account_option
@click.option(
    "--url", type=TEXT, required=True, metavar="URL", help="Where VTEX reaches /hooks/vtex/ACCOUNT, with https."
)
@click.option("--replace", is_flag=True, help="Also where another hook stands.")
@json_option
def install(url: str, account: str | None, *, replace: bool, as_json: bool) -> None:
    """Install the hook.

    VTEX calls the URL at once to see whether it answers: the receiver must be running there. The worker looks after
    the hook from then on.
    """
    with opened() as (config, database):
        of = account_of(config, account)
        calls, secrets = calls_to(config, database, of), config.accounts[of].hook_secrets
        if not secrets:
            fail(f"vtex.{of}.hook_secrets: is missing; VTEX sends the first of them along, to prove itself")
        _check_url(url, of)
        standing = _standing(calls)
        if standing is not None and standing.url != url and not replace:
            fail("\n".join(["another hook stands there; --replace takes its place", *_described(standing, None)]))
        click.echo(_ONE_A_KEY, err=True)
        _call(calls, lambda: calls.vtex.set_hook(configuration(url, secrets[0])))
        Background(database).hook_installed(of, url, now=time.time())
        Watches(database).note(Noted.HOOK, [of], now=time.time())
        former = standing.url if standing is not None and standing.url != url else None
        text = f"VTEX tells {url} of orders that may have gained an invoice"
        text += f"; formerly {printable(former)}" if former else ""
        say(text, {"url": url, "replaced": former}, as_json=as_json)


@hook.command()
@account_option
@click.option("--replace", "foreign", is_flag=True, help="Also where it is another hook than was installed from here.")
@json_option
def remove(account: str | None, *, foreign: bool, as_json: bool) -> None:
    """Remove the hook.

    New invoices are then found at the next look, up to six hours later.
    """
    with opened() as (config, database):
        of = account_of(config, account)
        calls, background = calls_to(config, database, of), Background(database)
        standing, ours = _standing(calls), background.hook(of)
        if standing is not None and not _is_ours(standing, ours) and not foreign:
            fail(
                "\n".join(["this hook was not installed from here; --replace removes it", *_described(standing, ours)])
            )
        background.hook_removed(of)  # first, or the worker might install it again
        if standing is not None:
            _call(calls, calls.vtex.delete_hook)
        text = f"removed: {printable(standing.url)}" if standing else "there was no hook"
        say(text, {"removed": standing.url if standing else None}, as_json=as_json)


def _standing(calls: BackgroundCalls) -> Standing | None:
    try:
        return read_configuration(_call(calls, calls.vtex.get_hook, missing_ok=True))
    except NotFound:
        return None


def _call(calls: BackgroundCalls, make: Any, *, missing_ok: bool = False) -> Any:
    try:
        return calls.call(make, max_wait=_PATIENCE)
    except (RateLimited, Paused) as error:
        fail(f"VTEX account {calls.vtex.account.name} takes no calls now: {error}")
    except VtexError as error:
        if missing_ok and isinstance(error, NotFound):
            raise
        unreached = _UNREACHED in str(error).lower()
        fail(f"VTEX: {error}{_UNREACHED_ADVICE if unreached else ''}")


def _check_url(url: str, account: str) -> None:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        fail(f"--url: {url!r} is not https: VTEX takes nothing else")
    if parts.path.rstrip("/").rsplit("/", 3)[-3:] != ["hooks", "vtex", account]:
        fail(f"--url: {url!r} does not end in /hooks/vtex/{account}")


def _is_ours(standing: Standing | None, ours: dict[str, Any] | None) -> bool:
    return standing is not None and ours is not None and standing.url == ours["url"]


def _plain(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {"url": None, "filter": None, "headers": []}
    return {"url": standing.url, "filter": standing.filter, "headers": list(standing.headers)}


def _described(standing: Standing | None, ours: dict[str, Any] | None) -> list[str]:
    """The present hook, without the values of its headers: they are secrets."""
    if standing is None:
        gone = f"; ours was installed {stamp(ours['installed_at'])}, the worker will install it again" if ours else ""
        return [f"no hook{gone}"]
    lines = [f"{printable(standing.url)}{' (ours)' if _is_ours(standing, ours) else ''}"]
    statuses = standing.filter.get("status")
    listed = ", ".join(map(str, statuses)) if isinstance(statuses, list) else "all statuses"
    lines.append(printable(f"{standing.filter.get('type', 'FromWorkflow')}: {listed}"))
    if standing.headers:
        lines.append(printable(f"headers: {', '.join(standing.headers)}"))
    return lines


COMMANDS = (hook,)
