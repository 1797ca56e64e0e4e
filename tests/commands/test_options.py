"""What an option takes. A value that makes no sense is a typing error, and never chooses more than was meant."""

from collections.abc import Iterator

import click
import pytest

from receiver.cli import main
from tests.support.console import receiver

#: No note is no note.
MAY_BE_EMPTY = {"--note"}


def options(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Every option that takes a value, behind the words of its command."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from options(command, *path, name)
        yield from (((*path, name), one) for one in command.params if isinstance(one, click.Option) and not one.is_flag)


def taken(given: Iterator[tuple[str, ...]]) -> list[str]:
    """The commands that do not refuse the value of their last option but one."""
    refusals = {words: receiver(*words) for words in given}
    assert refusals
    return [
        f"{' '.join(words[:-1])} {words[-1]!r}: {result.output}"
        for words, result in refusals.items()
        if result.exit_code != 2 or f"Invalid value for '{words[-2]}" not in result.stderr
    ]


@pytest.mark.parametrize("empty", ["", " "])
def test_empty(empty: str) -> None:
    """An empty text is refused: a variable of a shell that is not set chooses nothing, and never all."""
    texts = [(path, one.opts[0]) for path, one in options(main) if not isinstance(one.type, click.Path | click.File)]

    assert [] == taken((*path, name, empty) for path, name in texts if name not in MAY_BE_EMPTY)


def test_longest_note() -> None:
    """A note that would be cut is refused, as the API and the console refuse it."""
    notes = [path for path, one in options(main) if one.opts[0] == "--note"]

    assert 9 == len(notes)
    assert [] == taken((*path, "--note", "x" * 1_001) for path in notes)


@pytest.mark.parametrize(
    ("kind", "wrong"), [(click.FloatRange, ("nan", "inf", "-inf")), (click.IntRange, (2**31, 2**63, 10**30))]
)
def test_numbers(kind: type[click.ParamType], wrong: tuple[object, ...]) -> None:
    """A number is finite, and one that both databases can hold."""
    numbers = [(path, one.opts[0]) for path, one in options(main) if isinstance(one.type, kind)]

    assert [] == taken((*path, name, str(one)) for path, name in numbers for one in wrong)
