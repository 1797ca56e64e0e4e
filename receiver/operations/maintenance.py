"""Background tasks for when nothing is due: read changed orders for the index, and check VTEX's hook."""

import logging
import threading
from collections.abc import Callable

from receiver.calls.background import BackgroundCalls
from receiver.log_context import about
from receiver.store import Background, Database, Paused, Queue, RateLimited, StoreUnavailable
from receiver.store.notify.watches import Noted, Watches
from receiver.store.work.background import News
from receiver.timing import INDEX_READ, UNREAD_TRIES, is_within, stamp
from receiver.vtex.answers import Misconfigured, NotFound, Throttled, Transient, Unanswered, VtexError
from receiver.vtex.client import BadSegment, Vtex
from receiver.vtex.hook import configuration, read_configuration
from receiver.vtex.orders import UnexpectedOrder

log = logging.getLogger("receiver.worker")

#: Seconds between checks of our hook: VTEX deletes a hook that had no events for three days.
HOOK_LOOK = 4 * 3600.0
#: Seconds between looks for work while there is none, and until work that gave way to live work is tried again.
_IDLE, _LATER = 1.0, 2.0
_HOUR, _DAY = 3600.0, 86_400.0
#: Seconds after its last news for which an order that cannot be read is tried again.
UNREAD_LASTS = 7 * _DAY


class MaintenanceTask:
    """The background tasks of one account, in their own thread: if VTEX hangs for this account, the others continue.
    ``clock`` is Unix time in seconds."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        vtex: Vtex,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._account, self._queue, self._clock = vtex.account, queue, clock
        self._background, self._watches = Background(database), Watches(database)
        self._calls = BackgroundCalls(queue, vtex, clock=clock, sleep=sleep, gives_way=True)
        self._trimmed_at = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Run the tasks one after another until ``stopping`` is set."""
        while not stopping.is_set():
            with about(account=self._account.name):
                busy = self._run_safely()
            if not busy:
                stopping.wait(_IDLE)

    def _run_safely(self) -> bool:
        try:
            return self.run_one()
        except StoreUnavailable:
            return False  # the worker reports it
        except Exception:
            log.exception("maintenance task failed, the others continue")
            return False

    def run_one(self) -> bool:
        """Check the hook, if it is time, and read at most one order. True: there may be more. Raises
        `StoreUnavailable`."""
        self._trim()
        account, now = self._account.name, self._clock()
        if (url := self._background.take_hook(account, before=now - HOOK_LOOK, now=now)) is not None:
            self._look_after_hook(url)
        news = self._background.take_news(account, now=now)
        return news is not None and self._read(news)

    def _read(self, news: News) -> bool:
        """Read an order for the index. True: another one may be read now."""
        now, vtex = self._clock(), self._calls.vtex
        try:
            document = self._calls.call(lambda: vtex.get_order(news.order_id), order_id=news.order_id, max_wait=0)
            facts = vtex.facts(document)
        except (RateLimited, Paused) as error:
            due_at = error.until if isinstance(error, Paused) else max(error.at, now + _LATER)
            self._background.put_back(news, due_at=due_at, tries=news.tries)
            return False
        except (Unanswered, Transient, UnexpectedOrder) as error:
            if news.tries + 1 >= UNREAD_TRIES:
                self._give_up(news, error)
            else:
                due_at = now + INDEX_READ.seconds(news.tries + 1)
                self._background.put_back(news, due_at=due_at, tries=news.tries + 1)
        except (NotFound, BadSegment):  # another account's, or deleted: no facts
            self._background.news_read(news)
        except VtexError as error:
            # After an error that pauses the account the order stays queued; after one about the order it does not.
            if isinstance(error, Throttled | Misconfigured):
                self._background.put_back(news, due_at=now + _LATER, tries=news.tries)
                return False
            self._give_up(news, error)
        else:
            self._queue.index.learn(news.account, facts, now=self._clock())
            self._background.news_read(news)
        return True

    def _give_up(self, news: News, error: Exception) -> None:
        """Try it once a day from now on: people are told as long as it stands in the queue."""
        now = self._clock()
        log.warning("order not read for the index: order=%s reason=%s", news.order_id, error)
        if now - news.noted_at > UNREAD_LASTS:
            self._background.news_read(news)
        else:
            self._background.put_back(news, due_at=now + _DAY, tries=max(news.tries + 1, UNREAD_TRIES))

    def _look_after_hook(self, url: str) -> None:
        account, secrets, calls = self._account.name, self._account.hook_secrets, self._calls
        try:
            try:
                standing = read_configuration(calls.call(calls.vtex.get_hook, max_wait=0))
            except NotFound:
                standing = None
            if standing is not None and standing.url != url:
                log.warning("order hook leads elsewhere now: account=%s address=%s", account, standing.address)
            elif standing is None and secrets:
                body = configuration(url, secrets[0])
                calls.call(lambda: calls.vtex.set_hook(body), max_wait=0)
                log.warning("order hook set again, VTEX had deleted it: account=%s", account)
            elif standing is None:
                log.error("order hook is gone, configure hook_secrets: account=%s", account)
            is_ours = standing.url == url if standing is not None else bool(secrets)
            self._watches.note(Noted.HOOK, [account], now=self._clock(), value=0.0 if is_ours else 1.0)
        except (RateLimited, Paused):
            self._background.hook_looked_at(account, at=self._clock() - HOOK_LOOK + _LATER)
        except VtexError as error:
            log.warning("order hook not checked: account=%s reason=%s", account, error)

    def _trim(self) -> None:
        now = self._clock()
        if is_within(_HOUR, self._trimmed_at, now):
            return
        self._trimmed_at = now
        if dropped := self._background.trim_news(self._account.name, now=now):
            log.warning(
                "changed orders dropped unread, too many wait to be read for the index: account=%s orders=%d since=%s "
                "next=receiver index --since reads them",
                self._account.name, len(dropped), stamp(min(dropped)),
            )  # fmt: skip
