"""One way to write: hand over a function of a connection, get its result once it is on disk.

SQLite: one committing thread commits for all who wait (group commit), each in a savepoint of its own, so that one bad
row harms no other. PostgreSQL groups its commits itself: there each write is its own transaction, because batches
that lock the same shipments in different orders deadlock.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from receiver.store.engine import (
    REFUSALS,
    StoreUnavailable,
    Turnstile,
    is_sqlite,
    open_engine,
    turnstile_of,
    unavailable,
)

T = TypeVar("T")
#: Senders wait for 503 at most 4.5 s (Delhivery, Envia and Melhor Envio hang up after 0.5 to 6 s).
DEADLINE = 4.0
#: How long they wait while the last thing heard of the database is that it does not take writes: a queue of long waits
#: would make each longer.
_BRIEFLY = 0.25
_MOST_IN_GROUP = 256


class Bulk(Protocol):
    """A kind of write that many callers share a statement for."""

    def __call__(self, connection: Connection, items: list[Any]) -> list[Any]: ...


class _Job:
    __slots__ = ("bulk", "future", "item", "work")

    def __init__(self, work: Callable[[Connection], Any] | None, bulk: Bulk | None, item: Any) -> None:
        self.work, self.bulk, self.item = work, bulk, item
        self.future: Future[Any] = Future()

    def run(self, connection: Connection) -> Any:
        if self.work is not None:
            return self.work(connection)
        assert self.bulk is not None  # noqa: S101  a job is one or the other
        return self.bulk(connection, [self.item])[0]

    def give_up(self) -> None:
        """Nobody waits any more. Unless it is already being done, what it holds is let go of: an outage may be long."""
        if self.future.cancel():
            self.work = self.bulk = self.item = None


_Outcome = tuple[_Job, Any, BaseException | None]


class Writer:
    """Durable writes with a deadline. ``DEADLINE`` passes for the caller, not for the write: it may still land."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url, writing=True)
        self._stalled = self._closed = False
        self._grouping = _GroupCommit(self.engine, url) if is_sqlite(url) else None
        self._pool = None if self._grouping else ThreadPoolExecutor(20, thread_name_prefix="writer")

    def write(self, work: Callable[[Connection], T], *, deadline: float = DEADLINE) -> T:
        """Run ``work`` in a transaction and return its result once that is durable.

        Raises `StoreUnavailable`, or whatever ``work`` raised (its transaction or savepoint is rolled back). ``work``
        may run again when its transaction was rolled back through no fault of its own.
        """
        result: T = self._submit(_Job(work, None, None), deadline)
        return result

    def write_bulk(self, bulk: Bulk, item: Any, *, deadline: float = DEADLINE) -> Any:
        """Like `write`, sharing statements with everybody else who writes ``bulk`` at this moment."""
        return self._submit(_Job(None, bulk, item), deadline)

    def close(self) -> None:
        """What was handed in is written first; whoever comes later gets `StoreUnavailable`."""
        self._closed = True
        if self._grouping:
            self._grouping.close()
        if self._pool:
            self._pool.shutdown()
        self.engine.dispose()

    def _submit(self, job: _Job, deadline: float) -> Any:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        # Workers that asked for more patience keep it: no sender waits for them.
        patience = min(deadline, _BRIEFLY) if self._stalled and deadline <= DEADLINE else deadline
        job.future.add_done_callback(self._heard)
        if self._grouping:
            self._grouping.put(job)
        else:
            assert self._pool is not None  # noqa: S101  a writer has one or the other
            self._pool.submit(self._run_alone, job)
        try:
            return job.future.result(timeout=patience)
        except FutureTimeout:
            self._stalled = True
            job.give_up()
            raise StoreUnavailable("the database did not answer in time") from None
        except REFUSALS as error:
            raise unavailable(error) from None

    def _heard(self, future: Future[Any]) -> None:
        """How a job ended tells of the database, whether its caller still waits or not."""
        if not future.cancelled():
            self._stalled = isinstance(future.exception(), REFUSALS)

    def _run_alone(self, job: _Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            result = self._in_transaction(job)
        except BaseException as error:  # noqa: BLE001  it belongs to the waiting caller
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _in_transaction(self, job: _Job) -> Any:
        for last in (False, False, True):
            done = False
            try:
                with self.engine.begin() as connection:
                    result = job.run(connection)
                    done = True
            except DBAPIError as error:
                # A commit that broke off may have been made: the caller hears that nobody knows.
                if last or done or not _worth_repeating(error):
                    raise
            else:
                return result
        raise AssertionError  # the last round returns or raises


def _worth_repeating(error: DBAPIError) -> bool:
    """A dropped pooled connection, a deadlock or a serialisation failure: nothing was committed."""
    code = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or code in ("40001", "40P01")


class _GroupCommit:
    """The committing thread of one process. It starts with the first write: a process may fork before that."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._engine, self._url = engine, url
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, job: _Job) -> None:
        self._jobs.put(job)
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        if self._thread:
            self._jobs.put(None)
            self._thread.join(timeout=5)

    def _run(self) -> None:
        with contextlib.closing(turnstile_of(self._url)) as turnstile:
            closing = False
            while not closing:
                group = [self._jobs.get()]
                while len(group) < _MOST_IN_GROUP:
                    try:
                        group.append(self._jobs.get_nowait())
                    except queue.Empty:
                        break
                closing = None in group
                live = [job for job in group if job is not None and job.future.set_running_or_notify_cancel()]
                if live:
                    self._commit(live, turnstile)

    def _commit(self, group: list[_Job], turnstile: Turnstile) -> None:
        outcomes: list[_Outcome] = []
        try:
            with turnstile.turn(), self._engine.begin() as connection:
                outcomes = [outcome for jobs in _by_bulk(group) for outcome in _run_together(connection, jobs)]
        except BaseException as error:  # noqa: BLE001  nothing was committed: every waiting caller must hear it
            outcomes = [(job, None, error) for job in group]
            if isinstance(error, REFUSALS):
                time.sleep(0.01)  # a locked or full database: do not spin on it
        for job, result, failure in outcomes:
            if failure is not None:
                job.future.set_exception(failure)
            else:
                job.future.set_result(result)


def _by_bulk(group: list[_Job]) -> Iterable[list[_Job]]:
    found: dict[Bulk | None, list[_Job]] = {}
    for job in group:
        found.setdefault(job.bulk, []).append(job)
    return found.values()


def _run_together(connection: Connection, jobs: list[_Job]) -> list[_Outcome]:
    """Each in a savepoint of its own; those of one ``bulk`` first in one for all, and alone if that fails."""
    bulk = jobs[0].bulk
    if bulk is None or len(jobs) == 1:
        return [_run_one(connection, job) for job in jobs]
    try:
        with connection.begin_nested():
            results = bulk(connection, [job.item for job in jobs])
    except REFUSALS:
        raise
    except Exception:  # noqa: BLE001  whose fault it is shows when each runs alone
        return [_run_one(connection, job) for job in jobs]
    return [(job, result, None) for job, result in zip(jobs, results, strict=True)]


def _run_one(connection: Connection, job: _Job) -> _Outcome:
    try:
        with connection.begin_nested():
            return job, job.run(connection), None
    except REFUSALS:
        raise
    except BaseException as error:  # noqa: BLE001  one bad row is its sender's, not its neighbours'
        return job, None, error
