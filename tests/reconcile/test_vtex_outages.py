"""VTEX's bad days: who learns what, that nothing is lost, and that nothing is written twice."""

import itertools
from typing import Any

import pytest

from receiver.sandbox import create_sandbox, serve
from receiver.shipments import Reason, Visibility
from tests.support.outages import PARCELS, prepare, states, tell, told, written
from tests.support.reconciling import fields
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR


class TestPause:
    """VTEX asks for quiet, or does not know the key: the whole account rests, and everything is kept."""

    @pytest.mark.parametrize(
        ("fault", "retry_after", "seconds"),
        [
            ("throttle", "", 60),
            *((fault, wait, seconds) for fault in ("throttle", "unavailable")
              for wait, seconds in ((5, 60), (600, 600), ("date:600", 600), ("soon", 60))),
        ],
    )  # fmt: skip
    def test_quiet(self, rig: Rig, caplog: pytest.LogCaptureFixture, fault: str, retry_after: Any, seconds: int):
        """429 and 503 pause the account for all workers for as long as VTEX says, and for at least a minute."""
        prepare(rig)
        rig.faults(**{fault: 1.0}, retry_after=retry_after)
        rig.work()
        rig.new_worker("another").run_until_idle()
        assert 1 == len(rig.calls())
        assert 1 == len(told(caplog, "ERROR"))

        rig.later(seconds - 1)
        assert 1 == len(rig.calls())
        assert {("due", "account_paused"), ("due", None)} >= states(rig)
        assert {0} == {row["tries"] for row in rig.queries.shipments()}

        rig.later(2)
        assert 2 == len(rig.calls())
        assert 1 == len(told(caplog, "ERROR"))

        rig.faults()
        rig.later(3600)
        assert {("in_step", None)} == states(rig)
        assert [1] * 6 == written(rig)
        assert ["account resumed, VTEX answers again: account=lux"] == told(caplog, "WARNING")

    def test_outage(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """A 503 that does not say for how long is no 429: the account rests for 15 s, doubling to 5 minutes."""
        prepare(rig)
        rig.faults(unavailable=1.0)
        rig.works_until(HOUR)

        gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(rig.calls())]
        for gap, seconds in zip(gaps, [15, 30, 60, 120, 240, 300, 300], strict=False):
            assert 0.8 * seconds <= gap <= 1.2 * seconds
        assert 1 == len(told(caplog, "ERROR"))
        assert {0} == {row["tries"] for row in rig.queries.shipments()}

        rig.faults()
        rig.works_until(600)
        assert {("in_step", None)} == states(rig)
        assert [1] * 6 == written(rig)

    def test_single_503(self, rig: Rig):
        """One 503 costs the account some seconds, not a minute."""
        prepare(rig)
        rig.faults(unavailable=1.0)
        rig.work()
        rig.faults()
        rig.works_until(20)

        assert [1] * 6 == written(rig)

    @pytest.mark.parametrize("fault", ["unauthorized", "login_page", "redirect"])
    def test_key(self, rig: Rig, caplog: pytest.LogCaptureFixture, fault: str):
        """A key that does not work pauses the account with one loud line, while webhooks are still answered 200."""
        rig.faults(**{fault: True})
        prepare(rig)
        rig.works_until(DAY)
        tell(rig, 1, event="order.delivered")
        rig.works_until(DAY)

        assert 1 == len(
            [line for line in told(caplog, "ERROR") if "account paused, shipments wait: account=lux" in line]
        )
        assert [0] * 6 == written(rig)
        assert {("due", "account_paused"), ("due", None)} >= states(rig)
        gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(rig.calls())]
        assert [300, 600, 1200, 2400, 3600, 3600] == [round(gap) for gap in gaps[:6]]
        assert [{"name": "lux"}] == [{"name": row["name"]} for row in rig.queries.paused_accounts(now=rig.now)]

        rig.faults()
        rig.works_until(HOUR)
        assert {("in_step", None)} == states(rig)
        assert [1] * 6 == written(rig)
        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_key_in_force(self, rig: Rig):
        """A key that begins to fail between the GET and the PATCH costs nothing: both are done again."""
        prepare(rig)
        rig.faults(unauthorized=True, methods=frozenset({"PATCH"}))
        rig.work()
        rig.faults()
        rig.works_until(HOUR)

        assert [1] * 6 == written(rig)

    def test_another_account(self, rig: Rig):
        """A paused account does not disturb another."""
        with serve(create_sandbox([order("1-01", package("900"))], clock=lambda: rig.now)) as other:
            rig.configure(
                accounts={"second": {"base_url": other.url}},
                endpoints={
                    "melhor-envio": {**MELHOR_ENVIO, "account": "lux"},
                    "other": {**MELHOR_ENVIO, "account": "second"},
                },
            )
            prepare(rig)
            rig.faults(unauthorized=True)
            rig.work()
            rig.post(posted(), endpoint="other")
            rig.work()

        assert "in_step" == rig.shipment("other/p1")["state"]
        assert [0] * 6 == written(rig)

    def test_unknown_orders_prove_the_key(self, rig: Rig):
        """After a pause an answer 404 is an answer: the account works on as before."""
        tell(rig, 1)
        rig.faults(throttle=1.0)
        rig.work()
        rig.faults()
        rig.later(60)

        assert ("awaiting_order", "order_not_found") in states(rig)
        assert [] == rig.queries.paused_accounts(now=rig.now)


class TestRefused:
    """403: this order, or the key?"""

    def test_one(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """One order that is refused is held, alone; a retry after the role is corrected sends it."""
        prepare(rig)
        rig.faults(forbidden=frozenset({"1-01"}))
        rig.works_until(DAY)

        assert [0, 1, 1, 1, 1, 1] == written(rig)
        held = rig.shipment("melhor-envio/p1")
        assert ("held", "vtex_refused") == (held["state"], held["reason"])
        assert 1 == len(told(caplog, "WARNING"))

        rig.faults()
        assert 1 == rig.retry_all(state="held", reason="vtex_refused")
        rig.work()
        assert [1] * 6 == written(rig)

    def test_three(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """Three distinct orders refused are no longer about the orders: the account is paused, told once."""
        prepare(rig)
        rig.faults(forbidden=frozenset("*"))
        rig.work()

        assert 3 == len(rig.calls())
        assert ["lux"] == [row["name"] for row in rig.queries.paused_accounts(now=rig.now)]
        assert 1 == len(told(caplog, "ERROR"))

        rig.faults()
        rig.works_until(HOUR)
        rig.retry_all(state="held", reason="vtex_refused")
        rig.work()
        assert [1] * 6 == written(rig)


class TestUnroutable:
    """An HTML page under 400 is about the URL, mostly about an invoice's number."""

    ODD = tuple(f"9;{number}" for number in range(1, 4))

    def prepare(self, rig: Rig) -> None:
        """Three orders whose invoice numbers VTEX's web server does not take, and three ordinary ones."""
        prepare(rig)
        for number, odd in enumerate(self.ODD, 1):
            rig.add_order(order(f"{number}-01", package(odd)))

    def test_number(self, rig: Rig):
        """The three are held with their numbers named, for a cause that is not the key's; the others go on."""
        self.prepare(rig)
        rig.faults(unroutable=frozenset(self.ODD))
        rig.works_until(60)

        rows = [rig.shipment(f"melhor-envio/p{number}") for number in PARCELS]
        assert [("held", "vtex_rejected")] * 3 + [("in_step", None)] * 3 == [
            (row["state"], row["reason"]) for row in rows
        ]
        for odd, row in zip(self.ODD, rows, strict=False):
            assert f"/invoice/{odd}: HTTP 400 with an HTML page: it is about this URL, not about the key" in row["note"]
        assert [] == rig.queries.paused_accounts(now=rig.now)
        assert ["unroutable"] == [one["outcome"] for one in rig.attempts() if one["call"] == "PATCH"]

    def test_order(self, rig: Rig):
        """An order whose id the web server does not take is held alone, too."""
        prepare(rig)
        rig.faults(unroutable=frozenset({"1-01", "2-01", "3-01"}))
        rig.works_until(60)

        assert [0, 0, 0, 1, 1, 1] == written(rig)
        assert "orders/1-01: HTTP 400" in rig.shipment()["note"]

    def test_no_proof_of_the_key(self, rig: Rig):
        """A page of the web server does not end the pause of an account whose key does not work."""
        prepare(rig)
        rig.faults(unauthorized=True)
        rig.work()
        rig.faults(unauthorized=True, unroutable=frozenset(f"{number}-01" for number in PARCELS))
        rig.later(300)

        assert ["lux"] == [row["name"] for row in rig.queries.paused_accounts(now=rig.now)]


class TestTrouble:
    """VTEX's own trouble: tried again with growing delays."""

    @pytest.mark.parametrize(
        "fault", [{"server_error": 1.0}, {"server_error": 1.0, "error_form": "html"}, {"reset_before": 1.0}]
    )
    @pytest.mark.parametrize("only", [frozenset({"GET", "PATCH"}), frozenset({"PATCH"})])
    def test_down_for_an_hour(self, rig: Rig, fault: dict[str, Any], only: frozenset[str]):
        """After an hour of 5xx or closed connections everything is in step, and nothing was written twice."""
        prepare(rig)
        rig.faults(**fault, methods=only)
        rig.works_until(HOUR)

        assert {("due", "vtex_unavailable")} == states(rig)
        asked = [call.at for call in rig.calls("GET") if call.order == "1-01"]
        gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
        assert 4 <= gaps[0] <= 6
        assert 600 < gaps[-1]
        assert all(later > earlier for earlier, later in itertools.pairwise(gaps))

        rig.faults()
        rig.works_until(2 * HOUR)
        assert {("in_step", None)} == states(rig)
        assert [1] * 6 == written(rig)
        assert not [
            one for number in PARCELS for one in rig.attempts(f"melhor-envio/p{number}") if one["outcome"] is None
        ]

    @pytest.mark.parametrize("fault", [{"server_error": 1.0}, {"reset_before": 1.0, "methods": frozenset({"PATCH"})}])
    def test_news_meanwhile(self, rig: Rig, fault: dict[str, Any]):
        """News does not cut a back-off short, neither of a question nor of a write whose answer is lost."""
        prepare(rig)
        rig.faults(**fault)
        rig.works_until(600)
        calls = len(rig.calls())
        tell(rig, 1, tracking_url="https://track.example/new")
        rig.work()

        assert calls == len(rig.calls())

    def test_reset_after_applying(self, rig: Rig):
        """A write whose answer is lost is looked up and found: one PATCH, applied once, and its story is told."""
        rig.configure(read_back_seconds=10)
        prepare(rig)
        rig.faults(reset_after_applying=1.0)
        rig.works_until(DAY)

        assert [1] * 6 == written(rig)
        assert 6 == len(rig.calls("PATCH"))
        assert {("in_step", None)} == states(rig)
        assert [("GET order", "done"), ("PATCH", "applied, seen later"), ("GET order", "done")] == [
            (one["call"], one["outcome"]) for one in rig.attempts()
        ]
        row = rig.shipment()
        assert ("1-01", "900", "only_open_invoice") == (row["order_id"], row["invoice_number"], row["rule"])
        assert "TN1" == row["sent"]["trackingNumber"]

    def test_lost_answer_and_late(self, rig: Rig):
        """A write whose answer is lost is looked up only when it can be seen: it is not taken for missing."""
        rig.configure(read_back_seconds=10)
        prepare(rig)
        rig.faults(reset_after_applying=1.0, visible_after=9.0)
        rig.works_until(HOUR)

        assert [1] * 6 == written(rig)
        assert {("in_step", None)} == states(rig)

    def test_lost_answer_then_cancelled(self, rig: Rig):
        """A write whose answer is lost counts as sent: cancelled meanwhile, the parcel is for a person who knows it."""
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.faults(reset_after_applying=1.0)
        rig.work()
        tell(rig, 1, event="order.cancelled", canceled_at="2026-11-17T12:00:00+00:00")
        rig.works_until(HOUR)

        assert {("held", "cancelled_after_send")} == states(rig)
        assert ["done", "applied, seen later", "done"] == [one["outcome"] for one in rig.attempts()]

    def test_lost_answer_then_assigned(self, rig: Rig):
        """A person who names another order after a lost answer is obeyed, and the lost write is explained."""
        rig.add_order(order("1-01", package("900")), order("2-01", package("900")))
        tell(rig, 1)
        rig.faults(reset_after_applying=1.0)
        rig.work()
        rig.faults()
        rig.decisions.assign("melhor-envio/p1", order_id="2-01", invoice_number="900", now=rig.now)
        rig.work()

        assert "TN1" == fields(rig, "2-01")["trackingNumber"]
        assert ["done", "applied, seen later", "done", "done", "done"] == [one["outcome"] for one in rig.attempts()]

    def test_lost_answer_then_another_number(self, rig: Rig):
        """A number whose answer was lost is ours, even where someone has touched the invoice since: the next number
        replaces it."""
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.faults(reset_after_applying=1.0)
        rig.work()
        rig.faults()
        rig.add_order(order("1-01", package("900", trackingNumber="TN1", courier="Edited")))
        rig.post(posted("1-01", parcel="p1", number="TN1-NEW", at="2026-11-17T12:00:00+00:00"))
        rig.works_until(60)

        assert "TN1-NEW" == fields(rig)["trackingNumber"]

    def test_longer_than_the_horizon(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """Trouble beyond the horizon is given up and told once; a retry takes it up again."""
        rig.configure(horizon_days=1)
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.faults(server_error=1.0)
        rig.works_until(3 * DAY)
        assert {("gave_up", "vtex_unavailable")} == states(rig)
        assert Reason.VTEX_UNAVAILABLE.sentence in told(caplog, "WARNING")[0]
        assert 1 == len(told(caplog, "WARNING"))

        rig.faults()
        rig.decisions.retry("melhor-envio/p1", now=rig.now)
        rig.work()
        assert {("in_step", None)} == states(rig)

    def test_not_an_order(self, rig: Rig):
        """What is no order under 200 is VTEX's own trouble."""
        rig.add_order(order("1-01", package("900")))
        rig.sandbox.orders["1-01"]["orderId"] = None
        tell(rig, 1)
        rig.work()

        assert {("due", "vtex_unavailable")} == states(rig)


class TestVisibility:
    """A 200 is no proof."""

    def test_late(self, rig: Rig):
        """A write that is visible only later is verified at a later look, and written once."""
        rig.configure(read_back_seconds=10)
        rig.faults(visible_after=45.0)
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.works_until(DAY)

        assert ["GET order", "PATCH", "GET read-back", "GET read-back"] == [one["call"] for one in rig.attempts()]
        assert rig.shipment()["sent"]["verified"] is True

    def test_never(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """A write that never shows is held and told once; a retry writes it again."""
        rig.configure(read_back_seconds=10)
        rig.faults(visible_after=30 * DAY)
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.works_until(DAY)

        assert {("held", "not_applied")} == states(rig)
        assert 1 == len(rig.calls("PATCH"))
        assert 1 == len(told(caplog, "WARNING"))

        rig.faults()
        rig.add_order(order("1-01", package("900")))
        rig.decisions.retry("melhor-envio/p1", now=rig.now)
        rig.works_until(DAY)
        assert {("in_step", None)} == states(rig)
        assert "TN1" == fields(rig)["trackingNumber"]

    def test_overwritten(self, rig: Rig):
        """A write that someone else overwrites at once is for a person."""
        rig.configure(read_back_seconds=10)
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.work()
        rig.add_order(order("1-01", package("900", trackingNumber="THEIRS")))
        rig.works_until(DAY)

        assert {("held", "number_differs")} == states(rig)
        assert 1 == len(rig.calls("PATCH"))

    def test_trouble_at_the_read_back(self, rig: Rig):
        """Trouble at the read-back only puts it off."""
        rig.configure(read_back_seconds=10)
        prepare(rig)
        rig.work()
        rig.faults(server_error=1.0)
        rig.works_until(HOUR)
        rig.faults()
        rig.works_until(2 * HOUR)

        assert [1] * 6 == written(rig)
        assert {Visibility.SEEN} == {row["sent"].visibility for row in rig.queries.shipments()}
