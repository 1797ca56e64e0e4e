"""The API: where its document is, and who may use it."""

import click

from receiver.commands._common import configuration, fail, json_option, say
from receiver.commands._types import TEXT
from receiver.web.api import PREFIX, document


@click.command()
@click.option(
    "--url",
    type=TEXT,
    default="http://127.0.0.1:8000",
    show_default=True,
    metavar="URL",
    help="Where the receiver answers.",
)
@click.option("--print", "printed", is_flag=True, help="Print the document itself.")
@json_option
def api(url: str, *, printed: bool, as_json: bool) -> None:
    """Say where the API's OpenAPI document is.

    Every operator of the configuration may read it there.
    """
    if printed:
        click.echo(document(), nl=False)
        return
    path, config = configuration()
    if not config.operators:
        fail(f"{path}: there is no [operators.<name>], so the API is shut; add one with a token")
    people = [{"name": one.name, "role": one.role} for one in config.operators.values()]
    address = f"{url.rstrip('/')}{PREFIX}/openapi.yaml"
    say(address, {"document": address, "operators": people}, as_json=as_json)


COMMANDS = (api,)
