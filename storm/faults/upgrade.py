"""An upgrade with work pending: an older release received it, this one brings it to VTEX."""

import io
import os
import re
import signal
import subprocess
import tarfile
import time
import tomllib
from pathlib import Path

from storm.run import NotHere, Outcome, Scene, settle
from tests.support.paths import ROOT

_RELEASE = re.compile(r"^## \[(\d[^]]*)\]", re.MULTILINE)


def pending(scene: Scene) -> Outcome:
    """The older release acknowledges and is killed. This one migrates, starts, and brings all of it to VTEX."""
    revision = os.environ.get("STORM_FROM") or _last_release()
    with scene.ground(program=_checkout(revision, scene.folder / "old")) as ground:
        ground.start("web", "web", "--processes", "1")
        ground.ready()
        traffic = ground.traffic(many=int(20 * scene.seconds))
        traffic.join()
        ground.end(signal.SIGKILL)
        ground.program = ROOT
        begun = time.monotonic()
        ground.run("migrate")
        ground.start_serve()
        took = time.monotonic() - begun
        outcome = settle(ground, traffic)
        outcome.note = f"from {revision}, ready {took:.1f} s later with {outcome.acknowledged} parcels pending"
        return outcome


def _last_release() -> str:
    """The commit by which the changelog got its newest version but this one; ``STORM_FROM`` names another one."""
    this = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    releases = _RELEASE.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    heading = next((f"## [{release}]" for release in releases if release != this), "")
    found = _git("log", "--reverse", "--format=%h", "-S", heading, "--", "CHANGELOG.md").decode().split()
    if not found:
        raise NotHere("the history has no release to upgrade from; STORM_FROM may name a commit")
    return found[0]


def _checkout(revision: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", revision))) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> bytes:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if ran.returncode:
        raise NotHere(f"git says: {ran.stderr.decode().strip()}")
    return ran.stdout
