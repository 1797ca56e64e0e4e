"""The command that brings the database up to date."""

import click

from receiver.commands._common import clear_faults, configuration
from receiver.store import migrate as migrate_database
from receiver.store.engine import is_sqlite, prepare


@click.command()
def migrate() -> None:
    """Bring the database up to date.

    SQLite does this by itself at start, and is made here where there is none. PostgreSQL waits for this command.
    """
    _, config = configuration(every_carrier=False)
    with clear_faults():
        if is_sqlite(config.database):
            prepare(config.database)
        else:
            migrate_database(config.database)
    click.echo("the database is up to date")


COMMANDS = (migrate,)
