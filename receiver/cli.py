"""The `receiver` command. A command's module is imported when the command is called, and no other one."""

import atexit
import gc
from collections import UserDict
from collections.abc import Iterator
from importlib import import_module

import click

#: New objects between two garbage collections. A start makes 75,000 and leaves no garbage: to look through them once
#: would cost a twelfth of it.
_BEFORE_COLLECTION = 200_000
#: The modules of commands that run for long. They collect garbage as Python usually does, once they have started.
_LONG = ("serving", "working", "sandboxing")
# At its end Python collects all that is left, object by object; the process ends anyway.
atexit.register(gc.freeze)

#: Each command: its module in `receiver.commands`, and its help in one line, so that `receiver --help` imports none.
#: A test holds the lines equal to what the commands say themselves.
COMMANDS = {
    "init": ("beginning", "Write a commented configuration to begin with."),
    "serve": ("serving", "Receive and work, in one process."),
    "web": ("serving", "Only receive; `receiver work` does the rest."),
    "work": ("working", "Only work: make VTEX agree with what was received."),
    "sandbox": ("sandboxing", "Serve a stand-in VTEX, with its faults."),
    "migrate": ("migrating", "Bring the database up to date."),
    "check": ("checking", "Read configuration and database; say every fault."),
    "carriers": ("carriers", "List the carriers; try one, or begin a new one."),
    "demo": ("demo", "Show the main job end to end."),
    "replay": ("replaying", "Run recordings again: a dry run, unless you say so."),
    "export": ("replaying", "Write stored deliveries as recordings, for `replay`."),
    "record": ("recording", "Write the next deliveries of an endpoint as recordings."),
    "status": ("status", "Show in one screen what needs a person."),
    "tail": ("following", "Follow deliveries and what becomes of them."),
    "shipments": ("looking", "List shipments, the latest change first."),
    "deliveries": ("looking", "List deliveries, the latest arrival first."),
    "fetches": ("looking", "List what carriers were to be asked for."),
    "rejects": ("looking", "List what did not get in."),
    "show": ("showing", "Tell a shipment's whole story, or an order's."),
    "assign": ("deciding", "Name a shipment's order, and its invoice."),
    "unassign": ("deciding", "Take an assignment back: the rules decide again now."),
    "dismiss": ("deciding", "Send nothing for shipments, no matter what the carrier sends."),
    "retry": ("deciding", "Look at shipments again now."),
    "resume": ("deciding", "End an account's pause now."),
    "decisions": ("deciding", "List what people decided, the newest first."),
    "prune": ("deciding", "Empty the bodies of old deliveries, delete old rows."),
    "forget": ("forgetting", "Blank what one order, number or text left behind."),
    "notify": ("notifying", "Messages to people: test the channels, list what lasts."),
    "reprocess": ("reprocessing", "Read stored deliveries again."),
    "link": ("linking", "Tell which order a parcel belongs to."),
    "links": ("linking", "List the links, the newest first."),
    "unlink": ("linking", "Forget a link."),
    "hook": ("hooking", "VTEX's order hook: it tells of new invoices at once."),
    "index": ("indexing", "Read old orders, so that invoices are found by number or key."),
    "invoice": ("invoicing", "Post an invoice to an order."),
    "reconcile": ("reconciling", "List invoices without tracking and parcels never written."),
    "api": ("api", "Say where the API's OpenAPI document is."),
}


class _OnDemand(UserDict[str, click.Command]):
    """The commands by name; to look one up imports its module."""

    def __getitem__(self, name: str) -> click.Command:
        if name in COMMANDS and name not in self.data:
            part, _ = COMMANDS[name]
            usual = gc.get_threshold()
            gc.set_threshold(_BEFORE_COLLECTION)
            found: tuple[click.Command, ...] = import_module(f"receiver.commands.{part}").COMMANDS
            self.data.update({str(command.name): command for command in found})
            if part in _LONG:
                gc.freeze()  # what was imported stays: no later collection looks at it
                gc.set_threshold(*usual)
        return self.data[name]

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(click.Group):
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from their lines here."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(
    cls=_Group, commands=_OnDemand(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="carrier-webhook-receiver")
def main() -> None:
    """Carrier webhooks in, tracking on the right VTEX invoice out.

    Settings: receiver.toml in this folder, or the file that RECEIVER_CONFIG names.
    """


if __name__ == "__main__":
    main()
