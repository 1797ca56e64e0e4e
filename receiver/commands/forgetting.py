"""`receiver forget`: what one person's parcel left behind."""

import click

from receiver.commands._common import count, json_option, opened, say
from receiver.commands._deciding import decision_options, decisions_of
from receiver.commands._types import TEXT
from receiver.operations.forgetting import LEAST_TEXT, NAMED, is_too_short, traces_of


@click.command()
@click.option("--order", type=TEXT, metavar="ORDER", help="The id of a VTEX order.")
@click.option("--number", type=TEXT, metavar="NUMBER", help="A tracking number.")
@click.option("--text", type=TEXT, metavar="TEXT", help="A name, an address, a document's number: wherever it stands.")
@click.option("--dry-run", is_flag=True, help="Only list what would be blanked.")
@decision_options
@json_option
def forget(
    *, order: str | None, number: str | None, text: str | None, dry_run: bool, by: str, note: str | None, as_json: bool
) -> None:
    """Blank what one order, number or text left behind.

    It lists first with --dry-run. Bodies, headers, what was said and known, requests and answers go; the parcels are
    dismissed. VTEX and the carrier keep what they have. See docs/privacy.md.
    """
    given = dict(zip(NAMED, (order, number, text), strict=True))
    values = {named: value for named, value in given.items() if value is not None}
    if len(values) != 1:
        raise click.UsageError("Name one of --order, --number and --text.")
    ((named, value),) = values.items()
    if is_too_short(named, value):
        raise click.UsageError(f"--text needs {LEAST_TEXT} characters or more: a shorter one stands in every row.")
    with opened() as (config, database):
        traces = traces_of(database, named, value)
        if not dry_run:
            decisions_of(config, database, by, note).forget(traces, named)
        done = "would be blanked" if dry_run else "blanked"
        found = traces.by_table()
        counts = ", ".join(count(len(found[name]), *words) for name, words in _WORDS.items() if found[name])
        lines = [f"{counts or 'nothing'} {done}"]
        lines += (*traces.shipments, *traces.deliveries) if dry_run else ()
        say("\n".join(lines), {"dry_run": dry_run, **found}, as_json=as_json)


#: How each table's rows are counted.
_WORDS = {
    "deliveries": ("delivery", "deliveries"),
    "updates": ("update",),
    "shipments": ("shipment",),
    "attempts": ("call",),
    "invoices": ("invoice",),
    "waits": ("wait",),
    "orders": ("indexed number",),
    "links": ("link",),
    "order_news": ("order to read", "orders to read"),
    "fetches": ("fetch", "fetches"),
    "decisions": ("decision",),
    "alerts": ("alert",),
    "notifications": ("message",),
    "unknown_words": ("unknown word",),
    "unknown_routes": ("unknown address", "unknown addresses"),
    "rejects": ("reject",),
    "backfills": ("back-fill",),
    "accounts": ("account",),
    "sessions": ("session",),
}


COMMANDS = (forget,)
