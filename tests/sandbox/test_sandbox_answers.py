"""The stand-in OMS server is odd as VTEX is odd, when told to: on the wire."""

import pytest

from receiver.sandbox import Faults
from tests.support.sandbox_client import (
    BILL,
    INVOICE,
    INVOICED,
    KEY,
    NOT_INVOICED,
    ORDERS,
    PATCH,
    TRACKED,
    TRACKING,
    OnLoopback,
)


class TestForms(OnLoopback):
    @pytest.mark.parametrize(
        ("form", "shown"),
        [
            ("", {"error": {"code": "1", "message": "Order not found", "exception": None}}),
            ("message", {"message": "Order not found"}),
            ("login", {"error": {"code": "1", "message": "Order not found", "exception": None}}),
        ],
    )
    def test_body(self, open_store, form, shown):
        """One refusal, in the shapes of VTEX's services; each keeps the contract."""
        answer = open_store(Faults(error_form=form)).get(f"{ORDERS}/nobody")

        assert (404, shown) == (answer.status_code, answer.json())

    def test_problem(self, open_store):
        """The shape of RFC 9110, which newer services have."""
        answer = open_store(Faults(error_form="problem")).get(f"{ORDERS}/nobody")

        assert (404, "Not Found", 404) == (answer.status_code, answer.json()["title"], answer.json()["status"])
        assert answer.json()["type"].startswith("https://tools.ietf.org/html/rfc9110")

    def test_empty(self, open_store):
        """No body at all, though its type is told."""
        answer = open_store(Faults(error_form="empty")).get(f"{ORDERS}/nobody")

        assert (404, b"", "application/json") == (answer.status_code, answer.content, answer.headers["Content-Type"])

    @pytest.mark.parametrize("fault", [{"unauthorized": True}, {"forbidden": frozenset("*")}])
    def test_login(self, open_store, fault):
        """A right that is missing leads to a login page."""
        answer = open_store(Faults(**fault, error_form="login")).get(f"{ORDERS}/{INVOICED}")

        assert (302, "/login") == (answer.status_code, answer.headers["Location"])

    def test_retry_after_stays(self, open_store):
        """Whatever the form, ``Retry-After`` is told."""
        store = open_store(Faults(throttle=1.0, retry_after=30, error_form="empty"))

        assert "30" == store.get(f"{ORDERS}/{INVOICED}").headers["Retry-After"]

    def test_missing_status(self, open_store):
        """Which status "Invoice Not Found" has, VTEX does not say."""
        answer = open_store(Faults(missing_status=400)).call("PATCH", f"{NOT_INVOICED}/invoice/1", PATCH)

        assert (400, "Invoice Not Found") == (answer.status_code, answer.json()["message"])


class TestSuccess(OnLoopback):
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PATCH", INVOICE, PATCH),
            ("PUT", f"{TRACKED}/tracking", TRACKING),
            ("POST", f"{NOT_INVOICED}/invoice", BILL),
        ],
    )
    def test_empty(self, open_store, method, path, body):
        """200 without a body, and yet applied."""
        store = open_store(Faults(empty_answers=True, methods=frozenset({method})))
        answer = store.call(method, path, body)

        assert (200, b"") == (answer.status_code, answer.content)
        assert [True] == [call.applied for call in store.sandbox.calls]

    @pytest.mark.parametrize("method", ["PATCH", "POST"])
    def test_unapplied(self, open_store, method):
        """A receipt, and nothing behind it; other methods are spared."""
        store = open_store(Faults(unapplied=1.0, methods=frozenset({method})))
        statuses = [
            store.call("PATCH", INVOICE, PATCH).status_code,
            store.call("POST", f"{NOT_INVOICED}/invoice", BILL).status_code,
        ]
        applied = {call.method: call.applied for call in store.sandbox.calls}

        assert [200, 200] == statuses
        assert {"PATCH": method != "PATCH", "POST": method != "POST"} == applied
        assert (store.package()["trackingNumber"] is None) == (method == "PATCH")

    def test_media_type(self, store):
        """PUT and the list tell their character set, PATCH does not: as the reference has it."""
        put = store.call("PUT", f"{TRACKED}/tracking", TRACKING)
        patch = store.call("PATCH", INVOICE, PATCH)

        assert "application/json; charset=utf-8" == put.headers["Content-Type"]
        assert "application/json; charset=utf-8" == store.raw("GET", ORDERS).headers["Content-Type"]
        assert "application/json" == patch.headers["Content-Type"]

    def test_merge(self, open_store):
        """Where PATCH merges, a null leaves what was there."""
        store = open_store(Faults(merge_patch=True))
        store.call("PATCH", INVOICE, PATCH)
        bare = {"trackingNumber": "BR2", "trackingUrl": None, "courier": None, "dispatchedDate": None}
        store.call("PATCH", INVOICE, bare)

        package = store.package()
        assert ("BR2", PATCH["trackingUrl"], PATCH["courier"]) == tuple(
            package[name] for name in ("trackingNumber", "trackingUrl", "courier")
        )
        assert PATCH["dispatchedDate"] in store.sandbox.dispatched.values()


class TestRights(OnLoopback):
    CALLS = (
        ("view", "GET", f"{ORDERS}/{INVOICED}", None),
        ("view", "GET", f"{ORDERS}/order-group/1398210457736", None),
        ("list", "GET", ORDERS, None),
        ("notify", "PATCH", INVOICE, PATCH),
        ("notify", "PUT", f"{TRACKED}/tracking", TRACKING),
        ("notify", "POST", f"{NOT_INVOICED}/invoice", BILL),
        ("hook", "GET", "/api/orders/hook/config", None),
    )

    @pytest.mark.parametrize("right", ["view", "list", "notify", "hook"])
    def test_lacking(self, open_store, right):
        """A resource that the role lacks closes its calls, and no others."""
        store = open_store(Faults(lacking=frozenset({right})))
        closed = {needed for needed, *call in self.CALLS if store.raw(*call).status_code == 403}

        assert {right} == closed

    def test_per_minute(self, open_store, clock):
        """So many calls within any minute, and no more."""
        store = open_store(Faults(per_minute=3))
        first = [store.get(f"{ORDERS}/{INVOICED}").status_code for _ in range(4)]
        clock.now += 60

        assert [200, 200, 200, 429] == first
        assert 200 == store.get(f"{ORDERS}/{INVOICED}").status_code

    def test_delete_in_trouble(self, open_store):
        """Removing a hook can fail as every other call."""
        store = open_store(Faults(server_error=1.0, methods=frozenset({"DELETE"})))

        assert 500 == store.raw("DELETE", "/api/orders/hook/config", headers={"X-VTEX-API-AppKey": KEY}).status_code


class TestOrders(OnLoopback):
    def test_odd(self, open_store, orders):
        """The same packages, turned round and in other forms; what was put in stays as it was."""
        store = open_store(Faults(odd_orders=True))
        two = next(order for order in orders if order["orderId"] == "1398210458102-01")
        shown = store.raw("GET", f"{ORDERS}/1398210458102-01").json()
        numbers = [one["invoiceNumber"] for one in shown["packageAttachment"]["packages"]]

        assert numbers == [one["invoiceNumber"] for one in reversed(two["packageAttachment"]["packages"])]
        assert (None, None) == (shown["status"], shown["orderGroup"])
        assert {("unknown", None, True)} == {
            (one["courierStatus"], one["volumes"], one["EnableInferItems"])
            for one in shown["packageAttachment"]["packages"]
        }
        assert two == store.sandbox.orders["1398210458102-01"]
        assert store.raw("GET", NOT_INVOICED).json()["packageAttachment"] is None

    @pytest.mark.parametrize(
        ("created", "status"),
        [("2024-09-21T10:00:00+00:00", 404), ("2024-09-23T10:00:00", 200), ("soon", 200), (None, 200)],
    )
    def test_two_years(self, open_store, orders, created, status):
        """Older orders are gone; one without a date is not."""
        store = open_store(Faults(two_years=True))
        store.sandbox.put({**orders[0], "creationDate": created})

        assert status == store.raw("GET", f"{ORDERS}/{orders[0]['orderId']}").status_code

    def test_receipt_without_a_seller(self, store, orders):
        """The receipt's id is never the one that was asked about."""
        invoiced = next(order for order in orders if order["orderId"] == INVOICED)
        store.sandbox.put({name: value for name, value in invoiced.items() if name != "sellerOrderId"})

        assert f"00-{INVOICED}" == store.call("PATCH", INVOICE, PATCH).json()["orderId"]

    @pytest.mark.parametrize(
        ("repost", "status", "values"),
        [("receipt", 200, [5970]), ("refused", 400, [5970]), ("replaced", 200, [5000]), ("doubled", 200, [5970, 5000])],
    )
    def test_number_again(self, open_store, repost, status, values):
        """The same number a second time: whatever one of VTEX's documents says."""
        store = open_store(Faults(repost=repost))
        store.call("POST", f"{NOT_INVOICED}/invoice", BILL)
        again = store.call("POST", f"{NOT_INVOICED}/invoice", {**BILL, "invoiceValue": "5000"})
        packages = store.get(NOT_INVOICED).json()["packageAttachment"]["packages"]

        assert (status, values) == (again.status_code, [one["invoiceValue"] for one in packages])
