"""Migrations that have landed stay as they are: databases in use have gone through them."""

import hashlib

from receiver.store.migrations import HEAD
from tests.support.paths import ROOT

#: The first digits of each file's SHA-256. A new migration adds a line; no line is ever changed.
LANDED = {
    "0001_first_tables.py": "157cb3d4481ec2cd",
    "0002_links_and_waits.py": "aafe35df5c9ca188",
    "0003_priorities_and_trouble.py": "8c94bd5e2e7321dd",
    "0004_fetches.py": "31777774d22e3766",
    "0005_assignments.py": "4d9f8220d9fc21c2",
    "0006_plain_names.py": "db35ae75e8809b2e",
    "0007_numbers_in_any_notation.py": "9adb9b26371d9f67",
    "0008_unknown_words.py": "ea39309be30af009",
    "0009_companions.py": "4ed65c4c68ec7667",
    "0010_decisions.py": "ef265981f1ad2a50",
    "0011_defaults.py": "bb49c75b2534f962",
    "0012_told_and_measured.py": "5e557a67474b7bd1",
    "0013_sessions.py": "9a132e560481f7b0",
    "0014_shipments_by_endpoint.py": "54d147ed37a7d63f",
    "0015_indexes_of_the_console.py": "4138afeed25650ce",
    "0016_endpoints_heard.py": "414ff3c18532cced",
    "0017_seen_by_a_person.py": "30c59a15d184eb21",
}


def test_never_edited():
    """Each migration is the very file that was released, and a new one is listed here."""
    files = (ROOT / "receiver" / "store" / "migrations" / "versions").glob("0*.py")

    assert LANDED == {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in sorted(files)}


def test_chain():
    """They follow one another by number, and the last one is the head."""
    assert [f"{number:04}" for number in range(1, len(LANDED) + 1)] == [name[:4] for name in LANDED]
    assert HEAD == max(LANDED)[:4]
