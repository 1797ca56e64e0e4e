"""An order as VTEX shows it, reduced to what the choice of an invoice needs; and why a person must name one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.vtex.choice import Clues, Hold, bears_key, bears_parcel, choose
from receiver.vtex.orders import read_order

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC).timestamp()


def document(**package: Any) -> dict[str, Any]:
    one = {"type": "Output", "invoiceNumber": "900", "invoiceValue": 100, **package}
    return {"orderId": "1-01", "value": 100, "packageAttachment": {"packages": [one]}}


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-10T12:00:00+00:00", NOON),
        ("2026-11-10T09:00:00-03:00", NOON),
        ("2026-11-10T12:00:00.0000000", NOON),
        ("2026-11-10T12:00:00", NOON),
        ("2026-11-31", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_issued_at(written: str | None, expected: float | None) -> None:
    """An invoice's date, in UTC where VTEX writes no offset, wherever we are; what is no date is none."""
    assert expected == read_order(document(issuanceDate=written)).outputs[0].issued_at


@pytest.mark.parametrize(
    ("written", "expected"),
    [(100, 100), ("100", 100), (100.0, 100), (True, 0), ("1.00", 0), (None, 0), (float("inf"), 0), (float("nan"), 0)],
)
def test_value(written: Any, expected: int) -> None:
    """An invoice's value is an integer in VTEX's answers and text in its requests; nothing else is one."""
    assert expected == read_order(document(invoiceValue=written)).outputs[0].value


def test_placeholders() -> None:
    """Only the texts that the merchant names are no numbers, with the order's own values filled in; a number of the
    parcel counts as one, whatever its text."""
    texts = ["A COMBINAR", "NF {invoice_number}"]
    for number, but, shown in (
        ("A COMBINAR", (), None),
        ("NF 900", (), None),
        ("NF 901", (), "NF 901"),
        ("TN1", (), "TN1"),
        ("NF 900", ("nf900",), "NF 900"),
    ):
        (found,) = read_order(document(trackingNumber=number)).without_placeholders(texts, but=but).outputs

        assert shown == found.tracking_number


@pytest.mark.parametrize("assigned", [False, True])
def test_every_invoice_is_taken(assigned: bool) -> None:
    """No number of someone else's is overwritten, also where a person named the order alone: the invoices to choose
    among are told, and that a person may name one."""
    taken = read_order(document(trackingNumber="THEIRS"))
    held = choose(taken, Clues(tracking_number="TN1", assigned=assigned))

    assert isinstance(held, Hold)
    assert "number_differs" == held.reason
    assert "every invoice of 1-01 holds another number (900: THEIRS)" == held.note
    assert ["900"] == held.evidence["candidates"]
    assert "--invoice" in held.reason.sentence


def test_series_rules_the_last_one_out() -> None:
    """The only open invoice is not taken where the carrier's series says that it speaks of another one. The
    order is fully invoiced, so no other one is to come: a person decides at once."""
    key = f"3526111111111100019155{1:03}{900:09}1234567890"
    held = choose(read_order(document(invoiceKey=key)), Clues(tracking_number="TN1", invoice_series=["2"]))

    assert isinstance(held, Hold)
    assert "named_invoice_missing" == held.reason
    assert "the carrier names series 2; " in held.note
    assert ["900"] == held.evidence["candidates"]


@pytest.mark.parametrize(
    ("sellers", "expected"),
    [
        (None, None),
        ([], None),
        ([{"id": "1", "fulfillmentEndpoint": "http://f.example/?an=other"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=other&sc=1"}], "other"),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=lux"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=a&an=b"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": "http://[f.example/?an=other"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=LUX"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?affiliateId=SLR&AN=Other%20"}], "other"),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?sc=1&amp;an=oth%65r"}], "other"),
        ([{"id": "shop", "fulfillmentEndpoint": "f.example/?an=other&an=other#an=lux"}], "other"),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=&an=%20"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": "http://f.example/an/other"}], None),
        ([{"id": "shop", "fulfillmentEndpoint": ["http://f.example/?an=other"]}], None),
        ([{"id": 1, "fulfillmentEndpoint": "http://f.example/?an=other"}], None),
        ([{"fulfillmentEndpoint": "http://f.example/?an=other"}], None),
        ([None, {"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=other"}], None),
        ({"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=other"}, None),
        ([{"id": "shop", "fulfillmentEndpoint": None}], None),
    ],
)
def test_seller(sellers, expected):
    """Another account invoices the order only where VTEX names exactly one; a missing fact means this one does."""
    assert expected == read_order({**document(), "sellers": sellers}, account="lux").seller_account


KEY = "35261111111111000191550010000009001234567890"


@pytest.mark.parametrize(
    ("clues", "bears", "bears_by_key"),
    [
        ({}, False, False),
        ({"tracking_number": "TN-1"}, True, False),
        ({"tracking_number": "TN2"}, False, False),
        ({"invoice_numbers": ["0900"]}, True, False),
        ({"invoice_keys": [KEY]}, True, True),
        ({"invoice_keys": [KEY.replace("1234567890", "1234567899")]}, False, False),
    ],
)
def test_bears(clues, bears, bears_by_key):
    """An order bears a parcel by its number, its invoice or its key; only a key is no other order's."""
    order = read_order(document(trackingNumber="TN1", invoiceKey=KEY))
    told = Clues(**{"tracking_number": None, **clues})

    assert (bears, bears_by_key) == (bears_parcel(order, told), bears_key(order, told))
