"""Two invoices and several parcels that name none: nothing is guessed; and what the merchant's settings change."""

from typing import Any

import pytest

from tests.support.reconciling import learn, methods, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY

HALF = {"value": 5_000}


def two(**of_second: Any) -> dict[str, Any]:
    return order("1-01", package("21", **HALF), package("22", **{**HALF, **of_second}))


def configured(rig: Rig, **settings: Any) -> None:
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, **settings}})


def assigned_first(rig: Rig) -> None:
    """The first parcel is held, and a person assigns it to invoice 21."""
    rig.add_order(two())
    rig.post(posted(parcel="p1", number="PA1"))
    rig.work()
    assert ("held", "ambiguous_invoice") == rest(rig)
    rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="21", now=rig.now)
    rig.work()


def second_comes(rig: Rig) -> None:
    rig.post(posted(parcel="p2", number="PA2"))
    rig.work()


def written(rig: Rig) -> list[tuple[str, str]]:
    return [(call.invoice, call.body["trackingNumber"]) for call in rig.calls("PATCH")]


def test_after_an_assignment(rig: Rig):
    """The second parcel may be the second box of invoice 21: it is held, although 22 alone is open."""
    assigned_first(rig)
    second_comes(rig)

    assert [("21", "PA1")] == written(rig)
    assert ("held", "ambiguous_invoice") == rest(rig, "melhor-envio/p2")
    assert "21 (holds PA1), 22 all fit" in rig.shipment("melhor-envio/p2")["note"]


def test_one_parcel_per_invoice(rig: Rig):
    """Where the merchant ships one parcel with each invoice, the last open one needs no name."""
    configured(rig, one_parcel_per_invoice=True)
    assigned_first(rig)
    second_comes(rig)

    assert [("21", "PA1"), ("22", "PA2")] == written(rig)
    assert "last_open_invoice" == rig.shipment("melhor-envio/p2")["rule"]


@pytest.mark.parametrize("foreign", ["FOREIGN", "PA9"])
def test_number_that_is_not_ours(rig: Rig, foreign: str):
    """That setting does not count where another invoice shows a number that is not ours."""
    configured(rig, one_parcel_per_invoice=True)
    assigned_first(rig)
    rig.package_of("1-01", "21")["trackingNumber"] = foreign
    second_comes(rig)

    assert [("21", "PA1")] == written(rig)
    assert ("held", "ambiguous_invoice") == rest(rig, "melhor-envio/p2")


class TestPlaceholders:
    """Texts that another system writes where VTEX wants any number."""

    @pytest.mark.parametrize(
        ("placeholder", "shown"),
        [
            ("834", "834"),
            ("-", "-"),
            ("{invoice_number}", "22"),
            ("NF {sequence}", "NF 502556"),
            ("{order_id}", "1-01"),
        ],
    )
    def test_counts_as_none(self, rig: Rig, placeholder: str, shown: str):
        """An invoice with such a text is open, of the endpoint's or the account's list; our tracking is written over
        it, and nothing of it is indexed."""
        configured(rig, placeholders=[placeholder])
        rig.add_order(order("1-01", package("22", trackingNumber=shown), sequence="502556"))
        rig.post(posted())
        rig.work()

        assert [("22", "TN1BR")] == written(rig)
        assert [] == rig.index.orders_named("lux", "tracking_number", shown.replace("-", "").replace(" ", ""))

    def test_of_the_account(self, rig: Rig):
        """The account's list counts at each of its endpoints."""
        rig.configure(account={"placeholders": ["834"]})
        rig.add_order(order("1-01", package("22", trackingNumber="834")))
        rig.post(posted())
        rig.work()

        assert [("22", "TN1BR")] == written(rig)

    def test_the_number_itself(self, rig: Rig):
        """A carrier whose number is the invoice's own: it is seen on the invoice and told delivered, and an invoice
        that shows it already is in step."""
        endpoint = {**MELHOR_ENVIO, "placeholders": ["{invoice_number}"], "events": True}
        rig.configure(endpoints={"melhor-envio": endpoint}, read_back_seconds=10)
        rig.add_order(order("1-01", package("22")), order("2-01", package("23", trackingNumber="23")))
        for number, parcel, order_id in (("22", "p1", "1-01"), ("23", "p2", "2-01")):
            rig.post(posted(order_id, parcel=parcel, number=number))
            rig.works_until(600)
            rig.post(posted(order_id, parcel=parcel, number=number, event="order.delivered"))
            rig.works_until(DAY)

        assert ("in_step", None) == rest(rig)
        assert "tracking_number" == rig.shipment("melhor-envio/p2")["rule"]
        for order_id, number in (("1-01", "22"), ("2-01", "23")):
            assert rig.package_of(order_id, number)["courierStatus"]["finished"]

    @pytest.mark.parametrize("shown", ["8-34", "0834", "x834", "no"])
    def test_literally(self, rig: Rig, shown: str):
        """Only the very text counts: anything else may be a number."""
        configured(rig, placeholders=["834", "NO", "{sequence}"])
        rig.add_order(order("1-01", package("22", trackingNumber=shown)))
        rig.post(posted())
        rig.work()

        assert ("held", "number_differs") == rest(rig)

    def test_hint(self, rig: Rig):
        """A number on three orders is none: the hold says so, and which line ends such holds."""
        dated = {"trackingNumber": "834", "issuanceDate": "2026-11-10T12:00:00Z"}
        shown = [order(f"{number}-01", package("22", **dated)) for number in range(3)]
        rig.add_order(*shown)
        for number in range(3):
            rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))
            rig.work()

        notes = [rig.shipment(f"melhor-envio/p{number}")["note"] for number in range(3)]
        line = 'add to [endpoints.melhor-envio]: placeholders = ["834"]'
        assert [False, False, True] == [line in note for note in notes]
        assert "(3 orders show it)" in notes[2]
        then = "then: receiver retry --state held --endpoint melhor-envio."
        decide = "To decide: receiver assign melhor-envio/p2 --order 2-01 --invoice 22"
        assert notes[2].endswith(f"{line}, {then} {decide}")

        configured(rig, placeholders=["834"])
        rig.retry_all(state="held", reason="number_differs")
        rig.work()
        assert {("22", f"TN{number}") for number in range(3)} == set(written(rig))

    def test_hint_at_once(self, rig: Rig):
        """A text without letter or digit is never a number: the first hold says so."""
        rig.add_order(order("1-01", package("22", trackingNumber="-")))
        rig.post(posted())
        rig.work()

        assert 'placeholders = ["-"]' in rig.shipment()["note"]
        assert ["GET"] == methods(rig)

    def test_hint_beside_an_open_invoice(self, rig: Rig):
        """The hint comes also where the text stands on one invoice of several, and nothing names one."""
        configured(rig, one_parcel_per_invoice=True)
        dated = {"trackingNumber": "834", "issuanceDate": "2026-11-10T12:00:00Z", **HALF}
        for number in range(3):
            rig.add_order(order(f"{number}-01", package("21", **dated), package("22", **HALF)))
            rig.post(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}"))
            rig.work()

        assert ("held", "ambiguous_invoice") == rest(rig, "melhor-envio/p2")
        assert 'placeholders = ["834"]' in rig.shipment("melhor-envio/p2")["note"]

    @pytest.mark.parametrize(
        ("shown", "name"), [("22", "invoice_number"), ("1-01", "order_id"), ("502556", "sequence")]
    )
    def test_hint_of_an_own_value(self, rig: Rig, shown: str, name: str):
        """A text that repeats the order's own value is another one on each order: the first hold names the rule."""
        rig.add_order(order("1-01", package("22", trackingNumber=shown), sequence="502556"))
        rig.post(posted())
        rig.work()

        assert ("held", "number_differs") == rest(rig)
        assert f"(it is the order's own {name}). If so, add to [endpoints.melhor-envio]" in rig.shipment()["note"]
        assert f'placeholders = ["{{{name}}}"]' in rig.shipment()["note"]

    def test_no_number_of_an_order_that_changed(self, rig: Rig):
        """A number that is on one order alone is taken for a number."""
        learn(rig, order("1-01", package("22", trackingNumber="834")))
        rig.add_order(order("1-01", package("22", trackingNumber="834")))
        rig.post(posted())
        rig.work()

        assert "placeholders" not in rig.shipment()["note"]
