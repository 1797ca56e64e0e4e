"""A signal ends a command where ending is safe, no matter in what it arrives."""

import os
import signal

import pytest

from receiver.processes.stop_request import Stopped, stop_request

SIGNAL = signal.SIGUSR1


def send() -> None:
    os.kill(os.getpid(), SIGNAL)


class _Finalized:
    """What is cleared away while a signal arrives: Python prints an exception out of it, and goes on."""

    def __del__(self) -> None:
        send()


def test_in_a_finalizer(capfd):
    """A signal that arrives while an object is cleared away is neither printed nor forgotten."""
    with stop_request(SIGNAL) as stop:
        stop.check()
        _Finalized()
        with pytest.raises(Stopped):
            stop.check()
    assert ("", "") == capfd.readouterr()


def test_in_a_long_pause():
    """A pause is cut into naps, and ends with the one in which the signal came; none follows it."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            send()

    with stop_request(SIGNAL) as stop:
        stop.pause(0.5, sleep=naps.append)
        assert [0.25, 0.25] == naps
        naps.clear()
        with pytest.raises(Stopped):
            stop.pause(60, sleep=sleep)
        assert 3 == len(naps)
        with pytest.raises(Stopped):
            stop.pause(60, sleep=naps.append)
        assert 3 == len(naps)


def test_the_second_one_ends_it_at_once():
    """Where the first one is not looked at, the second one comes out of whatever runs."""
    with stop_request(SIGNAL):
        send()
        with pytest.raises(KeyboardInterrupt):
            send()


def test_before_and_after():
    """After the block a signal does what it did before it."""
    seen: list[int] = []
    former = signal.signal(SIGNAL, lambda number, frame: seen.append(number))
    try:
        with stop_request(SIGNAL):
            send()
        send()
    finally:
        signal.signal(SIGNAL, former)
    assert [SIGNAL] == seen
