"""When a turn of the web process's loop ends."""

from receiver.processes.turns import MOST, TurnsEnd


class Turns:
    """Looks at what has arrived, with a clock that is set."""

    def __init__(self) -> None:
        self.now, self.done = 100.0, 0
        self.end = TurnsEnd(lambda: self.now)

    def work(self) -> None:
        self.done += 1

    def look(self, *, arrived: int, passed: float = 0.0) -> int:
        """How often the work was done after a look that took so many seconds."""
        for _ in range(arrived):
            self.end.add(self.work)
        self.now += passed
        self.end.after_a_look()
        return self.done


def test_once_nothing_more_arrives():
    """The turn goes on while each look brings more, and then the work is done once for all of them."""
    turns = Turns()
    assert [0, 0, 1, 1] == [turns.look(arrived=many) for many in (3, 2, 0, 0)]
    assert [1, 2] == [turns.look(arrived=many) for many in (1, 0)]


def test_a_failure_ends_no_loop(caplog):
    """What cannot be begun, for instance where no thread can be started, is told, and the others are begun."""
    turns = Turns()

    def failing() -> None:
        raise RuntimeError("can't start new thread")

    turns.end.add(failing)
    assert [0, 1] == [turns.look(arrived=many) for many in (1, 0)]
    assert ["what several requests wait for could not be begun"] == [record.message for record in caplog.records]
    assert not turns.end.is_awaited


def test_those_that_came_first_do_not_wait_for_ever():
    """Where requests never stop to arrive, the work is done after a while all the same, and each time again."""
    turns = Turns()
    assert [0, 0, 0, 1, 1] == [turns.look(arrived=1, passed=MOST * 0.3) for _ in range(5)]
    assert not TurnsEnd().is_awaited
    assert turns.end.is_awaited
