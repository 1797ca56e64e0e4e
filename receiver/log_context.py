"""What the log lines of this moment are about: delivery, shipment, order, account. The JSON log writes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039  never changed in place


@contextmanager
def about(**names: str | None) -> Iterator[None]:
    """Everything logged within is about these, as far as they are known; and about what is learned within."""
    before = _ABOUT.set(_ABOUT.get())
    learn(**names)
    try:
        yield
    finally:
        _ABOUT.reset(before)


def learn(**names: str | None) -> None:
    """From here on to the end of the innermost `about`, the lines are about these, too."""
    _ABOUT.set({**_ABOUT.get(), **{name: value for name, value in names.items() if value is not None}})


def present() -> Mapping[str, str]:
    """What the lines are about now."""
    return _ABOUT.get()
