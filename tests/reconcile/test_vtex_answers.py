"""What the receiver makes of VTEX's odder ways: its forms of refusal, empty answers, missing rights, odd orders."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.http import Answer, Http
from receiver.sandbox import create_sandbox, serve
from receiver.shipments import Visibility
from receiver.vtex.answers import Misconfigured, Refused, Throttled
from receiver.vtex.client import Vtex
from tests.support.backfilling import invoiced, made
from tests.support.frenet_events import INVOICE, called, prepared, puts, scanned, status
from tests.support.outages import PARCELS, prepare, states, tell, told, written
from tests.support.reconciling import FRENET, fields, naming, rest
from tests.support.rig import MELHOR_ENVIO, NOON, Rig, order, package, posted
from tests.support.times import DAY, HOUR

KEY = "35261112345678000195550010000009001123456789"
FORMS = ["html", "problem", "message", "empty", "login"]


class Busy(Vtex):
    """VTEX that takes no writes for a minute."""

    def patch_invoice(self, *_: Any, **__: Any) -> Any:
        raise Throttled("HTTP 429", 429, 60.0)


def scan(rig: Rig, *texts: str, **rest: Any) -> None:
    """Tell of Frenet's parcel with these scans."""
    assert 200 == rig.post(scanned(*texts, **rest), endpoint="frenet").status_code


def vtex(rig: Rig) -> Vtex:
    return Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)


class TestForms:
    """One trouble in every form in which VTEX may say it: the status tells, not the body."""

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("fault", ["throttle", "unavailable", "server_error", "unauthorized"])
    def test_trouble(self, rig: Rig, form: str, fault: str):
        """The account pauses or the shipment backs off; afterwards all is in step, and written once."""
        prepare(rig)
        rig.faults(**{fault: fault == "unauthorized" or 1.0}, error_form=form)
        rig.work()
        reason = "vtex_unavailable" if fault == "server_error" else "account_paused"
        assert ("due", reason) in states(rig)
        assert bool(rig.queries.paused_accounts(now=rig.now)) == (fault != "server_error")

        rig.faults()
        rig.works_until(HOUR)
        assert {("in_step", None)} == states(rig)
        assert [1] * 6 == written(rig)

    @pytest.mark.parametrize("code", [408, 502, 504])
    def test_gateways(self, rig: Rig, code: int):
        """A gateway's trouble is VTEX's: tried again."""
        prepare(rig)
        rig.faults(server_error=1.0, error_status=code)
        rig.works_until(600)
        assert {("due", "vtex_unavailable")} == states(rig)

        rig.faults()
        rig.works_until(HOUR)
        assert [1] * 6 == written(rig)

    @pytest.mark.parametrize(
        ("form", "rests"),
        [(form, ("awaiting_order", "order_not_found")) for form in ("", "problem", "message", "empty", "login")]
        + [("html", ("held", "vtex_rejected"))],
    )
    def test_unknown_order(self, rig: Rig, form: str, rests: tuple[str, str]):
        """A 404 is waited for, whatever it says; a page says nothing of the order, and is for a person."""
        tell(rig, 1)
        rig.faults(error_form=form)
        rig.work()

        assert {rests} == states(rig)

    @pytest.mark.parametrize("code", [404, 400])
    def test_no_such_invoice(self, rig: Rig, code: int):
        """VTEX does not say with which status "Invoice Not Found" comes: it is waited for by its words."""
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.on_slow = lambda _: rig.add_order(order("1-01"))
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"GET"}), missing_status=code)
        rig.work()
        assert {("awaiting_invoice", "invoice_not_there")} == states(rig)
        assert [code] == [call.status for call in rig.calls("PATCH")]

        rig.faults()
        rig.add_order(order("1-01", package("900")))
        rig.works_until(HOUR)
        assert "TN1" == fields(rig)["trackingNumber"]

    @pytest.mark.parametrize("code", [404, 400])
    def test_no_such_invoice_for_events(self, rig: Rig, code: int):
        """So do events wait for an invoice that the call for them does not see yet."""
        prepared(rig)
        rig.configure(endpoints={"frenet": FRENET})
        scan(rig, "a")
        rig.on_slow = lambda _: rig.add_order(order("A-01"))
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"PATCH"}), missing_status=code)
        rig.work()

        row = rig.shipment("frenet/1")
        assert ("in_step", [code]) == (row["state"], [call.status for call in rig.calls("PUT")])
        assert "wait for the invoice" in row["note"]


class TestAnswers:
    """200, and yet."""

    def test_empty_receipts(self, rig: Rig):
        """A write that is answered with nothing was done; no receipt is made up."""
        prepared(rig)
        rig.faults(empty_answers=True, methods=frozenset({"PATCH", "PUT"}))
        scan(rig, "a")
        rig.works_until(HOUR)

        assert ["GET", "PATCH", "GET", "PUT"] == called(rig)
        row = rig.shipment("frenet/1")
        assert ("in_step", True) == (row["state"], row["sent"]["verified"])
        assert [None] == [one["answer"] for one in rig.attempts("frenet/1") if one["call"] == "PATCH"]

    def test_empty_order(self, rig: Rig):
        """An order that is answered with nothing is VTEX's trouble."""
        prepare(rig)
        rig.faults(empty_answers=True)
        rig.work()
        assert {("due", "vtex_unavailable")} == states(rig)

        rig.faults()
        rig.works_until(HOUR)
        assert [1] * 6 == written(rig)

    def test_receipt_of_another_name(self, rig: Rig):
        """The receipt names the order as the seller does: it proves nothing, and disturbs no one."""
        prepare(rig)
        rig.work()
        receipt = vtex(rig).patch_invoice("1-01", "900", rig.calls("PATCH")[0].body)

        assert "00-1-01" == receipt["orderId"]
        assert {("in_step", None)} == states(rig)
        assert [32] == [len(one["answer"]) for one in rig.attempts() if one["call"] == "PATCH"]

    def test_unapplied(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """A PATCH that got its receipt and was never applied is held and told; a retry writes it."""
        rig.configure(read_back_seconds=10)
        rig.add_order(order("1-01", package("900")))
        tell(rig, 1)
        rig.faults(unapplied=1.0)
        rig.works_until(DAY)
        assert ({("held", "not_applied")}, 1) == (states(rig), len(told(caplog, "WARNING")))
        assert 1 == len(rig.calls("PATCH"))

        rig.faults()
        rig.decisions.retry("melhor-envio/p1", now=rig.now)
        rig.works_until(DAY)
        assert ({("in_step", None)}, "TN1") == (states(rig), fields(rig)["trackingNumber"])

    def test_unapplied_beside_its_like(self, rig: Rig):
        """Another invoice of the order that shows the same number is no proof of the write."""
        rig.configure(read_back_seconds=10)
        rig.add_order(order("1-01", package("900"), package("901"), value=20_000))
        tell(rig, 1)
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.works_until(DAY)
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="901", now=rig.now)
        rig.faults(unapplied=1.0)
        rig.works_until(DAY)

        assert {("held", "not_applied")} == states(rig)

    @pytest.mark.parametrize("ends", ["voided", "dismissed"])
    def test_throttled_write(self, rig: Rig, ends: str):
        """An invoice is not kept for a label whose write was not applied, once that label is voided or dismissed."""
        rig.configure(send_on="label")
        rig.add_order(order("1-01", package("900")))
        label: dict[str, Any] = {"event": "order.generated", "generated_at": "2026-11-10T12:00:00+00:00"}
        rig.post(posted(parcel="p1", number="TN1BR", **label))
        queue, reconciler = rig.hands("busy", Busy)
        (claim,) = queue.claim("lux", most=5, now=rig.now)
        reconciler.run(claim)
        assert ("due", "account_paused") == rest(rig)
        if ends == "voided":
            rig.post(posted(parcel="p1", event="order.cancelled", canceled_at="2026-11-10T13:00:00+00:00"))
        else:
            rig.decisions.dismiss("melhor-envio/p1", now=rig.now)
        rig.post(posted(parcel="p2", number="TN2BR", **label))
        rig.works_until(HOUR)

        assert "TN2BR" == fields(rig)["trackingNumber"]

    def test_events_refused_for_days(self, rig: Rig):
        """Events that VTEX fails to take are given up after the horizon, also long after the write."""
        prepared(rig)
        scan(rig, "a")
        rig.works_until(DAY)
        rig.faults(server_error=1.0, methods=frozenset({"PUT"}))
        scan(rig, "a", "b")
        rig.works_until(9 * DAY)

        assert ("gave_up", "vtex_unavailable") == rest(rig, "frenet/1")

    def test_unapplied_events(self, rig: Rig):
        """No one can see whether events were applied; the next scan brings the whole set again."""
        prepared(rig)
        scan(rig, "a")
        rig.faults(unapplied=1.0, methods=frozenset({"PUT"}))
        rig.works_until(HOUR)
        assert "in_step" == rig.shipment("frenet/1")["state"]
        rig.faults()
        scan(rig, "a", "b")
        rig.works_until(HOUR)

        assert [["a"], ["a", "b"]] == puts(rig)
        assert ["a", "b"] == sorted(one["description"] for one in status(rig)["data"])

    def test_events_added(self, rig: Rig):
        """Where VTEX adds events to those before, it shows them twice: no look could tell, and nothing is held."""
        prepared(rig)
        rig.faults(append_events=True)
        scan(rig, "a")
        rig.works_until(HOUR)
        scan(rig, "a", "b")
        rig.works_until(HOUR)

        assert ["a", "a", "b"] == sorted(one["description"] for one in status(rig)["data"])
        assert "in_step" == rig.shipment("frenet/1")["state"]

    def test_merged(self, rig: Rig):
        """Where VTEX keeps what a null does not fill, another parcel's page stays: the read-back tells a person."""
        prepared(rig, second_parcel="latest", events=False)
        rig.faults(merge_patch=True)
        rig.post({**scanned("a"), "TrackingUrl": "https://t.example/1"}, endpoint="frenet")
        rig.works_until(HOUR)
        assert ("in_step", True) == (rig.shipment("frenet/1")["state"], rig.shipment("frenet/1")["sent"]["verified"])
        late = datetime(2026, 11, 12, 12, tzinfo=UTC)
        rig.post(scanned("b", parcel=2, number="TN2", at=late), endpoint="frenet")
        rig.works_until(HOUR)

        held = rig.package_of(*INVOICE)
        assert ("TN2", "https://t.example/1") == (held["trackingNumber"], held["trackingUrl"])
        assert ("held", "not_applied") == tuple(rig.shipment("frenet/2")[name] for name in ("state", "reason"))


class TestRights:
    """A key that may do some things, and not others."""

    def test_no_list(self, rig: Rig):
        """A key that may not list orders ends the back-fill, and does not hinder one parcel."""
        prepare(rig)
        rig.faults(lacking=frozenset({"list"}))
        with pytest.raises(Refused):
            made(rig).run(rig.now - DAY, None)
        rig.work()

        assert [1] * 6 == written(rig)

    def test_no_list_but_a_page(self, rig: Rig):
        """A right that is missing may lead to a login page: for another call than the parcels' it pauses no one."""
        prepare(rig)
        rig.faults(lacking=frozenset({"list"}), error_form="login")
        with pytest.raises(Misconfigured):
            made(rig).run(rig.now - DAY, None)
        assert [] == rig.queries.paused_accounts(now=rig.now)
        rig.work()

        assert [1] * 6 == written(rig)

    @pytest.mark.parametrize("right", ["view", "notify"])
    def test_no_orders(self, rig: Rig, right: str):
        """A key that may not read or write pauses the account after three orders; nothing is lost."""
        prepare(rig)
        rig.faults(lacking=frozenset({right}))
        rig.work()
        assert ["lux"] == [row["name"] for row in rig.queries.paused_accounts(now=rig.now)]

        rig.faults()
        rig.works_until(HOUR)
        rig.retry_all(state="held", reason="vtex_refused")
        rig.work()
        assert [1] * 6 == written(rig)

    @pytest.mark.parametrize("accepted", ["old", "new"])
    def test_rotation(self, rig: Rig, accepted: str):
        """Of two tokens either may be the one that VTEX takes: no one pauses."""
        app = create_sandbox([order("1-01", package("900"))], accounts_token=("key", accepted), clock=lambda: rig.now)
        with serve(app) as vtex:
            rig.configure(account={"base_url": vtex.url, "app_token": ["new", "old"]})
            tell(rig, 1)
            rig.work()

        assert {("in_step", None)} == states(rig)
        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_rotation_remembered(self, rig: Rig):
        """The token that VTEX takes is the first one tried from then on, in both directions of a rotation."""
        taken = {"token": "old"}
        tried: list[str | None] = []

        class Watched(Http):
            def call(self, method: str, url: str, *, headers: Mapping[str, str], **rest: Any) -> Answer:
                tried.append(headers["X-VTEX-API-AppToken"])
                status = 200 if tried[-1] == taken["token"] else 401
                return Answer(status, {}, b"{}")

        rig.configure(account={"app_token": ["new", "old"]})
        vtex = Vtex(rig.config.accounts["lux"], Watched([rig.vtex_url]), clock=lambda: rig.now)
        vtex.get_order("1-01")
        vtex.get_order("1-01")
        assert ["new", "old", "old"] == tried
        taken["token"] = "new"
        vtex.get_order("1-01")
        vtex.get_order("1-01")
        assert ["old", "new", "new"] == tried[3:]
        taken["token"] = "neither"
        with pytest.raises(Misconfigured):
            vtex.get_order("1-01")
        assert ["new", "old"] == tried[6:]

    def test_pace(self, rig: Rig):
        """Who keeps to the pace never meets the limit; who does not is told, and pauses."""
        rig.configure(account={"requests_per_minute": 12})
        prepare(rig)
        rig.faults(per_minute=12)

        def sleep(seconds: float) -> None:
            rig.now += seconds

        worker, began = rig.new_worker("paced", sleep=sleep), rig.now
        while {("in_step", None)} != states(rig) and rig.now < began + HOUR:
            worker.run_until_idle()
            rig.now += 1
        assert {200} == {call.status for call in rig.calls()}
        assert [1] * 6 == written(rig)

        rig.configure()
        for number in PARCELS:
            tell(rig, number, tracking_url="https://track.example/new")
        rig.work()
        assert 429 == rig.calls()[-1].status
        assert ["lux"] == [row["name"] for row in rig.queries.paused_accounts(now=rig.now)]


class TestOrders:
    """Orders as integrators met them."""

    def test_only_invoice(self, rig: Rig):
        """No status, no group, no items, a text for the courier's status: the invoice is found, written and seen."""
        rig.configure(read_back_seconds=10)
        rig.faults(odd_orders=True)
        prepare(rig)
        rig.works_until(HOUR)

        assert {("in_step", None, Visibility.SEEN)} == {
            (row["state"], row["reason"], row["sent"].visibility) for row in rig.queries.shipments()
        }
        assert [1] * 6 == written(rig)

    def test_key(self, rig: Rig):
        """Of three packages, turned round and with prefixed keys, the one of the carrier's key is written."""
        rig.configure(endpoints={"me": {**MELHOR_ENVIO, "references": [*MELHOR_ENVIO["references"], _KEYS]}})
        others = (package("900", value=5_000), package("902", kind="Input"))
        rig.add_order(order("1-01", *others, package("901", value=5_000, invoiceKey=KEY)))
        rig.faults(odd_orders=True)
        rig.post(posted(tags=[{"tag": "1-01"}, {"tag": KEY}]), endpoint="me")
        rig.work()

        assert "TN1BR" == rig.package_of("1-01", "901")["trackingNumber"]
        assert "invoice_key" == rig.shipment("me/p1")["rule"]

    def test_no_invoice(self, rig: Rig):
        """No ``packageAttachment`` at all is no invoice yet."""
        rig.add_order(order("1-01"))
        rig.faults(odd_orders=True)
        tell(rig, 1)
        rig.work()

        assert {("awaiting_invoice", "no_invoice")} == states(rig)

    @pytest.mark.parametrize("named", ["1-01", "seq501", "1"])
    def test_two_years(self, rig: Rig, named: str):
        """What VTEX no longer shows is not there, by whatever name; the list does not know it either."""
        created = datetime.fromtimestamp(NOON - 731 * DAY, UTC).isoformat()
        recent = datetime.fromtimestamp(NOON - HOUR, UTC).isoformat()
        rig.configure(endpoints=naming("sequence" if named.startswith("seq") else "order_id"))
        rig.add_order(order("1-01", package("900"), sequence="501", creationDate=created, invoicedDate=recent))
        rig.faults(two_years=True)
        rig.post(posted(named))
        rig.work()

        assert {("awaiting_order", "order_not_found")} == states(rig)
        assert 0 == made(rig).run(rig.now - DAY, None).orders

    def test_marketplace(self, rig: Rig):
        """The marketplace's own id of the order is no one's here: awaited, not guessed."""
        rig.add_order(order("SLR-1-01", package("900"), marketplaceOrderId="1-01"))
        tell(rig, 1)
        rig.work()

        assert {("awaiting_order", "order_not_found")} == states(rig)

    def test_stale_list(self, rig: Rig):
        """What the list calls canceled may long be invoiced: only the order itself is believed."""
        invoiced(rig, 1, 1, invoiceKey=KEY)
        order_now = rig.sandbox.orders["1-01"]
        rig.add_order({**order_now, "orderId": "2-01", "status": "canceled"})
        rig.add_order({**order_now, "orderId": "2-01"})
        entries = vtex(rig).list_orders({})["list"]
        assert {"1-01": "invoiced", "2-01": "canceled"} == {one["orderId"]: one["status"] for one in entries}
        made(rig).run(rig.now - 2 * DAY, None)

        known = rig.index.orders_named("lux", "invoice_key", KEY)
        assert ["1-01", "2-01"] == sorted(row["order_id"] for row in known)


_KEYS = {"path": "data.tags[*].tag", "pattern": r"^(\d{44})$", "is": "invoice_key"}
