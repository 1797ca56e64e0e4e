"""What a plan is made from: the endpoint's settings, and times as people read them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters import Shipment, Status
from receiver.config import parse
from receiver.reconcile.plan import policy_of, wanted_of
from receiver.shipments import Kind, Known, NextState, Reason, State, Update, fold, kept
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


def test_twins() -> None:
    """What other endpoints know of the parcel: an earlier dispatch, and its page where its own messages have none."""
    raw = {"vtex": {"lux": {"app_key": "k", "app_token": "t"}}, "endpoints": {"melhor-envio": {"secrets": ["secret"]}}}
    endpoint = parse(raw, path=Path("receiver.toml"), environ={}).endpoints["melhor-envio"]
    later, sooner = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (11, 10))
    own, without, twin = (
        fold(
            Known(),
            [Update(shipment=Shipment(key="p", status=Status.DISPATCHED, **said), received_at=later, digest="")],
        )
        for said in (
            {"tracking_number": "TN1", "dispatched_at": later},
            {"tracking_number": "OTHER", "tracking_url": "https://t.example/OTHER"},
            {"tracking_number": "tn-1", "tracking_url": "https://t.example/TN1", "dispatched_at": sooner},
        )
    )

    alone, told = wanted_of("p", own, endpoint), wanted_of("p", own, endpoint, twins=[without, twin])
    assert (None, later) == (alone.tracking_url, alone.dispatched_at)
    assert ("https://t.example/TN1", sooner) == (told.tracking_url, told.dispatched_at)
