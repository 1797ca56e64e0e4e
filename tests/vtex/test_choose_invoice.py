"""Which invoice of an order a parcel belongs to: every rule with a small order beside it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.shipments import Kind, Reason
from receiver.vtex.choice import Choice, Clues, Hold, Wait, choose, only_invoice
from receiver.vtex.nfe import plain_key, series_and_number, significant
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import UnexpectedOrder, read_order
from receiver.vtex.rules import RULES


def key(number: int, series: int = 1) -> str:
    """An NF-e key with this number and series: 44 digits."""
    return f"3526111111111100019155{series:03}{number:09}1234567890"


def lettered(number: int, series: int = 1) -> str:
    """The same of an issuer whose CNPJ has letters."""
    return f"35260712ABC34501DE3555{series:03}{number:09}1234567890"


def invoice(number: Any, **rest: Any) -> dict[str, Any]:
    return {"type": "Output", "invoiceNumber": number, "invoiceValue": 100, **rest}


def order(*packages: Any, value: Any = 100, **rest: Any) -> dict[str, Any]:
    return {"orderId": "1-01", "value": value, "packageAttachment": {"packages": list(packages)}, **rest}


def judge(document: dict[str, Any], **clues: Any) -> tuple[str, str]:
    """``(rule, invoice number)`` of a choice, else ``(Wait or Hold, reason)``."""
    judgement = choose(read_order(document), Clues(tracking_number="TN1", **clues))
    if isinstance(judgement, Choice):
        return judgement.rule, judgement.package.invoice_number
    return type(judgement).__name__, judgement.reason


A, B = invoice("900", invoiceKey=key(900)), invoice("901", invoiceKey=key(901))
RETURNED = invoice("900", type="Input")
TWO_NUMBERS = Clues(tracking_number="TN1", other_numbers=["TN2"])

CHOSEN = [
    # what the carrier or a person says, the invoices VTEX has, the rule, the number VTEX must be told
    ("the number as VTEX stores it", {"invoice_numbers": ["000030711"]}, [invoice("000030711")],
     "invoice_number", "000030711"),
    ("a number with other capitals", {"invoice_numbers": ["DFG-V7731485PLZV-01"]},
     [invoice("DFG-v7731485plzv-01"), B], "invoice_number_case", "DFG-v7731485plzv-01"),
    ("number and series in one", {"invoice_numbers": ["12345"], "invoice_series": ["1"]},
     [invoice("12345-1"), invoice("12345-2")], "number_and_series", "12345-1"),
    ("number and series in one, padded", {"invoice_numbers": ["0012345"], "invoice_series": ["001"]},
     [invoice("12345/01"), B], "number_and_series", "12345/01"),
    ("a number alone, though it stands with another series elsewhere",
     {"invoice_numbers": ["900"], "invoice_series": ["1"]}, [invoice("900"), invoice("900-2")],
     "invoice_number", "900"),
    ("number and series out of the key", {"invoice_keys": [key(900, 3)]}, [invoice("900-3"), invoice("900-1")],
     "key_number", "900-3"),
    ("the key as the number", {"invoice_numbers": ["900"], "invoice_keys": [key(900)]}, [invoice(key(900)), B],
     "invoice_key", key(900)),
    ("a key with letters, and in lower case", {"invoice_keys": [lettered(901).lower()]},
     [A, invoice("x", invoiceKey=f"NFe{lettered(901)}")], "invoice_key", "x"),
    ("the number inside a key with letters", {"invoice_keys": [lettered(900)]}, [invoice("000900"), invoice("901")],
     "key_number", "000900"),
    ("an alias is there", {"other_numbers": ["ME26110042BR"]}, [{**A, "trackingNumber": "ME26110042BR"}, B],
     "tracking_number", "900"),
    ("the tracking number is there in another notation", {}, [{**A, "trackingNumber": "t-n. 1"}, B],
     "tracking_number", "900"),
    ("a number with letters", {"invoice_numbers": ["NF-900"]}, [invoice("NF-900"), B], "invoice_number", "NF-900"),
    ("VTEX pads", {"invoice_numbers": ["30711"]}, [invoice("000030711"), B], "invoice_number_digits", "000030711"),
    ("the carrier pads", {"invoice_numbers": ["000900"]}, [A, B], "invoice_number_digits", "900"),
    ("zero is a number too", {"invoice_numbers": ["000"]}, [invoice("0"), B], "invoice_number_digits", "0"),
    ("number and the key's series", {"invoice_numbers": ["900"], "invoice_series": ["01"]}, [A, B],
     "invoice_number", "900"),
    ("a series, and VTEX has no key to say its own", {"invoice_numbers": ["900"], "invoice_series": ["2"]},
     [invoice("900"), B], "invoice_number", "900"),
    ("the same key", {"invoice_keys": [key(900)]}, [A, B], "invoice_key", "900"),
    ("the same key, prefixed at VTEX", {"invoice_keys": [key(900)]}, [invoice("55", invoiceKey=f"NFe{key(900)}"), B],
     "invoice_key", "55"),
    ("the same key, prefixed by the carrier", {"invoice_keys": [f"CFe{key(900)}"]}, [A, B], "invoice_key", "900"),
    ("number and key of one invoice that VTEX stores under a number of its own",
     {"invoice_numbers": ["900"], "invoice_keys": [key(900)]}, [invoice("5512", invoiceKey=key(900)), B],
     "invoice_key", "5512"),
    ("the merchant's own number and the key, both at VTEX",
     {"invoice_numbers": ["5512"], "invoice_keys": [key(900)]}, [invoice("5512", invoiceKey=key(900)), B],
     "invoice_number", "5512"),
    ("the number inside the key", {"invoice_keys": [key(900)]}, [invoice("000900"), B], "key_number", "000900"),
    ("a number in two paddings, told apart by the key", {"invoice_numbers": ["900"], "invoice_keys": [key(900, 2)]},
     [A, invoice("000900", invoiceKey=key(900, 2))], "invoice_number_digits", "000900"),
    ("the number, though another invoice holds this tracking", {"invoice_numbers": ["900"]},
     [A, {**B, "trackingNumber": "TN1"}], "invoice_number", "900"),
    ("the tracking number is there", {}, [{**A, "trackingNumber": " TN1 "}, B], "tracking_number", "900"),
    ("the tracking number is there, and VTEX writes more than the number", {"invoice_numbers": ["0900"]},
     [invoice("900-1", trackingNumber="TN1"), invoice("901-1")], "tracking_number", "900-1"),
    ("the tracking number is there, and the carrier writes more than the number", {"invoice_numbers": ["0900-1"]},
     [invoice("900", trackingNumber="TN1"), invoice("901")], "tracking_number", "900"),
    ("we wrote this shipment's earlier number there", {"own_invoice": "901"}, [A, {**B, "trackingNumber": "OLD"}],
     "own_invoice", "901"),
    ("the number counts for more than where we wrote", {"own_invoice": "901", "invoice_numbers": ["900"]}, [A, B],
     "invoice_number", "900"),
    ("the only one", {}, [A], "only_open_invoice", "900"),
    ("the last one without tracking, where the merchant ships one parcel with each",
     {"one_parcel_per_invoice": True, "ours": {"901": {"TN2"}}}, [A, {**B, "trackingNumber": "tn-2"}],
     "last_open_invoice", "900"),
    ("the only one beside a return", {}, [A, invoice("77", type="Input")], "only_open_invoice", "900"),
    ("a person names it", {"assigned_invoice": "901", "invoice_numbers": ["900"]}, [A, B], "assigned", "901"),
    ("a person names it without its zeros", {"assigned_invoice": "901"}, [A, invoice("00901")], "assigned", "00901"),
    ("a person writes it as VTEX does", {"assigned_invoice": "0900"}, [A, invoice("0900")], "assigned", "0900"),
    ("a person decides between the carrier's numbers", {"assigned_invoice": "901", "invoice_numbers": ["900", "901"]},
     [A, B], "assigned", "901"),
    ("a link names it", {"linked_invoice": "901"}, [A, B], "link", "901"),
    ("a link names it as VTEX does", {"linked_invoice": "0900"}, [A, invoice("0900")], "link", "0900"),
    ("a link names it without its zeros", {"linked_invoice": "901"}, [A, invoice("00901")], "link", "00901"),
    ("a link and the carrier agree", {"linked_invoice": "901", "invoice_numbers": ["901"]}, [A, B], "link", "901"),
    ("a link names it, and the carrier contradicts itself",
     {"linked_invoice": "901", "invoice_numbers": ["5"], "invoice_keys": [key(6)]}, [A, B], "link", "901"),
    ("a link names it, and the carrier's number is unknown", {"linked_invoice": "901", "invoice_numbers": ["5"]},
     [A, B], "link", "901"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("clues", "packages", "rule", "number"), [row[1:] for row in CHOSEN], ids=[row[0] for row in CHOSEN]
)
def test_chosen(clues, packages, rule, number):
    """Each rule finds its invoice and hands over VTEX's own writing of the number, wherever the invoice stands."""
    value = sum(package["invoiceValue"] for package in packages if package["type"] == "Output")

    assert (rule, number) == judge(order(*packages, value=value), **clues)
    assert (rule, number) == judge(order(*reversed(packages), value=value), **clues)


def test_every_rule_is_shown():
    """The table above has a row for each of the rules but one, which needs to know what our other parcels wrote."""
    assert set(RULES) == {row[3] for row in CHOSEN} | {"only_invoice"}


def test_only_invoice():
    """Where it is known that another parcel of ours is there, the only invoice may be shared: not one that a return's
    number hides."""
    taken = {**A, "trackingNumber": "TN2"}
    shared = only_invoice(read_order(order(taken)), Clues(tracking_number="TN1"))
    hidden = only_invoice(read_order(order(taken, RETURNED)), Clues(tracking_number="TN1"))

    assert isinstance(shared, Choice)
    assert ("only_invoice", "900") == (shared.rule, shared.package.invoice_number)
    assert isinstance(hidden, Hold)
    assert "shared_invoice_number" == hidden.reason


NOT_CHOSEN = [
    # why nothing may be written: what is said, the invoices, what becomes of it
    ("no invoice", {}, [], "Wait", "no_invoice"),
    ("no invoice, and a number", {"invoice_numbers": ["900"]}, [], "Wait", "no_invoice"),
    ("only a return", {}, [RETURNED], "Wait", "only_return_invoices"),
    ("a return of that very number", {"invoice_numbers": ["900"]}, [RETURNED], "Wait", "only_return_invoices"),
    ("a return that holds this tracking", {}, [{**RETURNED, "trackingNumber": "TN1"}], "Wait", "only_return_invoices"),
    ("a return, named by a person", {"assigned_invoice": "900"}, [RETURNED], "Wait", "only_return_invoices"),
    ("the named invoice is still to come", {"invoice_numbers": ["902"]}, [A], "Wait", "invoice_not_there"),
    ("the key's invoice is still to come", {"invoice_keys": [key(902)]}, [A], "Wait", "invoice_not_there"),
    ("the number under another key, with letters", {"invoice_numbers": ["900"], "invoice_keys": [lettered(901)]},
     [invoice("900", invoiceKey=lettered(900)), invoice("901", invoiceKey=lettered(901))], "Hold", "ambiguous_invoice"),
    ("what should be a key is none", {"invoice_keys": ["123"]}, [A], "Wait", "invoice_not_there"),
    ("the linked invoice is still to come", {"linked_invoice": "902", "invoice_numbers": ["900"]}, [A, B],
     "Wait", "invoice_not_there"),
    ("the assigned invoice is still to come", {"assigned_invoice": "902"}, [A], "Wait", "invoice_not_there"),
    ("the number of another series", {"invoice_numbers": ["900"], "invoice_series": ["2"]}, [A],
     "Wait", "invoice_not_there"),
    ("the number under another key", {"invoice_numbers": ["900"], "invoice_keys": [key(900, 2)]}, [A],
     "Wait", "invoice_not_there"),
    ("the key's number in another series", {"invoice_keys": [key(900, 2)]}, [A], "Wait", "invoice_not_there"),
    ("tracking is on another invoice than the one named", {"invoice_numbers": ["902"]},
     [{**A, "trackingNumber": "TN1"}], "Wait", "invoice_not_there"),
    ("tracking is on another invoice than the one named with letters", {"invoice_numbers": ["902 A"]},
     [{**A, "trackingNumber": "TN1"}], "Wait", "invoice_not_there"),
    ("tracking is under another key than the one named", {"invoice_keys": [key(902)]},
     [{**invoice("5512", invoiceKey=key(900)), "trackingNumber": "TN1"}], "Wait", "invoice_not_there"),
    ("we wrote on another invoice than the one named now", {"invoice_numbers": ["902"], "own_invoice": "900"},
     [{**A, "trackingNumber": "OLD"}], "Wait", "invoice_not_there"),
    ("two without tracking", {}, [A, B], "Hold", "ambiguous_invoice"),
    ("two of one number", {"invoice_numbers": ["900"]}, [A, A], "Hold", "shared_invoice_number"),
    ("two of one number, though the key differs: VTEX is told a number only", {"invoice_keys": [key(900)]},
     [A, invoice("900", invoiceKey=key(900, 2))], "Hold", "shared_invoice_number"),
    ("a return of the same number: VTEX is told a number only", {"invoice_numbers": ["900"]}, [A, RETURNED],
     "Hold", "shared_invoice_number"),
    ("one number in two paddings", {"invoice_numbers": ["900"]}, [A, invoice("000900")], "Hold", "ambiguous_invoice"),
    ("one number in two other paddings", {"invoice_numbers": ["0900"]}, [A, invoice("000900")],
     "Hold", "ambiguous_invoice"),
    ("two of one key", {"invoice_keys": [key(900)]}, [A, {**B, "invoiceKey": key(900)}], "Hold", "ambiguous_invoice"),
    ("number and key point elsewhere", {"invoice_numbers": ["5512"], "invoice_keys": [key(901)]},
     [invoice("5512"), B], "Hold", "ambiguous_invoice"),
    ("link and number point elsewhere", {"linked_invoice": "901", "invoice_numbers": ["900"]}, [A, B],
     "Hold", "ambiguous_invoice"),
    ("link and key point elsewhere", {"linked_invoice": "901", "invoice_keys": [key(900)]}, [A, B],
     "Hold", "ambiguous_invoice"),
    ("tracking on two", {}, [{**A, "trackingNumber": "TN1"}, {**B, "trackingNumber": "TN1"}],
     "Hold", "ambiguous_invoice"),
    ("tracking there, and we wrote elsewhere", {"own_invoice": "900"}, [A, {**B, "trackingNumber": "TN1"}],
     "Hold", "ambiguous_invoice"),
    ("a person names two", {"assigned_invoice": "900"}, [A, A], "Hold", "shared_invoice_number"),
    ("a person names one whose number a return bears: VTEX is told a number only", {"assigned_invoice": "900"},
     [A, RETURNED], "Hold", "shared_invoice_number"),
    ("a person names one in two paddings", {"assigned_invoice": "0900"}, [A, invoice("000900")],
     "Hold", "ambiguous_invoice"),
    ("two numbers", {"invoice_numbers": ["900", "901"]}, [A], "Hold", "ambiguous_reference"),
    ("two series", {"invoice_numbers": ["900"], "invoice_series": ["1", "2"]}, [A], "Hold", "ambiguous_reference"),
    ("two keys", {"invoice_keys": [key(900), key(901)]}, [A], "Hold", "ambiguous_reference"),
    ("the number is there, the key's number is another", {"invoice_numbers": ["900"], "invoice_keys": [key(905)]},
     [invoice("900")], "Hold", "ambiguous_reference"),
    ("the key is there, the number is another", {"invoice_numbers": ["905"], "invoice_keys": [key(900)]}, [A],
     "Hold", "ambiguous_reference"),
    ("the key's number is there, the number is another", {"invoice_numbers": ["905"], "invoice_keys": [key(900)]},
     [invoice("900")], "Hold", "ambiguous_reference"),
    ("the number is there, the series is not the key's",
     {"invoice_numbers": ["900"], "invoice_series": ["2"], "invoice_keys": [key(900)]}, [invoice("900")],
     "Hold", "ambiguous_reference"),
    ("the only one without tracking, and nothing names it", {}, [A, {**B, "trackingNumber": "TN2"}],
     "Hold", "ambiguous_invoice"),
    ("the only one without tracking, and the other holds a foreign number",
     {"one_parcel_per_invoice": True, "ours": {"901": {"TN2"}}}, [A, {**B, "trackingNumber": "TN3"}],
     "Hold", "ambiguous_invoice"),
    ("the only one without tracking, and the other's parcel is not ours", {"one_parcel_per_invoice": True},
     [A, {**B, "trackingNumber": "TN2"}], "Hold", "ambiguous_invoice"),
    ("one parcel with each, and two without tracking", {"one_parcel_per_invoice": True}, [A, B],
     "Hold", "ambiguous_invoice"),
    ("one of two holds a number that is none", {}, [{**A, "trackingNumber": "-"}, B], "Hold", "ambiguous_invoice"),
    ("the number without its series", {"invoice_numbers": ["12345"]}, [invoice("12345-1")],
     "Wait", "invoice_not_there"),
    ("number and series of another", {"invoice_numbers": ["12345"], "invoice_series": ["2"]}, [invoice("12345-1")],
     "Wait", "invoice_not_there"),
    ("another key as the number", {"invoice_numbers": ["900"], "invoice_keys": [key(901)]}, [invoice(key(900))],
     "Wait", "invoice_not_there"),
    ("a number alone, and with a series behind it", {"invoice_numbers": ["900"]}, [invoice("900"), invoice("900-2")],
     "Hold", "ambiguous_invoice"),
    ("a number alone, and inside a key that is the number", {"invoice_numbers": ["0900"]},
     [invoice("900"), invoice(key(900, 2))], "Hold", "ambiguous_invoice"),
    ("the key's number alone, and with the key's series behind it", {"invoice_keys": [key(900, 2)]},
     [invoice("900"), invoice("900-2")], "Hold", "ambiguous_invoice"),
    ("a number with letters of one invoice, the key of another",
     {"invoice_numbers": ["NF-x"], "invoice_keys": [key(901)]}, [invoice("NF-x", invoiceKey=key(900)), B],
     "Hold", "ambiguous_invoice"),
    ("a number with letters that is not there, a key that is",
     {"invoice_numbers": ["NF-x"], "invoice_keys": [key(901)]}, [A, B], "Hold", "ambiguous_reference"),
    ("tracking is there, and the carrier's number is not its key's",
     {"invoice_numbers": ["901"], "invoice_keys": [key(900)]}, [invoice("NF901s1", trackingNumber="TN1")],
     "Hold", "ambiguous_reference"),
    ("one number in two capitals", {"invoice_numbers": ["nf-900"]}, [invoice("NF-900"), invoice("Nf-900")],
     "Hold", "ambiguous_invoice"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("clues", "packages", "kind", "reason"), [row[1:] for row in NOT_CHOSEN], ids=[row[0] for row in NOT_CHOSEN]
)
def test_not_chosen(clues, packages, kind, reason):
    """Where no invoice is certain, none is chosen, in whatever order VTEX lists them."""
    assert (kind, reason) == judge(order(*packages, value=0), **clues)
    assert (kind, reason) == judge(order(*reversed(packages), value=0), **clues)
    assert Reason(reason).kind is (Kind.WAITING if kind == "Wait" else Kind.HELD)


ABSENT = [row[0:3] for row in NOT_CHOSEN if row[4] == "invoice_not_there"]


@pytest.mark.parametrize(("clues", "packages"), [row[1:] for row in ABSENT], ids=[row[0] for row in ABSENT])
def test_missing_of_a_complete_order(clues, packages):
    """Where no further invoice is to come, a person is asked at once, with the invoices to choose among."""
    complete = read_order(order(*packages, value=0, status="invoiced"))
    judgement = choose(complete, Clues(tracking_number="TN1", **clues))

    assert isinstance(judgement, Hold)
    assert "named_invoice_missing" == judgement.reason
    assert [package["invoiceNumber"] for package in packages] == judgement.evidence["candidates"]


def test_each_holds_another_number():
    """Where every invoice shows a foreign number, it is held; while another invoice may come, that one is awaited."""
    both = [{**A, "trackingNumber": "X"}, {**B, "trackingNumber": "Y"}]
    held = choose(read_order(order(*both, value=200)), Clues(tracking_number="TN1"))

    assert isinstance(held, Hold)
    assert "number_differs" == held.reason
    assert {"candidates": ["900", "901"]} == held.evidence
    assert ("Wait", "partly_invoiced") == judge(order(*both, value=300))


def test_only_one_of_another_series():
    """The only invoice is not taken where the carrier's series says that it is another's."""
    assert ("Hold", "named_invoice_missing") == judge(order(A), invoice_series=["2"])
    assert ("only_open_invoice", "900") == judge(order(A), invoice_series=["1"])
    assert ("Hold", "named_invoice_missing") == judge(order(invoice("12345-1")), invoice_series=["2"])


def test_shows_the_parcel_but_is_another():
    """An invoice that shows the parcel's number is not taken where the carrier's key says that another is meant."""
    shown = invoice("900", trackingNumber="TN1")

    assert ("tracking_number", "900") == judge(order(shown))
    assert ("Hold", "named_invoice_missing") == judge(order(shown), invoice_keys=[key(901)])


def test_numbers_without_digits():
    """Two numbers in which no digit counts are alike only where their texts are."""
    assert ("Hold", "named_invoice_missing") == judge(order(invoice("ABC")), invoice_numbers=["XYZ"])
    assert ("invoice_number", "ABC") == judge(order(invoice("ABC")), invoice_numbers=["ABC"])


@pytest.mark.parametrize(
    ("value", "values", "expected"),
    [
        (100, [100], ("only_open_invoice", "900")),
        (100, [120], ("only_open_invoice", "900")),
        (100, ["100"], ("only_open_invoice", "900")),
        (101, [100], ("Wait", "partly_invoiced")),
        (None, [100], ("Wait", "partly_invoiced")),
        (True, [100], ("Wait", "partly_invoiced")),
        ("plenty", [100], ("Wait", "partly_invoiced")),
        (100, [None], ("Wait", "partly_invoiced")),
        (0, [0], ("Wait", "partly_invoiced")),
        (0, [100], ("Wait", "partly_invoiced")),
    ],
)
def test_complete(value, values, expected):
    """Without a name, the only invoice is taken only where no other is to come: it covers a value above 0, or VTEX
    says so itself by the status, however its sums are off (KI-605517, KI-387933)."""
    packages = [invoice("900", invoiceValue=one) for one in values]

    assert expected == judge(order(*packages, value=value))
    assert ("only_open_invoice", "900") == judge(order(*packages, value=value, status="invoiced"))


def test_return_covers_nothing():
    """A return's value does not count towards the order's."""
    assert ("Wait", "partly_invoiced") == judge(order(A, invoice("77", type="Input"), value=200))


def test_partly_invoiced_by_others():
    """While other parcels' invoices are all there is, this parcel's is awaited."""
    assert ("Wait", "partly_invoiced") == judge(order({**A, "trackingNumber": "X"}, value=200))


@pytest.mark.parametrize("status", ["canceled", "cancel", "replaced"])
def test_cancelled(status):
    """A cancelled order is written to only where a person assigned it; so is one that VTEX has replaced by another."""
    cancelled = order(A, B, status=status, value=200)

    assert ("Hold", "order_cancelled") == judge(cancelled, invoice_numbers=["900"])
    assert ("Hold", "order_cancelled") == judge(cancelled, linked_invoice="900")
    assert ("invoice_number", "900") == judge(cancelled, invoice_numbers=["900"], assigned=True)


def test_replaced():
    """The note of a replaced order says where its parcel belongs."""
    held = choose(read_order(order(A, status="replaced")), Clues(tracking_number="TN1"))

    assert isinstance(held, Hold)
    assert "order 1-01 is replaced: VTEX has made a new order; assign that one" == held.note


@pytest.mark.parametrize("status", ["payment-approved", "handling", "invoice", "", None])
def test_status_is_no_matter(status):
    """A partly invoiced order is not "invoiced", and a status may be null: what counts is the invoice."""
    assert ("invoice_number", "900") == judge(order(A, B, status=status, value=200), invoice_numbers=["900"])


def test_person_names_the_order_only():
    """A person who names the order alone leaves the invoice to the rules."""
    assert ("Hold", "ambiguous_invoice") == judge(order(A, B, value=200), assigned=True)
    assert ("Hold", "ambiguous_reference") == judge(order(A, B), invoice_numbers=["900", "901"], assigned=True)


def test_evidence():
    """A choice tells on what it rests, in VTEX's and in the carrier's writing."""
    chosen = choose(read_order(order(A, B, value=200)), Clues(tracking_number="TN1", invoice_numbers=["0900"]))

    assert isinstance(chosen, Choice)
    assert {
        "carrier_invoice_number": ["0900"],
        "vtex_invoice_number": "900",
        "vtex_invoice_key": key(900),
        "invoices": ["900", "901"],
        "complete": True,
    } == chosen.evidence
    alias = choose(read_order(order(A)), Clues(tracking_number="TN1", other_numbers=["TN2"]))
    assert isinstance(alias, Choice)
    assert ["TN1", "TN2"] == alias.evidence["carrier_tracking_numbers"]


def test_notes_speak_to_a_person():
    """A wait and a hold name the order, what the carrier says and what is there."""
    document = read_order(order(A, B, value=300))
    awaited = choose(document, Clues(tracking_number="TN1", invoice_numbers=["902"]))
    held = choose(document, Clues(tracking_number="TN1"))

    assert isinstance(awaited, Wait)
    assert f"the carrier names 902; order 1-01 has 900 (key {key(900)}), 901 (key {key(901)})" == awaited.note
    assert isinstance(held, Hold)
    assert "order 1-01: 900, 901 all fit (only_open_invoice)" == held.note
    assert ["900", "901"] == held.evidence["candidates"]
    both = choose(read_order(order({**A, "trackingNumber": "TN1"}, {**B, "trackingNumber": "TN2"})), TWO_NUMBERS)
    assert isinstance(both, Hold)
    assert "order 1-01: 900 (holds TN1), 901 (holds TN2) all fit (tracking_number)" == both.note


@pytest.mark.parametrize(
    "attachment",
    [
        None,
        {},
        {"packages": None},
        {"packages": {}},
        {"packages": 5},
        {"packages": True},
        {"packages": "x"},
        [],
        "x",
        7,
    ],
)
def test_no_packages(attachment):
    """An order whose packages are missing, null or of another type has no invoice."""
    assert ("Wait", "no_invoice") == judge({"orderId": "1-01", "packageAttachment": attachment})


@pytest.mark.parametrize("package", [None, "x", 5, []])
def test_no_package(package):
    """What is no package in the list is passed over."""
    assert ("only_open_invoice", "900") == judge(order(package, A))


@pytest.mark.parametrize("kind", [None, "", "output", "Return", 1, ["Output"]])
def test_type(kind):
    """Only what VTEX calls exactly Output is an invoice to deliver, only Input a return: any other type is held."""
    assert ("Hold", "unknown_package_type") == judge(order({**A, "type": kind}), invoice_numbers=["900"])
    assert ("Hold", "unknown_package_type") == judge(order({**A, "type": kind}, B, value=100))
    assert ("invoice_number", "901") == judge(order({**A, "type": kind}, B), invoice_numbers=["901"])


def test_note_of_a_type():
    """The note names the packages of an unknown type, and no return beside them."""
    held = choose(read_order(order({**A, "type": None}, RETURNED)), Clues(tracking_number="TN1"))

    assert isinstance(held, Hold)
    assert "order 1-01: 900 of type null" == held.note


@pytest.mark.parametrize("wrong", [None, 900, 9.5, True, [], {}])
def test_number_of_another_type(wrong):
    """A number that is no text is not the one a carrier names: VTEX must be told the very text it stores."""
    assert ("Wait", "invoice_not_there") == judge(order(invoice(wrong), value=200), invoice_numbers=["900"])


@pytest.mark.parametrize("wrong", [5, True, [], {}, "", "   ", float("nan"), float("inf")])
def test_other_fields_of_another_type(wrong):
    """Fields of a wrong type never stop the reading of an order."""
    odd = {**A, "invoiceKey": wrong, "trackingUrl": wrong, "courier": wrong, "invoiceValue": wrong}
    document = order(odd, value=wrong, status=wrong, sequence=wrong, orderGroup=wrong)

    assert ("invoice_number", "900") == judge(document, invoice_numbers=["900"])


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"orderId": None}, {"orderId": " "}, {"orderId": True}])
def test_not_an_order(document):
    """What VTEX sends under 200 without an order id is no order."""
    with pytest.raises(UnexpectedOrder):
        read_order(document)


def test_number_is_kept_verbatim():
    """Blanks around a stored number stay: VTEX compares the very string, and the preflight must see it."""
    assert ("invoice_number", " 900 ") == judge(order(invoice(" 900 ")), invoice_numbers=["900"])


def test_index_facts():
    """An order teaches the index its sequence and group and, of deliveries only, number, key, tracking and date."""
    dated = {"issuanceDate": "2026-11-10T12:00:00.1234567-03:00"}
    invoiced = {**A, "invoiceKey": f"NFe{key(900)}", "trackingNumber": "TN1", **dated}
    learnt = order(invoiced, RETURNED, sequence=502556, orderGroup="1")
    issued = datetime(2026, 11, 10, 15, 0, 0, 123456, UTC).timestamp()

    assert [
        ("sequence", "502556", "1-01", None, None),
        ("order_group", "1", "1-01", None, None),
        ("invoice_number", "900", "1-01", "900", issued),
        ("invoice_key", key(900), "1-01", "900", issued),
        ("series_number", "1/900", "1-01", "900", issued),
        ("issuer", key(900)[6:20], "1-01", "900", issued),
        ("tracking_number", "TN1", "1-01", "900", issued),
    ] == index_facts(read_order(learnt))
    assert [] == index_facts(read_order(order(invoice(""))))
    sold = order(invoice("", trackingNumber="qs 1-2.3", **dated), marketplaceOrderId="MKT-1", status="replaced")
    assert [
        ("marketplace_order_id", "MKT-1"), ("cancelled_order", "1-01"), ("tracking_number", "QS123"),
    ] == [fact[:2] for fact in index_facts(read_order(sold))]  # fmt: skip
    assert [] == index_facts(read_order(order(invoice("", trackingNumber="- ."))))
    box = [
        invoice(name, trackingNumber=number, **dated)
        for name, number in (("1", "T"), ("2", "T"), ("3", "U"), ("", "T"))
    ]
    assert ["1", "2"] == [fact.value for fact in index_facts(read_order(order(*box))) if fact.kind == "tracked"]
    assert [("invoice_number", "900", "1-01", "000900", None)] == index_facts(read_order(order(invoice("000900"))))


def test_plain_key():
    """A key is 44 digits, however it is set apart; anything else is none."""
    spaced = " ".join(key(900)[place : place + 4] for place in range(0, 44, 4))

    assert [key(900)] * 3 == [plain_key(key(900)), plain_key(f"NFe{key(900)}"), plain_key(spaced)]
    assert [None] * 4 == [plain_key(None), plain_key(""), plain_key(key(900)[:-1]), plain_key(key(900) + "0")]
    own = lettered(900)
    spaced = " ".join(own[place : place + 4] for place in range(0, 44, 4))
    assert [own] * 3 == [plain_key(one) for one in (own, f"nfe{own.lower()}", spaced)]
    odd = (own[:-1], f"{own}0", f"{own[:-1]}A", own.replace("35260712", "3526A712"))
    assert [None] * 4 == [plain_key(one) for one in odd]


def test_series_and_number():
    """Places 23 to 25 and 26 to 34 of the key published in VTEX's fulfillment notification guide."""
    assert ("1", "445494") == series_and_number("35200844913721000168550010004454941205352231")
    assert ("0", "0") == series_and_number(key(0, series=0))


def test_significant():
    """Leading zeros do not count; what is not purely ASCII digits has no such form."""
    assert ["900", "0", "900"] == [significant("000900"), significant("00"), significant(" 900 ")]
    assert [None] * 7 == [significant(odd) for odd in (None, "", "900-1", "NF900", "९००", "12.345", "1.000.012.345")]


def test_printed():
    """An invoice's paper prints its number in groups of three: carriers that copy it name the invoice all the same."""
    known = order(invoice("12345"), invoice("900"))

    assert ("invoice_number_digits", "12345") == judge(known, invoice_numbers=["000.012.345"])
