"""All recordings of a carrier in one test: as many tests as recordings would cost more than what they do."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.paths import SAMPLES

#: The carriers that have recordings.
RECORDED = sorted({path.parent.name for path in SAMPLES.glob("*/*.http")})


def recordings_of(carrier: str, *, home: Path = SAMPLES) -> list[Path]:
    return sorted((home / carrier).glob("*.http"))


def try_each(paths: Iterable[Path], test: Callable[[Path], object]) -> None:
    """Try every recording, and name each that fails."""
    failures: list[Exception] = []
    for path in paths:
        try:
            test(path)
        except Exception as failure:  # noqa: BLE001  the others are tried all the same
            failure.add_note(f"recording {path.parent.name}/{path.stem}")
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} recordings fail", failures)
