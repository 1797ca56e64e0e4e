"""The one way to write: pass a function of a connection, get its result once it is on disk."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from receiver.store.committers import Bulk, Committer, GroupCommit, Job, OwnTransactions
from receiver.store.engine import REFUSALS, StoreUnavailable, is_sqlite, open_engine, unavailable
from receiver.waiting import result_of

T = TypeVar("T")
#: What a caller hears who comes after `close`.
CLOSED = "the store is closed"
#: Senders wait for 503 at most 4.5 s (Delhivery, Envia and Melhor Envio hang up after 0.5 to 6 s).
DEADLINE = 4.0
#: How long they wait if the database's last result was a refused write: a queue of long waits would make each longer.
_BRIEFLY = 0.25


class Writer:
    """Durable writes with a deadline in seconds: ``DEADLINE``, or a longer one where no sender waits. It passes for the
    caller, not for the write, which may still land."""

    def __init__(self, url: str, *, deadline: float | None = None, connections: int) -> None:
        self._deadline = deadline
        self.engine = open_engine(url, writing=True, most=connections)
        self._stalled = self._closed = False
        self._committer: Committer = (
            GroupCommit(self.engine, url) if is_sqlite(url) else OwnTransactions(self.engine, connections=connections)
        )

    @property
    def is_stalled(self) -> bool:
        """Whether the database refused the last write, or did not answer it in time."""
        return self._stalled

    def write(self, work: Callable[[Connection], T], *, deadline: float | None = None) -> T:
        """Run ``work`` in a transaction and return its result once that is durable.

        Raises `StoreUnavailable`, or what ``work`` raised (its transaction or savepoint is rolled back). ``work`` may
        run again if its transaction was rolled back for another reason.
        """
        result: T = self._submit(Job(work, None, None), deadline)
        return result

    def write_bulk(self, bulk: Bulk, item: Any, *, deadline: float | None = None) -> Any:
        """Like `write`, but shares statements with all callers that write ``bulk`` at this moment."""
        return self._submit(Job(None, bulk, item), deadline)

    def write_later(self, work: Callable[[Connection], None], failed: Callable[[], None]) -> None:
        """Like `write`, without a wait. ``failed`` is called where nothing was written."""
        if self._closed:
            failed()
            return
        job = Job(work, None, None)
        job.future.add_done_callback(lambda future: failed() if future.exception() is not None else None)
        self._committer.put(job)

    def close(self) -> None:
        """Write the queued jobs, then stop. Later callers get `StoreUnavailable`."""
        self._closed = True
        self._committer.close()
        self.engine.dispose()

    def _submit(self, job: Job, asked: float | None) -> Any:
        if self._closed:
            raise StoreUnavailable(CLOSED)
        deadline = asked or self._deadline or DEADLINE
        # Workers that asked for a longer deadline keep it: no sender waits for them.
        patience = min(deadline, _BRIEFLY) if self._stalled and deadline <= DEADLINE else deadline
        job.future.add_done_callback(self._heard)
        self._committer.put(job)
        try:
            return result_of(job.future, patience)
        except TimeoutError:
            self._stalled = True
            job.give_up()
            raise StoreUnavailable("the database did not answer in time") from None
        except REFUSALS as error:
            raise unavailable(error) from None

    def _heard(self, future: "Future[Any]") -> None:
        """Note from a job's result whether the database takes writes, even if the caller no longer waits."""
        if not future.cancelled():
            self._stalled = isinstance(future.exception(), REFUSALS)
