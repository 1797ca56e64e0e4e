"""What is done again for each of thousands of receivers in one process, done once: the suite takes half the time.

Nothing changes that a test can see.
"""

import gc
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import pytest
from _pytest.assertion import rewrite
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Map, Rule


def make_apps_cheaper() -> None:
    """Compile each route and each template once: they are most of the time that an app takes to start."""
    Flask.url_map_class = _Routes
    Flask.jinja_options = {"bytecode_cache": _Templates()}


def make_databases_cheaper() -> None:
    """Compile each statement once for each dialect. Each engine would compile its own, and a test opens two."""
    statements = _Statements()
    Engine._compiled_cache = property(lambda _engine: statements, lambda _engine, _own: None)


class _Routes(Map):
    """The routes of an app, compiled at its first request. An app takes over what an earlier one with the same routes
    compiled: that depends on them and on the map's settings alone, and Flask takes no route after a request."""

    _compiled: ClassVar[dict[object, tuple[Any, Any]]] = {}
    _compiling = threading.Lock()

    def __init__(self, *rules: Any, **settings: Any) -> None:
        self._added: list[Rule] = []
        super().__init__(*rules, **settings)

    def add(self, rule: Rule) -> None:
        self._added.append(rule)

    def update(self) -> None:
        with self._compiling:
            if self._remap:
                key = (*_MAP_SETTINGS(self), *self.converters.items(), *map(_route, self._added))
                if key not in self._compiled:
                    self._compiled[key] = self._compile()
                self._matcher, self._rules_by_endpoint = self._compiled[key]
                self._remap = False

    def _compile(self) -> tuple[Any, Any]:
        for rule in self._added:
            super().add(rule)
        super().update()
        return self._matcher, self._rules_by_endpoint


_MAP_SETTINGS = attrgetter("default_subdomain", "host_matching", "merge_slashes", "sort_parameters", "strict_slashes")
_ROUTE_SETTINGS = attrgetter(
    *("rule", "endpoint", "subdomain", "host", "strict_slashes", "merge_slashes", "build_only", "alias", "redirect_to"),
    *("websocket", "provide_automatic_options"),
)


def _route(rule: Rule) -> object:
    return *_ROUTE_SETTINGS(rule), frozenset(rule.methods or ()), repr(rule.defaults)


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


def rewrite_tests_once(config: pytest.Config) -> None:
    """Rewrite the assertions of the test modules before pytest-xdist starts its workers. In a new clone each of them
    would do it, all at the same moment."""
    if sys.dont_write_bytecode or hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        return
    state = config.stash[rewrite.assertstate_key]
    pairs = [(path, rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}") for path in _modules(config.args)]
    left = [(path, pyc) for path, pyc in pairs if not pyc.exists() or pyc.stat().st_mtime < path.stat().st_mtime]
    if left:
        ready = {"mp_context": get_context("fork"), "initializer": _rewriting.extend, "initargs": ((config, state),)}
        with ProcessPoolExecutor(**ready) as pool:
            list(pool.map(_rewrite, left, chunksize=8))


def _modules(arguments: list[str]) -> Iterator[Path]:
    for argument in arguments:
        named = Path(argument.partition("::")[0])
        yield from named.rglob("test_*.py") if named.is_dir() else [named] * named.is_file()


_rewriting: list[Any] = []


def _rewrite(of: tuple[Path, Path]) -> None:
    (path, pyc), (config, state) = of, _rewriting
    with suppress(Exception):  # the worker that imports it says what is wrong
        pyc.parent.mkdir(exist_ok=True)
        stat, code = rewrite._rewrite_test(path, config)
        rewrite._write_pyc(state, code, stat, pyc)


def collect_no_garbage() -> None:
    """Until `collect_less_garbage`: what pytest makes while it looks for tests stays to the end."""
    gc.disable()


def collect_less_garbage() -> None:
    """Leave what pytest has made out of every search for garbage: half a million objects. A search begins after 20,000
    new objects: a test makes thousands that its end frees without a search."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
