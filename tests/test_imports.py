"""The import law: ``wsgi → receiver → adapters → stdlib``, inside `receiver` only downwards; each third party has one
home, and a module whose docstring begins with PURE has neither clock nor wire nor store."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOP_LEVEL = ("adapters", "receiver", "schemas", "bench")

#: From the ground up. What stands in one tuple does not import one another; everything imports only what is below it.
LEVELS = [
    ("http", "timing"),
    ("carriers", "shipments"),
    ("config",),
    ("vtex",),
    ("store",),
    ("calls", "intake"),
    ("reconcile",),
    ("operations", "recordings"),
    ("sandbox", "web"),
    ("demo", "processes"),
    ("commands",),
    ("cli",),
]
_LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}
#: Which files may import a package. Those not named may be imported anywhere in the shell.
HOMES = {
    "flask": ("receiver/web/", "receiver/sandbox/app.py"),
    "requests": ("receiver/http.py",),
    "jsonschema": ("receiver/carriers/schemas.py",),
    "sqlalchemy": ("receiver/store/",),
    "alembic": ("receiver/store/",),
    "freezegun": ("tests/",),
    "hypothesis": ("tests/",),
    "pytest": ("tests/",),
}
#: The shell reads the environment here and nowhere else.
ENVIRONMENT = ("receiver/config/loader.py",)
#: Public-key signatures; the one third party of the adapters.
CRYPTOGRAPHY = "adapters/_auth.py"
#: What a pure module imports nothing of.
_SHELL = ("receiver.http", "receiver.store")

_ENVIRONMENT = {"os.environ", "os.getenv", "os.environb"}
_CLOCK = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
_IMPURE = {"open", "print", "input", *_CLOCK, *_ENVIRONMENT}


def breaches(path: str, source: str) -> list[str]:
    """What the file at ``path`` does against the law, as ``path:line: what``."""
    tree = ast.parse(source, filename=path)
    found = [*_import_breaches(path, tree), *_level_breaches(path, tree), *_call_breaches(path, tree)]
    if (ast.get_docstring(tree) or "").startswith("PURE"):
        found += _pure_breaches(path, tree)
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


def _level_breaches(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    part = _part(path)
    if part is None:
        return
    if part not in _LEVEL:
        yield 1, f"{part} has no place in LEVELS"
        return
    for line, module in _imports(path, tree):
        other = _imported_part(module)
        if other is not None and other != part and _LEVEL.get(other, 0) >= _LEVEL[part]:
            yield line, f"imports {module}: {part} stands below {other} or beside it"


def _part(path: str) -> str | None:
    """The package or file of `receiver` that the file at ``path`` belongs to."""
    parts = Path(path).with_suffix("").parts
    return parts[1] if parts[0] == "receiver" and parts[1] != "__init__" else None


def _imported_part(module: str) -> str | None:
    """The package or file of `receiver` that the module belongs to; ``None`` where it is none of its own."""
    package, _, rest = module.partition(".")
    return (rest.partition(".")[0] or None) if package == "receiver" else None


def circles(sources: Mapping[str, str]) -> list[set[str]]:
    """The parts of `receiver` that import one another, directly or by way of others."""
    reaches: dict[str, set[str]] = {}
    for path, source in sources.items():
        if (part := _part(path)) is not None:
            others = {_imported_part(module) for _, module in _imports(path, ast.parse(source))}
            reaches.setdefault(part, set()).update(others - {part, None})
    for between, further in reaches.items():
        for others in reaches.values():
            if between in others:
                others |= further
    found = [{other for other in others if part in reaches.get(other, ())} for part, others in reaches.items()]
    return [circle for number, circle in enumerate(found) if circle and circle not in found[:number]]


def _pure_breaches(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    for line, module in _imports(path, tree):
        if any(module == shell or module.startswith(f"{shell}.") for shell in _SHELL):
            yield line, f"imports {module}: a pure module has neither wire nor store"
        elif module in _CLOCK | _ENVIRONMENT:
            yield line, f"imports {module}: a pure module has neither clock nor environment"
    for node in ast.walk(tree):
        name = _dotted(node)
        if any(name == one or name.endswith(f".{one}") for one in _CLOCK | _ENVIRONMENT):
            yield node.lineno, f"uses {name}: a pure module has neither clock nor environment"


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


def test_no_circle():
    """No two parts of `receiver` import one another, however far apart."""
    assert [] == circles({path: (ROOT / path).read_text(encoding="utf-8") for path in _files()})


def test_every_level_is_there():
    """What LEVELS names exists, and nothing stands beside it."""
    assert _LEVEL.keys() == {part for path in _files() if (part := _part(path)) is not None}


def test_pure_modules():
    """The word PURE is found: the rules for VTEX, and everything about shipments."""
    pure = {path for path in _files() if _says_pure((ROOT / path).read_text(encoding="utf-8"))}
    rules = {f"receiver/vtex/{name}.py" for name in ("orders", "writes", "tracking", "bills", "hook", "facts", "nfe")}
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
        ("receiver/store/queue.py", "from receiver.reconcile.plan import plan"),
        ("receiver/vtex/orders.py", "import receiver.store"),
        ("receiver/vtex/client.py", "from receiver import store"),
        ("receiver/vtex/client.py", "from ..store import Queue"),
        ("receiver/http.py", "from receiver.vtex.answers import VtexError"),
        ("receiver/http.py", "import receiver.timing"),
        ("receiver/web/app.py", "from receiver.sandbox import serve"),
        ("receiver/calls/pauses.py", "def late():\n    from receiver.intake import Intake"),
        ("receiver/commands/run.py", "import receiver.cli"),
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
        ("receiver/http.py", "import requests"),
        ("receiver/config/loader.py", "import os\nos.environ['HOME']"),
        ("receiver/store/queue.py", "from sqlalchemy import select"),
        ("receiver/cli.py", "import os\nos.getpid()"),
        ("receiver/store/queue.py", "from receiver.vtex.writes import Owner\nfrom receiver.store.tables import orders"),
        ("receiver/vtex/client.py", "from receiver.http import Http\nimport receiver.config.model"),
        ("receiver/calls/pauses.py", '"""Not PURE."""\nimport time\ntime.time()'),
        ("receiver/vtex/orders.py", '"""PURE: toy."""\nfrom datetime import datetime\nat = datetime.fromisoformat("")'),
    ],
)
def test_lets_pass(path, source):
    """What the law allows passes."""
    assert [] == breaches(path, source)
