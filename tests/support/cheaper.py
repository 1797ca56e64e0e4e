"""What is done again for each of thousands of receivers in one process, done once: the suite takes half the time.

Nothing changes that a test can see.
"""

import gc
from collections.abc import Callable
from typing import Any

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

_compile_builder = Rule._compile_builder
_builders: dict[object, Callable[..., tuple[str, str]]] = {}


def make_apps_cheaper() -> None:
    """Compile each route and each template once: they are most of the time that an app takes to start."""
    Rule._compile_builder = _builder_once
    Flask.jinja_options = {"bytecode_cache": _Templates()}


def make_databases_cheaper() -> None:
    """Compile each statement once for each dialect. Each engine would compile its own, and a test opens two."""
    statements = _Statements()
    Engine._compiled_cache = property(lambda _engine: statements, lambda _engine, _own: None)


def _builder_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """Werkzeug's function that writes the URLs of a route; it depends on the route's text and defaults alone."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


class _Statements:
    """The compiled statements of all engines. SQLAlchemy's key begins with the engine's own dialect object; the text
    depends on the dialect's class alone."""

    def __init__(self) -> None:
        self._compiled: LRUCache[object, Any] = LRUCache(5_000)

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._compiled.get(self._of_kind(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._compiled[self._of_kind(key)] = compiled

    @staticmethod
    def _of_kind(key: tuple[Any, ...]) -> tuple[Any, ...]:
        return type(key[0]), *key[1:]


class _Templates(BytecodeCache):
    """Compiled templates, by their text."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if found := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


def collect_no_garbage() -> None:
    """Until `collect_less_garbage`: what pytest makes while it looks for tests stays to the end."""
    gc.disable()


def collect_less_garbage() -> None:
    """Leave what pytest has made out of every search for garbage: half a million objects. A search begins after 20,000
    new objects: a test makes thousands that its end frees without a search."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
