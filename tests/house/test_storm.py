"""The fault runs judge what they say, their page lists them, and each flaw names tests and still applies."""

import subprocess
from http.client import HTTPConnection
from json import dumps
from pathlib import Path

import pytest

from storm.flaws import __main__ as flaws
from storm.ground import Ground
from storm.run import settle
from storm.runs import RUNS
from tests.support.paths import ROOT

PATCHES = sorted(flaws.FLAWS.glob("*.patch"))


def patch(ground: Ground, number: int, tracking: str) -> None:
    """What a receiver would write to the invoice of a parcel."""
    connection = HTTPConnection(ground.vtex.url.removeprefix("http://"), timeout=30)
    body = {"trackingNumber": tracking, "trackingUrl": None, "courier": None, "dispatchedDate": None}
    headers = {"X-VTEX-API-AppKey": "key", "X-VTEX-API-AppToken": "token", "Content-Type": "application/json"}
    connection.request("PATCH", f"/api/oms/pvt/orders/{number}-01/invoice/{number}", dumps(body), headers)
    assert 200 == connection.getresponse().status
    connection.close()


def test_judgement(tmp_path: Path) -> None:
    """What is neither written nor stored is lost, a second write is a double, another number is wrong."""
    with Ground(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as ground:
        for number in (1, 2, 3, 4):
            ground.add_order(number)
        patch(ground, 2, "TN2BR")
        patch(ground, 2, "TN2BR")
        patch(ground, 3, "TN9BR")
        patch(ground, 4, "TN4BR")

        outcome = settle(ground, more={1, 2, 3, 4}, seconds=0)

    assert (4, 1, 1, 1) == (outcome.acknowledged, outcome.lost, outcome.doubled, outcome.wrong)
    assert ["1 acknowledged parcels are not at VTEX, and none came for 0 s"] == outcome.faults
    assert not outcome.passed


def test_page() -> None:
    """docs/storm.md lists every run, in the order in which they are made."""
    page = (ROOT / "docs" / "storm.md").read_text(encoding="utf-8").split("## The runs")[1].split("## Flaws")[0]
    listed = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][1:]

    assert [run.name for run in RUNS] == [name for name in listed if name != "---"]


def test_nine() -> None:
    """There is a patch for each of the nine."""
    assert 9 == len(PATCHES)


@pytest.mark.parametrize("flaw", PATCHES, ids=lambda flaw: flaw.stem)
def test_flaw(flaw: Path) -> None:
    """The patch applies to today's code, and the tests that it names are there."""
    ran = subprocess.run(
        ["git", "apply", "--check", "--unidiff-zero", str(flaw)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert flaws.tests_of(flaw)
    for test in flaws.tests_of(flaw):
        file, *names = test.split("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert all(f"def {name}(" in source or f"class {name}" in source for name in names), test
