"""How writes are committed: one way for each dialect.

SQLite: one thread commits for all waiting callers (group commit). Writes that differ have a savepoint each, so a bad
row harms no other. PostgreSQL groups its commits itself. There each write is its own transaction, because groups that
lock the same rows in different orders deadlock. Only a `Bulk`, which locks in one order, is shared.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from receiver.store.engine import REFUSALS, Turnstile, turnstile_of
from receiver.waiting import once_for_all

_MOST_IN_GROUP = 256
#: Seconds for which a job alone waits for more, if the last group had several: threads hand in one after the other.
_GATHERING = 0.001
#: Transactions for several deliveries that one process runs at once. More would only make each smaller.
_SHARERS = 1
#: A row that is locked delays only the delivery that needs it: the others in the transaction are written without it.
_BRIEF_LOCKS = "SET LOCAL lock_timeout = '200ms'"


class Bulk(Protocol):
    """A kind of write whose statements many callers share. It locks rows in one order, no matter what its items are, so
    two of them at once cannot deadlock."""

    def __call__(self, connection: Connection, items: list[Any]) -> list[Any]: ...


class Job:
    """One write and the result its caller waits for."""

    __slots__ = ("bulk", "future", "item", "work")

    def __init__(self, work: Callable[[Connection], Any] | None, bulk: Bulk | None, item: Any) -> None:
        self.work, self.bulk, self.item = work, bulk, item
        self.future: Future[Any] = Future()

    def run(self, connection: Connection) -> Any:
        if self.work is not None:
            return self.work(connection)
        assert self.bulk is not None  # noqa: S101  a job has either work or a bulk
        return self.bulk(connection, [self.item])[0]

    def give_up(self) -> None:
        """The caller no longer waits. Unless the job is running, free what it holds, because an outage may be long."""
        if self.future.cancel():
            self.work = self.bulk = self.item = None


class Committer(Protocol):
    """Runs jobs, and sets each job's result or error on its future."""

    def put(self, job: Job) -> None: ...

    def close(self) -> None:
        """Write the queued jobs, then stop."""


class OwnTransactions:
    """PostgreSQL: a transaction for each write, and one for all jobs of the same bulk that arrive while the last such
    transaction runs. Jobs that fail together are written alone. A thread for each of the engine's ``connections``: who
    has a thread has one, too."""

    def __init__(self, engine: Engine, *, connections: int) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(connections - _SHARERS, thread_name_prefix="writer")
        self._sharers = ThreadPoolExecutor(_SHARERS, thread_name_prefix="sharer")
        self._shared: queue.SimpleQueue[Job | None] = queue.SimpleQueue()

    def put(self, job: Job) -> None:
        if job.bulk is None:
            self._pool.submit(self._alone, job)
        else:
            self._shared.put(job)
            once_for_all(self._begin_sharing)

    def close(self) -> None:
        self._sharers.shutdown()
        self._pool.shutdown()

    def _begin_sharing(self) -> None:
        self._sharers.submit(self._share)

    def _alone(self, job: Job) -> None:
        if job.future.set_running_or_notify_cancel():
            self._run(job)

    def _run(self, job: Job) -> None:
        try:
            result = self._in_transaction(job)
        except BaseException as error:  # noqa: BLE001  the waiting caller gets it
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _in_transaction(self, job: Job) -> Any:
        for last in (False, False, True):
            done = False
            try:
                with self._engine.begin() as connection:
                    result = job.run(connection)
                    done = True
            except DBAPIError as error:
                # A commit that broke off may have succeeded: the caller gets an error that leaves the outcome open.
                if last or done or not _worth_repeating(error):
                    raise
            else:
                return result
        raise AssertionError  # the last round returns or raises

    def _share(self) -> None:
        """Write the jobs that have gathered: none, if the previous call took them along."""
        for jobs in _by_bulk(_live(_gathered(self._shared))):
            done = False
            try:
                with self._engine.begin() as connection:
                    connection.exec_driver_sql(_BRIEF_LOCKS)
                    results = _together(connection, jobs)
                    done = True
            except BaseException as error:  # noqa: BLE001  which job failed, or met a lock, shows when each runs alone
                for job in jobs:
                    if done:
                        job.future.set_exception(error)
                    else:
                        self._pool.submit(self._run, job)
            else:
                for job, result in zip(jobs, results, strict=True):
                    job.future.set_result(result)


def _worth_repeating(error: DBAPIError) -> bool:
    """Whether nothing was committed: a dropped pooled connection, a deadlock or a serialisation failure."""
    code = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or code in ("40001", "40P01")


class GroupCommit:
    """SQLite: the committing thread of one process. It starts with the first write: a process may fork before."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._engine, self._url = engine, url
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        #: An entry each time that jobs were handed in.
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        #: The thread keeps it: to take it from the pool and to give it back costs as much as a small commit.
        self._connection: Connection | None = None

    def put(self, job: Job) -> None:
        self._jobs.put(job)
        once_for_all(self._call)

    def _call(self) -> None:
        self._calls.put(None)
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    thread = threading.Thread(target=self._loop, name="committer", daemon=True)
                    thread.start()
                    self._thread = thread  # `close` may come meanwhile, and joins what has started

    def close(self) -> None:
        if self._thread:
            self._jobs.put(None)
            self._calls.put(None)
            self._thread.join(timeout=5)

    def _loop(self) -> None:
        with contextlib.closing(turnstile_of(self._url)) as turnstile:
            closing, live = False, list[Job]()
            while not closing:
                self._calls.get()
                while group := self._next_group(after=live):
                    closing, live = closing or None in group, _live(group)
                    if live:
                        self._commit(live, turnstile)
        self._let_go()

    def _next_group(self, after: list[Job]) -> list[Job | None]:
        group = _gathered(self._jobs)
        if len(group) == 1 and len(after) > 1:
            time.sleep(_GATHERING)
            group += _gathered(self._jobs)
        return group

    def _commit(self, group: list[Job], turnstile: Turnstile) -> None:
        outcomes: list[_Outcome] = []
        try:
            with turnstile.turn():
                outcomes = self._at_once(group) or self._in_savepoints(group)
        except BaseException as error:  # noqa: BLE001  nothing was committed: every waiting caller gets the error
            outcomes = [(job, None, error) for job in group]
            if isinstance(error, REFUSALS):
                time.sleep(0.01)  # a locked or full database: no busy loop
        for job, result, failure in outcomes:
            if failure is not None:
                job.future.set_exception(failure)
            else:
                job.future.set_result(result)

    def _at_once(self, group: list[Job]) -> "list[_Outcome] | None":
        """One job, or jobs of one bulk, without a savepoint. ``None``: which job failed shows in savepoints."""
        if len(group) > 1 and (group[0].bulk is None or any(job.bulk != group[0].bulk for job in group)):
            return None
        try:
            with self._transaction() as connection:
                results = [group[0].run(connection)] if len(group) == 1 else _together(connection, group)
        except Exception as error:
            if len(group) == 1 or isinstance(error, REFUSALS):
                raise
            return None
        return [(job, result, None) for job, result in zip(group, results, strict=True)]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        self._connection = self._connection or self._engine.connect()
        try:
            with self._connection.begin():
                yield self._connection
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _in_savepoints(self, group: list[Job]) -> "list[_Outcome]":
        with self._transaction() as connection:
            return [outcome for jobs in _by_bulk(group) for outcome in _run_together(connection, jobs)]


_Outcome = tuple[Job, Any, BaseException | None]


def _gathered(jobs: "queue.SimpleQueue[Job | None]") -> list[Job | None]:
    """The jobs that wait at this moment."""
    found: list[Job | None] = []
    while len(found) < _MOST_IN_GROUP:
        try:
            found.append(jobs.get_nowait())
        except queue.Empty:
            break
    return found


def _live(jobs: Iterable[Job | None]) -> list[Job]:
    """The jobs whose callers still wait; from here on they cannot give up."""
    return [job for job in jobs if job is not None and job.future.set_running_or_notify_cancel()]


def _by_bulk(group: list[Job]) -> Iterable[list[Job]]:
    found: dict[Bulk | None, list[Job]] = {}
    for job in group:
        found.setdefault(job.bulk, []).append(job)
    return found.values()


def _together(connection: Connection, jobs: list[Job]) -> list[Any]:
    """Run all jobs of one bulk together."""
    bulk = jobs[0].bulk
    assert bulk is not None  # noqa: S101  a job without a bulk runs alone
    return bulk(connection, [job.item for job in jobs])


@contextlib.contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """In SQLite's own words: SQLAlchemy's savepoint costs more than many a write within it. After one of `REFUSALS` the
    whole transaction is rolled back, if SQLite has not done so already."""
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        yield
    except REFUSALS:
        raise
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO job")
        connection.exec_driver_sql("RELEASE job")
        raise
    connection.exec_driver_sql("RELEASE job")


def _run_together(connection: Connection, jobs: list[Job]) -> list[_Outcome]:
    """Run each job in its own savepoint. Jobs of one bulk share a savepoint first, and run alone if that fails."""
    if jobs[0].bulk is None or len(jobs) == 1:
        return [_run_one(connection, job) for job in jobs]
    try:
        with _savepoint(connection):
            results = _together(connection, jobs)
    except REFUSALS:
        raise
    except Exception:  # noqa: BLE001  which job failed shows when each runs alone
        return [_run_one(connection, job) for job in jobs]
    return [(job, result, None) for job, result in zip(jobs, results, strict=True)]


def _run_one(connection: Connection, job: Job) -> _Outcome:
    try:
        with _savepoint(connection):
            return job, job.run(connection), None
    except REFUSALS:
        raise
    except BaseException as error:  # noqa: BLE001  a bad row fails for its own sender only
        return job, None, error
