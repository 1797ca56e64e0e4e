"""The wheel, installed and used outside the checkout."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from receiver.carriers import discover
from tests.support.paths import ROOT

SETTINGS = """
[vtex.lux]
app_key = "key"
app_token = "token"
[endpoints.frenet]
secrets = ["secret"]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, and nothing else."""
    source, wheels, target = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "target"))
    for name in ("adapters", "receiver", "schemas"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "wsgi.py"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "tests", source / "tests", ignore=shutil.ignore_patterns("samples", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(wheels), str(source)]
    subprocess.run([*pip, *build], check=True, capture_output=True, text=True)
    install = ["install", "--no-deps", "--no-index", "--target", str(target), *map(str, wheels.iterdir())]
    subprocess.run([*pip, *install], check=True, capture_output=True, text=True)
    return target


def receiver(installed: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The installed command in a folder of its own, the checkout out of sight."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, str(installed / "bin" / "receiver"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_content(installed: Path):
    """The wheel brings the program, `wsgi.py` and the schemas; no tests, and no older gunicorn."""
    [metadata] = installed.glob("*.dist-info")
    names = {path.name for path in installed.iterdir()} - {metadata.name, "bin", "__pycache__"}
    assert {"adapters", "receiver", "schemas", "wsgi.py"} == names
    assert "gunicorn>=26.1" in (PathDistribution(metadata).requires or [])


def test_metadata(installed: Path):
    """The wheel brings its licence, says which it is, and tells type checkers that it has types."""
    [metadata] = installed.glob("*.dist-info")
    said = PathDistribution(metadata).metadata
    assert ("Apache-2.0", ["LICENSE"]) == (said["License-Expression"], said.get_all("License-File"))
    assert (ROOT / "LICENSE").read_bytes() == (metadata / "licenses" / "LICENSE").read_bytes()
    assert [True, True] == [(installed / package / "py.typed").is_file() for package in ("adapters", "receiver")]


def test_carriers(installed: Path, tmp_path: Path):
    """The installed command lists the carriers, from its own modules and schemas."""
    listed = receiver(installed, tmp_path, "carriers", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert sorted(module.stem for module in (ROOT / "adapters").glob("[a-z]*.py")) == [row["carrier"] for row in rows]
    assert [carrier.digest for carrier in discover().values()] == [row["digest"] for row in rows]

    without = shutil.copytree(installed, tmp_path / "without")
    (without / "schemas" / "ups.json").unlink()
    broken = receiver(without, tmp_path, "carriers")
    assert 1 == broken.returncode
    assert "ups" in broken.stderr


def test_console(installed: Path):
    """The wheel brings every file of the console: templates, texts, style, script."""
    console = Path("receiver", "web", "console")
    here, there = (
        {str(path.relative_to(root)) for path in (root / console).rglob("*.*") if "__pycache__" not in path.parts}
        for root in (ROOT, installed)
    )
    assert here == there


def test_check(installed: Path, tmp_path: Path):
    """With the smallest configuration the installed command makes its SQLite file and finds no faults."""
    (tmp_path / "receiver.toml").write_text(SETTINGS)
    assert (0, "") == ((made := receiver(installed, tmp_path, "migrate")).returncode, made.stderr)
    checked = receiver(installed, tmp_path, "check")
    assert (0, "") == (checked.returncode, checked.stderr)
    assert checked.stdout.endswith("receiver.toml: no faults\n")
    with closing(sqlite3.connect(tmp_path / "var" / "receiver.db")) as database:
        assert 0 == database.execute("SELECT count(*) FROM deliveries").fetchone()[0]


def test_init(installed: Path, tmp_path: Path):
    """The installed command writes a configuration that lacks nothing but the secrets."""
    begun = receiver(installed, tmp_path, "init", "luxstore", "frenet")
    assert (0, "wrote receiver.toml") == (begun.returncode, begun.stdout.splitlines()[0])

    assert "receiver.toml: 3 faults" == receiver(installed, tmp_path, "check").stderr.splitlines()[0]
