"""The import law: ``wsgi → receiver → adapters → stdlib``, inside `receiver` only downwards; each third party has one
home, and a module whose docstring begins with PURE has neither clock nor wire nor store."""

import ast

import pytest

from tests.support.import_law import _LEVEL, ROOMS, _part, breaches, circles
from tests.support.paths import ROOT

TOP_LEVEL = ("adapters", "receiver", "schemas", "bench", "storm")


def _files() -> list[str]:
    found = [path for top in TOP_LEVEL for path in (ROOT / top).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in [*found, *ROOT.glob("*.py")])


def test_law():
    """Every file keeps the import law."""
    found = {path: breaches(path, (ROOT / path).read_text(encoding="utf-8")) for path in _files()}

    assert {} == {path: broken for path, broken in found.items() if broken}


def test_no_circle():
    """No two parts of `receiver` import one another, however far apart."""
    assert [] == circles({path: (ROOT / path).read_text(encoding="utf-8") for path in _files()})


def test_every_level_is_there():
    """What LEVELS names exists, and nothing stands beside it."""
    assert _LEVEL.keys() == {part for path in _files() if (part := _part(path)) is not None}


def test_every_room_is_there():
    """What ROOMS names exists."""
    assert [] == [room for rooms in ROOMS for room in rooms if not (ROOT / "receiver" / "store" / room).is_dir()]


def test_pure_modules():
    """The word PURE is found: the rules for VTEX, and everything about shipments."""
    pure = {path for path in _files() if _says_pure((ROOT / path).read_text(encoding="utf-8"))}
    rules = {
        f"receiver/vtex/{name}.py"
        for name in ("orders", "writes", "tracking", "invoice_checks", "hook", "facts", "nfe")
    }
    shipments = {path for path in _files() if path.startswith("receiver/shipments/") and "__init__" not in path}

    assert rules | shipments <= pure


def _says_pure(source: str) -> bool:
    return (ast.get_docstring(ast.parse(source)) or "").startswith("PURE")


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"receiver/a.py": "import receiver.b", "receiver/b.py": "from receiver import a"}, [{"a", "b"}]),
        (
            {
                "receiver/a/one.py": "from receiver.b import two",
                "receiver/b/two.py": "from receiver.c.three import x",
                "receiver/c/__init__.py": "from receiver.c.three import x",
                "receiver/c/three.py": "def late():\n    from receiver.a.other import y",
            },
            [{"a", "b", "c"}],
        ),
        ({"receiver/a/one.py": "from receiver.a import two", "receiver/a/two.py": "from receiver.a import one"}, []),
        ({"receiver/a.py": "import receiver.b", "receiver/b.py": "import receiver.c", "receiver/c.py": ""}, []),
    ],
)
def test_circles(sources, expected):
    """A circle is found over any number of packages; modules of one package may lean on one another."""
    assert expected == circles(sources)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("adapters/toy.py", "import receiver.shipments"),
        ("adapters/toy.py", "from receiver import shipments"),
        ("adapters/toy.py", "import requests"),
        ("adapters/toy.py", "from jsonschema.exceptions import SchemaError"),
        ("adapters/toy.py", "from cryptography.hazmat import primitives"),
        ("adapters/toy.py", "from adapters.frenet import NAME"),
        ("adapters/toy.py", "from adapters import frenet"),
        ("adapters/toy.py", "from . import frenet"),
        ("adapters/toy.py", "from .frenet import NAME"),
        ("adapters/toy.py", "from .. import receiver"),
        ("adapters/toy.py", "import adapters.frenet as other"),
        ("adapters/toy.py", "import importlib\nimportlib.import_module('receiver')"),
        ("adapters/toy.py", "def read():\n    import flask"),
        ("adapters/toy.py", "text = open('schema.json').read()"),
        ("adapters/toy.py", "print(1)"),
        ("adapters/toy.py", "from datetime import datetime\nnow = datetime.now()"),
        ("adapters/toy.py", "import datetime\nnow = datetime.datetime.utcnow()"),
        ("adapters/toy.py", "from datetime import date\ntoday = date.today()"),
        ("adapters/toy.py", "clock = datetime.now"),
        ("adapters/toy.py", "import time\ntime.time()"),
        ("adapters/toy.py", "import os\nos.environ['HOME']"),
        ("adapters/toy.py", "from os import environ"),
        ("receiver/intake/intake.py", "import flask"),
        ("receiver/sandbox/faults.py", "from flask import Flask"),
        ("receiver/vtex/client.py", "import requests"),
        ("receiver/intake/intake.py", "from jsonschema import Draft202012Validator"),
        ("receiver/processes/worker.py", "from sqlalchemy import select"),
        ("receiver/cli.py", "import alembic.command"),
        ("receiver/cli.py", "import os\nos.getenv('HOME')"),
        ("receiver/cli.py", "import os\nhome = os.environ.get('HOME')"),
        ("receiver/cli.py", "from os import getenv"),
        ("receiver/processes/worker.py", "import freezegun"),
        ("receiver/recordings/replay.py", "import pytest"),
        ("receiver/recordings/replay.py", "import wsgi"),
        ("bench/load.py", "import hypothesis"),
        ("schemas/__init__.py", "import adapters"),
        ("wsgi.py", "import flask"),
        ("receiver/store/work/queue.py", "from receiver.reconcile.plan import plan"),
        ("receiver/store/work/queue.py", "from receiver.store.intake.inbox import Inbox"),
        ("receiver/store/keeping/kept.py", "from receiver.store.notify import alerts"),
        ("receiver/store/tables.py", "import receiver.store.finding.index"),
        ("receiver/store/finding/index.py", "from receiver.store import Claim"),
        ("receiver/store/attic/old.py", ""),
        ("receiver/vtex/orders.py", "import receiver.store"),
        ("receiver/vtex/client.py", "from receiver import store"),
        ("receiver/vtex/client.py", "from ..store import Queue"),
        ("receiver/http/client.py", "from receiver.vtex.answers import VtexError"),
        ("receiver/http/client.py", "import receiver.timing"),
        ("receiver/web/app.py", "from receiver.sandbox import serve"),
        ("receiver/calls/pauses.py", "def late():\n    from receiver.intake import Intake"),
        ("receiver/commands/serving.py", "import receiver.cli"),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nimport time\ntime.time()'),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nfrom time import monotonic'),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nfrom datetime import datetime\nclock = datetime.now'),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nimport datetime\nday = datetime.date.today()'),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nfrom receiver.http import Http'),
        ("receiver/reconcile/plan.py", '"""PURE: toy."""\nfrom receiver.store import Claim'),
        ("receiver/reconcile/plan.py", '"""PURE: toy."""\nfrom receiver import store'),
        ("receiver/config/loader.py", '"""PURE: toy."""\nimport os\nhome = os.environ["HOME"]'),
    ],
)
def test_bites(path, source):
    """A breach is found, however it is written, and named by its line."""
    last_line = source.count("\n") + 1

    assert breaches(path, source)[0].startswith(f"{path}:{last_line}: ")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("adapters/toy.py", "from datetime import datetime, date\nfrom adapters import Shipment, text, day"),
        ("adapters/toy.py", "from adapters._values import moment"),
        ("adapters/toy.py", "at = request.received_at\nopened = payload['open']\nshop.today = 1"),
        ("adapters/_auth.py", "from cryptography.hazmat.primitives import hashes"),
        ("receiver/web/app.py", "from flask import Flask"),
        ("receiver/web/console.py", "import flask"),
        ("receiver/sandbox/app.py", "import flask"),
        ("receiver/http/transport.py", "import requests"),
        ("receiver/config/loader.py", "import os\nos.environ['HOME']"),
        ("receiver/store/work/queue.py", "from sqlalchemy import select"),
        ("receiver/cli.py", "import os\nos.getpid()"),
        (
            "receiver/store/work/queue.py",
            "from receiver.vtex.wanted import Owner\nfrom receiver.store.tables import orders",
        ),
        ("receiver/store/work/queue.py", "from receiver.store.finding import index_statements as statements"),
        ("receiver/store/keeping/kept.py", "from receiver.store.operator.queries import OperatorQueries"),
        ("receiver/vtex/client.py", "from receiver.http import Http\nimport receiver.config.model"),
        ("receiver/calls/pauses.py", '"""Not PURE."""\nimport time\ntime.time()'),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nfrom datetime import datetime\nat = datetime.fromisoformat("")'),
    ],
)
def test_lets_pass(path, source):
    """What the law allows passes."""
    assert [] == breaches(path, source)
