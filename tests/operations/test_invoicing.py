"""`receiver invoice`: an order is invoiced once, or somebody hears why not."""

import json
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select

from receiver.operations.invoicing import LOOKS, NotPosted
from receiver.store import Attempt, Paused
from receiver.store.accounts import FAILING_ORDERS, Accounts
from receiver.store.tables import accounts, attempts
from receiver.vtex.answers import Throttled, Transient
from tests.support.console import Desk
from tests.support.invoicing import BILL, HALF, RETURN, Clerk, an_order
from tests.support.rig import Rig, package, posted
from tests.support.store_cases import everything
from tests.support.vtex_contract import request_faults

LINES = [{"itemIndex": 0, "quantity": 2, "price": 4000}]


class TestPosting:
    """The way it should go, and answers that get lost."""

    def test_posted(self, clerk_on_either: Clerk):
        """The order is read, the intent written down, the invoice posted as it is, and seen."""
        clerk = clerk_on_either
        posted = clerk.post()

        [call] = clerk.rig.calls("POST")
        assert BILL == call.body
        assert [] == request_faults("POST", call.path, call.body)
        assert ("visible", "1-01", False) == (posted.outcome, posted.order_id, posted.earlier)
        assert posted.receipt
        assert [("GET order", "done"), ("POST invoice", "done"), ("GET order", "done")] == clerk.outcomes()
        assert [] == clerk.waited

    def test_later(self, clerk: Clerk):
        """VTEX shows it seconds later: it is looked for with growing delays."""
        clerk.rig.faults(visible_after=6.0)

        assert "visible" == clerk.post().outcome
        assert list(LOOKS[1:4]) == clerk.waited
        assert 1 == len(clerk.rig.calls("POST"))

    def test_not_yet(self, clerk: Clerk):
        """What VTEX accepted and does not show is not posted again: neither in a minute, nor in a day."""
        clerk.rig.faults(visible_after=2e6)
        assert "accepted" == clerk.post().outcome
        assert list(LOOKS[1:]) == clerk.waited

        for seconds in (10.0, 86_400.0):
            clerk.rig.now += seconds
            [reason] = clerk.refused()
            assert reason.startswith("it was posted at 2026-11-18T11:06:40+00:00, VTEX accepted it (receipt ")

    @pytest.mark.parametrize("fault", [{"reset_after_applying": 1.0}, {"slow": (1.0, 1.0)}])
    def test_answer_lost(self, clerk: Clerk, fault: dict[str, Any]):
        """A POST whose answer is lost leads to reads: it was applied, and is not made twice."""
        clerk.rig.faults(**fault, visible_after=4.0, methods=frozenset({"POST"}))
        if "slow" in fault:
            clerk.vtex._http._total = 0.1
            clerk.rig.on_slow = lambda _: threading.Event().wait(0.5)

        assert "visible" == clerk.post().outcome
        assert ("POST invoice", "applied, seen later") in clerk.outcomes()
        assert 1 == len(clerk.rig.calls("POST"))

    def test_never_applied(self, clerk: Clerk):
        """A POST whose answer is lost and that never shows is not posted again, unless a person says so."""
        clerk.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        assert "unknown" == clerk.post().outcome
        assert ("POST invoice", None) in clerk.outcomes()

        clerk.rig.faults()
        [reason] = clerk.refused()
        assert "its answer was lost, and order 1-01 does not show it" in reason
        assert "visible" == clerk.post(BILL, "again").outcome
        assert ["not visible later", "done"] == [end for call, end in clerk.outcomes() if call == "POST invoice"]

    def test_seen_by_the_next(self, clerk: Clerk):
        """What a lost call did is told by the next one, which posts nothing."""
        clerk.rig.faults(reset_after_applying=1.0, visible_after=600.0, methods=frozenset({"POST"}))
        assert "unknown" == clerk.post().outcome
        clerk.rig.faults()
        clerk.rig.now += 600

        posted = clerk.post()
        assert ("visible", True) == (posted.outcome, posted.earlier)
        assert 1 == len(clerk.rig.calls("POST"))

    def test_seen_and_run_again(self, clerk: Clerk):
        """What was posted, and seen without its answer, was posted earlier: nobody is told to say --replace."""
        clerk.rig.faults(reset_after_applying=1.0, methods=frozenset({"POST"}))
        first = clerk.post()
        clerk.rig.faults()

        assert [("visible", False), ("visible", True), ("visible", True)] == [
            (posted.outcome, posted.earlier) for posted in (first, clerk.post(), clerk.post())
        ]
        assert 1 == len(clerk.rig.calls("POST"))

    def test_killed_while_looking(self, clerk: Clerk):
        """What was begun a moment ago is looked for with patience; what was begun long ago, once."""

        def killed(seconds: float) -> None:
            if seconds >= 1:
                raise KeyboardInterrupt

        rig = clerk.rig
        rig.faults(reset_after_applying=1.0, visible_after=20.0, methods=frozenset({"POST"}))
        clerk.invoicing._sleep = killed
        with pytest.raises(KeyboardInterrupt):
            clerk.post()
        rig.faults(visible_after=20.0)
        again = Clerk(rig)
        assert ("visible", True) == ((posted := again.post()).outcome, posted.earlier)
        assert list(LOOKS[1:5]) == again.waited
        assert 1 == len(rig.calls("POST"))

        rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        with pytest.raises(KeyboardInterrupt):
            clerk.post(RETURN, "return")
        rig.faults()
        rig.now += sum(LOOKS)
        long_after = Clerk(rig)
        assert "its answer was lost" in long_after.refused(RETURN, "return")[0]
        assert [] == long_after.waited

    @pytest.mark.parametrize("number", ["900", "000900"])
    def test_two_at_once(self, clerk_on_either: Clerk, number: str):
        """Of two who mean the same invoice one posts it, however he writes its number: the other sees the intent."""
        clerk, other = clerk_on_either, Clerk(clerk_on_either.rig)

        class Overtaken(Accounts):
            def earlier(self, account: str, attempt: Attempt) -> list[dict[str, Any]]:
                known = super().earlier(account, attempt)
                other.post({**BILL, "invoiceNumber": number})
                return known

        clerk.invoicing._accounts = Overtaken(clerk.rig.database)
        with pytest.raises(NotPosted, match="was begun by somebody else just now"):
            clerk.post()
        assert 1 == len(clerk.rig.calls("POST"))

    def test_throttled(self, clerk: Clerk):
        """A 429 pauses the account for all, and nothing is posted while it lasts."""
        clerk.rig.faults(throttle=1.0, methods=frozenset({"POST"}))
        with pytest.raises(Exception, match="asked to slow down"):
            clerk.post()
        assert ["lux"] == [row["name"] for row in clerk.rig.desk.paused_accounts(now=clerk.rig.now)]
        clerk.rig.faults()
        with pytest.raises(Paused):
            clerk.post()
        clerk.rig.now += 61
        assert "visible" == clerk.post().outcome

    def test_kept_private(self, clerk: Clerk):
        """The embedded document, which names the shopper, is sent and not kept."""
        clerk.post({**BILL, "embeddedInvoice": "<nfe>Maria</nfe>"})

        assert "<nfe>Maria</nfe>" == clerk.rig.calls("POST")[0].body["embeddedInvoice"]
        assert not [row for row in clerk.rig.database.rows(select(attempts)) if "Maria" in str(row["request"])]

    def test_outage(self, clerk: Clerk):
        """An invoice that meets VTEX's trouble counts among the orders that had no answer."""
        clerk.rig.faults(server_error=1.0)
        for number in range(FAILING_ORDERS):
            assert [] == clerk.rig.desk.paused_accounts(now=clerk.rig.now)
            with pytest.raises(Transient):
                clerk.invoicing.post(f"{number}-01", BILL)

        assert ["lux"] == [row["name"] for row in clerk.rig.desk.paused_accounts(now=clerk.rig.now)]


class TestRehearsal:
    """A dry run changes nothing anywhere; only the account's pace knows that it read."""

    def stored(self, clerk: Clerk) -> dict[str, Any]:
        paceless = [column for column in accounts.c if column.name != "next_slot_at"]
        rows = [dict(row) for row in clerk.rig.database.rows(select(*paceless))]
        return {**everything(clerk.rig.database), "accounts": rows}

    def rehearsed(self, clerk: Clerk, *leave: Any) -> str:
        """Its URL, or why it would not be posted; the store is what it was."""
        before, posts = self.stored(clerk), len(clerk.rig.calls("POST"))
        try:
            said = clerk.invoicing.rehearse("1-01", BILL, leave).url
        except NotPosted as error:
            said = str(error)
        assert before == self.stored(clerk)
        assert posts == len(clerk.rig.calls("POST"))
        return said

    def test_plain(self, clerk_on_either: Clerk):
        """It reads the order, in the account's pace, and writes down not even that."""
        clerk = clerk_on_either
        clerk.invoicing.rehearse("1-01", BILL)  # the account has its pace from here on
        assert clerk.rehearsed_url == self.rehearsed(clerk)
        assert 2 == len(clerk.rig.calls("GET"))
        assert [] == clerk.outcomes()
        (account,) = clerk.rig.database.rows(select(accounts.c.next_slot_at))
        assert account["next_slot_at"] > clerk.rig.now

    @pytest.mark.parametrize("seconds", [10.0, 86_400.0])
    def test_lost(self, clerk_on_either: Clerk, seconds: float):
        """What became of an earlier call stays open, also where a person says that it was lost."""
        clerk = clerk_on_either
        clerk.rig.faults(reset_before=1.0, methods=frozenset({"POST"}))
        assert "unknown" == clerk.post().outcome
        clerk.rig.faults()
        clerk.rig.now += seconds

        assert clerk.rehearsed_url == self.rehearsed(clerk, "again")
        assert "its answer was lost" in self.rehearsed(clerk)
        assert ("POST invoice", None) in clerk.outcomes()
        assert "visible" == clerk.post(BILL, "again").outcome

    def test_done(self, clerk: Clerk):
        """What an earlier call has done is told, and left for the next one that posts to note."""
        clerk.rig.faults(reset_after_applying=1.0, visible_after=600.0, methods=frozenset({"POST"}))
        assert "unknown" == clerk.post().outcome
        clerk.rig.faults()
        clerk.rig.now += 600

        assert "an earlier call has posted it, and the order shows it" == self.rehearsed(clerk)
        assert clerk.post().earlier

    def test_done_and_answered(self, clerk: Clerk):
        """Of an earlier call that was answered nobody says that its answer was lost."""
        assert "visible" == clerk.post().outcome

        assert "an earlier call has posted it, and the order shows it" == self.rehearsed(clerk)

    def test_account(self, clerk: Clerk):
        """A pause is kept, and VTEX's word about the account is noted for all."""
        clerk.rig.faults(throttle=1.0)
        with pytest.raises(Throttled):
            clerk.invoicing.rehearse("1-01", BILL)
        assert ["lux"] == [row["name"] for row in clerk.rig.desk.paused_accounts(now=clerk.rig.now)]
        with pytest.raises(Paused):
            clerk.invoicing.rehearse("1-01", BILL)
        assert [] == clerk.outcomes()


class TestObjections:
    """What speaks against it is said before anything is posted."""

    def test_there_already(self, clerk: Clerk):
        """A number that is there is not posted again, unless it is to be replaced."""
        clerk.rig.add_order(an_order(package("900")))

        assert ["the order has invoice 900 already (Output, 10000 cents) (--replace allows it)"] == clerk.refused()
        assert "visible" == clerk.post(BILL, "replace").outcome

    def test_return(self, clerk: Clerk):
        """A return refunds money: it needs a word of its own."""
        clerk.rig.add_order(an_order(package("900", items=LINES)))

        assert ["it is a return (Input): VTEX refunds its value to the shopper (--return allows it)"] == clerk.refused(
            RETURN
        )
        assert "visible" == clerk.post(RETURN, "return").outcome

    def test_return_of_more(self, clerk: Clerk):
        """Nobody gets more back than was invoiced."""
        clerk.rig.add_order(an_order(package("900", value=9_000)))

        [reason] = clerk.refused(RETURN, "return")
        assert "its 10000 cents and the 0 of the order's other Input invoices exceed what was invoiced, 9000" in reason

    @pytest.mark.parametrize("status", ["canceled", "cancel", "request-cancel", "cancellation-requested"])
    def test_cancelled(self, clerk: Clerk, status: str):
        """A cancelled order, or one that is being cancelled, is not invoiced, whatever is allowed."""
        clerk.rig.add_order(an_order(status=status))

        assert [f"order 1-01 is {status}"] == clerk.refused(BILL, "replace", "return", "differing", "again")

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
    def test_differing(self, clerk: Clerk, bill: dict[str, Any], reason: str):
        """Value and items beyond the order are told; a person may know better, and then VTEX decides."""
        [told] = clerk.refused({**BILL, **bill})
        assert told.startswith(reason)
        assert told.endswith("(--differing allows it)")

    def test_all_at_once(self, clerk: Clerk):
        """Every objection is told, those that are lifted are not."""
        clerk.rig.add_order(an_order(package("900", items=LINES)))

        assert 2 == len(clerk.refused({**BILL, "invoiceValue": "10001"}))
        assert 1 == len(clerk.refused({**BILL, "invoiceValue": "10001"}, "replace"))

    def test_parts(self, clerk: Clerk):
        """Two invoices may cover an order together, and not more than that."""
        assert "visible" == clerk.post(HALF).outcome
        second = {**HALF, "invoiceNumber": "901"}
        assert "visible" == clerk.post(second).outcome
        third = {**HALF, "invoiceNumber": "902", "invoiceValue": "1"}
        assert ["SKU 4101: 1 here and 2 on other invoices, ordered 2 (--differing allows it)"] == [
            reason for reason in clerk.refused(third) if "SKU" in reason
        ]


@pytest.fixture
def desk(rig: Rig) -> Desk:
    made = Desk(rig)
    rig.add_order(an_order())
    return made


class TestCommand:
    """The same at the terminal."""

    def written(self, desk: Desk, bill: Any) -> str:
        path = desk.rig.folder / "bill.json"
        path.write_text(bill if isinstance(bill, str) else json.dumps(bill), encoding="utf-8")
        return str(path)

    def test_posts(self, desk: Desk):
        """One line says what came of it."""
        told = desk.says("invoice", "1-01", self.written(desk, BILL))

        assert told.startswith("invoice 900 of order 1-01: posted (receipt ")
        assert told.endswith("), and the order shows it\n")

    def test_wakes(self, desk: Desk):
        """A parcel that waits for the invoice goes out as soon as it is there."""
        desk.rig.now = time.time() - 60
        desk.rig.post(posted(at="2024-01-10T12:00:00+00:00"))
        for _ in range(3):
            desk.rig.later(20)
        assert "awaiting_invoice" == desk.rig.shipment()["state"]
        assert time.time() + 10 < desk.rig.shipment()["due_at"]

        desk.says("invoice", "1-01", self.written(desk, BILL))
        desk.work()
        assert "TN1BR" == desk.rig.package_of("1-01", "900")["trackingNumber"]

    def test_json(self, desk: Desk):
        """The same as an object."""
        [said] = desk.tells("invoice", "1-01", self.written(desk, BILL), "--account", "lux")

        assert ("lux", "1-01", "900", "visible", False) == tuple(
            said[name] for name in ("account", "order_id", "invoice_number", "outcome", "earlier")
        )

    def test_dry_run(self, desk: Desk):
        """A rehearsal reads the order, prints the exact request, and posts nothing."""
        path = self.written(desk, BILL)
        first, body = desk.says("invoice", "1-01", path, "--dry-run").split("\n", 1)
        [said] = desk.tells("invoice", "1-01", path, "--dry-run")

        assert f"POST {desk.rig.vtex_url}/api/oms/pvt/orders/1-01/invoice" == first == f"POST {said['url']}"
        assert BILL == json.loads(body) == said["body"]
        assert ["GET", "GET"] == [call.method for call in desk.rig.calls()]
        assert [] == desk.rig.database.rows(select(attempts))

    def test_refused(self, desk: Desk):
        """The reason is one line on stderr."""
        desk.rig.add_order(an_order(package("900")))

        assert (
            "not posted: the order has invoice 900 already (Output, 10000 cents) (--replace allows it)"
            == desk.fails("invoice", "1-01", self.written(desk, BILL))
        )
        assert desk.says("invoice", "1-01", self.written(desk, BILL), "--replace")

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
    def test_faults(self, desk: Desk, change: dict[str, Any], fault: str):
        """A faulty file is told by field, before anything is asked of VTEX."""
        path = self.written(desk, {**BILL, **change})

        assert desk.fails("invoice", "1-01", path).startswith(f"{path}: {fault}")
        assert [] == desk.rig.calls()

    def test_no_json(self, desk: Desk):
        """What is no JSON is said to be none."""
        path = self.written(desk, "{")

        assert desk.fails("invoice", "1-01", path).startswith(f"{path}: $: is not JSON")

    def test_no_file(self, desk: Desk):
        """A file that is not there is said to be missing."""
        assert "nowhere.json: No such file or directory" == desk.fails("invoice", "1-01", "nowhere.json")

    def test_unknown_order(self, desk: Desk):
        """VTEX's own words are shown."""
        told = desk.fails("invoice", "2-01", self.written(desk, BILL))

        assert "account lux, order 2-01: HTTP 404: 1 Order not found" == told
