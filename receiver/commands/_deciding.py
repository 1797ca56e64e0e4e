"""What the commands share by which a person decides: who it is, and why."""

import os
import pwd
from collections.abc import Callable
from typing import Any, TypeVar

import click

from receiver.config import Config
from receiver.operations.decisions import LONGEST_NOTE, Actor, Decisions
from receiver.store import Database

_Command = TypeVar("_Command", bound=Callable[..., Any])
#: The longest name, in characters.
_LONGEST_NAME = 100


def _name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    name = os_user() if value is None else value.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise click.BadParameter(f"{value!r} is no name of at most {_LONGEST_NAME} printable characters")
    return name


def os_user() -> str:
    """The operating system's name of who runs this; its number, where a container has no name for it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


class _Note(click.ParamType[str]):
    """A note, as long as the API and the console take it."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The note as it is."""
        if len(value) > LONGEST_NOTE:
            self.fail(f"a note has at most {LONGEST_NOTE:,} characters, this one has {len(value):,}", param, ctx)
        return value


def decision_options(command: _Command) -> _Command:
    """``--by NAME`` and ``--note TEXT``, which go into the record of decisions."""
    command = click.option("--note", type=_Note(), metavar="TEXT", help="Why; it is recorded with the decision.")(
        command
    )
    return click.option("--by", metavar="NAME", callback=_name, help="Who decides; default: the system's user.")(
        command
    )


def decisions_of(config: Config, database: Database, by: str, note: str | None) -> Decisions:
    """The decisions of a person at the command line."""
    return Decisions(config, database, Actor(by, "command line"), note=note)
