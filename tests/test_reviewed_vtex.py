"""Faults that a reading of the whole found where parts of it meet."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.calls.background import Errands
from receiver.http import Answer, Http
from receiver.store import Background, Queue
from receiver.store.accounts import Accounts
from receiver.vtex.answers import Throttled, decipher
from receiver.vtex.client import Vtex
from receiver.vtex.facts import index_facts
from receiver.vtex.orders import read_order
from tests.console import Desk
from tests.rig import MELHOR_ENVIO, NOON, Rig, order, package, posted
from tests.test_invoicing import BILL, Clerk, an_order
from tests.test_reviewed import shipped

#: A carrier that names no order: only the index and links lead to one.
NAMELESS = {**MELHOR_ENVIO, "references": []}


ISSUER = "11222333000181"


def nfe_key(issuer: str, number: int) -> str:
    """An NF-e key of series 1."""
    return f"352611{issuer}55001{number:09}1123456780"


def learn(rig: Rig, *orders: dict[str, Any]) -> None:
    for one in orders:
        rig.index.learn("lux", index_facts(read_order(one)), now=rig.now)


class TestTheRightInvoice:
    """What the index remembers is no evidence of what an order shows now."""

    def test_number_moved_by_hand(self, rig_on_either: Rig):
        """A number typed at the wrong order, and corrected since, does not lead to that order's open invoice."""
        rig = rig_on_either
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        learn(rig, order("1-01", package("900", trackingNumber="TN1BR")))
        rig.add_order(order("1-01", package("900")), order("2-01", package("901", trackingNumber="TN1BR")))
        rig.post(posted(None))
        rig.work()

        assert [] == rig.calls("PATCH")
        assert "awaiting_order" == rig.shipment()["state"]

        learn(rig, rig.sandbox.orders["2-01"])
        rig.work()

        assert None is rig.package_of("1-01", "900")["trackingNumber"]
        assert ("2-01", "901", "tracking_number") == tuple(
            rig.shipment()[name] for name in ("order_id", "invoice_number", "rule")
        )

    @pytest.mark.parametrize("other", [ISSUER, "99888777000166"])
    def test_two_issuers(self, rig_on_either: Rig, other: str):
        """Series and number name an invoice only where one issuer invoices: each counts its own series."""
        rig = rig_on_either
        rig.configure(endpoints={"intelipost": {"carrier": "intelipost", "secrets": ["user:secret"]}})
        rig.add_order(order("1-01", package("900", invoiceKey=nfe_key(ISSUER, 900))))
        learn(rig, rig.sandbox.orders["1-01"], order("2-01", package("7", invoiceKey=nfe_key(other, 7))))
        told = shipped(None, "000900")
        told["invoice"]["invoice_series"] = "1"
        rig.post(told, endpoint="intelipost")
        rig.work()

        ended = ("in_step", None) if other == ISSUER else ("held", "ambiguous_order")
        row = rig.shipment("intelipost/P1")
        assert ended == (row["state"], row["reason"])
        assert len(rig.calls("PATCH")) == (other == ISSUER)


class TestPauses:
    """VTEX's word for quiet outlives calls that were under way when it came."""

    def test_errand_under_way(self, rig_on_either: Rig):
        """An answer to a call that began before the pause does not end it."""
        rig = rig_on_either
        rig.add_order(order("1-01"))
        queue = Queue(rig.database, holder="errands", lease=60)
        vtex = Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)
        errands = Errands(queue, vtex, clock=lambda: rig.now, sleep=lambda _: None)

        def asked_for_quiet_meanwhile() -> Any:
            queue.pause("lux", until=rig.now + 600, reason="429", own_fault=False, now=rig.now)
            return vtex.get_order("1-01")

        errands.call(asked_for_quiet_meanwhile)

        [paused] = rig.desk.paused_accounts(now=rig.now)
        assert rig.now + 600 == paused["until"]

    def test_invoice_with_a_dead_key(self, rig: Rig):
        """A key that does not work pauses the account, whichever call found out."""
        rig.add_order(an_order())
        rig.faults(unauthorized=True)
        with pytest.raises(Exception, match="not accepted"):
            Clerk(rig).post()

        assert ["lux"] == [paused["name"] for paused in rig.desk.paused_accounts(now=rig.now)]


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


def test_old_invoice_read_again(rig_on_either: Rig) -> None:
    """An invoice without tracking is as old as it is, however often its order is read."""
    rig = rig_on_either
    desk = Desk(rig)
    rig.now = time.time()
    days_ago = datetime.fromtimestamp(rig.now - 3 * 86_400, UTC).isoformat()
    learn(rig, order("1-01", package("900", issuanceDate=days_ago)), order("2-01", package("901")))
    learn(rig, order("1-01", package("900", issuanceDate=days_ago)))

    assert ["1-01"] == [row["order_id"] for row in desk.tells("reconcile", "--older-than", "48")]


def test_odd_order_is_read_once(rig_on_either: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """An order with what no database takes neither stops the index nor is read for ever."""
    rig = rig_on_either
    rig.add_order(order("1-01", package("9\x00", invoiceKey="3" * 44), sequence="\ud800"))
    Background(rig.database).note_news("lux", "1-01", now=rig.now)
    rig.work()
    rig.later(600)

    assert 1 == len(rig.calls("GET"))
    assert "stumbled" not in caplog.text


class TestOddAnswers:
    """What no database takes must not keep a shipment from settling."""

    def test_binary(self, rig_on_either: Rig):
        """An error whose body is no text is told without it."""
        rig = rig_on_either

        class Garbled(Vtex):
            def get_order(self, order_id: str) -> Any:
                return decipher(Answer(400, {}, b"\x1f\x8b\x00\x00 busy"), now=rig.now)

        rig.post(posted())
        queue, reconciler = rig.hands("garbled", Garbled)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reconciler.run(claim)

        assert ("held", "vtex_rejected") == (rig.shipment()["state"], rig.shipment()["reason"])

    def test_number(self, rig_on_either: Rig):
        """Nor does an invoice number that cannot be one."""
        rig = rig_on_either
        rig.add_order(order("1-01", package("9\x00", value=5_000), package("\ud800", value=5_000)))
        rig.post(posted())
        rig.work()

        assert ("held", "ambiguous_invoice") == (rig.shipment()["state"], rig.shipment()["reason"])


class TestSecrets:
    def test_foreign_hook(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """The URL of somebody else's hook may hold a token: the log gets none of what follows its path."""
        rig.configure(account={"hook_secrets": ["hook-secret"]})
        Background(rig.database).hook_installed("lux", "https://r.example/hooks/vtex/lux", now=NOON - 86_400)
        body = {"filter": {"type": "FromWorkflow"}, "hook": {"url": "https://u:pw@erp.example/in?code=s3cret#x"}}
        rig.sandbox_app.extensions["hooks"].configs["key"] = body
        with caplog.at_level(logging.WARNING):
            rig.work()

        assert "https://erp.example/in" in caplog.text
        assert "s3cret" not in caplog.text
        assert "pw" not in caplog.text


def test_right_of_its_own(rig: Rig) -> None:
    """A key that may not look at the hook, or list orders, still writes invoices: live work goes on."""
    rig.add_order(order("1-01", package("900")))
    rig.configure(account={"hook_secrets": ["hook-secret"]})
    Background(rig.database).hook_installed("lux", "https://r.example/hooks/vtex/lux", now=NOON - 86_400)
    rig.faults(login_page=True)
    rig.work()
    rig.faults()
    rig.post(posted())
    rig.work()

    assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]
