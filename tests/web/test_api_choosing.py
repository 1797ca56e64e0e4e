"""The API for choosing: search, counts, an order with VTEX's invoices, previews, and decisions about many."""

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.support.api import ANA, SHIPMENT, VI, get, held, items, post, with_operators
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

BULK = "shipments/bulk"


@pytest.fixture
def api(rig_on_either: Rig) -> Rig:
    """A held parcel; the clock is the real one's, because a look at VTEX sleeps."""
    rig_on_either.now = time.time()
    held(with_operators(rig_on_either))
    return rig_on_either


def keys(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"].partition("/")[2] for row in rows}


class TestFilters:
    def test_words(self, api):
        """Search, carrier and period choose; counts go by the same words."""
        api.add_order(order("2-01", package("C")))
        api.post(posted("2-01", parcel="p2", number="TN2BR"))
        api.work()
        for query, expected in [
            ({"search": "tn2-br"}, {"p2"}), ({"search": "1-01"}, {"p1"}), ({"search": "C"}, {"p2"}),
            ({"carrier": "melhor_envio"}, {"p1", "p2"}), ({"carrier": "ups"}, set()),
            ({"carrier": "melhor_envio", "endpoint": "other"}, set()),
            ({"since": "2026-01-01"}, {"p1", "p2"}), ({"until": "2026-01-01T00:00:00Z"}, set()),
        ]:  # fmt: skip
            assert expected == keys(items(api, "shipments", **query)), query
            counts = get(api, "shipments/counts", **query).json
            assert len(expected) == sum(one["count"] for one in counts.values()), query

    @pytest.mark.parametrize(
        "query",
        [
            *({"since": "soon"}, {"until": "2026-99-01"}, {"state": "x"}, {"x": "1"}),
            *({"since": ""}, {"order": ""}, {"search": " "}, {"endpoint": ""}),
        ],
    )
    def test_refused(self, api, query):
        """A time or a word that makes no sense, or is empty, is refused by name, for lists and counts."""
        for path in ("shipments", "shipments/counts"):
            answer = get(api, path, **query)
            assert (400, True) == (answer.status_code, next(iter(query)) in answer.json["detail"])


class TestOrder:
    def test_shown(self, api):
        """An order's parcels, and its invoices as VTEX shows them, with the parcel that each carries."""
        post(api, f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B"})
        api.work()
        api.sandbox.put(order("9-01", package("900")))

        shown = get(api, "orders/1-01").json

        assert ("lux", "invoiced", None) == (shown["account"], shown["status"], shown["unread"])
        assert {"p1"} == keys(shown["shipments"])
        assert [("A", None, None), ("B", "TN1BR", "melhor-envio/p1")] == [
            (one["invoice_number"], one["tracking_number"], one["shipment"]) for one in shown["invoices"]
        ]
        assert ["PATCH"] == [one["call"] for one in shown["attempts"]]
        assert [] == get(api, "orders/9-01").json["shipments"]

    def test_unread(self, api):
        """Where VTEX cannot be asked, what we know is told with the reason; an order that is nowhere is not found."""
        assert "outlet is not" in get(api, "orders/1-01", account="outlet").json["unread"]
        api.faults(server_error=1.0)
        shown = get(api, "orders/1-01").json
        assert ({"p1"}, [], True) == (
            keys(shown["shipments"]),
            shown["invoices"],
            "VTEX did not answer" in shown["unread"],
        )
        api.faults()
        assert (404, 422) == tuple(get(api, f"orders/{one}").status_code for one in ("7-01", "x" * 300))


class TestPreview:
    def test_exact(self, api):
        """The preview shows the very call that the assignment then makes, and writes nothing."""
        before = len(api.calls("PATCH"))

        (foreseen,) = post(api, f"{SHIPMENT}/preview", {"order": "1-01", "invoice": "B"}).json["foreseen"]

        assert before == len(api.calls("PATCH"))
        assert ("held", []) == (api.shipment()["state"], items(api, "decisions"))
        assert ("in_step", "assigned") == (foreseen["state"], foreseen["rule"])
        (call,) = foreseen["calls"]
        post(api, f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B"})
        api.work()
        (made,) = api.calls("PATCH")[before:]
        assert (made.method, made.path, made.body) == (call["method"], call["path"], call["body"])

    def test_log(self, api, caplog):
        """The log says of no preview that it wrote something, or that a parcel needs a person for what it foresees."""
        with_operators(api, **{"melhor-envio": {**MELHOR_ENVIO, "events": True}})
        caplog.set_level("INFO", "receiver")
        for kind, reason in (("Output", None), ("Input", "shared_invoice_number")):
            number = "C" if kind == "Output" else "B"  # a return that bears the invoice's number
            api.add_order(order("1-01", package("B", value=5_000), package(number, value=5_000, kind=kind)))
            caplog.clear()

            (foreseen,) = post(api, f"{SHIPMENT}/preview", {"order": "1-01", "invoice": "B"}).json["foreseen"]

            assert (reason, 0 if reason else 2) == (foreseen["reason"], len(foreseen["calls"]))
            assert [] == [line for line in caplog.messages if line.startswith(("tracking", "needs a person"))]
        api.add_order(order("1-01", package("B", value=5_000), package("C", value=5_000)))
        post(api, f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B"})
        api.work()
        assert {"tracking written", "tracking events sent"} == {
            line.partition(":")[0] for line in caplog.messages if line.startswith("tracking")
        }

    def test_replaces(self, api):
        """What the invoice shows now is told: the assignment would overwrite it."""
        shows = {"trackingNumber": "OLD", "courier": "X"}
        api.add_order(order("1-01", package("A", value=5_000, **shows), package("B", value=5_000)))

        (foreseen,) = post(api, f"{SHIPMENT}/preview", {"order": "1-01", "invoice": "A"}).json["foreseen"]

        assert [shows] == [one["replaces"] for one in foreseen["calls"]]

    def test_token(self, api):
        """With the preview's token exactly that is assigned; once the order has changed, nothing is."""
        body = {"order": "1-01", "invoice": "B"}
        token = post(api, f"{SHIPMENT}/preview", body).json["token"]
        api.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000, trackingNumber="OTHER")))
        stale = post(api, f"{SHIPMENT}/assign", {**body, "token": token})
        assert (409, True) == (stale.status_code, "has changed since the preview" in stale.json["detail"])

        token = post(api, f"{SHIPMENT}/preview", body).json["token"]
        assert 200 == post(api, f"{SHIPMENT}/assign", {**body, "token": token}).status_code

    def test_also(self, api):
        """An entry for each order that the parcel would serve."""
        api.add_order(order("2-01", package("C")))

        first, second = post(api, f"{SHIPMENT}/preview", {"order": "1-01", "invoice": "B", "also": "2-01"}).json[
            "foreseen"
        ]

        assert ("melhor-envio/p1", "melhor-envio/p1+2-01") == (first["shipment"], second["shipment"])
        assert ["/api/oms/pvt/orders/2-01/invoice/C"] == [one["path"] for one in second["calls"]]
        assert 1 == len(items(api, "shipments"))

    def test_no_call(self, api):
        """An assignment that would be held again sends nothing, and says why."""
        (foreseen,) = post(api, f"{SHIPMENT}/preview", {"order": "1-01"}).json["foreseen"]

        assert ("held", "ambiguous_invoice", []) == (foreseen["state"], foreseen["reason"], foreseen["calls"])

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            (SHIPMENT, {"order": "7-01"}, 409), (SHIPMENT, {"order": "1-01", "invoice": "Z"}, 409),
            (SHIPMENT, {"order": "a/b"}, 422), (SHIPMENT, {}, 422),
            ("shipments/melhor-envio/p9", {"order": "1-01"}, 404),
        ],
    )  # fmt: skip
    def test_refused(self, api, path, body, status):
        """What VTEX does not show, or makes no sense, is refused as the assignment is."""
        assert status == post(api, f"{path}/preview", body).status_code

    def test_no_answer(self, api):
        """Without an answer of VTEX nothing can be told; a person who only views is refused."""
        assert 403 == post(api, f"{SHIPMENT}/preview", {"order": "1-01"}, VI).status_code
        api.faults(server_error=1.0)
        assert 503 == post(api, f"{SHIPMENT}/preview", {"order": "1-01"}).status_code


class TestBulk:
    def preview(self, api: Rig, **words: Any) -> dict[str, Any]:
        api.now += 1
        shown: dict[str, Any] = post(api, BULK, {"action": "dismiss", **words}).json
        return shown

    def test_preview_then_act(self, api):
        """The preview changes nothing; the act decides about what it showed, each parcel with its own record."""
        api.post(posted("1-01", parcel="p2", number="TN2BR"))
        api.work()
        shown = self.preview(api, state="held")
        assert (2, {"p1", "p2"}, []) == (shown["count"], keys(shown["examples"]), items(api, "decisions"))

        done = post(api, BULK, {"action": "dismiss", "state": "held", "token": shown["token"], "note": "all sent"}).json

        rows = items(api, "decisions", token=ANA)
        assert ("dismiss", 2) == (done["action"], done["decided"])
        assert [("ana", "api", "dismiss", "all sent", done["batch"])] * 2 == [
            (*(row[name] for name in ("actor", "via", "action", "note")), row["after"]["batch"]) for row in rows
        ]
        assert {"p1", "p2"} == {row["subject"].partition("/")[2] for row in rows}
        assert {"dismissed"} == {row["state"] for row in items(api, "shipments")}

    def test_only_what_was_seen(self, api):
        """A parcel that came or changed after the preview is left alone."""
        shown = self.preview(api, state="held")
        api.now += 5
        api.post(posted("1-01", parcel="p2", number="TN2BR"))
        api.work()

        assert 1 == post(api, BULK, {"action": "dismiss", "state": "held", "token": shown["token"]}).json["decided"]
        assert {"p2"} == keys(items(api, "shipments", state="held"))
        again = post(api, BULK, {"action": "dismiss", "state": "held", "token": shown["token"]})
        assert (409, True) == (again.status_code, "preview again" in again.json["detail"])

    def test_key(self, api):
        """Sent again under its key, the act decides nothing again and is answered the same."""
        api.now += 1
        body = {"action": "retry", "state": "held"}
        body["token"] = post(api, BULK, body).json["token"]

        first, second = (post(api, BULK, body, key="k1") for _ in range(2))

        assert (first.json, "true") == (second.json, second.headers["Idempotency-Replayed"])
        assert 1 == len(items(api, "decisions"))
        assert 422 == post(api, BULK, {**body, "note": "x"}, key="k1").status_code

    def test_token_of_another_filter(self, api):
        """A token serves its own action and filter alone."""
        token = self.preview(api, state="held")["token"]
        for body in (
            {"action": "retry", "state": "held"}, {"action": "dismiss", "endpoint": "melhor-envio"},
            {"action": "dismiss", "state": "held", "until": "2030-01-01"},
        ):  # fmt: skip
            assert 409 == post(api, BULK, {**body, "token": token}).status_code, body
        for wrong in ("x", "é", "W10", "bnVsbA", "WyJkaXNtaXNzIiwgIngiLCBOYU4sIDFd"):
            assert 409 == post(api, BULK, {"action": "dismiss", "state": "held", "token": wrong}).status_code, wrong
        for count in (10_001, 10**30, 0):
            forged = [*json.loads(urlsafe_b64decode(f"{token}=="))[:3], count]
            told = urlsafe_b64encode(json.dumps(forged).encode()).decode()
            assert 409 == post(api, BULK, {"action": "dismiss", "state": "held", "token": told}).status_code, count
        assert "held" == api.shipment()["state"]

    @pytest.mark.parametrize(
        ("body", "status", "word"),
        [
            ({"action": "assign", "state": "held"}, 422, "action"), ({"state": "held"}, 422, "action"),
            ({"action": "retry"}, 409, "filter is needed"), ({"action": "retry", "state": "x"}, 422, "state"),
            ({"action": "retry", "reason": "x"}, 422, "reason"), ({"action": "retry", "since": "x"}, 400, "since"),
            ({"action": "retry", "state": "kept"}, 409, "no parcel matches"),
        ],
    )  # fmt: skip
    def test_refused(self, api, body, status, word):
        """A bulk decision needs a filter of known words that some parcel matches."""
        answer = post(api, BULK, body)
        assert (status, True) == (answer.status_code, word in answer.json["detail"]), answer.json

    def test_too_many(self, api, monkeypatch):
        """So many parcels at once are decided about by narrower filters, or by the command."""
        monkeypatch.setattr("receiver.operations.bulk.MOST_AT_ONCE", 0)
        api.now += 1
        answer = post(api, BULK, {"action": "retry", "state": "held"})
        assert (409, True) == (answer.status_code, "choose fewer" in answer.json["detail"])

    def test_view(self, api):
        """A person who only views neither previews nor acts."""
        assert 403 == post(api, BULK, {"action": "retry", "state": "held"}, VI).status_code


class TestOthers:
    def test_rejects(self, api):
        """What did not get in, with addresses that no endpoint has, counted; page by page."""
        api.client.post("/webhooks/melhorenvio", json={})
        get(api, "shipments", "wrong")

        rows = items(api, "rejects", limit=1)
        assert {("api", 1), ("melhorenvio", 1)} == {(row["endpoint"], row["count"]) for row in rows}

    def test_fetches(self, rig):
        """What carriers were to be asked for, by endpoint."""
        api = with_operators(rig, **{"melhor-envio": MELHOR_ENVIO})
        api.database.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO fetches (id, endpoint, delivery, method, url, wanted, asked_at, changed_at) "
                "VALUES ('ep/1', 'ep', 'd', 'GET', 'https://x.example/1', 1, 1.0, 2.0)"
            )
        )
        (row,) = items(api, "fetches", endpoint="ep")
        assert ("ep/1", None, False) == (row["id"], row["outcome"], "headers" in row)
        assert [] == items(api, "fetches", endpoint="other")
        assert ANA not in get(api, "fetches").text
