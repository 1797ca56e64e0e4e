"""The command that brings the database up to date."""

from pathlib import Path

import click

from receiver.commands._common import clear_faults, configuration, count, fail
from receiver.store import migrate as migrate_database
from receiver.store.engine import is_sqlite, prepare
from receiver.store.moving import NotEmpty, copy_into


@click.command()
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Then copy this SQLite database into it; PostgreSQL only.",
)
def migrate(file: Path | None) -> None:
    """Bring the database up to date.

    SQLite does this by itself at start, and is made here where there is none. PostgreSQL waits for this command. With
    --from all rows of an SQLite file are copied into an empty PostgreSQL database, while no process uses the file.
    """
    _, config = configuration(every_carrier=False)
    if file and is_sqlite(config.database):
        fail("--from copies into PostgreSQL, and the configuration names an SQLite file")
    with clear_faults():
        if is_sqlite(config.database):
            prepare(config.database)
        else:
            migrate_database(config.database)
        click.echo("the database is up to date")
        if file:
            try:
                click.echo(
                    f"{count(copy_into(config.database, file), 'row')} copied from {file}, which stays where it is"
                )
            except NotEmpty as error:
                fail(str(error))


COMMANDS = (migrate,)
