"""Waits that give the loop back, and waits of threads."""

import threading
from concurrent.futures import Future

import pytest
from greenlet import getcurrent

from receiver.waiting import aside, once_for_all, result_of
from tests.support.loop import Loop


def test_two_at_once():
    """While one request waits, the same thread answers another."""
    first: Future[str] = Future()

    def second() -> str:
        first.set_result("first")
        return "second"

    assert ["second", "first"] == Loop().run(lambda: result_of(first, 5.0), second)


def test_what_is_there_is_not_waited_for():
    """A result that is there already, or a failure, comes out at once."""
    loop, there, failed = Loop(), Future(), Future()
    there.set_result(1)
    failed.set_exception(ZeroDivisionError())

    def failing() -> str:
        with pytest.raises(ZeroDivisionError):
            result_of(failed, 5.0)
        return "raised"

    assert [1, "raised"] == loop.run(lambda: result_of(there, 5.0), failing)
    assert [] == loop.seconds


def test_time_is_over():
    """A wait whose time is over raises the same as a thread's."""

    def late() -> str:
        with pytest.raises(TimeoutError):
            result_of(Future(), 0)
        return "late"

    assert ["late"] == Loop().run(late)
    assert "late" == late()


def test_aside():
    """Work that blocks has a thread of its own; its result and its failure come back to the request."""
    main = threading.get_ident()

    def failing() -> None:
        raise ZeroDivisionError

    def request() -> tuple[bool, bool, bool]:
        me = getcurrent()
        there = result_of(aside(threading.get_ident))
        with pytest.raises(ZeroDivisionError):
            result_of(aside(failing))
        return there != main, threading.get_ident() == main, getcurrent() is me

    assert [(True, True, True)] == Loop().run(request)
    assert main != result_of(aside(threading.get_ident))


def test_once_for_all():
    """What several requests of a turn want done is done once, when all of them are begun; a thread does it at once."""
    done: list[str] = []

    def work() -> None:
        done.append("work")

    def request() -> None:
        once_for_all(work)
        done.append("begun")

    Loop().run(request, request)
    assert ["begun", "begun", "work"] == done
    once_for_all(work)
    assert ["work"] == done[3:]
