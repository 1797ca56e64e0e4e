"""``python -m storm.flaws [NAME …]``: apply each flaw to a copy of the last commit, run the tests that must fail."""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FLAWS = Path(__file__).parent
ROOT = FLAWS.parent.parent
_CAUGHT_BY = re.compile(r"^Caught by: (.+)$", re.MULTILINE)
#: pytest's exit code where tests ran and some failed. All others (none found, an error of ours) prove nothing.
_FAILED = 1


def main(names: list[str]) -> int:
    """Print one line for each flaw; the exit code is the number of flaws that no test caught."""
    uncaught = 0
    for patch in sorted(FLAWS.glob("*.patch")):
        if names and patch.stem not in names:
            continue
        caught, said = _catches(patch)
        uncaught += not caught
        print(f"{'caught' if caught else 'NOT CAUGHT'}  {patch.stem}: {said}", flush=True)
    return uncaught


def tests_of(patch: Path) -> list[str]:
    """The tests that a patch names."""
    found = _CAUGHT_BY.search(patch.read_text(encoding="utf-8"))
    return found[1].split() if found else []


def _catches(patch: Path) -> tuple[bool, str]:
    """Whether the named tests pass without the flaw and fail with it; pytest's last line."""
    with tempfile.TemporaryDirectory(prefix="flaw-") as name:
        folder = Path(name)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
            tree.extractall(folder, filter="data")
        code, said = _pytest(folder, tests_of(patch))
        if code != 0:
            return False, f"its tests fail without it: {said}"
        subprocess.run(["git", "apply", "--unidiff-zero", str(patch)], cwd=folder, check=True)
        code, said = _pytest(folder, tests_of(patch))
        return code == _FAILED, said


def _pytest(folder: Path, tests: list[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    return ran.returncode, (ran.stdout.strip().splitlines() or [ran.stderr.strip()])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
