"""`receiver carriers unknown`: status words that adapters do not know."""

import click

from receiver.commands._common import carrier_option, json_option, opened, show_rows
from receiver.operations.unknown_words import command
from receiver.store.intake.unknown_words import UnknownWords


@click.command(name="unknown")
@carrier_option
@json_option
def unknown(carrier: str | None, *, as_json: bool) -> None:
    """List status words that the adapters do not know.

    The word that was heard last comes first, with the last delivery that had it. Once the adapter knows the word, the
    command of the last column reads those deliveries again.
    """
    columns = {
        "carrier": "carrier",
        "word": "word",
        "count": "deliveries",
        "first_at": "first",
        "last_at": "last",
        "delivery": "example",
        "reprocess": "once the adapter knows it",
    }
    with opened() as (_, database):
        rows = [
            {**row, "reprocess": command(row["word"], row["carrier"])}
            for row in UnknownWords(database).all()
            if carrier in (None, row["carrier"])
        ]
        show_rows(rows, columns, as_json=as_json, empty="no unknown status words")
