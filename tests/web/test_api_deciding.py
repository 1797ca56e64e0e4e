"""``POST /api/v1/…``: each is one decision, taken as the command takes it, once for each Idempotency-Key."""

import json
import threading
import time

import pytest

from receiver.store import Horizons, Retention
from receiver.store.decisions import DecisionRecord
from tests.support.api import ANA, SHIPMENT, VI, get, held, items, post, with_operators
from tests.support.rig import UNREADABLE, Rig, order, package, posted


@pytest.fixture
def api(rig_on_either: Rig) -> Rig:
    """A held parcel; the clock is the real one's, because a look at VTEX sleeps."""
    rig_on_either.now = time.time()
    held(with_operators(rig_on_either))
    return rig_on_either


class TestDecisions:
    def test_assign(self, api):
        """The order is read first; the answer is the row of the record."""
        before = len(api.calls())

        answer = post(api, f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B", "note": "as the buyer wrote"})

        assert (200, ["GET"]) == (answer.status_code, [call.method for call in api.calls()[before:]])
        assert {
            "actor": "ana", "via": "api", "action": "assign", "kind": "shipment", "subject": "melhor-envio/p1",
            "note": "as the buyer wrote",
        }.items() <= answer.json.items()  # fmt: skip
        assert ("held", "B") == (answer.json["before"]["state"], answer.json["after"]["assigned_invoice"])
        assert [answer.json] == items(api, "decisions", token=ANA)
        api.work()
        assert "TN1BR" == api.package_of("1-01", "B")["trackingNumber"]

    def test_not_shown(self, api):
        """What VTEX does not show is refused with the request to send instead, unless it is insisted upon."""
        answer = post(api, f"{SHIPMENT}/assign", {"order": "9-01"})

        assert (409, "application/problem+json") == (answer.status_code, answer.mimetype)
        said = "VTEX account lux does not know order 9-01. If it is still to come: "
        instead = 'POST /api/v1/shipments/melhor-envio/p1/assign {"order": "9-01", "unseen": true}'
        assert f"{said}{instead}" == answer.json["detail"]
        assert 200 == post(api, f"{SHIPMENT}/assign", {"order": "9-01", "unseen": True}).status_code
        assert "9-01" == api.shipment()["assigned_order"]

    def test_others_fit(self, api):
        """Where several invoices or orders fit, the request names the first, and the others follow it. A carrier's id
        stands in the path as a URL has it."""
        api.add_order({**order("7-01"), "orderGroup": "7"}, {**order("7-02"), "orderGroup": "7"})
        api.post(posted(parcel="ç d"))
        path = "POST /api/v1/shipments/melhor-envio"

        said = [
            post(api, f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "C"}).json["detail"],
            post(api, "shipments/melhor-envio/ç d/assign", {"order": "7"}).json["detail"],
        ]

        more = (
            f'7 is a purchase of 7-01, 7-02. Name the order: {path}/%C3%A7%20d/assign {{"order": "7-01"}}   (or 7-02)'
        )
        instead = f'{path}/p1/assign {{"order": "1-01", "invoice": "A"}}   (or B)'
        assert [f"order 1-01 has no invoice C; it has A, B. {instead}", more] == said

    def test_paused(self, api):
        """A caller who has no command line is told where the API says why an account is paused."""
        api.hands("other")[0].accounts.pause("lux", until=time.time() + 300, reason="HTTP 429", own_fault=False)
        answers = [
            get(api, "orders/9-01"),
            post(api, f"{SHIPMENT}/preview", {"order": "1-01"}),
            post(api, "accounts/lux/check"),
            get(api, "orders/1-01"),
        ]

        said = [answer.json.get("detail", answer.json.get("unread")) for answer in answers]
        assert [404, 503, 409, 200] == [answer.status_code for answer in answers]
        assert [] == [one for one in said if "; GET /api/v1/accounts says why" not in one]

    def test_of_shipments(self, api):
        """Dismiss, retry and unassign."""
        for action, state in (("dismiss", "dismissed"), ("retry", "due")):
            assert 200 == post(api, f"{SHIPMENT}/{action}").status_code
            assert state == api.shipment()["state"]
            assert (409 if action == "dismiss" else 200) == post(api, f"{SHIPMENT}/{action}").status_code
        refused = post(api, f"{SHIPMENT}/unassign", {})
        said = "melhor-envio/p1 is not assigned; to decide again: POST /api/v1/shipments/melhor-envio/p1/retry"
        assert (409, said) == (refused.status_code, refused.json["detail"])
        post(api, f"{SHIPMENT}/assign", {"order": "1-01", "unseen": True})
        assert 200 == post(api, f"{SHIPMENT}/unassign").status_code
        assert api.shipment()["assigned_order"] is None
        for action in ("retry", "dismiss", "unassign", "assign"):
            body = {"order": "1-01"} if action == "assign" else {}
            assert 404 == post(api, f"shipments/melhor-envio/p9/{action}", body).status_code

    def test_resume(self, api):
        """An account's pause ends; where there is none, nothing is decided."""
        queue, _ = api.hands("other")
        queue.accounts.pause("lux", until=api.now + 300, reason="HTTP 401", own_fault=True, now=api.now)

        answer = post(api, "accounts/lux/resume", {"note": "new key"})

        assert ("HTTP 401", None) == (answer.json["before"]["reason"], answer.json["after"]["until"])
        assert answer.json["before"]["until"].endswith("Z")
        assert not items(api, "accounts")[0]["is_paused"]
        assert [409, 404] == [post(api, f"accounts/{name}/resume").status_code for name in ("lux", "luxe")]

    def test_reprocess(self, api):
        """A stored delivery is read again; one that cannot be read at all is not decided about."""
        bad, good = (api.post(one).json["delivery"] for one in (UNREADABLE, posted(parcel="p3")))

        answer = post(api, f"deliveries/{bad}/reprocess")

        assert ("quarantined", "delivery", bad) == (
            answer.json["after"]["outcome"], answer.json["kind"], answer.json["subject"]
        )  # fmt: skip
        Retention(api.database).prune(Horizons(bodies=0, unreadable=9e9), now=api.now + 1)
        assert [409, 404] == [post(api, f"deliveries/{name}/reprocess").status_code for name in (good, "none")]

    def test_links(self, api):
        """A link is told and forgotten by the same names, whatever their notation."""
        told = post(api, "links", {"tracking_number": "TN 5-BR", "order": "5-01", "invoice": "7"})

        assert "lux/tracking_number/TN5BR" == told.json["subject"]
        assert [("5-01", "7")] == [(one["order_id"], one["invoice_number"]) for one in items(api, "links")]
        assert 200 == post(api, "links/unlink", {"tracking_number": "tn5br", "account": "lux"}).status_code
        assert [] == items(api, "links")
        assert 409 == post(api, "links/unlink", {"tracking_number": "tn5br"}).status_code
        assert 200 == post(api, "links", {"shipment": "p7", "endpoint": "melhor-envio", "order": "5-01"}).status_code

    def test_link_woken_and_dismissed(self, api):
        """The answer to a link says how many parcels it woke, and which it leaves alone, as a person dismissed them. A
        repeated one does not know."""
        for parcel, number in (("p2", "TN2BR"), ("p3", "TN3BR")):
            api.post(posted(None, parcel=parcel, number=number))
        api.work()
        post(api, "shipments/melhor-envio/p3/dismiss")

        answers = [
            post(api, "links", {"tracking_number": number, "order": "1-01"}, key=key)
            for number, key in (("TN2BR", "a"), ("TN3BR", "b"), ("TN3BR", "b"))
        ]

        assert [(1, []), (0, ["melhor-envio/p3"]), (None, None)] == [
            (one.json["woken"], one.json["dismissed"]) for one in answers
        ]
        assert answers[1].json["id"] == answers[2].json["id"]

    def test_many_lookups(self, api):
        """Orders are looked up for a few operators at one time: the other threads answer carriers."""
        asked, go_on = threading.Semaphore(0), threading.Event()

        def slow(_seconds: float) -> None:
            asked.release()
            go_on.wait(30)

        api.on_slow = slow
        api.faults(slow=(1.0, 1.0))
        assign = lambda: post(api, f"{SHIPMENT}/assign", {"order": "1-01"})  # noqa: E731
        threads = [threading.Thread(target=assign) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert asked.acquire(timeout=30)
        refused = assign()
        go_on.set()
        for thread in threads:
            thread.join()

        assert (503, True) == (refused.status_code, "Retry-After" in refused.headers)


class TestRefused:
    def test_no_such_route(self, api):
        """A wrong address or method is answered in the API's own words: an endpoint is a carrier's."""
        answers = [
            api.client.get("/api/v1/shipments/melhor-envio", headers={"Authorization": f"Bearer {ANA}"}),
            api.client.put("/api/v1/links", headers={"Authorization": f"Bearer {ANA}"}),
        ]

        assert [404, 405] == [answer.status_code for answer in answers]
        assert answers[0].json["detail"].startswith("The API has no such route; GET /api/v1/openapi.yaml")
        assert answers[1].json["detail"].startswith("This route of the API does not take this method; GET /api/v1/open")
        assert "POST" in answers[1].headers["Allow"]

    def test_view(self, api):
        """A person who may only view decides nothing."""
        for path in (
            *(f"{SHIPMENT}/{action}" for action in ("assign", "unassign", "retry", "dismiss")),
            *("accounts/lux/resume", "deliveries/x/reprocess", "links", "links/unlink"),
        ):
            answer = post(api, path, {"order": "1-01"}, VI)
            assert (403, "application/problem+json") == (answer.status_code, answer.mimetype), path
        assert ("held", []) == (api.shipment()["state"], items(api, "decisions"))

    @pytest.mark.parametrize(
        ("path", "body", "status", "detail"),
        [
            (f"{SHIPMENT}/assign", {}, 422, "$.order is missing"),
            (f"{SHIPMENT}/assign", {"order": ""}, 422, "$.order must be a text"),
            (f"{SHIPMENT}/assign", {"order": " "}, 422, "$.order must be a text"),
            (f"{SHIPMENT}/assign", {"order": 5}, 422, "$.order must be a text"),
            (f"{SHIPMENT}/assign", {"order": "x" * 1_001}, 422, "$.order must be a text"),
            (f"{SHIPMENT}/assign", {"order": "a\0"}, 422, "$.order holds characters"),
            (f"{SHIPMENT}/assign", {"order": "a\ud800"}, 422, "$.order holds characters"),
            (f"{SHIPMENT}/assign", {"order": ".."}, 422, "$.order: '..' cannot be part of a URL"),
            (f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "a/b"}, 422, "$.invoice: 'a/b' cannot be part"),
            (f"{SHIPMENT}/preview", {"order": "1-01", "also": "2-01;3 01"}, 422, "$.also: '3 01' is no order id"),
            (f"{SHIPMENT}/assign", {"order": "1-01", "unseen": "yes"}, 422, "$.unseen must be true or false"),
            (f"{SHIPMENT}/retry", {"order": "1-01"}, 422, "$.order is no field of this decision"),
            (f"{SHIPMENT}/retry", {"note": ["x"]}, 422, "$.note must be a text"),
            (f"{SHIPMENT}/retry", [], 422, "must be a JSON object"),
            ("links", {"order": "1-01"}, 422, "Exactly one of"),
            ("links", {"order": "1-01", "shipment": "p", "tracking_number": "T"}, 422, "Exactly one of"),
            ("links", {"order": "1-01", "tracking_number": "--"}, 422, "$.tracking_number"),
            ("links", {"order": "1-01", "tracking_number": "T", "account": "x"}, 422, "$.account must be one of lux"),
        ],
    )
    def test_bodies(self, api, path, body, status, detail):
        """What makes no sense is refused with its field, and nothing is decided."""
        answer = post(api, path, body)

        assert (status, True) == (answer.status_code, detail in answer.json["detail"]), answer.json
        assert [] == items(api, "decisions")

    def test_no_json(self, api):
        """A body that is no JSON, or larger than any decision, is refused; so is one that has a field twice."""
        headers = {"Authorization": f"Bearer {ANA}"}
        for body, status, detail in (
            (b"{", 400, "not JSON"), (b'{"note": "n\xe3o"}', 400, "not UTF-8"), (b"[" * 50_000, 400, "not JSON"),
            (b'{"note": "a", "note": "b"}', 400, "'note' stands twice"), (b" " * 70_000, 413, "larger"),
        ):  # fmt: skip
            answer = api.client.post(f"/api/v1/{SHIPMENT}/retry", data=body, headers=headers)
            assert (status, "application/problem+json") == (answer.status_code, answer.mimetype)
            assert detail in answer.json["detail"]

    def test_spaces(self, api):
        """Spaces around what is named are none of it: a form or a sheet leaves them there."""
        row = post(api, f"{SHIPMENT}/assign", {"order": " 1-01 ", "invoice": "B\n"}).json

        assert ("1-01", "B") == (row["after"]["assigned_order"], row["after"]["assigned_invoice"])


class TestKeys:
    def test_again(self, api):
        """The same request under a key is answered with the same row, and changes nothing again."""
        first = post(api, f"{SHIPMENT}/dismiss", {"note": "x"}, key="k1")
        post(api, f"{SHIPMENT}/retry")

        again = post(api, f"{SHIPMENT}/dismiss", {"note": "x"}, key="k1")

        assert (200, first.json, "true") == (again.status_code, again.json, again.headers["Idempotency-Replayed"])
        assert "Idempotency-Replayed" not in first.headers
        assert ("due", 2) == (api.shipment()["state"], len(items(api, "decisions")))

    def test_another(self, api):
        """Another request under the key of an earlier one is refused."""
        post(api, f"{SHIPMENT}/dismiss", key="k1")

        for path, body in ((f"{SHIPMENT}/retry", None), (f"{SHIPMENT}/dismiss", {"note": "x"})):
            answer = post(api, path, body, key="k1")
            assert (422, "another request") == (answer.status_code, answer.json["detail"][-16:-1])
        assert 400 == post(api, f"{SHIPMENT}/retry", key="x" * 201).status_code

    def test_refused_before(self, api):
        """A request that was refused may come again under its key."""
        assert 409 == post(api, f"{SHIPMENT}/assign", {"order": "9-01"}, key="k1").status_code
        api.add_order(order("9-01", package("Z")))

        assert 200 == post(api, f"{SHIPMENT}/assign", {"order": "9-01"}, key="k1").status_code

    def test_at_once(self, api):
        """Of the same requests at one time one decides, and all get its row."""
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(post(api, f"{SHIPMENT}/dismiss", key="k1")))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [200] * 6 == [answer.status_code for answer in answers]
        assert 1 == len({json.dumps(answer.json) for answer in answers})
        assert 1 == len(list(DecisionRecord(api.database).latest()))


def test_told_at_the_command_line(api):
    """A decision of the API stands in the shipment's story like one of the command line."""
    post(api, f"{SHIPMENT}/dismiss", {"note": "sent by hand"})

    (told,) = get(api, SHIPMENT, ANA).json["decisions"]
    assert ("ana", "api", "dismiss", "sent by hand") == tuple(told[name] for name in ("actor", "via", "action", "note"))
