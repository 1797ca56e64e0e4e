"""The import law: ``wsgi → receiver → adapters → stdlib``, and each third party has one home."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOP_LEVEL = ("adapters", "receiver", "schemas", "bench")

#: Which files may import a package. Those not named may be imported anywhere in the shell.
HOMES = {
    "flask": ("receiver/app.py", "receiver/web/", "receiver/vtex/sandbox.py"),
    "requests": ("receiver/http.py",),
    "jsonschema": ("receiver/schemas.py",),
    "sqlalchemy": ("receiver/store/",),
    "alembic": ("receiver/store/",),
    "freezegun": ("tests/",),
    "hypothesis": ("tests/",),
    "pytest": ("tests/",),
}
#: The shell reads the environment here and nowhere else.
ENVIRONMENT = ("receiver/config.py",)
#: Public-key signatures; the one third party of the adapters.
CRYPTOGRAPHY = "adapters/_auth.py"

_IMPURE = {
    "open",
    "print",
    "input",
    "time.time",
    "time.monotonic",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "os.environ",
    "os.getenv",
}
_ENVIRONMENT = {"os.environ", "os.getenv", "os.environb"}


def breaches(path: str, source: str) -> list[str]:
    """What the file at ``path`` does against the law, as ``path:line: what``."""
    tree = ast.parse(source, filename=path)
    found = [*_import_breaches(path, tree), *_call_breaches(path, tree)]
    return [f"{path}:{line}: {what}" for line, what in found]


def _import_breaches(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    for line, module in _imports(path, tree):
        package = module.partition(".")[0]
        if package in HOMES and not path.startswith(HOMES[package]):
            yield line, f"imports {module}, whose home is {' or '.join(HOMES[package])}"
        elif path.startswith("adapters/"):
            if package != "adapters" and package not in sys.stdlib_module_names:
                if not (package == "cryptography" and path == CRYPTOGRAPHY):
                    yield line, f"imports {module}: adapters import the standard library and themselves"
            elif _is_carrier(module):
                yield line, f"imports {module}: carriers never import one another"
        elif path.startswith("schemas/") and package in ("adapters", "receiver"):
            yield line, f"imports {module}: schemas are data"
        elif path.startswith("receiver/") and package in ("wsgi", "tests", "bench"):
            yield line, f"imports {module}: the receiver stands below it"


def _imports(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every imported module by its absolute name; ``from a import b`` gives ``a.b`` where that may be a module."""
    parents = Path(path).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(
                [*parents[: len(parents) - node.level + 1], node.module or ""] if node.level else [node.module]
            )
            yield from ((node.lineno, f"{base.rstrip('.')}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and _dotted(node.func) in ("importlib.import_module", "__import__"):
            yield from ((node.lineno, str(name.value)) for name in node.args[:1] if isinstance(name, ast.Constant))


def _is_carrier(module: str) -> bool:
    """True for ``adapters.<slug>``; the shop window's names and the underscored modules are open to all."""
    package, _, rest = module.partition(".")
    slug = rest.partition(".")[0]
    return package == "adapters" and (ROOT / "adapters" / f"{slug}.py").exists() and not slug.startswith("_")


def _call_breaches(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        name = _dotted(node)
        if path.startswith("adapters/") and any(name == one or name.endswith(f".{one}") for one in _IMPURE):
            yield node.lineno, f"uses {name}: adapters are pure"
        elif path.startswith("receiver/") and path not in ENVIRONMENT and name in _ENVIRONMENT:
            yield node.lineno, f"uses {name}: the environment is read in {' or '.join(ENVIRONMENT)}"
    for line, module in _imports(path, tree):
        if module in _ENVIRONMENT and not path.startswith(("tests/", "bench/")) and path not in ENVIRONMENT:
            yield line, f"imports {module}: the environment is read in {' or '.join(ENVIRONMENT)}"


def _dotted(node: ast.AST) -> str:
    """``a.b.c`` for a name or a chain of attributes, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _files() -> list[str]:
    found = [path for top in TOP_LEVEL for path in (ROOT / top).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in [*found, *ROOT.glob("*.py")])


@pytest.mark.parametrize("path", _files())
def test_law(path):
    """The file keeps the import law."""
    assert [] == breaches(path, (ROOT / path).read_text(encoding="utf-8"))


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
        ("receiver/intake.py", "import flask"),
        ("receiver/vtex/sandbox_faults.py", "from flask import Flask"),
        ("receiver/vtex/client.py", "import requests"),
        ("receiver/intake.py", "from jsonschema import Draft202012Validator"),
        ("receiver/worker.py", "from sqlalchemy import select"),
        ("receiver/cli.py", "import alembic.command"),
        ("receiver/cli.py", "import os\nos.getenv('HOME')"),
        ("receiver/cli.py", "import os\nhome = os.environ.get('HOME')"),
        ("receiver/cli.py", "from os import getenv"),
        ("receiver/worker.py", "import freezegun"),
        ("receiver/replay.py", "import pytest"),
        ("receiver/replay.py", "import wsgi"),
        ("bench/load.py", "import hypothesis"),
        ("schemas/__init__.py", "import adapters"),
        ("wsgi.py", "import flask"),
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
        ("receiver/app.py", "from flask import Flask"),
        ("receiver/web/console.py", "import flask"),
        ("receiver/vtex/sandbox.py", "import flask"),
        ("receiver/http.py", "import requests"),
        ("receiver/config.py", "import os\nos.environ['HOME']"),
        ("receiver/store/queue.py", "from sqlalchemy import select"),
        ("receiver/cli.py", "import os\nos.getpid()"),
    ],
)
def test_lets_pass(path, source):
    """What the law allows passes."""
    assert [] == breaches(path, source)
