"""What the loop of a web process waits for."""

from collections.abc import Callable
from contextlib import suppress
from selectors import DefaultSelector, SelectorKey
from typing import Any


class _Slot:
    """What is called when a file is ready. It stays the selector's own data while what it calls comes and goes."""

    __slots__ = ("call", "drop")

    def __init__(self, call: Callable[[Any], None], drop: Callable[[Any], Any]) -> None:
        self.call: Callable[[Any], None] | None = call
        self.drop = drop

    def __call__(self, fileobj: Any) -> None:
        if self.call is not None:
            self.call(fileobj)
        else:
            with suppress(KeyError, ValueError):  # closed meanwhile
                self.drop(fileobj)


class Poller(DefaultSelector):
    """A selector that keeps a file which is given up, until something happens to it: to take it back then costs no call
    of the system. Gunicorn gives up a connection with each request and takes it back with each answer, and mostly the
    client sends nothing between the two."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        try:
            key = self.get_key(fileobj)
        except KeyError:
            return super().register(fileobj, events, _Slot(data, super().unregister))
        if key.data.call is None and (key.fileobj is not fileobj or key.events != events):
            super().unregister(key.fileobj)  # that file was closed, and this one has its number
            return self.register(fileobj, events, data)
        if key.data.call is not None:
            return super().register(fileobj, events, data)  # raises: it is there already
        key.data.call = data
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        key = self.get_key(fileobj)
        key.data.call = None
        return key
