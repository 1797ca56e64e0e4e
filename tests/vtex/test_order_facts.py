"""What an order that was read teaches the index, and what the digits of an NF-e key say."""

from typing import Any

import pytest

from receiver.vtex.facts import CANCELLED_ORDER, ISSUER, SERIES_NUMBER, TRACKED
from receiver.vtex.nfe import issuer, plain_key, plain_number, series_and_number, significant
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import read_order

KEY = "35261111111111000191550010000009001234567890"


def facts(*packages: dict[str, Any], **order: Any) -> set[tuple[str, str, str | None]]:
    """Kind, value and invoice of all that the order teaches."""
    document = {
        "orderId": "1-01",
        "creationDate": "2026-11-09T12:00:00.0000000+00:00",
        "packageAttachment": {"packages": list(packages)},
        **order,
    }
    return {(fact.kind, fact.value, fact.invoice_number) for fact in index_facts(read_order(document))}


def invoice(number: str, **rest: Any) -> dict[str, Any]:
    return {"type": "Output", "invoiceNumber": number, **rest}


def test_order() -> None:
    """Sequence and order group name the order."""
    assert {("sequence", "501", None), ("order_group", "v1", None)} == facts(sequence="501", orderGroup="v1")


def test_invoice() -> None:
    """An invoice's number without its padding, its key with all that stands inside, and its tracking number."""
    assert {
        ("invoice_number", "900", "000900"),
        ("invoice_key", KEY, "000900"),
        (SERIES_NUMBER, "1/900", "000900"),
        (ISSUER, "11111111000191", "000900"),
        ("tracking_number", "TN1", "000900"),
    } == facts(invoice("000900", invoiceKey=f"NFe{KEY}", trackingNumber="TN1"))


def test_issued_at() -> None:
    """Each of an invoice's facts bears the invoice's date."""
    shown = {"orderId": "1-01", "packageAttachment": {"packages": [invoice("9", issuanceDate="1970-01-01T00:01:00Z")]}}

    assert [60.0] == [fact.issued_at for fact in index_facts(read_order(shown))]


def test_date_of_the_order() -> None:
    """An invoice without a date is as old as its order; where both have none, its tracking number is not learnt: a
    carrier may have used it again since."""
    undated = {"orderId": "1-01", "packageAttachment": {"packages": [invoice("9", trackingNumber="TN1")]}}
    dated = {**undated, "creationDate": "1970-01-01T00:01:00Z"}

    assert [("invoice_number", 60.0), ("tracking_number", 60.0)] == [
        (fact.kind, fact.issued_at) for fact in index_facts(read_order(dated))
    ]
    assert ["invoice_number", TRACKED] == [fact.kind for fact in index_facts(read_order(undated))]


def test_return() -> None:
    """A return teaches nothing."""
    assert set() == facts(invoice("900", type="Input", invoiceKey=KEY, trackingNumber="TN1"))


def test_without_a_number() -> None:
    """An invoice without a number still teaches its key and its tracking number."""
    assert {("tracking_number", "TN1", None)} == facts(invoice("", trackingNumber="TN1"))


@pytest.mark.parametrize("status", ["canceled", "cancel"])
def test_cancelled(status: str) -> None:
    """A cancelled order is known as one, under either of VTEX's words."""
    assert (CANCELLED_ORDER, "1-01", None) in facts(status=status)
    assert set() == facts(status="invoiced")


def test_number_on_two_invoices() -> None:
    """A tracking number that two invoices show is noted for each of them: it names one of them only."""
    shared = facts(invoice("900", trackingNumber="TN1"), invoice("901", trackingNumber="TN1"))
    apart = facts(invoice("900", trackingNumber="TN1"), invoice("901", trackingNumber="TN2"))
    nameless = facts(invoice("900", trackingNumber="TN1"), invoice("", trackingNumber="TN1"))

    assert {(TRACKED, "900", "900"), (TRACKED, "901", "901")} == {fact for fact in shared if fact[0] == TRACKED}
    assert [] == [fact for fact in apart if fact[0] == TRACKED]
    assert {(TRACKED, "900", "900")} == {fact for fact in nameless if fact[0] == TRACKED}


@pytest.mark.parametrize("odd", ["90\x000", "90\ud8000", "90\n0"], ids=ascii)
def test_not_printable(odd: str) -> None:
    """No database takes a NUL or half a surrogate pair: such facts are left out, the others stay."""
    assert {("order_group", "v1", None)} == facts(invoice(odd), orderGroup="v1", sequence=odd)


@pytest.mark.parametrize(
    ("written", "expected"),
    [(KEY, KEY), (f"NFe{KEY}", KEY), (KEY[:-1], None), (f"{KEY}1", None), ("", None), (None, None)],
)
def test_key_digits(written: str | None, expected: str | None) -> None:
    """44 digits are a key, with a prefix or without."""
    assert expected == plain_key(written)


def test_inside_the_key() -> None:
    """Series, number and issuer stand at fixed places; a number of nothing but zeros is zero."""
    assert (("1", "900"), "11111111000191") == (series_and_number(KEY), issuer(KEY))
    assert ("0", "0") == series_and_number("0" * 44)


@pytest.mark.parametrize(
    ("written", "digits", "kept"),
    [("000900", "900", "900"), (" 900 ", "900", "900"), ("000", "0", "0"), ("NF-9", None, "NF-9"), (" 9A ", None, "9A"),
     ("٩", None, "٩"), ("", None, "")],
)  # fmt: skip
def test_plain_number(written: str, digits: str | None, kept: str) -> None:
    """Padding is no part of a number; what holds more than digits is kept as it is written."""
    assert (digits, kept) == (significant(written), plain_number(written))
    assert None is significant(None)
