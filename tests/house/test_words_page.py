"""The page of words in three languages says what the console says."""

import pytest

from receiver.shipments import Reason, State
from receiver.store.operator.queries import OUTCOMES
from receiver.web.console.language import texts
from tests.support.pages import rows
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
#: Heading → word of the program → where the console has it.
TABLES = {
    "States": {state.value: f"states.{state.value}" for state in State},
    "Reasons": {reason.value: f"reasons.{reason.value}" for reason in Reason},
    "Outcomes of a delivery": {outcome: f"deliveries.outcome_{outcome}" for outcome in OUTCOMES},
    "What people do": {
        action: f"decisions.action_{action}"
        for action in ("assign", "unassign", "dismiss", "retry", "resume", "reprocess", "link", "unlink", "forget")
    },
    "Pages of the console": {
        name: f"{page}.title"
        for name, page in {
            "`status`": "overview",
            "`shipments`": "parcels",
            "`deliveries`": "deliveries",
            "`rejects`": "refused",
            "`carriers`": "carriers",
            "`check`, `resume`": "accounts",
            "`links`": "links",
            "`decisions`": "decisions",
            "`forget`": "forget",
        }.items()
    },
}


@pytest.mark.parametrize("heading", TABLES)
def test_same(heading: str) -> None:
    """Each word of the program stands in its table, as the console says it in each language."""
    said = texts()
    expected = [
        [word if word.startswith("`") else f"`{word}`", *(said[key][language] for language in ("en", "pt", "es"))]
        for word, key in TABLES[heading].items()
    ]

    assert expected == rows(PAGE, heading)
