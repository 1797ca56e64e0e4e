"""The loop's selector: files that are given up and taken back cost nothing, and none is mistaken for another."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from selectors import EVENT_READ

import pytest

from receiver.processes.poller import Poller


class Watched:
    """Connections under a poller, and which of them were called."""

    def __init__(self, stack: ExitStack) -> None:
        self.poller = stack.enter_context(Poller())
        self.stack, self.called = stack, []

    def pair(self) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        return self.stack.enter_context(ours), self.stack.enter_context(theirs)

    def watch(self, one: socket.socket, name: str) -> None:
        self.poller.register(one, EVENT_READ, lambda _: self.called.append(name))

    def look(self) -> list[str]:
        """Who is called now."""
        self.called.clear()
        for key, _ in self.poller.select(0):
            key.data(key.fileobj)
        return list(self.called)

    def is_watched_by_the_system(self, one: socket.socket) -> bool:
        told = Path(f"/proc/self/fdinfo/{self.poller.fileno()}").read_text(encoding="ascii")
        return any(line.split()[1] == str(one.fileno()) for line in told.splitlines() if line.startswith("tfd:"))


@pytest.fixture
def watched():
    with ExitStack() as stack:
        yield Watched(stack)


def test_taken_back(watched: Watched):
    """A file that is given up and taken back stays with the system all the time, and its new call is made."""
    ours, theirs = watched.pair()
    watched.watch(ours, "first")
    watched.poller.unregister(ours)
    assert watched.is_watched_by_the_system(ours)
    watched.watch(ours, "second")
    theirs.sendall(b"x")
    assert ["second"] == watched.look()


def test_given_up(watched: Watched):
    """What happens to a file that is given up calls nothing and is looked at once; taken back, its call is made."""
    ours, theirs = watched.pair()
    watched.watch(ours, "first")
    watched.poller.unregister(ours)
    theirs.sendall(b"x")
    assert [] == watched.look()
    assert not watched.is_watched_by_the_system(ours)
    watched.watch(ours, "second")
    assert ["second"] == watched.look()


def test_the_number_of_a_closed_file(watched: Watched):
    """A new connection with the number of one that was given up and closed is watched like any other."""
    former, _ = watched.pair()
    watched.watch(former, "former")
    watched.poller.unregister(former)
    number = former.fileno()
    former.close()
    ours, theirs = watched.pair()
    assert number == ours.fileno()
    watched.watch(ours, "ours")
    theirs.sendall(b"x")
    assert ["ours"] == watched.look()


def test_a_look_that_comes_too_late(watched: Watched):
    """A call that was due when its file was given up and closed is not made, and does no harm."""
    ours, theirs = watched.pair()
    watched.watch(ours, "ours")
    theirs.sendall(b"x")
    (key, _), *_ = watched.poller.select(0)
    watched.poller.unregister(ours)
    ours.close()
    key.data(key.fileobj)
    key.data(key.fileobj)
    assert [] == watched.called


@pytest.mark.parametrize("what", ["register", "unregister"])
def test_mistakes(watched: Watched, what: str):
    """To watch a file twice, and to give up what was never watched, are mistakes, as with any selector."""
    ours, _ = watched.pair()
    mistakes: dict[str, Callable[[], object]] = {
        "register": lambda: [watched.watch(ours, "twice") for _ in range(2)],
        "unregister": lambda: watched.poller.unregister(ours),
    }
    with pytest.raises(KeyError):
        mistakes[what]()
