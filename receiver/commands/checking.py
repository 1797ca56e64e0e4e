"""Checking: what would start, what is paused and how that ends, and what the keys may do at VTEX."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from receiver.calls.pause_end import how_it_ends
from receiver.carriers import Carrier
from receiver.commands._common import absent_database, clear_faults, configuration, count, fail, opened, printable
from receiver.commands.check_warnings import warnings
from receiver.config import Account, Config
from receiver.operations.access import Access, access_check, is_fine, is_refused
from receiver.store import Database, OperatorQueries, Paused, RateLimited, StoreUnavailable
from receiver.store.operator.gauges import connections_of_server
from receiver.store.pool import CONNECTIONS
from receiver.timing import stamp

_UNPROVEN = "Notify invoice: not checked, only a write shows it"


@click.command()
@click.option("--vtex", "ask_vtex", is_flag=True, help="Ask VTEX what each key may do. Nothing is written.")
def check(*, ask_vtex: bool) -> None:
    """Read configuration and database; say every fault.

    No database is made. With --vtex also ask VTEX, by reading alone, whether each account's key, tokens and roles work.
    Exit code 1 where one does not, or where the database takes no deliveries.
    """
    path, config = configuration()
    absence = absent_database(config)
    with _passing_database() if absence else opened() as (_, database):
        pauses = {row["name"]: row for row in OperatorQueries(database).paused_accounts(now=time.time())}
        answers: list[list[Access]] = []
        connections, refusal = connections_of_server(database), _refusal(database)
        for name, account in config.accounts.items():
            click.echo(f"account {name}: {account.base_url}, {count(len(account.app_tokens), 'app token')}")
            if name in pauses:
                click.echo(f"  ! {_pause(name, **pauses[name])}")
            if ask_vtex:
                answers.append(_asked(config, database, account))
    for line in _endpoints(config):
        click.echo(line)
    for warning in warnings(config, connections=connections):
        click.echo(f"! {warning}")
    click.echo(f"! {absence}" if absence else f"! {refusal}" if refusal else "database: ready")
    if not ask_vtex:
        click.echo("! keys and roles: not checked. receiver check --vtex asks VTEX, without writing")
    if refusal:
        fail(f"{path}: no faults, but deliveries cannot be stored; see above")
    if any(is_refused(one) for one in answers):
        fail(f"{path}: no faults, but VTEX does not take every key; see above")
    if not all(one and is_fine(one) for one in answers):
        fail(f"{path}: no faults, but VTEX could not be asked; see above")
    click.echo(f"{path}: no faults")


def _refusal(database: Database) -> str | None:
    """Why deliveries cannot be stored: a full disk shows at a write alone."""
    try:
        database.check_writable()
    except StoreUnavailable as error:
        return printable(f"the database takes no deliveries: {' '.join(str(error).split())}")
    return None


@contextlib.contextmanager
def _passing_database() -> Iterator[tuple[None, Database]]:
    """An empty database that ends with the command: VTEX can be asked before there is one."""
    with (
        TemporaryDirectory() as folder,
        clear_faults(),
        contextlib.closing(Database(f"sqlite:///{Path(folder) / 'receiver.db'}", connections=CONNECTIONS)) as database,
    ):
        yield None, database


def pause_line(pause: Mapping[str, Any]) -> str:
    """An account's pause: until when, why, and how it ends."""
    return f"{pause['name']} is {_pause(str(pause['name']), **pause)}"


def _pause(account: str, *, until: float, reason: str, own_fault: bool, now: float, **_: object) -> str:
    ends = how_it_ends(account, own_fault=own_fault)
    when = f"paused until {stamp(until)}" if until > now else "about to be tried again"
    return printable(f"{when}: {reason}; it ends {ends}")


def _asked(config: Config, database: Database, account: Account) -> list[Access]:
    """Print what the account's key may do, and return it; nothing where VTEX wants no calls."""
    found: list[Access] = []
    try:
        for one in access_check(config, database, account.name).run():
            found.append(one)
            mark = "  " if one.allowed else "! "
            click.echo(
                printable(f"  {mark}{one.what}: {one.why if one.allowed is not None else f'unknown, {one.why}'}")
            )
    except (Paused, RateLimited) as error:
        click.echo(f"  ! not asked, VTEX wants no calls now: {error}")
        return []
    click.echo(f"    {_UNPROVEN}")
    return found


def _endpoints(config: Config) -> Iterator[str]:
    for name, endpoint in config.endpoints.items():
        accounts = f"account {' or '.join(endpoint.accounts_served)}"
        parts = [endpoint.carrier.slug, f"proves itself by {endpoint.scheme.kind}", accounts]
        if endpoint.references:
            parts.append(count(len(endpoint.references), "reference rule"))
        yield f"endpoint /webhooks/{name}: {', '.join(parts)}"
        if not endpoint.references and not endpoint.carrier.names_orders:
            yield f"  ! {_hint(endpoint.carrier)}"
    if not config.endpoints:
        yield "! no endpoint: add an [endpoints.<name>] table, or nothing can be received"


def _hint(carrier: Carrier) -> str:
    if not carrier.references:
        return f"{carrier.name} carries no order: tell it with 'receiver link', or with a reference rule of your own"
    return (
        f"{carrier.name} names no order by itself: add a reference rule "
        f"(merchants write it into {', '.join(carrier.references)}), or tell it with 'receiver link'"
    )


COMMANDS = (check,)
