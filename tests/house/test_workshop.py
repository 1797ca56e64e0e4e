"""What surrounds the program is true: changelog, licence, pages for contributors, and the coverage that is held."""

import re
import tomllib
from pathlib import Path

import pytest

from receiver.cli import main

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
#: The kinds of change that Keep a Changelog knows, and what a reader must do.
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Upgrade notes"}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code(text: str) -> str:
    """Blocks of shell and what stands in backticks."""
    return "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)])


def test_version() -> None:
    """The version of the package has a section with its date, the newest one of all."""
    sections = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGELOG, re.MULTILINE)

    assert ("Unreleased", "") == sections[0]
    assert PROJECT["project"]["version"] == sections[1][0]
    assert all(date for _, date in sections[1:])
    assert [date for _, date in sections[1:]] == sorted((date for _, date in sections[1:]), reverse=True)


def test_kinds() -> None:
    """Changes stand under the words of Keep a Changelog."""
    assert set() == set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) - KINDS


@pages
def test_links(page: Path) -> None:
    """Relative links lead somewhere, to a heading that is there."""
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]+)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        there = (ROOT / target).read_text(encoding="utf-8")
        assert not heading or heading in re.sub(r"[^\w\n ]", "", there.lower()).replace(" ", "-")


@pages
def test_commands(page: Path) -> None:
    """Every `receiver …` and every `make …` that a page shows exists."""
    shown = code(page.read_text(encoding="utf-8"))
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert set() == set(re.findall(r"\breceiver ([a-z]+)\b", shown)) - set(main.commands)
    assert set() == set(re.findall(r"\bmake ([a-z]+)\b", shown)) - set(targets)


def test_supported() -> None:
    """The version that is about to be released gets security fixes."""
    minor = ".".join(PROJECT["project"]["version"].split(".")[:2])

    assert f"| {minor}.x | yes |" in PAGES[2].read_text(encoding="utf-8")


def test_pinned() -> None:
    """Every dependency is pinned, by name and version only."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(one for extra in extras.values() for one in extra)]

    assert [] == [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    assert set() == {re.sub(r"[-_.]+", "-", re.split(r"[\[>]", one)[0]).lower() for one in wanted} - pinned
