"""A loop that requests wait on, without a web process."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import Queue

from receiver.waiting import OnLoop


class Loop:
    """Runs requests in one thread, as the web process does; a wait whose time is over ends without a result."""

    def __init__(self) -> None:
        self.ended: Queue[OnLoop] = Queue()
        self.seconds: list[float | None] = []
        self.at_end: dict[Callable[[], None], None] = {}

    def wait(self, request: OnLoop, future: Future, seconds: float | None) -> None:
        self.seconds.append(seconds)
        if seconds != 0:
            future.add_done_callback(lambda _: self.ended.put(request))
        else:
            self.ended.put(request)
        request.give_back()

    def at_turns_end(self, work: Callable[[], None]) -> None:
        self.at_end[work] = None

    def run(self, *works) -> list:
        """The results of all, in the order in which they ended."""
        results: list = []
        for work in works:
            OnLoop(lambda work=work: results.append(work()), self).switch()
        for work in self.at_end:
            work()
        while len(results) < len(works):
            self.ended.get(timeout=30).switch()
        return results
