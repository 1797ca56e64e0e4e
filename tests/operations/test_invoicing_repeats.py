"""An invoice is posted once: lost answers, repeated commands, replacements, numbers in another writing."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from receiver.http import Http
from receiver.operations.invoicing import Invoicing, NotPosted
from receiver.store.work.accounts import Accounts
from receiver.vtex.answers import Throttled, Unanswered
from receiver.vtex.client import Vtex
from tests.support.console import Operator
from tests.support.invoicing import HALF, INVOICE, InvoicingDriver, an_order
from tests.support.reconciling import naming, rest
from tests.support.rig import Rig, package, posted
from tests.support.times import HOUR

KEY = "35261112345678000195550010000009001123456789"


class TestAgain:
    def test_accepted_earlier(self, driver: InvoicingDriver):
        """ "The same command looks again": what it posted itself is told as posted, not as someone's to --replace."""
        driver.rig.faults(visible_after=3_600.0)
        assert "accepted" == driver.post().outcome
        driver.rig.now += 2 * HOUR

        told = driver.post()
        assert ("visible", True) == (told.outcome, told.earlier)

    def test_lost_replacement_again(self, driver: InvoicingDriver):
        """A replacement whose answer was lost is not posted twice either, unless a person says --again."""
        driver.rig.add_order(an_order(package("900", value=9_000)))
        driver.rig.faults(
            reset_after_applying=1.0, visible_after=3_600.0, repost="doubled", methods=frozenset({"POST"})
        )
        assert "unknown" == driver.post(INVOICE, "replace").outcome
        driver.rig.faults(visible_after=3_600.0, repost="doubled")
        driver.rig.now += 120
        with contextlib.suppress(NotPosted):
            driver.post(INVOICE, "replace")

        assert 1 == len(driver.rig.calls("POST"))

    def test_lost_replacement_of_its_like(self, driver: InvoicingDriver):
        """The order showed such an invoice before the replacement whose answer was lost: that proves nothing of it. Not
        posted twice unless a person says --again, and then it is."""
        driver.rig.add_order(an_order(package("900")))
        driver.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        assert "unknown" == driver.post(INVOICE, "replace").outcome
        driver.rig.faults()

        assert "--again" in driver.refused(INVOICE, "replace")[0]
        before = len(driver.rig.calls("POST"))
        assert not driver.post(INVOICE, "replace", "again").earlier
        assert before + 1 == len(driver.rig.calls("POST"))
        assert ["not visible later", "done"] == [
            outcome for call, outcome in driver.outcomes() if call == "POST invoice"
        ]


class Interrupted(Vtex):
    """VTEX applies a POST, and something happens before its answer is there."""

    def __init__(self, rig: Rig, happens: Callable[[], object]) -> None:
        super().__init__(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        self._happens = happens

    def post_invoice(self, order_id: str, body: dict[str, Any]) -> Any:
        receipt = super().post_invoice(order_id, body)
        self._happens()
        return receipt


class TestOneInvoice:
    """A POST of an invoice is never made twice without a person's word."""

    def test_unavailable(self, rig: Rig):
        """A 503, which a gateway may have given after the invoice was applied, is no proof that it was not."""
        rig.add_order(an_order())
        rig.faults(visible_after=3_600.0)
        driver = InvoicingDriver(rig)

        def unavailable() -> None:
            raise Throttled("asked to slow down", 503, 60.0)

        driver.invoicing._vtex = Interrupted(rig, unavailable)
        assert "unknown" == driver.post().outcome
        rig.now += 61
        again = InvoicingDriver(rig)

        [reason] = again.refused()
        assert "its answer was lost, and order 1-01 does not show it" in reason

    def test_paused_while_looking(self, rig: Rig):
        """A pause that begins before the order could be read again does not hide that VTEX took the invoice."""
        rig.add_order(an_order())
        driver = InvoicingDriver(rig)
        accounts = Accounts(rig.database)

        def quiet() -> None:
            accounts.pause("lux", until=rig.now + 3_600, reason="429", own_fault=False, now=rig.now)

        driver.invoicing._vtex = Interrupted(rig, quiet)

        assert "accepted" == driver.post().outcome

    @pytest.mark.parametrize("state", ["awaiting_invoice", "gave_up"])
    def test_who_waits(self, rig: Rig, state: str):
        """A parcel that waits for the invoice, and one that gave up, looks at once when it is posted."""
        operator = Operator(rig)
        rig.now = time.time() - (0 if state == "awaiting_invoice" else 20 * 86_400)
        rig.add_order(an_order(status="handling"))
        rig.post(posted(at="2026-01-10T12:00:00+00:00"))
        rig.work()
        if state == "gave_up":
            rig.works_until(19 * 86_400)
        assert state == rig.shipment()["state"]
        path = rig.folder / "invoice.json"
        path.write_text(json.dumps(INVOICE), encoding="utf-8")
        operator.says("invoice", "1-01", path)
        operator.work()

        assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]

    def test_who_waits_for_its_key(self, driver: InvoicingDriver):
        """So does a parcel whose carrier names the invoice alone."""
        rig = driver.rig
        rig.configure(endpoints=naming("invoice_key"))
        rig.post(posted(KEY))
        rig.work()
        assert ("awaiting_order", "no_reference") == rest(rig)

        driver.post({**INVOICE, "invoiceKey": KEY})
        rig.work()
        assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]


class TestRepeats:
    def test_read_without_answer(self, driver: InvoicingDriver):
        """A read that gets no answer is over: what stays open is a POST that may have been applied."""
        driver.rig.faults(reset_before=1.0, methods=frozenset({"GET"}))
        with pytest.raises(Unanswered):
            driver.post()

        assert driver.outcomes()
        assert all(outcome for _, outcome in driver.outcomes())

    def test_lost_replacement(self, driver: InvoicingDriver):
        """The answer to a replacement is lost, and it was never applied: what the order shows is the former one."""
        driver.rig.add_order(an_order(package("900", invoiceUrl="https://former.example")))
        driver.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))

        told = driver.post({**INVOICE, "invoiceUrl": "https://new.example"}, "replace")
        assert "https://former.example" == driver.rig.package_of("1-01", "900")["invoiceUrl"]
        assert "visible" != told.outcome

    def test_same_number_padded(self, driver: InvoicingDriver):
        """000900 and 900 are one invoice to every other rule of this house: not posted beside each other."""
        half = an_order(package("000900", value=5_000, items=[{"itemIndex": 0, "quantity": 1, "price": 4000}]))
        driver.rig.add_order(half)

        driver.refused(HALF)

    def test_same_key(self, driver: InvoicingDriver):
        """The very same NF-e, by its key, is on the order under another number."""
        half = an_order(
            package("900-1", value=5_000, invoiceKey=KEY, items=[{"itemIndex": 0, "quantity": 1, "price": 4000}])
        )
        driver.rig.add_order(half)

        driver.refused({**HALF, "invoiceKey": KEY})

    def test_return_replaced(self, driver: InvoicingDriver):
        """A return refunds at each call: that of a number which is there cannot be replaced, only paid out twice."""
        driver.rig.add_order(an_order(package("900"), package("D1", value=4_000, kind="Input"), status="invoiced"))
        part = {
            **INVOICE,
            "type": "Input",
            "invoiceNumber": "D1",
            "invoiceValue": "4000",
            "items": [INVOICE["items"][1]],
        }
        driver.rig.faults(repost="doubled")

        driver.refused(part, "return", "replace")

    def test_unavailable(self, operator: Operator):
        """After a 503 no one knows whether it was posted: the person is told so."""
        operator.rig.add_order(an_order())
        operator.rig.faults(unavailable=1.0, methods=frozenset({"POST"}))
        (file := operator.rig.folder / "bill.json").write_text(json.dumps(INVOICE))

        said = operator.fails("invoice", "1-01", file)
        assert any(word in said for word in ("may ", "unknown", "look")), said

    def test_another_bill(self, driver: InvoicingDriver):
        """What an earlier call may have posted was another body: with --replace, this one is still to be posted."""
        driver.rig.faults(reset_after_applying=1.0, visible_after=1_000, methods=frozenset({"POST"}))
        assert "unknown" == driver.post().outcome
        driver.rig.faults(repost="replaced")
        driver.rig.now += 2_000

        driver.post({**INVOICE, "invoiceUrl": "https://new.example"}, "replace")
        assert "https://new.example" == driver.rig.package_of("1-01", "900").get("invoiceUrl")

    def test_paused_while_waiting(self, rig: Rig):
        """Who waits for his place while VTEX asks for quiet does not call any more."""
        rig.configure(account={"requests_per_minute": 2})
        rig.add_order(an_order())
        accounts = Accounts(rig.database)

        def sleep(seconds: float) -> None:
            rig.now += seconds
            accounts.pause("lux", until=rig.now + 600, reason="429", own_fault=False, now=rig.now)

        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        accounts.reserve_read("lux", interval=30.0, now=rig.now)
        with pytest.raises(Exception):  # noqa: B017
            Invoicing(accounts, vtex, clock=lambda: rig.now, sleep=sleep).post("1-01", INVOICE)
        assert [] == rig.calls()
