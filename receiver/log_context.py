"""What the log lines of this moment are about: delivery, shipment, order, account. The JSON log writes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_ABOUT: ContextVar[Mapping[str, str] | None] = ContextVar("about", default=None)


@contextmanager
def about(**names: str | None) -> Iterator[None]:
    """Everything logged within is about these, as far as they are known; and about what is learned within."""
    before = _ABOUT.set(present())
    learn(**names)
    try:
        yield
    finally:
        _ABOUT.reset(before)


def learn(**names: str | None) -> None:
    """From here on to the end of the innermost `about`, the lines are about these, too. Outside of one it has no
    effect: nothing would end it, and the thread's next lines would be about them."""
    if (known := _ABOUT.get()) is not None:
        _ABOUT.set({**known, **{name: value for name, value in names.items() if value is not None}})


def present() -> Mapping[str, str]:
    """What the lines are about now."""
    return _ABOUT.get() or {}
