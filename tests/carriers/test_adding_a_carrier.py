"""docs/adding-a-carrier.md is followed to the letter: what it says to write works, and the tests say what is next."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "adding-a-carrier.md"


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which someone did what the page says."""
    copy = tmp_path_factory.mktemp("copy") / "project"
    for folder in ("adapters", "receiver", "schemas", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    by_language: dict[str, list[str]] = {}
    for language, text in blocks:
        by_language.setdefault(language, []).append(text)
    begun = _run(copy, "receiver.cli", "carriers", "new", "acme")
    assert 0 == begun.returncode, begun.stderr
    samples = copy / "tests" / "samples" / "acme"
    (samples / "posted.http").write_text(by_language["http"][0].rstrip("\n"))
    (samples / "posted.expected.json").write_text(by_language["json"][0])
    (copy / "schemas" / "acme.json").write_text(by_language["json"][1])
    (samples / "provenance.json").write_text(by_language["json"][2])
    (copy / "adapters" / "acme.py").write_text(by_language["python"][0])
    return copy


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_listed(followed):
    """The new carrier is there without a line changed anywhere else."""
    listed = _run(followed, "receiver.cli", "carriers")

    assert 0 == listed.returncode, listed.stderr
    assert "Acme" in listed.stdout


def test_begun(followed):
    """What `carriers new` writes is at home where the page says."""
    page = PAGE.read_text(encoding="utf-8")

    for place in ("adapters/acme.py", "schemas/acme.json", "docs/carriers/acme.md", "tests/samples/acme/posted.http"):
        assert (followed / place).is_file()
        assert place.replace("posted", "*") in page


def test_tried(followed):
    """One recording, step by step."""
    tried = _run(followed, "receiver.cli", "carriers", "try", "acme", "tests/samples/acme/posted.http")

    assert 0 == tried.returncode, tried.stdout + tried.stderr
    assert "shipment  acme/A-1" in tried.stdout


def test_replayed(followed):
    """Its recording comes out as the page expects."""
    replayed = _run(followed, "receiver.cli", "replay", "tests/samples/acme")

    assert 0 == replayed.returncode, replayed.stdout + replayed.stderr
    assert "1 recording, 1 as expected, 0 not" in replayed.stdout


def test_told_what_is_next(followed):
    """The house rules hold for it; the only complaint is that one recording is not enough."""
    tested = _run(
        followed, "pytest", "-q", "-k", "acme", "tests/carriers/test_every_carrier.py", "-p", "no:cacheprovider"
    )

    failed = re.findall(r"^FAILED (\S+)", tested.stdout, re.MULTILINE)
    assert ["tests/carriers/test_every_carrier.py::TestRecordings::test_enough[acme]"] == failed, tested.stdout
