"""The import law as functions over source text, so that the tests can show that it bites."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from tests.support.paths import ROOT

#: From the ground up. What stands in one tuple does not import one another; everything imports only what is below it.
LEVELS = [
    ("http", "log_context", "timing", "waiting"),
    ("carriers", "shipments"),
    ("config",),
    ("vtex",),
    ("store",),
    ("calls", "intake"),
    ("reconcile",),
    ("notify", "operations", "recordings"),
    ("sandbox", "web"),
    ("processes",),
    ("demo",),
    ("commands",),
    ("cli",),
]
_LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}
#: The rooms of `store`, in the same way. What stands in none of them is the ground of all.
ROOMS = [("finding",), ("work",), ("intake",), ("operator",), ("keeping", "notify")]
_ROOM = {"": 0, **{room: number for number, rooms in enumerate(ROOMS, start=1) for room in rooms}}
#: Which files may import a package. Those not named may be imported anywhere in the shell.
HOMES = {
    "celery": ("bench/rivals/",),
    "flask": ("receiver/web/", "receiver/sandbox/app.py", "bench/rivals/"),
    "apprise": ("receiver/notify/channels.py",),
    "sentry_sdk": ("receiver/processes/error_reports.py",),
    "prometheus_client": ("receiver/web/metrics.py",),
    "requests": ("receiver/http/transport.py",),
    "jsonschema": ("receiver/carriers/schema_faults.py",),
    "jsonschema_rs": ("receiver/carriers/schema_check.py",),
    "sqlalchemy": ("receiver/store/",),
    "alembic": ("receiver/store/",),
    "axe_playwright_python": ("tests/support/browser.py",),
    "freezegun": ("tests/",),
    "hypothesis": ("tests/",),
    "playwright": ("tests/",),
    "pytest": ("tests/",),
}
#: The shell reads the environment here and nowhere else.
ENVIRONMENT = ("receiver/config/loader.py",)
#: Public-key signatures; the one third party of the adapters.
CRYPTOGRAPHY = "adapters/_auth.py"
#: It imports a name's module when the name is asked for.
_FRONT_DOOR = "receiver/store/__init__.py"
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


@lru_cache(maxsize=1_000)  # several rules read each file
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def breaches(path: str, source: str) -> list[str]:
    """What the file at ``path`` does against the law, as ``path:line: what``."""
    tree = _parsed(source)
    found = [*_import_breaches(path, tree), *_level_breaches(path, tree), *_call_breaches(path, tree)]
    found += _room_breaches(path, tree)
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


def _room_breaches(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    if (room := _room(path)) is None:
        return
    if room not in _ROOM:
        yield 1, f"store/{room} has no place in ROOMS"
        return
    for line, module in _imports(path, tree):
        if not module.startswith("receiver.store."):
            continue
        name = module.split(".")[2]
        if name not in (*_ROOM, "migrations") and not (ROOT / "receiver" / "store" / f"{name}.py").exists():
            yield line, f"imports {module} by the front door of store, which would hide an import upwards"
        elif name in _ROOM and name != room and _ROOM[name] >= _ROOM[room]:
            yield line, f"imports {module}: store/{room} stands below {name} or beside it"


def _room(path: str) -> str | None:
    """The room of `store` that the file at ``path`` stands in, empty for the ground; ``None`` for all other files."""
    parts = Path(path).parts
    if parts[:2] != ("receiver", "store") or path == _FRONT_DOOR or "migrations" in parts:
        return None
    return parts[2] if len(parts) > 3 else ""


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
            others = {_imported_part(module) for _, module in _imports(path, _parsed(source))}
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
        if not (name := _dotted(node)):
            continue
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
