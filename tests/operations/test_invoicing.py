"""`receiver invoice`: an order is invoiced once, or someone hears why not."""

import json
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select

from receiver.operations.invoicing import LOOKS, NotPosted
from receiver.store import Attempt, Paused
from receiver.store.tables import accounts, attempts
from receiver.store.work.accounts import FAILING_ORDERS
from receiver.store.work.attempts import Attempts
from receiver.vtex.answers import Throttled, Transient
from tests.support.console import Operator
from tests.support.invoicing import HALF, INVOICE, RETURN, InvoicingDriver, an_order
from tests.support.rig import Rig, package, posted
from tests.support.store_cases import everything
from tests.support.vtex_contract import request_faults

LINES = [{"itemIndex": 0, "quantity": 2, "price": 4000}]


class TestPosting:
    """The way it should go, and answers that get lost."""

    def test_posted(self, driver_on_either: InvoicingDriver):
        """The order is read, the intent written down, the invoice posted as it is, and seen."""
        driver = driver_on_either
        posted = driver.post()

        [call] = driver.rig.calls("POST")
        assert INVOICE == call.body
        assert [] == request_faults("POST", call.path, call.body)
        assert ("visible", "1-01", False) == (posted.outcome, posted.order_id, posted.earlier)
        assert posted.receipt
        assert [("GET order", "done"), ("POST invoice", "done"), ("GET order", "done")] == driver.outcomes()
        assert [] == driver.waited

    def test_later(self, driver: InvoicingDriver):
        """VTEX shows it seconds later: it is looked for with growing delays."""
        driver.rig.faults(visible_after=6.0)

        assert "visible" == driver.post().outcome
        assert list(LOOKS[1:4]) == driver.waited
        assert 1 == len(driver.rig.calls("POST"))

    def test_not_yet(self, driver: InvoicingDriver):
        """What VTEX accepted and does not show is not posted again: neither in a minute, nor in a day."""
        driver.rig.faults(visible_after=2e6)
        assert "accepted" == driver.post().outcome
        assert list(LOOKS[1:]) == driver.waited

        for seconds in (10.0, 86_400.0):
            driver.rig.now += seconds
            [reason] = driver.refused()
            assert reason.startswith("it was posted at 2026-11-18T11:06:40Z, VTEX accepted it (receipt ")

    @pytest.mark.parametrize("fault", [{"reset_after_applying": 1.0}, {"slow": (1.0, 1.0)}])
    def test_answer_lost(self, driver: InvoicingDriver, fault: dict[str, Any]):
        """A POST whose answer is lost leads to reads: it was applied, and is not made twice."""
        driver.rig.faults(**fault, visible_after=4.0, methods=frozenset({"POST"}))
        if "slow" in fault:
            driver.vtex._http._total = 0.1
            driver.rig.on_slow = lambda _: threading.Event().wait(0.5)

        assert "visible" == driver.post().outcome
        assert ("POST invoice", "applied, seen later") in driver.outcomes()
        assert 1 == len(driver.rig.calls("POST"))

    def test_never_applied(self, driver: InvoicingDriver):
        """A POST whose answer is lost and that never shows is not posted again, unless a person says so."""
        driver.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        assert "unknown" == driver.post().outcome
        assert ("POST invoice", None) in driver.outcomes()

        driver.rig.faults()
        [reason] = driver.refused()
        assert "its answer was lost, and order 1-01 does not show it" in reason
        assert "visible" == driver.post(INVOICE, "again").outcome
        assert ["not visible later", "done"] == [end for call, end in driver.outcomes() if call == "POST invoice"]

    def test_seen_by_the_next(self, driver: InvoicingDriver):
        """What a lost call did is told by the next one, which posts nothing."""
        driver.rig.faults(reset_after_applying=1.0, visible_after=600.0, methods=frozenset({"POST"}))
        assert "unknown" == driver.post().outcome
        driver.rig.faults()
        driver.rig.now += 600

        posted = driver.post()
        assert ("visible", True) == (posted.outcome, posted.earlier)
        assert 1 == len(driver.rig.calls("POST"))

    def test_seen_and_run_again(self, driver: InvoicingDriver):
        """What was posted, and seen without its answer, was posted earlier: no one is told to say --replace."""
        driver.rig.faults(reset_after_applying=1.0, methods=frozenset({"POST"}))
        first = driver.post()
        driver.rig.faults()

        assert [("visible", False), ("visible", True), ("visible", True)] == [
            (posted.outcome, posted.earlier) for posted in (first, driver.post(), driver.post())
        ]
        assert 1 == len(driver.rig.calls("POST"))

    def test_killed_while_looking(self, driver: InvoicingDriver):
        """What was begun a moment ago is looked for with patience; what was begun long ago, once."""

        def killed(seconds: float) -> None:
            if seconds >= 1:
                raise KeyboardInterrupt

        rig = driver.rig
        rig.faults(reset_after_applying=1.0, visible_after=20.0, methods=frozenset({"POST"}))
        driver.invoicing._sleep = killed
        with pytest.raises(KeyboardInterrupt):
            driver.post()
        rig.faults(visible_after=20.0)
        again = InvoicingDriver(rig)
        assert ("visible", True) == ((posted := again.post()).outcome, posted.earlier)
        assert list(LOOKS[1:5]) == again.waited
        assert 1 == len(rig.calls("POST"))

        rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        with pytest.raises(KeyboardInterrupt):
            driver.post(RETURN, "return")
        rig.faults()
        rig.now += sum(LOOKS)
        long_after = InvoicingDriver(rig)
        assert "its answer was lost" in long_after.refused(RETURN, "return")[0]
        assert [] == long_after.waited

    @pytest.mark.parametrize("number", ["900", "000900"])
    def test_two_at_once(self, driver_on_either: InvoicingDriver, number: str):
        """Of two who mean the same invoice one posts it, however he writes its number: the other sees the intent."""
        driver, other = driver_on_either, InvoicingDriver(driver_on_either.rig)

        class Overtaken(Attempts):
            def earlier(self, account: str, attempt: Attempt) -> list[dict[str, Any]]:
                known = super().earlier(account, attempt)
                other.post({**INVOICE, "invoiceNumber": number})
                return known

        driver.invoicing._accounts.attempts = Overtaken(driver.rig.database)
        with pytest.raises(NotPosted, match="another process has just begun"):
            driver.post()
        assert 1 == len(driver.rig.calls("POST"))

    def test_throttled(self, driver: InvoicingDriver):
        """A 429 pauses the account for all, and nothing is posted while it lasts."""
        driver.rig.faults(throttle=1.0, methods=frozenset({"POST"}))
        with pytest.raises(Exception, match="asked to slow down"):
            driver.post()
        assert ["lux"] == [row["name"] for row in driver.rig.queries.paused_accounts(now=driver.rig.now)]
        driver.rig.faults()
        with pytest.raises(Paused):
            driver.post()
        driver.rig.now += 61
        assert "visible" == driver.post().outcome

    def test_kept_private(self, driver: InvoicingDriver):
        """The embedded document, which names the shopper, is sent and not kept."""
        driver.post({**INVOICE, "embeddedInvoice": "<nfe>Maria</nfe>"})

        assert "<nfe>Maria</nfe>" == driver.rig.calls("POST")[0].body["embeddedInvoice"]
        assert not [row for row in driver.rig.database.rows(select(attempts)) if "Maria" in str(row["request"])]

    def test_outage(self, driver: InvoicingDriver):
        """An invoice that meets VTEX's trouble counts among the orders that had no answer."""
        driver.rig.faults(server_error=1.0)
        for number in range(FAILING_ORDERS):
            assert [] == driver.rig.queries.paused_accounts(now=driver.rig.now)
            with pytest.raises(Transient):
                driver.invoicing.post(f"{number}-01", INVOICE)

        assert ["lux"] == [row["name"] for row in driver.rig.queries.paused_accounts(now=driver.rig.now)]


class TestRehearsal:
    """A dry run changes nothing anywhere; only the account's pace knows that it read."""

    def stored(self, driver: InvoicingDriver) -> dict[str, Any]:
        paceless = [column for column in accounts.c if column.name != "next_slot_at"]
        rows = [dict(row) for row in driver.rig.database.rows(select(*paceless))]
        return {**everything(driver.rig.database), "accounts": rows}

    def rehearsed(self, driver: InvoicingDriver, *leave: Any) -> str:
        """Its URL, or why it would not be posted; the store is what it was."""
        before, posts = self.stored(driver), len(driver.rig.calls("POST"))
        try:
            said = driver.invoicing.rehearse("1-01", INVOICE, leave).url
        except NotPosted as error:
            said = str(error)
        assert before == self.stored(driver)
        assert posts == len(driver.rig.calls("POST"))
        return said

    def test_plain(self, driver_on_either: InvoicingDriver):
        """It reads the order, in the account's pace, and writes down not even that."""
        driver = driver_on_either
        driver.invoicing.rehearse("1-01", INVOICE)  # the account has its pace from here on
        assert driver.rehearsed_url == self.rehearsed(driver)
        assert 2 == len(driver.rig.calls("GET"))
        assert [] == driver.outcomes()
        (account,) = driver.rig.database.rows(select(accounts.c.next_slot_at))
        assert account["next_slot_at"] > driver.rig.now

    @pytest.mark.parametrize("seconds", [10.0, 86_400.0])
    def test_lost(self, driver_on_either: InvoicingDriver, seconds: float):
        """What became of an earlier call stays open, also where a person says that it was lost."""
        driver = driver_on_either
        driver.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        assert "unknown" == driver.post().outcome
        driver.rig.faults()
        driver.rig.now += seconds

        assert driver.rehearsed_url == self.rehearsed(driver, "again")
        assert "its answer was lost" in self.rehearsed(driver)
        assert ("POST invoice", None) in driver.outcomes()
        assert "visible" == driver.post(INVOICE, "again").outcome

    def test_done(self, driver: InvoicingDriver):
        """What an earlier call has done is told, and left for the next one that posts to note."""
        driver.rig.faults(reset_after_applying=1.0, visible_after=600.0, methods=frozenset({"POST"}))
        assert "unknown" == driver.post().outcome
        driver.rig.faults()
        driver.rig.now += 600

        assert "an earlier call has posted it, and the order shows it" == self.rehearsed(driver)
        assert driver.post().earlier

    def test_done_and_answered(self, driver: InvoicingDriver):
        """Of an earlier call that was answered no one says that its answer was lost."""
        assert "visible" == driver.post().outcome

        assert "an earlier call has posted it, and the order shows it" == self.rehearsed(driver)

    def test_account(self, driver: InvoicingDriver):
        """A pause is kept, and VTEX's word about the account is noted for all."""
        driver.rig.faults(throttle=1.0)
        with pytest.raises(Throttled):
            driver.invoicing.rehearse("1-01", INVOICE)
        assert ["lux"] == [row["name"] for row in driver.rig.queries.paused_accounts(now=driver.rig.now)]
        with pytest.raises(Paused):
            driver.invoicing.rehearse("1-01", INVOICE)
        assert [] == driver.outcomes()


class TestObjections:
    """What speaks against it is said before anything is posted."""

    def test_there_already(self, driver: InvoicingDriver):
        """A number that is there is not posted again, unless it is to be replaced."""
        driver.rig.add_order(an_order(package("900")))

        assert ["the order has invoice 900 already (Output, 10000 cents) (--replace allows it)"] == driver.refused()
        assert "visible" == driver.post(INVOICE, "replace").outcome

    def test_return(self, driver: InvoicingDriver):
        """A return refunds money: it needs a word of its own."""
        driver.rig.add_order(an_order(package("900", items=LINES)))

        assert ["it is a return (Input): VTEX refunds its value to the shopper (--return allows it)"] == driver.refused(
            RETURN
        )
        assert "visible" == driver.post(RETURN, "return").outcome

    def test_return_of_more(self, driver: InvoicingDriver):
        """No one gets more back than was invoiced."""
        driver.rig.add_order(an_order(package("900", value=9_000)))

        [reason] = driver.refused(RETURN, "return")
        assert "its 10000 cents and the 0 of the order's other Input invoices exceed what was invoiced, 9000" in reason

    @pytest.mark.parametrize("status", ["canceled", "cancel", "request-cancel", "cancellation-requested"])
    def test_cancelled(self, driver: InvoicingDriver, status: str):
        """A cancelled order, or one that is being cancelled, is not invoiced, whatever is allowed."""
        driver.rig.add_order(an_order(status=status))

        assert [f"order 1-01 is {status}"] == driver.refused(INVOICE, "replace", "return", "differing", "again")

    @pytest.mark.parametrize(
        ("bill", "reason"),
        [
            ({"invoiceValue": "10001"}, "its 10001 cents and the 0 of the order's other Output invoices exceed"),
            ({"items": [{"id": "9999", "price": 1, "quantity": 1}]}, "SKU 9999 is not in the order"),
            ({"items": [{"id": "4101", "price": 1, "quantity": 3}]}, "SKU 4101: 3 here, ordered 2"),
            (
                {"items": [{"id": "4102", "price": 1, "quantity": 1}, {"id": "4102", "price": 1, "quantity": 1}]},
                "SKU 4102: 2 here, ordered 1",
            ),
        ],
    )
    def test_differing(self, driver: InvoicingDriver, bill: dict[str, Any], reason: str):
        """Value and items beyond the order are told; a person may know better, and then VTEX decides."""
        [told] = driver.refused({**INVOICE, **bill})
        assert told.startswith(reason)
        assert told.endswith("(--differing allows it)")

    def test_all_at_once(self, driver: InvoicingDriver):
        """Every objection is told, those that are lifted are not."""
        driver.rig.add_order(an_order(package("900", items=LINES)))

        assert 2 == len(driver.refused({**INVOICE, "invoiceValue": "10001"}))
        assert 1 == len(driver.refused({**INVOICE, "invoiceValue": "10001"}, "replace"))

    def test_parts(self, driver: InvoicingDriver):
        """Two invoices may cover an order together, and not more than that."""
        assert "visible" == driver.post(HALF).outcome
        second = {**HALF, "invoiceNumber": "901"}
        assert "visible" == driver.post(second).outcome
        third = {**HALF, "invoiceNumber": "902", "invoiceValue": "1"}
        assert ["SKU 4101: 1 here and 2 on other invoices, ordered 2 (--differing allows it)"] == [
            reason for reason in driver.refused(third) if "SKU" in reason
        ]


@pytest.fixture
def operator(rig: Rig) -> Operator:
    made = Operator(rig)
    rig.add_order(an_order())
    return made


class TestCommand:
    """The same at the terminal."""

    def written(self, operator: Operator, bill: Any) -> str:
        path = operator.rig.folder / "bill.json"
        path.write_text(bill if isinstance(bill, str) else json.dumps(bill), encoding="utf-8")
        return str(path)

    def test_posts(self, operator: Operator):
        """One line says what came of it."""
        told = operator.says("invoice", "1-01", self.written(operator, INVOICE))

        assert told.startswith("invoice 900 of order 1-01: posted (receipt ")
        assert told.endswith("), and the order shows it\n")

    def test_wakes(self, operator: Operator):
        """A parcel that waits for the invoice goes out as soon as it is there."""
        operator.rig.now = time.time() - 60
        operator.rig.post(posted(at="2024-01-10T12:00:00+00:00"))
        for _ in range(3):
            operator.rig.later(20)
        assert "awaiting_invoice" == operator.rig.shipment()["state"]
        assert time.time() + 10 < operator.rig.shipment()["due_at"]

        operator.says("invoice", "1-01", self.written(operator, INVOICE))
        operator.work()
        assert "TN1BR" == operator.rig.package_of("1-01", "900")["trackingNumber"]

    def test_json(self, operator: Operator):
        """The same as an object."""
        [said] = operator.tells("invoice", "1-01", self.written(operator, INVOICE), "--account", "lux")

        assert ("lux", "1-01", "900", "visible", False) == tuple(
            said[name] for name in ("account", "order_id", "invoice_number", "outcome", "earlier")
        )

    def test_dry_run(self, operator: Operator):
        """A rehearsal reads the order, prints the exact request, and posts nothing."""
        path = self.written(operator, INVOICE)
        first, body = operator.says("invoice", "1-01", path, "--dry-run").split("\n", 1)
        [said] = operator.tells("invoice", "1-01", path, "--dry-run")

        assert f"POST {operator.rig.vtex_url}/api/oms/pvt/orders/1-01/invoice" == first == f"POST {said['url']}"
        assert INVOICE == json.loads(body) == said["body"]
        assert ["GET", "GET"] == [call.method for call in operator.rig.calls()]
        assert [] == operator.rig.database.rows(select(attempts))

    def test_refused(self, operator: Operator):
        """The reason is one line on stderr."""
        operator.rig.add_order(an_order(package("900")))

        assert (
            "not posted: the order has invoice 900 already (Output, 10000 cents) (--replace allows it)"
            == operator.fails("invoice", "1-01", self.written(operator, INVOICE))
        )
        assert operator.says("invoice", "1-01", self.written(operator, INVOICE), "--replace")

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"type": "Exit"}, "$.type: does not satisfy enum ['Output', 'Input']; expected: Output, or Input for a"),
            (
                {"invoiceValue": 59.7},
                "$.invoiceValue: is number, expected string or integer; expected: cents, as text or",
            ),
            (
                {"invoiceValue": 0},
                "$.invoiceValue: does not satisfy minimum 1; expected: cents, as text or as a number",
            ),
            ({"invoiceValue": "0"}, "$.invoiceValue: does not satisfy pattern"),
            ({"issuanceDate": "17/11/2026"}, "$.issuanceDate: does not satisfy pattern"),
            ({"issuanceDate": "2026-02-30"}, "$.issuanceDate: is no date that exists"),
            ({"invoiceNumber": "900/1"}, "$.invoiceNumber: VTEX cannot address a number with white space or one of"),
            ({"invoiceNumber": "900 1"}, "$.invoiceNumber: VTEX cannot address a number with white space or one of"),
            ({"courier": None}, "$.courier: is null, expected string"),
            ({"dispatchDate": "x"}, "$: has 'dispatchDate', which is not known here"),
            ({"items": [{"id": "1", "price": 1}]}, "$.items[0]: lacks 'quantity'"),
            ({"items": [{"id": "1"}]}, "$.items[0]: lacks 'price', 'quantity'"),
            (
                {"items": [{"id": 1.5, "price": 1, "quantity": 1}]},
                "$.items[0].id: is number, expected string or integer",
            ),
        ],
    )
    def test_faults(self, operator: Operator, change: dict[str, Any], fault: str):
        """A faulty file is told by field, before anything is asked of VTEX."""
        path = self.written(operator, {**INVOICE, **change})

        assert operator.fails("invoice", "1-01", path).startswith(f"{path}: {fault}")
        assert [] == operator.rig.calls()

    def test_no_json(self, operator: Operator):
        """What is no JSON is said to be none."""
        path = self.written(operator, "{")

        assert operator.fails("invoice", "1-01", path).startswith(f"{path}: $: is not JSON")

    def test_no_file(self, operator: Operator):
        """A file that is not there is said to be missing."""
        assert "nowhere.json: No such file or directory" == operator.fails("invoice", "1-01", "nowhere.json")

    def test_unknown_order(self, operator: Operator):
        """VTEX's own words are shown."""
        told = operator.fails("invoice", "2-01", self.written(operator, INVOICE))

        assert "account lux, order 2-01: HTTP 404: 1 Order not found" == told
