"""What is done again for each of thousands of receivers in one process, done once: the suite takes half the time.

Nothing changes that a test can see.
"""

import gc
from collections.abc import Callable

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

_compile_builder = Rule._compile_builder
_builders: dict[object, Callable[..., tuple[str, str]]] = {}


def make_apps_cheaper() -> None:
    """Compile each route and each template once: they are most of the time that an app takes to start."""
    Rule._compile_builder = _builder_once
    Flask.jinja_options = {"bytecode_cache": _Templates()}


def _builder_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """Werkzeug's function that writes the URLs of a route; it depends on the route's text and defaults alone."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


class _Templates(BytecodeCache):
    """Compiled templates, by their text."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if found := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


def collect_less_garbage() -> None:
    """Leave what pytest has collected out of every search for garbage: half a million objects that stay to the end."""
    gc.collect()
    gc.freeze()
