"""The stand-in OMS server tells what it was asked, takes orders and faults, and starts and stops cleanly."""

import http.client
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from receiver.sandbox import BadOrders, Call, Faults, create_sandbox, load_orders, serve
from receiver.sandbox.faults import faults_to_json
from tests.support.sandbox_client import INVOICE, INVOICED, NUMBER, ORDERS, PATCH, TRACKED, TRACKING, OnLoopback


class TestRecord(OnLoopback):
    def test_calls(self, store, clock):
        """Every call is kept with what it sent, what it got and whether it took effect."""
        store.get(f"{ORDERS}/seq610244")
        clock.now += 2
        store.call("PATCH", INVOICE, PATCH)

        start = 1_790_000_000.0
        read = {"method": "GET", "path": f"{ORDERS}/seq610244", "body": None, "applied": False, "order": INVOICED}
        write = {"method": "PATCH", "path": INVOICE, "body": PATCH, "applied": True, "order": INVOICED}
        assert [
            Call(at=start, status=200, **read),
            Call(at=start + 2, status=200, invoice=NUMBER, **write),
        ] == store.sandbox.calls

    def test_no_route(self, store):
        """A call that fits no route is kept as it was sent."""
        path = f"{ORDERS}/1398210458655-01/invoice/48280%2F1"
        store.raw("PATCH", path, PATCH)

        assert [(path, 404, False)] == [(call.path, call.status, call.applied) for call in store.sandbox.calls]

    def test_writes(self, store):
        """The writes of an invoice are those that took effect on it, in turn."""
        store.call("PATCH", INVOICE, {})
        store.call("PATCH", INVOICE, PATCH)
        store.call("PATCH", TRACKED, PATCH)
        store.call("PUT", f"{INVOICE}/tracking", TRACKING)

        assert [PATCH, TRACKING] == [call.body for call in store.sandbox.writes(INVOICED, NUMBER)]
        assert [] == store.sandbox.writes(INVOICED, "nobody")

    def test_many_at_once(self, store):
        """Writes from many threads are each applied once, and none is lost."""
        paths = [f"{ORDERS}/1398210458102-01/invoice/{number}" for number in ("48231", "48232")] * 16
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda path: store.raw("PATCH", path, PATCH).status_code, paths))

        assert [200] * 32 == answers
        assert [16, 16] == [len(store.sandbox.writes("1398210458102-01", number)) for number in ("48231", "48232")]
        assert "BR1" == store.package("1398210458102-01", 0)["trackingNumber"]
        assert "BR1" == store.package("1398210458102-01", 1)["trackingNumber"]

    def test_not_the_callers_order(self, store, orders):
        """What was put in is a copy: neither side changes the other's."""
        given = next(order for order in orders if order["orderId"] == INVOICED)
        given["status"] = "canceled"
        store.call("PATCH", INVOICE, PATCH)

        assert "invoiced" == store.get(f"{ORDERS}/{INVOICED}").json()["status"]
        assert given["packageAttachment"]["packages"][0]["trackingNumber"] is None

    def test_bounded(self, store):
        """Only the newest ten thousand calls are kept."""
        for at in range(10_001):
            store.sandbox.record(Call(at=at, method="GET", path="/", status=200, body=None, applied=False))

        calls = store.sandbox.calls
        assert (10_000, 1, 10_000) == (len(calls), calls[0].at, calls[-1].at)


class TestOperator(OnLoopback):
    def test_calls(self, store):
        """Another process can read the calls."""
        store.call("PATCH", INVOICE, PATCH)
        call = store.raw("GET", "/sandbox/calls").json()[0]

        assert ("PATCH", INVOICE, 200, PATCH, True) == tuple(
            call[name] for name in ("method", "path", "status", "body", "applied")
        )

    def test_its_own_calls_are_not_kept(self, store):
        """Looking leaves no trace."""
        store.raw("GET", "/sandbox/calls")

        assert [] == store.raw("GET", "/sandbox/calls").json()

    def test_orders(self, open_store, orders):
        """The orders show all that was written, at once and with the date that VTEX hides."""
        store = open_store(Faults(visible_after=60.0))
        store.call("PATCH", INVOICE, PATCH)
        one = store.raw("GET", f"/sandbox/orders/{INVOICED}").json()
        listed = store.raw("GET", "/sandbox/orders").json()

        assert PATCH.items() <= one["packageAttachment"]["packages"][0].items()
        assert one in listed
        assert len(orders) == len(listed)

    def test_unknown_order(self, store):
        """An order no one put in is a 404 that says so."""
        answer = store.raw("GET", "/sandbox/orders/nobody")

        assert (404, {"message": "there is no order nobody"}) == (answer.status_code, answer.json())

    def test_put_order(self, store):
        """An order can be added, and then replaced."""
        order = {"orderId": "new-01", "packageAttachment": None}
        assert 404 == store.get(f"{ORDERS}/new-01").status_code
        store.raw("POST", "/sandbox/orders", order)
        assert order == store.raw("GET", f"{ORDERS}/new-01").json()
        store.raw("POST", "/sandbox/orders", {**order, "status": "handling"})
        assert "handling" == store.raw("GET", f"{ORDERS}/new-01").json()["status"]

    @pytest.mark.parametrize("order", [[], {}, {"orderId": ""}, {"orderId": "a", "packageAttachment": []}])
    def test_no_order(self, store, order):
        """What is no order is refused."""
        assert 400 == store.raw("POST", "/sandbox/orders", order).status_code

    def test_faults(self, store):
        """Faults are replaced as a whole: what is absent is off."""
        store.sandbox.faults = Faults(unauthorized=True)
        answer = store.raw("POST", "/sandbox/faults", {"throttle": 1.0, "retry_after": 30, "forbidden": ["a"]})

        assert Faults(throttle=1.0, retry_after=30, forbidden=frozenset("a")) == store.sandbox.faults
        assert faults_to_json(store.sandbox.faults) | {"slow": [0.0, 0.0]} == answer.json()

    @pytest.mark.parametrize("faults", [[], {"nothing": 1}, {"throttle": "often"}, {"throttle": True}, {"slow": [1]}])
    def test_no_faults(self, store, faults):
        """What is no fault is refused, and the old ones stay."""
        store.sandbox.faults = Faults(throttle=0.5)

        assert 400 == store.raw("POST", "/sandbox/faults", faults).status_code
        assert Faults(throttle=0.5) == store.sandbox.faults

    def test_in_trouble(self, open_store):
        """The operator's side needs no key and meets no trouble."""
        store = open_store(Faults(unauthorized=True, throttle=1.0, reset_before=1.0))
        store.session.headers.clear()

        assert 200 == store.raw("GET", "/sandbox/calls").status_code

    def test_no_route(self, store):
        """Elsewhere there is nothing, said in JSON."""
        assert (404, ["message"]) == (store.raw("GET", "/").status_code, list(store.raw("GET", "/").json()))


class TestServe(OnLoopback):
    def test_port_in_use(self, store, orders):
        """Where it cannot listen it says so, and the process lives."""
        with pytest.raises(OSError, match="ddress already in use"):
            serve(create_sandbox(orders), port=urlsplit(store.url).port)

    def test_stop(self, orders):
        """Once stopped, no one listens, and the port can be taken again."""
        running = serve(create_sandbox(orders))
        port = urlsplit(running.url).port
        running.stop()

        with pytest.raises(ConnectionRefusedError):
            http.client.HTTPConnection("127.0.0.1", port, timeout=10).connect()
        serve(create_sandbox(orders), port=port).stop()

    def test_log_requests(self, orders, caplog):
        """Request lines are written where someone asks for them."""
        caplog.set_level(logging.INFO, "receiver.sandbox")
        with serve(create_sandbox(orders), log_requests=True) as running, requests.Session() as session:
            session.trust_env = False
            session.get(f"{running.url}/sandbox/calls", timeout=10)

        assert ["stand-in answered: method=GET path=/sandbox/calls status=200"] == caplog.messages


class TestOrdersFile:
    def written(self, folder: Path, content: str) -> Path:
        path = folder / "orders.json"
        path.write_text(content, encoding="utf-8")
        return path

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param('[{"orderId": "a"}, {"orderId": "b"}]', id="a list"),
            pytest.param('{"orderId": "a"}\n\n{"orderId": "b"}\n', id="a line each"),
            pytest.param('{"orderId": "a"}\r\n{"orderId": "b"}', id="CRLF, the last line open"),
            pytest.param('\ufeff[\n{"orderId": "a"},\n{"orderId": "b"}\n]', id="a list with a BOM"),
        ],
    )
    def test_two(self, tmp_path, content):
        """A list and JSON Lines hold several orders."""
        assert [{"orderId": "a"}, {"orderId": "b"}] == load_orders(self.written(tmp_path, content))

    def test_line_separator(self, tmp_path):
        """A line ends with a line feed, not with Unicode's own separators, which may stand in a text."""
        first = '{"orderId": "a", "lastMessage": "one\u2028two"}'
        loaded = load_orders(self.written(tmp_path, first + '\n{"orderId": "b"}'))

        assert ["a", "b"] == [order["orderId"] for order in loaded]

    @pytest.mark.parametrize("content", ['{"orderId": "a"}', '{\n"orderId":\n"a"}'])
    def test_one(self, tmp_path, content):
        """One object is one order."""
        assert [{"orderId": "a"}] == load_orders(self.written(tmp_path, content))

    def test_none(self, tmp_path):
        """A list may be empty."""
        assert [] == load_orders(self.written(tmp_path, "[]"))

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", ": is empty"),
            ("{", ": is not JSON: "),
            ('{\n"orderId": nothing\n}', ": is not JSON: "),
            ('{"orderId": "a"}\n{"orderId"\n', ": line 2: is not JSON: "),
            ('{"orderId": "a"}\n\n{"orderId": 5}\n', ": line 3: has no orderId"),
            ('{"orderId": "a"}\n{"orderId": "a"}\n', ": line 2: order a is there twice"),
            ("5", ": is no JSON object"),
            ('[{"orderId": "a"}, null]', ": entry 2: is no JSON object"),
            ('[{"orderId": "a", "packageAttachment": []}]', ": entry 1: packageAttachment is neither object nor null"),
            (
                '[{"orderId": "a", "packageAttachment": {"packages": [1]}}]',
                ": entry 1: packageAttachment.packages is no list of objects",
            ),
            ('[{"orderId": "a", "value": "12"}]', ": entry 1: value is no number of cents"),
        ],
    )
    def test_refused(self, tmp_path, content, says):
        """A fault names the file and the entry."""
        path = self.written(tmp_path, content)
        with pytest.raises(BadOrders) as refused:
            load_orders(path)

        assert str(refused.value).startswith(f"{path}{says}")

    def test_unreadable(self, tmp_path):
        """A file that is not there is named too."""
        with pytest.raises(BadOrders, match=r"missing\.json: cannot be read"):
            load_orders(tmp_path / "missing.json")

    def test_not_text(self, tmp_path):
        """Bytes that are no UTF-8 are refused."""
        path = tmp_path / "orders.json"
        path.write_bytes(b"\xff\xfe{}")
        with pytest.raises(BadOrders, match="cannot be read"):
            load_orders(path)
