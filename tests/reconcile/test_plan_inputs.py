"""What a plan is made from: the endpoint's settings, and times as people read them."""

from pathlib import Path
from typing import Any

import pytest

from receiver.config import parse
from receiver.reconcile.plan import policy_of
from receiver.shipments import Kind, NextState, Reason, State, kept
from receiver.timing import stamp
from receiver.vtex.writes import Policy


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Policy(second_parcel="hold", number_changed="keep")),
        ({"second_parcel": "join"}, Policy(second_parcel="join", number_changed="keep")),
        ({"number_changed": "overwrite"}, Policy(second_parcel="hold", number_changed="overwrite")),
    ],
)
def test_policy(settings: dict[str, Any], expected: Policy) -> None:
    """An endpoint's settings decide about its parcels; without any, a person does."""
    raw = {
        "vtex": {"lux": {"app_key": "key", "app_token": "token"}},
        "endpoints": {"melhor-envio": {"secrets": ["secret"], **settings}},
    }
    endpoint = parse(raw, path=Path("receiver.toml"), environ={}).endpoints["melhor-envio"]

    assert expected == policy_of(endpoint)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.kind is Kind.KEPT])
def test_kept(reason: Reason) -> None:
    """A parcel that leaves its invoice alone says why in the reason's sentence, with the case's own words behind it."""
    note = f"{reason.sentence} (900: TN9)"
    assert NextState(state=State.KEPT, reason=reason, note=note) == kept(reason, "900: TN9")
    assert reason.sentence == kept(reason).note


def test_stamp() -> None:
    """Seconds since the epoch are a time in UTC, without fractions."""
    assert "2026-11-18T12:00:00Z" == stamp(1_795_003_200.9)
