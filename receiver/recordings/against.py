"""Reads recordings with another version of the adapters, in another process, and finds the differences from today's."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import receiver
from receiver.shipments.differences import Change, changes, shipment_changes

#: The folder of today's packages.
_ROOT = Path(receiver.__file__).resolve().parent.parent
_PACKAGES = ("adapters", "schemas", "receiver")
#: Runs the command with the packages of a folder before all others: ``FOLDER ROOT ARGUMENTS…``.
_COMMAND = "import sys; sys.path[:0] = sys.argv[1:3]; from receiver.cli import main; main(sys.argv[3:])"


class NoSuchVersion(Exception):
    """That version of the adapters does not exist or does not run; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """A recording that two versions read differently. ``outcome`` is the change for the whole message; ``shipments``
    are the changes by shipment."""

    name: str
    outcome: tuple[Change, ...]
    shipments: Mapping[str, tuple[Change, ...]]


@contextmanager
def version(name: str) -> Iterator[Path]:
    """A temporary folder with that version's packages.

    ``name`` is a folder with ``adapters``, that package itself, or a git revision. If it has its own ``receiver``, that
    one reads: the two belong together. Missing schemas are taken from today's. Raises `NoSuchVersion`.
    """
    folder = Path(name).resolve()
    if (folder / "_contract.py").is_file():
        folder = folder.parent
    with TemporaryDirectory(prefix="receiver-") as made:
        copy = Path(made)
        shutil.copytree(_ROOT / "schemas", copy / "schemas")
        if (folder / "adapters").is_dir():
            for package in _PACKAGES:
                if (folder / package).is_dir():
                    shutil.copytree(folder / package, copy / package, dirs_exist_ok=True)
        else:
            _check_out(name, copy)
        yield copy


def replayed(folder: Path, arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The output of ``receiver replay ARGUMENTS --json`` with the adapters of the folder. Raises `NoSuchVersion`."""
    command = [sys.executable, "-P", "-c", _COMMAND, str(folder), str(_ROOT), "replay", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  this program itself
    if done.returncode not in (0, 1) or not done.stdout:
        raise NoSuchVersion(f"the adapters in {folder} do not run: {_last_line(done.stderr)}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def differing(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Iterator[Differing]:
    """The recordings that differ between two replays of the same recordings in the same order."""
    for former, latter in zip(before, after, strict=True):
        outcome = changes(_outcome(former), _outcome(latter))
        shipments = shipment_changes(_shipments(former), _shipments(latter))
        if outcome or shipments:
            yield Differing(name=latter["name"], outcome=outcome, shipments=shipments)


def _outcome(replay: Mapping[str, Any]) -> dict[str, Any]:
    return {name: replay.get(name) for name in ("outcome", "reason")}


def _shipments(replay: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one["wanted"] for one in replay["shipments"]]


def _check_out(revision: str, folder: Path) -> None:
    if revision.startswith("-"):
        raise NoSuchVersion(f"{revision!r} is no revision")
    command = ["git", "-C", str(_ROOT), "archive", "--format=tar", revision, "--", *_PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise NoSuchVersion(f"{revision!r} is no folder, and git does not run: {error.strerror}") from None
    if done.returncode:
        said = _last_line(done.stderr.decode(errors="replace"))
        raise NoSuchVersion(f"{revision!r} is neither a folder with adapters nor a revision of {_ROOT}: {said}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
