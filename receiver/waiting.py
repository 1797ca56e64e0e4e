"""Waits for what another thread does. A request that was begun on the web process's one loop gives it back meanwhile.

Code in a greenlet can stop in the middle of a call and go on later, so that neither Flask nor the store is written
otherwise. Nothing is patched: only the waits here give the loop back, every other one holds it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")


class Loop(Protocol):
    """What requests that wait come back to."""

    def wait(self, request: "OnLoop", future: "Future[T]", seconds: float | None) -> None:
        """Do other work until the future is done, or the seconds are over."""

    def at_turns_end(self, work: Callable[[], None]) -> None:
        """Do the work once all requests that have arrived are begun: once for all that ask for it meanwhile."""


class OnLoop(greenlet):
    """A request on a loop. It runs in the loop's thread, and must hold no lock while it waits."""

    def __init__(self, run: Callable[[], None], loop: Loop) -> None:
        super().__init__(run)
        self.loop = loop

    def give_back(self) -> None:
        """Let the loop do other work, until it switches here again."""
        assert self.parent is not None  # noqa: S101  only a thread's first greenlet has none
        self.parent.switch()


def result_of(future: "Future[T]", seconds: float | None = None) -> T:
    """The future's result. Raises what it raised, and `TimeoutError` after the seconds."""
    me = getcurrent()
    if not isinstance(me, OnLoop):
        return future.result(seconds)
    if not future.done():
        me.loop.wait(me, future, seconds)
    return future.result(0)


def once_for_all(work: Callable[[], None]) -> None:
    """Do the work now; of a request on a loop, once for all that have arrived with it."""
    me = getcurrent()
    if isinstance(me, OnLoop):
        me.loop.at_turns_end(work)
    else:
        work()


def aside(work: Callable[[], T]) -> "Future[T]":
    """Work that blocks, such as a call over the network, in a thread of its own: a request waits by `result_of`."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  the waiting thread gets it
            future.set_exception(error)

    threading.Thread(target=run, name="aside", daemon=True).start()
    return future
