"""`receiver replay --against`: which shipments two versions of an adapter read otherwise."""

import json
import shutil
from pathlib import Path

import pytest

from receiver.recordings.against import Differing, differing
from receiver.shipments.differences import Change
from tests.support.console import receiver
from tests.support.paths import ROOT, SAMPLES

COLLECTED = SAMPLES / "loggi" / "collected_after_21h.http"


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A copy of the adapters in which Loggi's status 14 has no entry."""
    shutil.copytree(ROOT / "adapters", tmp_path / "adapters", ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "adapters" / "loggi.py"
    module.write_text(module.read_text(encoding="utf-8").replace('"14": ', '"14 of old": '), encoding="utf-8")
    return tmp_path


class TestDiffering:
    """Pure: two replays of the same recordings, as ``--json`` prints them."""

    def test_equal(self):
        """Recordings that are read alike are left out."""
        one = {"name": "a", "outcome": "accepted", "reason": None, "shipments": [{"wanted": {"key": "K"}}]}

        assert [] == list(differing([one], [one]))

    def test_both(self):
        """What became of the message, and what changed of each shipment."""
        before = {"name": "a", "outcome": "ignored", "reason": "r", "shipments": []}
        after = {"name": "a", "outcome": "accepted", "reason": None, "shipments": [{"wanted": {"key": "K"}}]}

        assert [
            Differing(
                name="a",
                outcome=(Change("outcome", "ignored", "accepted"), Change("reason", "r", None)),
                shipments={"K": (Change("key", None, "K"),)},
            )
        ] == list(differing([before], [after]))


class TestCommand:
    def test_folder(self, former):
        """Before is the other version, after is today's; the exit code says that something differs."""
        result = receiver("replay", COLLECTED, "--against", former, "--json")
        (row,) = [json.loads(line) for line in result.stdout.splitlines()]

        assert (1, str(COLLECTED), {}) == (result.exit_code, row["name"], row["message"])
        (changed,) = row["shipments"].values()
        assert ["other", "dispatched"] == changed["status"]

    def test_text(self, former):
        """A line for each field, and a last one with the count."""
        lines = receiver("replay", COLLECTED, "--against", former / "adapters").stdout.splitlines()

        assert "    status          other → dispatched" in lines
        assert f"1 recording, 1 read otherwise than by {former / 'adapters'}" == lines[-1]

    def test_same(self):
        """Today's own adapters read the same."""
        result = receiver("replay", COLLECTED, "--against", ROOT / "adapters")

        assert 0 == result.exit_code, result.output

    def test_broken(self, former):
        """Adapters that do not load are one line."""
        (former / "adapters" / "loggi.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
        result = receiver("replay", COLLECTED, "--against", former)

        assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
        assert "do not run: " in result.stderr

    @pytest.mark.parametrize("name", ["no-such-revision", "--output=x"])
    def test_unknown(self, name):
        """What is neither a folder nor a revision is named."""
        result = receiver("replay", COLLECTED, f"--against={name}")

        assert 1 == result.exit_code
        assert result.stderr.startswith(repr(name))

    def test_excluded(self):
        """It is a dry run without orders."""
        assert 2 == receiver("replay", COLLECTED, "--against", "main", "--send").exit_code
