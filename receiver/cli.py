"""The `receiver` command."""

import click

from receiver.commands import (
    api,
    asking,
    beginning,
    carriers,
    checking,
    deciding,
    demo,
    following,
    forgetting,
    hooking,
    indexing,
    linking,
    looking,
    notifying,
    recording,
    replaying,
    reprocessing,
    run,
    status,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="carrier-webhook-receiver")
def main() -> None:
    """Carrier webhooks in, tracking on the right VTEX invoice out.

    Settings: receiver.toml in this folder, or the file that RECEIVER_CONFIG names.
    """


PARTS = (
    beginning,
    run,
    checking,
    carriers,
    demo,
    replaying,
    recording,
    status,
    looking,
    following,
    deciding,
    forgetting,
    notifying,
    reprocessing,
    linking,
    hooking,
    indexing,
    asking,
    api,
)
for command in (command for part in PARTS for command in part.COMMANDS):
    main.add_command(command)

if __name__ == "__main__":
    main()
