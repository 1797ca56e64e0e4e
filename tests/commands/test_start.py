"""A command imports what it needs, and nothing else: to start costs a tenth of what importing everything does."""

import json
import re
import subprocess
import sys
from importlib import import_module

import pytest

from receiver.cli import COMMANDS, main
from tests.support.paths import ROOT

#: Packages that take long to import, and that a command for people does without.
SLOW = {
    "alembic",
    "cryptography",
    "flask",
    "gunicorn",
    "jsonschema",
    "jsonschema_rs",
    "prometheus_client",
    "requests",
    "rich.console",
    "sqlalchemy.dialects.postgresql",
}
#: What only a worker needs of the house itself.
WORKERS = {
    "receiver.calls.pauses",
    "receiver.reconcile.resolve",
    "receiver.store.work.claims",
    "receiver.vtex.choice",
    "receiver.vtex.orders",
    "receiver.vtex.writes",
}
#: Runs the command, and then writes what was imported to stderr.
RUN = """
import json, sys
from receiver.cli import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(*arguments: str, config: str = "none") -> set[str]:
    """Every module that the command imports, in a process of its own."""
    environ = {"RECEIVER_CONFIG": config, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help():
    """The list of commands needs click alone."""
    modules = imported("--help")

    assert set() == modules & (SLOW | {"sqlalchemy", "adapters"})
    assert {"receiver", "receiver.cli"} == {name for name in modules if name.partition(".")[0] == "receiver"}


@pytest.mark.parametrize("command", [["show", "melhor-envio/p1"], ["shipments"]], ids=["show", "shipments"])
def test_look(operator, command):
    """A look at what is stored needs the database, and no network, no other carrier and nothing of a worker."""
    operator.in_step()
    modules = imported(*command, config=str(operator.config))

    assert set() == modules & (SLOW | WORKERS)
    assert {"adapters.melhor_envio"} == {name for name in modules if re.match(r"adapters\.[a-z]", name)}


@pytest.mark.parametrize(
    ("command", "needless"),
    [
        ("serve", {"alembic", "receiver.sandbox"}),
        ("web", {"alembic", "receiver.sandbox"}),
        ("work", {"alembic", "flask", "gunicorn", "jinja2", "prometheus_client", "receiver.sandbox", "werkzeug"}),
        ("sandbox", {"gunicorn", "receiver.processes.worker", "receiver.reconcile"}),
        ("migrate", {"flask", "gunicorn", "receiver.processes", "receiver.sandbox", *WORKERS}),
    ],
)
def test_runs(command, needless):
    """A process imports what its own work needs: a worker no web server, and no process the stand-in VTEX."""
    assert set() == imported(command, "--help") & needless


def run(code: str, config: str = "none") -> str:
    """The last line that the code prints, in a process of its own."""
    environ = {"RECEIVER_CONFIG": config, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.splitlines()[-1]


def test_no_collection(operator):
    """A command that ends soon collects no garbage, from its start to its end: but for the few objects of click, which
    may reach Python's own limit before the command is known."""
    operator.in_step()
    code = """
import atexit, gc
begun = []
atexit.register(lambda: print(len(begun) <= 1, gc.get_freeze_count() > 10_000))
from receiver.cli import main
gc.callbacks.append(lambda phase, info: begun.append(info) if phase == "start" else None)
main(["show", "melhor-envio/p1"], standalone_mode=False)
"""

    assert "True True" == run(code, str(operator.config))


@pytest.mark.parametrize("command", ["serve", "web", "work", "sandbox"])
def test_collects_while_it_runs(command):
    """A command that runs for long collects garbage as every program does, but never looks at what it has imported."""
    code = f"""
import gc
usual = gc.get_threshold()
from receiver.cli import main
main(["{command}", "--help"], standalone_mode=False)
print(gc.get_threshold() == usual, gc.get_freeze_count() > 10_000)
"""

    assert "True True" == run(code)


@pytest.mark.parametrize("name", COMMANDS)
def test_line(name):
    """A command's line in the list is what the command says of itself, and its module is the one that is named."""
    module, line = COMMANDS[name]

    assert line == main.commands[name].get_short_help_str(limit=200)
    assert name in [command.name for command in import_module(f"receiver.commands.{module}").COMMANDS]


def test_every_command():
    """Every command of a listed module is listed."""
    modules = {module for module, _ in COMMANDS.values()}
    defined = [command.name for module in modules for command in import_module(f"receiver.commands.{module}").COMMANDS]

    assert sorted(COMMANDS) == sorted(defined)
    assert set(COMMANDS) == set(main.commands)
    assert len(COMMANDS) == len(main.commands)
