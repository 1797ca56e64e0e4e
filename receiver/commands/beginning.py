"""Beginning: a configuration for the carriers that one names."""

import os
import re

import click

from receiver.carriers import Carrier, discover
from receiver.commands._common import fail
from receiver.config import ACCOUNT_NAME, default_path, did_you_mean
from receiver.config.starter import starter

_VARIABLE = re.compile(r"^[^#]*\$\{(\w+)\}", re.MULTILINE)


@click.command()
@click.argument("account")
@click.argument("names", metavar="CARRIER...", nargs=-1, required=True)
def init(account: str, names: tuple[str, ...]) -> None:
    """Write a commented configuration to begin with.

    For a VTEX account and the carriers that you name: receiver init luxstore melhor_envio frenet. It goes to
    receiver.toml, or to the file that RECEIVER_CONFIG names. An existing file is never changed.
    """
    path = default_path()
    if not ACCOUNT_NAME.fullmatch(account):
        fail(f"{account!r} is no name of a VTEX account (lower-case letters, digits, hyphens)")
    text = starter(account, [_carrier(name) for name in dict.fromkeys(name.replace("-", "_") for name in names)])
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{path} is there already, and stays as it is. Move it away, or name another file in RECEIVER_CONFIG")
    except OSError as error:
        fail(f"{path}: cannot be written: {error.strerror}")
    click.echo(f"wrote {path}")
    click.echo(f"next: set {', '.join(dict.fromkeys(_VARIABLE.findall(text)))}")
    click.echo("then: receiver check, which names what is missing; receiver serve")


def _carrier(name: str) -> Carrier:
    carrier = discover().get(name)
    if carrier is None:
        fail(f"{name!r} is no carrier{did_you_mean(name, discover())} (receiver carriers lists them)")
    return carrier


COMMANDS = (init,)
