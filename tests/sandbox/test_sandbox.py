"""The stand-in OMS server answers the five calls over real HTTP as VTEX documents them."""

import pytest

from receiver.sandbox import Faults
from tests.support.sandbox_client import (
    BILL,
    EVENT,
    INVOICE,
    INVOICED,
    KEY,
    NOT_INVOICED,
    NUMBER,
    ORDERS,
    PARTLY,
    PATCH,
    TOKEN,
    TRACKED,
    TRACKING,
    OnLoopback,
)
from tests.support.vtex_contract import ORDER, PACKAGE, faults_of, request_faults


class TestReadingOrders(OnLoopback):
    def test_every_sample(self, store, orders):
        """GET shows each sample order as it was put in, and each keeps the contract."""
        for order in orders:
            assert order == store.get(f"{ORDERS}/{order['orderId']}").json()

    def test_sequence(self, store):
        """``seq`` and the sequence number name the same order."""
        assert INVOICED == store.get(f"{ORDERS}/seq610244").json()["orderId"]

    def test_order_group(self, store):
        """A purchase split over two sellers is a list of two orders."""
        answer = store.get(f"{ORDERS}/order-group/1398210458490")

        assert ["1398210458490-01", "1398210458490-02"] == [order["orderId"] for order in answer.json()]

    def test_unknown_group(self, store):
        """A group no one knows holds no orders."""
        assert [] == store.get(f"{ORDERS}/order-group/nobody").json()

    @pytest.mark.parametrize("name", ["nobody", "seq1", "seq", "1398210458490"])
    def test_unknown_order(self, store, name):
        """An unknown order is a 404 in the order management's own error shape."""
        answer = store.get(f"{ORDERS}/{name}")

        assert (404, "Order not found") == (answer.status_code, answer.json()["error"]["message"])


class TestCredentials(OnLoopback):
    @pytest.mark.parametrize("missing", [["X-VTEX-API-AppKey"], ["X-VTEX-API-AppToken"], None])
    def test_both_are_needed(self, store, missing):
        """Without both headers every call is 401 in the documented body."""
        for name in missing or list(store.session.headers):
            del store.session.headers[name]

        answer = store.get(f"{ORDERS}/{INVOICED}")

        assert 401 == answer.status_code
        assert {"error": {"code": "1", "message": "Unauthorized access", "exception": None}} == answer.json()

    def test_the_right_pair(self, open_store):
        """With a pair set, that pair enters."""
        assert 200 == open_store(accounts_token=(KEY, TOKEN)).get(f"{ORDERS}/{INVOICED}").status_code

    @pytest.mark.parametrize("pair", [(KEY, "other"), ("other", TOKEN)])
    def test_a_wrong_pair(self, open_store, pair):
        """With a pair set, no other enters, and its write is not applied."""
        store = open_store(accounts_token=pair)

        assert 401 == store.call("PATCH", INVOICE, PATCH).status_code
        assert [] == store.sandbox.writes(INVOICED, NUMBER)


class TestPatch(OnLoopback):
    def test_fields(self, store):
        """The invoice takes number, URL and courier; the date is kept but no GET ever shows it."""
        assert 200 == store.call("PATCH", INVOICE, PATCH).status_code

        package = store.package()
        assert ("BR1", PATCH["trackingUrl"], "Carrier") == (
            package["trackingNumber"],
            package["trackingUrl"],
            package["courier"],
        )
        assert "dispatchedDate" not in package
        assert PATCH["dispatchedDate"] == store.sandbox.dispatched[INVOICED, NUMBER]

    def test_receipt(self, store):
        """The receipt names the order by the seller's id, and every call gets a new one."""
        first, second = (store.call("PATCH", INVOICE, PATCH).json() for _ in range(2))

        assert f"00-{INVOICED}" == first["orderId"]
        assert first["receipt"] != second["receipt"]

    def test_null_blanks(self, store):
        """A null replaces what was there: merging is the client's business."""
        bare = {"trackingNumber": "BR2", "trackingUrl": None, "courier": None, "dispatchedDate": None}
        store.call("PATCH", TRACKED, bare)

        package = store.package("1398210457811-01")
        assert ("BR2", None, None) == (package["trackingNumber"], package["trackingUrl"], package["courier"])
        assert {("1398210457811-01", "48220"): None} == store.sandbox.dispatched

    @pytest.mark.parametrize("name", list(PATCH))
    def test_a_key_missing(self, store, name):
        """All four keys are required."""
        answer = store.call("PATCH", INVOICE, {key: value for key, value in PATCH.items() if key != name})

        assert 400 == answer.status_code
        assert f"$.{name}: is missing" == answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        "body", [{**PATCH, "trackingNumber": None}, {**PATCH, "trackingNumber": 1}, {**PATCH, "courier": []}, [], None]
    )
    def test_wrong_types(self, store, body):
        """A null tracking number, a number for a text or no object at all is refused, and nothing is applied."""
        assert 400 == store.call("PATCH", INVOICE, body).status_code
        assert store.package()["trackingNumber"] is None

    def test_one_of_two_invoices(self, store):
        """Only the invoice in the path changes."""
        store.call("PATCH", f"{ORDERS}/1398210458102-01/invoice/48232", PATCH)

        assert store.package("1398210458102-01", 0)["trackingNumber"] is None
        assert "BR1" == store.package("1398210458102-01", 1)["trackingNumber"]

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param(f"{ORDERS}/{INVOICED}/invoice/48213", id="without its zeros"),
            pytest.param(f"{ORDERS}/1398210458377-01/invoice/D-77", id="a returned parcel"),
            pytest.param(f"{NOT_INVOICED}/invoice/48213", id="no invoice yet"),
        ],
    )
    @pytest.mark.parametrize(("method", "body"), [("PATCH", PATCH), ("PUT", TRACKING)])
    def test_unknown_invoice(self, store, path, method, body):
        """Only an Output package of exactly that number is an invoice."""
        answer = store.call(method, path + ("/tracking" if method == "PUT" else ""), body)

        assert (404, {"message": "Invoice Not Found"}) == (answer.status_code, answer.json())

    @pytest.mark.parametrize("name", ["nobody", "seq610244"])
    def test_unknown_order(self, store, name):
        """Writing needs the order's very id."""
        answer = store.call("PATCH", f"{ORDERS}/{name}/invoice/{NUMBER}", PATCH)

        assert (404, "Order not found") == (answer.status_code, answer.json()["error"]["message"])

    @pytest.mark.parametrize("number", ["48280/1", "48280%2F1", "48280%2f1"])
    def test_slash(self, store, number):
        """A slash splits the path, encoded or not: no route, an HTML 404, nothing applied (KI-1302085)."""
        answer = store.raw("PATCH", f"{ORDERS}/1398210458655-01/invoice/{number}", PATCH)

        assert (404, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        assert store.package("1398210458655-01")["trackingNumber"] is None

    def test_space(self, store):
        """A space in the number is a 500, even where that number exists (KI-409225)."""
        answer = store.call("PATCH", f"{ORDERS}/1398210458655-01/invoice/48281%20A", PATCH)

        assert (500, {"message": "An error has occurred"}) == (answer.status_code, answer.json())
        assert store.package("1398210458655-01", 1)["trackingNumber"] is None

    def test_percent_encoded(self, store):
        """Any other character may be percent-encoded."""
        assert 200 == store.call("PATCH", INVOICE.replace("-", "%2D"), PATCH).status_code
        assert "BR1" == store.package()["trackingNumber"]


class TestTracking(OnLoopback):
    def test_events(self, store):
        """Events appear with VTEX's own fields; the status stays unknown and nothing is finished."""
        assert 200 == store.call("PUT", f"{TRACKED}/tracking", TRACKING).status_code

        assert {
            "status": "unknown",
            "finished": False,
            "data": [
                {
                    "lastChange": "2026-09-15T00:00:00+00:00",
                    "city": "Campinas",
                    "state": "SP",
                    "description": "Coletado",
                    "createDate": "2026-09-21T14:13:20.0000000+00:00",
                }
            ],
        } == store.package("1398210457811-01")["courierStatus"]

    def test_delivered(self, store):
        """Delivery finishes the parcel with its date, and leaves the order's status alone."""
        body = {"isDelivered": True, "deliveredDate": "2026-09-18 16:40", "events": []}
        store.call("PUT", f"{TRACKED}/tracking", body)

        status = store.package("1398210457811-01")["courierStatus"]
        assert (True, "unknown", "2026-09-18T16:40:00+00:00") == (
            status["finished"],
            status["status"],
            status["deliveredDate"],
        )
        assert "invoiced" == store.get(f"{ORDERS}/1398210457811-01").json()["status"]

    @pytest.mark.parametrize(("append", "expected"), [(False, ["second"]), (True, ["first", "second"])])
    def test_twice(self, open_store, append, expected):
        """A second call replaces the events of the first, or adds to them where that is asked for."""
        store = open_store(Faults(append_events=append))
        for description in ("first", "second"):
            event = {**EVENT, "description": description}
            store.call("PUT", f"{TRACKED}/tracking", {**TRACKING, "events": [event]})

        data = store.package("1398210457811-01")["courierStatus"]["data"]
        assert expected == [event["description"] for event in data]

    def test_without_a_tracking_number(self, store):
        """Events need a tracking number on the invoice first."""
        answer = store.call("PUT", f"{INVOICE}/tracking", TRACKING)

        assert (400, "$: the invoice has no tracking number") == (answer.status_code, answer.json()["error"]["message"])

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"isDelivered": "yes"}, "$.isDelivered"),
            ({"deliveredDate": "2026-09-18T16:40"}, "$.deliveredDate"),
            ({"deliveredDate": "2026-09-18"}, "$.deliveredDate"),
            ({"deliveredDate": "soon"}, "$.deliveredDate"),
            ({"events": None}, "$.events"),
            ({"events": ["moved"]}, "$.events[0]"),
            ({"events": [{**EVENT, "city": None}]}, "$.events[0].city"),
            ({"events": [{**EVENT, "date": "2026-02-30"}]}, "$.events[0].date"),
            ({"events": [{**EVENT, "date": "2026-09-15T10:00:00"}]}, "$.events[0].date"),
            ({"events": [EVENT, {**EVENT, "description": "x" * 5001}]}, "$.events[1].description"),
        ],
    )
    def test_refused(self, store, change, where):
        """What is not in the documented form is refused with its place, and nothing is applied."""
        before = store.package("1398210457811-01")
        answer = store.call("PUT", f"{TRACKED}/tracking", {**TRACKING, **change})

        assert 400 == answer.status_code
        assert where == answer.json()["error"]["message"].partition(": ")[0]
        assert before == store.package("1398210457811-01")


class TestInvoice(OnLoopback):
    def test_new(self, store):
        """An invoice becomes an Output package without tracking; covering the order's value, it invoices the order."""
        assert 200 == store.call("POST", f"{NOT_INVOICED}/invoice", BILL).status_code

        order = store.get(NOT_INVOICED).json()
        package = order["packageAttachment"]["packages"][0]
        assert ("invoiced", 1) == (order["status"], len(order["packageAttachment"]["packages"]))
        assert ("Output", "48300", 5970, None) == (
            package["type"],
            package["invoiceNumber"],
            package["invoiceValue"],
            package["trackingNumber"],
        )

    def test_then_patched(self, store):
        """A posted invoice can be patched."""
        store.call("POST", f"{NOT_INVOICED}/invoice", BILL)

        assert 200 == store.call("PATCH", f"{NOT_INVOICED}/invoice/48300", PATCH).status_code

    def test_with_tracking(self, store):
        """Tracking may come with the invoice."""
        store.call("POST", f"{NOT_INVOICED}/invoice", {**BILL, **PATCH})

        assert "BR1" == store.package("v610270ppl-01")["trackingNumber"]
        assert {("v610270ppl-01", "48300"): PATCH["dispatchedDate"]} == store.sandbox.dispatched

    def test_partial(self, store):
        """Below the order's value the package is there but the order is not invoiced."""
        store.call("POST", f"{NOT_INVOICED}/invoice", {**BILL, "invoiceValue": "5000"})

        order = store.get(NOT_INVOICED).json()
        assert ("payment-approved", 1) == (order["status"], len(order["packageAttachment"]["packages"]))

    def test_the_rest(self, store):
        """The second invoice that completes the value invoices the order."""
        rest = {**BILL, "invoiceValue": "20100", "items": [{"id": "4103", "price": 18900, "quantity": 1}]}
        store.call("POST", f"{PARTLY}/invoice", rest)

        assert "invoiced" == store.get(PARTLY).json()["status"]

    def test_number_again(self, store):
        """The same number gets a new receipt and changes nothing."""
        first = store.call("POST", f"{NOT_INVOICED}/invoice", BILL).json()
        second = store.call("POST", f"{NOT_INVOICED}/invoice", {**BILL, "invoiceValue": "1"}).json()

        assert first["receipt"] != second["receipt"]
        assert 5970 == store.package("v610270ppl-01")["invoiceValue"]
        assert [True, False] == [call.applied for call in store.sandbox.calls if call.method == "POST"]

    def test_return(self, store):
        """A return adds an Input package and leaves the status."""
        returned = {**BILL, "type": "Input", "invoiceNumber": "D-1"}
        store.call("POST", f"{ORDERS}/1398210457811-01/invoice", returned)

        assert "Input" == store.package("1398210457811-01", 1)["type"]
        assert "invoiced" == store.get(f"{ORDERS}/1398210457811-01").json()["status"]

    def test_value_as_a_number(self, store):
        """Cents as a number are taken too, as VTEX does in practice, though its reference asks for text."""
        assert 200 == store.raw("POST", f"{NOT_INVOICED}/invoice", {**BILL, "invoiceValue": 5970}).status_code

    @pytest.mark.parametrize("name", ["type", "issuanceDate", "invoiceNumber", "invoiceValue", "items"])
    def test_a_key_missing(self, store, name):
        """What the reference requires is required."""
        body = {key: value for key, value in BILL.items() if key != name}

        assert 400 == store.call("POST", f"{NOT_INVOICED}/invoice", body).status_code

    @pytest.mark.parametrize(
        "change",
        [
            {"type": "Exit"},
            {"invoiceNumber": ""},
            {"invoiceNumber": None},
            {"invoiceValue": "0"},
            {"invoiceValue": "59.70"},
            {"invoiceValue": "5971"},
            {"courier": None},
            {"items": [{"id": "4101", "price": 2490}]},
            {"items": [{"id": "4101", "price": True, "quantity": 1}]},
            {"items": [{"id": "9999", "price": 2490, "quantity": 1}]},
        ],
    )
    def test_refused(self, store, change):
        """No sum above the order's value, no stranger among the items, no null courier; and no package."""
        assert 400 == store.call("POST", f"{NOT_INVOICED}/invoice", {**BILL, **change}).status_code
        assert store.get(NOT_INVOICED).json()["packageAttachment"] is None

    def test_unknown_order(self, store):
        """An unknown order takes no invoice."""
        assert 404 == store.call("POST", f"{ORDERS}/nobody/invoice", BILL).status_code


class TestContract(OnLoopback):
    def test_samples(self, orders):
        """Our example orders have the documented shape."""
        assert [] == [fault for order in orders for fault in faults_of(ORDER, order)]

    @pytest.mark.parametrize("damage", [{"type": "Exit"}, {"trackingNumber": 5}, {"dispatchedDate": "2026-09-15"}])
    def test_damaged_package(self, orders, damage):
        """The contract tells a wrong package: it is no rubber stamp."""
        package = orders[0]["packageAttachment"]["packages"][0]

        assert [] == faults_of(PACKAGE, package)
        assert 1 == len(faults_of(PACKAGE, {**package, **damage}))

    @pytest.mark.parametrize("damage", [{"dispatchedDate": "2026-09-15"}, {"isDelivered": True}, {"courier": 5}])
    def test_damaged_request(self, damage):
        """A date without a time, a key of another call, a number for a text: each is told."""
        assert [] == request_faults("PATCH", INVOICE, PATCH)
        assert 1 == len(request_faults("PATCH", INVOICE, {**PATCH, **damage}))

    def test_another_call(self):
        """What is none of the five calls has no contract."""
        with pytest.raises(LookupError):
            request_faults("DELETE", INVOICE, None)
