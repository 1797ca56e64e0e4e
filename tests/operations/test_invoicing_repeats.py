"""An invoice is posted once: lost answers, repeated commands, replacements, numbers in another writing."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from receiver.http import Http
from receiver.operations.invoicing import Invoicing, NotPosted
from receiver.store.accounts import Accounts
from receiver.vtex.answers import Throttled
from receiver.vtex.client import Vtex
from tests.support.console import Desk
from tests.support.invoicing import BILL, HALF, Clerk, an_order
from tests.support.rig import Rig, package, posted
from tests.support.times import HOUR


class TestAgain:
    def test_accepted_earlier(self, clerk: Clerk):
        """ "The same command looks again": what it posted itself is told as posted, not as somebody's to --replace."""
        clerk.rig.faults(visible_after=3_600.0)
        assert "accepted" == clerk.post().outcome
        clerk.rig.now += 2 * HOUR

        told = clerk.post()
        assert ("visible", True) == (told.outcome, told.earlier)

    def test_lost_replacement_again(self, clerk: Clerk):
        """A replacement whose answer was lost is not posted twice either, unless a person says --again."""
        clerk.rig.add_order(an_order(package("900", value=9_000)))
        clerk.rig.faults(reset_after_applying=1.0, visible_after=3_600.0, repost="doubled", methods=frozenset({"POST"}))
        assert "unknown" == clerk.post(BILL, "replace").outcome
        clerk.rig.faults(visible_after=3_600.0, repost="doubled")
        clerk.rig.now += 120
        with contextlib.suppress(NotPosted):
            clerk.post(BILL, "replace")

        assert 1 == len(clerk.rig.calls("POST"))


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
        clerk = Clerk(rig)

        def unavailable() -> None:
            raise Throttled("asked to slow down", 503, 60.0)

        clerk.invoicing._vtex = Interrupted(rig, unavailable)
        assert "unknown" == clerk.post().outcome
        rig.now += 61
        again = Clerk(rig)

        [reason] = again.refused()
        assert "its answer was lost, and order 1-01 does not show it" in reason

    def test_paused_while_looking(self, rig: Rig):
        """A pause that begins before the order could be read again does not hide that VTEX took the invoice."""
        rig.add_order(an_order())
        clerk = Clerk(rig)
        accounts = Accounts(rig.database)

        def quiet() -> None:
            accounts.pause("lux", until=rig.now + 3_600, reason="429", own_fault=False, now=rig.now)

        clerk.invoicing._vtex = Interrupted(rig, quiet)

        assert "accepted" == clerk.post().outcome

    @pytest.mark.parametrize("state", ["awaiting_invoice", "gave_up"])
    def test_who_waits(self, rig: Rig, state: str):
        """Whoever waits for the invoice, and whoever gave up waiting, looks at once when it is posted."""
        desk = Desk(rig)
        rig.now = time.time() - (0 if state == "awaiting_invoice" else 20 * 86_400)
        rig.add_order(an_order(status="handling"))
        rig.post(posted(at="2026-01-10T12:00:00+00:00"))
        rig.work()
        if state == "gave_up":
            rig.works_until(19 * 86_400)
        assert state == rig.shipment()["state"]
        path = rig.folder / "invoice.json"
        path.write_text(json.dumps(BILL), encoding="utf-8")
        desk.says("invoice", "1-01", path)
        desk.work()

        assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]


KEY = "35261112345678000195550010000009001123456789"


class TestRepeats:
    def test_lost_replacement(self, clerk: Clerk):
        """The answer to a replacement is lost, and it was never applied: what the order shows is the former one."""
        clerk.rig.add_order(an_order(package("900", invoiceUrl="https://former.example")))
        clerk.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))

        told = clerk.post({**BILL, "invoiceUrl": "https://new.example"}, "replace")
        assert "https://former.example" == clerk.rig.package_of("1-01", "900")["invoiceUrl"]
        assert "visible" != told.outcome

    def test_same_number_padded(self, clerk: Clerk):
        """000900 and 900 are one invoice to every other rule of this house: not posted beside each other."""
        half = an_order(package("000900", value=5_000, items=[{"itemIndex": 0, "quantity": 1, "price": 4000}]))
        clerk.rig.add_order(half)

        clerk.refused(HALF)

    def test_same_key(self, clerk: Clerk):
        """The very same NF-e, by its key, is on the order under another number."""
        half = an_order(
            package("900-1", value=5_000, invoiceKey=KEY, items=[{"itemIndex": 0, "quantity": 1, "price": 4000}])
        )
        clerk.rig.add_order(half)

        clerk.refused({**HALF, "invoiceKey": KEY})

    def test_return_replaced(self, clerk: Clerk):
        """A return refunds at each call: that of a number which is there cannot be replaced, only paid out twice."""
        clerk.rig.add_order(an_order(package("900"), package("D1", value=4_000, kind="Input"), status="invoiced"))
        part = {**BILL, "type": "Input", "invoiceNumber": "D1", "invoiceValue": "4000", "items": [BILL["items"][1]]}
        clerk.rig.faults(repost="doubled")

        clerk.refused(part, "return", "replace")

    def test_unavailable(self, desk: Desk):
        """After a 503 nobody knows whether it was posted: the person is told so."""
        desk.rig.add_order(an_order())
        desk.rig.faults(unavailable=1.0, methods=frozenset({"POST"}))
        (file := desk.rig.folder / "bill.json").write_text(json.dumps(BILL))

        said = desk.fails("invoice", "1-01", file)
        assert any(word in said for word in ("may ", "unknown", "look")), said

    def test_another_bill(self, clerk: Clerk):
        """What an earlier call may have posted was another body: with --replace, this one is still to be posted."""
        clerk.rig.faults(reset_after_applying=1.0, visible_after=1_000, methods=frozenset({"POST"}))
        assert "unknown" == clerk.post().outcome
        clerk.rig.faults(repost="replaced")
        clerk.rig.now += 2_000

        clerk.post({**BILL, "invoiceUrl": "https://new.example"}, "replace")
        assert "https://new.example" == clerk.rig.package_of("1-01", "900").get("invoiceUrl")

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
            Invoicing(accounts, vtex, clock=lambda: rig.now, sleep=sleep).post("1-01", BILL)
        assert [] == rig.calls()
