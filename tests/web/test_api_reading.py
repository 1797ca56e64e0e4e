"""``GET /api/v1/…``: who may read, lists in pages, one parcel's story, and no body for the role that only views."""

import pytest
from sqlalchemy import text

from receiver.store import Horizons, Link, Retention
from receiver.store.finding.companions import Place
from receiver.store.operator.listings import LOOKS_AT
from receiver.web.api.privacy import hidden
from tests.support.api import ANA, SHIPMENT, VI, get, held, items, post, with_operators
from tests.support.rig import UNREADABLE, Rig, order, package, posted
from tests.support.store_cases import add_shipments


@pytest.fixture
def api(rig: Rig) -> Rig:
    return with_operators(rig)


@pytest.fixture
def api_on_either(rig_on_either: Rig) -> Rig:
    return with_operators(rig_on_either)


def test_overview(api_on_either):
    """What needs a person, what waits, the last hours and the endpoints, as the console's first page shows them."""
    held(api_on_either)
    api_on_either.post(posted(None, parcel="p2", number="TN2BR"))
    api_on_either.post(UNREADABLE)
    api_on_either.work()
    found = get(api_on_either, "overview").json

    assert {("held", "ambiguous_invoice", 1), ("awaiting_order", "no_reference", 1)} == {
        tuple(one.values()) for one in found["unsettled"]
    }
    assert (1, 0, {"count": 0, "since": None}) == tuple(
        found[one] for one in ("unreadable", "unknown_words", "overdue")
    )
    assert (24, "2026-11-18T11:00:00Z", 3) == (
        len(found["hours"]), found["hours"][-1]["begins_at"], found["hours"][-1]["deliveries"]
    )  # fmt: skip
    [endpoint] = found["endpoints"]
    assert ("melhor-envio", False, 3) == (endpoint["name"], endpoint["is_silent"], endpoint["hours"][-1])


class TestWhoMayRead:
    @pytest.mark.parametrize("token", [None, "wrong", "", f"{VI}x", VI.upper(), VI[:-1]])
    def test_strangers(self, api, token):
        """A request without an operator's token reads nothing, and the operator learns of it."""
        answer = get(api, "shipments", token)

        assert (401, "application/problem+json", "Bearer") == (
            answer.status_code, answer.mimetype, answer.headers["WWW-Authenticate"]
        )  # fmt: skip
        (failure,) = items(api, "rejects")
        assert ("api", "/api/v1/shipments", "GET") == tuple(failure[name] for name in ("endpoint", "target", "method"))
        assert "authorization" not in failure["headers"]

    @pytest.mark.parametrize("token", [ANA, f"{ANA}-old", VI])
    def test_operators(self, api, token):
        """Any token of an operator enters, whatever the role, and no proxy keeps the answer."""
        answer = get(api, "shipments", token)

        assert (200, "no-store") == (answer.status_code, answer.headers["Cache-Control"])

    def test_no_operators(self, rig):
        """Without operators in the configuration there is no API."""
        assert 404 == rig.client.get("/api/v1/shipments").status_code

    def test_many_wrong_tokens(self, api):
        """More than ten wrong tokens a minute from one address are told to wait; a right one always enters."""
        answers = [get(api, "shipments", "wrong") for _ in range(12)]

        assert [401] * 10 + [429] * 2 == [answer.status_code for answer in answers]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert 200 == get(api, "shipments").status_code
        api.now += 60
        assert 401 == get(api, "shipments", "wrong").status_code

    def test_unknown(self, api):
        """What is not there is a problem, too."""
        for path in ("nothing", "shipments/melhor-envio/p9", "deliveries/none", "shipments/x"):
            answer = get(api, path)
            assert (404, "application/problem+json") == (answer.status_code, answer.mimetype), path

    def test_nul(self, api):
        """No database takes a NUL character: it is refused, wherever it stands."""
        for path in ("shipments/melhor-envio/a%00b", "deliveries/%00"):
            assert 400 == get(api, path).status_code, path
        assert 400 == get(api, "shipments", number="\0").status_code


class TestLists:
    def test_shipments(self, api_on_either):
        """Shipments by state, reason, number and order, times in ISO 8601."""
        api = api_on_either
        held(api)
        api.post(posted("2-01", parcel="p2", number="TN2BR"))
        api.work()

        (row,) = items(api, "shipments", state="held")
        assert ("melhor-envio/p1", "ambiguous_invoice", "TN1BR") == (row["id"], row["reason"], row["tracking_number"])
        assert row["changed_at"].endswith("Z")
        assert not {"known", "evidence", "token", "sent"} & row.keys()
        for query, expected in [
            ({}, {"p1", "p2"}), ({"reason": "ambiguous_invoice"}, {"p1"}), ({"number": "tn 1-BR"}, {"p1"}),
            ({"order": "1-01"}, {"p1"}), ({"number": "TN1BR", "state": "in_step"}, set()),
            ({"endpoint": "melhor-envio"}, {"p1", "p2"}), ({"account": "other"}, set()),
        ]:  # fmt: skip
            assert expected == {one["id"].partition("/")[2] for one in items(api, "shipments", **query)}, query

    def test_pages(self, api_on_either):
        """Page by page each shipment comes once, the latest change first, in every state; whatever changed_at they
        share."""
        api = api_on_either
        states = ("due", "held", "in_step", "kept")
        for number in range(23):
            changed = {"changed_at": 1_000.0 + number // 3, "state": states[number % 4], "due_at": None}
            add_shipments(api.database, f"ep/{number:02}", **changed)

        found = [one["id"] for one in items(api, "shipments", limit=5)]

        assert [f"ep/{number:02}" for number in range(22, -1, -1)] == found
        assert 5 == len(get(api, "shipments", limit=5).json["items"])

    def test_rare(self, api_on_either, monkeypatch):
        """A filter that no index knows looks at so many rows a page; page by page it finds all."""
        api = api_on_either
        monkeypatch.setattr("receiver.store.operator.listings.LOOKS_AT", 10)
        add_shipments(api.database, *(f"ep/{number:02}" for number in range(35)))
        add_shipments(api.database, "other/1", "other/2", changed_at=1.0)
        for row in ("other/1", "other/2"):
            api.database.write(
                lambda connection, row=row: connection.exec_driver_sql(
                    f"UPDATE shipments SET endpoint = 'other' WHERE id = '{row}'"
                )
            )

        assert ["other/2", "other/1"] == [one["id"] for one in items(api, "shipments", endpoint="other")]
        assert 2_000 == LOOKS_AT

    def test_deliveries(self, api_on_either):
        """Deliveries without bodies, by outcome, endpoint and carrier, the latest first."""
        api = api_on_either
        good, bad = (api.post(one).json["delivery"] for one in (posted(), UNREADABLE))

        assert [bad, good] == [one["id"] for one in items(api, "deliveries", limit=1)]
        for query, expected in [
            ({"outcome": "quarantined"}, [bad]), ({"outcome": "accepted"}, [good]), ({"outcome": "error"}, []),
            ({"endpoint": "melhor-envio"}, [bad, good]), ({"carrier": "ups"}, []),
            ({"since": "2026-11-18"}, [bad, good]), ({"until": "2026-11-18"}, []), ({"since": "2026-11-19"}, []),
        ]:  # fmt: skip
            assert expected == [one["id"] for one in items(api, "deliveries", **query)], query
        assert 400 == get(api, "deliveries", since="soon").status_code
        assert "body" not in items(api, "deliveries")[0]
        assert isinstance(items(api, "deliveries")[0]["headers"], dict)

    def test_others(self, api_on_either):
        """Links, unknown words, accounts and decisions."""
        api = api_on_either
        api.link("TN7", "7-01")
        api.link("TN8", "8-01")
        api.database.write(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO unknown_words VALUES ('loggi', '14', 1.0, 2.0, 3, 'd'), ('ups', 'ZZ', 1.0, 2.0, 3, 'd')"
            )
        )
        queue, _ = api.hands("other")
        queue.accounts.pause("lux", until=api.now + 60, reason="HTTP 401", own_fault=True, now=api.now)

        assert ["TN7", "TN8"] == [one["value"] for one in items(api, "links", limit=1)]
        assert ["TN8"] == [one["value"] for one in items(api, "links", order="8-01")]
        assert ["14", "ZZ"] == [one["word"] for one in items(api, "unknown-words", limit=1)]
        assert ["ZZ"] == [one["word"] for one in items(api, "unknown-words", carrier="ups")]
        (account,) = items(api, "accounts")
        assert ("lux", True, "HTTP 401") == (account["name"], account["is_paused"], account["pause_reason"])
        assert account["until"].endswith("Z")
        assert [] == items(api, "decisions")

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("shipments", {"limit": "0"}), ("shipments", {"limit": "201"}), ("shipments", {"limit": "x"}),
            ("shipments", {"state": "heldd"}), ("shipments", {"statte": "held"}), ("deliveries", {"outcome": "x"}),
            ("shipments", {"cursor": "x"}), ("shipments", {"cursor": "é"}), ("shipments", {"cursor": "W10"}),
            ("shipments", {"cursor": "WyJzaGlwbWVudHMiLCBOYU4sICJhIl0"}),  # ["shipments", NaN, "a"]
            ("deliveries", {"cursor": "WyJkZWxpdmVyaWVzIiwgIlx1ZDgwMCJd"}),  # ["deliveries", half a surrogate pair]
            ("deliveries", {"cursor": "WyJkZWxpdmVyaWVzIiwgIlx1MDAwMCJd"}),  # ["deliveries", NUL]
            ("links", {"cursor": "WyJkZWxpdmVyaWVzIiwgImEiXQ"}),  # of another list
            ("shipments", {"state": ["held", "due"]}),
        ],
    )  # fmt: skip
    def test_refused(self, api, path, query):
        """A filter, a limit or a cursor that makes no sense, or stands twice, is refused by name."""
        answer = get(api, path, **query)

        assert (400, "application/problem+json") == (answer.status_code, answer.mimetype)
        assert any(name in answer.json["detail"] for name in query)


class TestOne:
    def test_story(self, api_on_either):
        """A shipment's story is what `receiver show` tells, its decisions among it."""
        api = api_on_either
        held(api)
        post(api, f"{SHIPMENT}/dismiss", {"note": "lost"})

        story = get(api, SHIPMENT).json

        assert {
            "shipment", "deliveries", "attempts", "paused", "links", "decisions", "next", "kept_back"
        } == story.keys()  # fmt: skip
        assert ("melhor-envio/p1", "dismissed") == (story["shipment"]["id"], story["shipment"]["state"])
        assert ["lost"] == [one["note"] for one in get(api, SHIPMENT, ANA).json["decisions"]]
        assert story["decisions"] == items(api, f"{SHIPMENT}/decisions")
        assert [] == items(api, "shipments/melhor-envio/p9/decisions")
        for query, expected in [
            ({"subject": "melhor-envio/p1"}, story["decisions"]), ({"action": "dismiss"}, story["decisions"]),
            ({"kind": "link", "subject": "melhor-envio/p1"}, []), ({"actor": "vi"}, []), ({"until": "2026-01-01"}, []),
        ]:  # fmt: skip
            assert expected == items(api, "decisions", **query), query

    def test_buyers(self, api):
        """A person who only views reads no tracking page, no carrier's text, no call's content, no note, no query."""
        held(api)
        api.add_order(order("1-01", package("A", trackingUrl="https://track.example/A"), package("B")))
        name = api.post(posted(event="order.delivered")).json["delivery"]
        post(api, f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B", "note": "Souza wrote"})
        api.work()

        paths = [SHIPMENT, f"{SHIPMENT}/decisions", "decisions", "deliveries", f"deliveries/{name}", "orders/1-01"]
        secrets = ("Souza", "track.example", "Encomenda postada")
        for path in paths:
            assert [] == [one for one in secrets if one in get(api, path).text], path
        told = "".join(get(api, path, ANA).text for path in paths)
        assert [] == [one for one in secrets if one not in told]
        assert "TN1BR" == get(api, SHIPMENT).json["deliveries"][0]["said"]["tracking_number"]
        assert {"target": "/webhooks/x"} == hidden({"target": "/webhooks/x?name=Souza"})

    def test_slashes(self, api):
        """A carrier's own id may have slashes, written as such or as %2F."""
        add_shipments(api.database, "ep/a/b", due_at=None)

        for path in ("shipments/ep/a/b", "shipments/ep/a%2Fb"):
            assert "ep/a/b" == get(api, path).json["shipment"]["id"]
        assert [] == items(api, "shipments/ep/a/b/decisions")

    def test_body(self, api):
        """The stored body is for the role that decides; a role that views is refused, and an emptied one is gone."""
        name = api.post(posted()).json["delivery"]

        assert b'"TN1BR"' in get(api, f"deliveries/{name}/body", ANA).data
        assert "nosniff" == get(api, f"deliveries/{name}/body", ANA).headers["X-Content-Type-Options"]
        assert 403 == get(api, f"deliveries/{name}/body", VI).status_code
        assert "TN1BR" not in get(api, f"deliveries/{name}").text
        Retention(api.database).prune(Horizons(bodies=0, unreadable=9e9), now=api.now + 1)
        assert 404 == get(api, f"deliveries/{name}/body", ANA).status_code


def test_a_late_page_is_cheap(api):
    """The last page of many rows is read by an index: it visits its own rows, and sorts no others."""
    held = "SELECT changed_at, id FROM shipments WHERE state = 'held' AND (changed_at, id) < (5.0, 'x')"
    decided = "SELECT * FROM decisions WHERE (at, id) < (5.0, 'x')"
    failed = "SELECT id FROM deliveries WHERE outcome = 'error' AND outcome IN ('quarantined', 'error') AND id < 'x'"
    statements = [
        f"{held} ORDER BY changed_at DESC, id DESC LIMIT 51",
        f"{decided} ORDER BY at DESC, id DESC LIMIT 51",
        f"{failed} ORDER BY id DESC LIMIT 51",
    ]
    for statement in statements:
        with api.database.reading() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
        assert plan[0].startswith("SEARCH"), plan


def test_marks(api):
    """With a parcel, each invoice of an order has its marks: what speaks for it, and what against."""
    held(api)
    marks = {
        one["invoice_number"]: one["marks"]
        for one in get(api, "orders/1-01", shipment="melhor-envio/p1").json["invoices"]
    }

    assert {"A": ["candidate"], "B": ["candidate"]} == marks
    assert "marks" not in get(api, "orders/1-01").json["invoices"][0]
    assert 404 == get(api, "orders/1-01", shipment="melhor-envio/p9").status_code


def test_reading(api):
    """A delivery's parcels are told, and what today's adapter would change of them: to the role ``view`` without
    values."""
    delivery = api.post(posted()).json["delivery"]
    api.database.write(
        lambda connection: connection.execute(text("UPDATE updates SET said = replace(said, 'TN1BR', 'TN9BR')"))
    )
    api.work()
    found = get(api, f"deliveries/{delivery}/reading", ANA).json

    reference = {"kind": "order_id", "value": "1-01"}
    parcel = {"shipment": "melhor-envio/p1", "status": "dispatched", "tracking_number": "TN9BR"}
    assert [{**parcel, "references": [reference], "unknown_words": []}] == found["parcels"]
    assert ({"outcome": "accepted", "reason": None}, 0) == (found["today"], found["more_parcels"])
    [change] = found["changes"]
    values = {one["name"]: (one["before"], one["after"]) for one in change["changes"]}
    assert ("TN9BR", "TN1BR") in values.values()
    [seen] = get(api, f"deliveries/{delivery}/reading").json["changes"]
    assert [{"name": name} for name in values] == seen["changes"]
    assert 404 == get(api, "deliveries/none/reading").status_code
    unread = api.post(UNREADABLE).json["delivery"]
    assert "lacks 'id'" in get(api, f"deliveries/{unread}/reading").json["today"]["reason"]


def test_links_found(api):
    """Links are found by any number in any notation, by a carrier's id, and by their order. What a carrier said of its
    own order is among them."""
    api.link("TN1BR", "1-01")
    api.link("melhor-envio/p1", "2-01", kind="shipment")

    for words, expected in [("tn-1 br", ["TN1BR"]), ("p1", ["melhor-envio/p1"]), ("1-01", ["TN1BR"]), ("x", [])]:
        assert expected == [one["value"] for one in items(api, "links", search=words)], words
    assert [] == items(api, "links", search="TN1BR", account="other")
    api.index.link("lux", [Link((("tracking_number", "TN4"),), "4-01", None, (Place("5-01"),))], now=api.now)
    assert [["5-01"], []] == [one["also"] for words in ("TN4", "TN1BR") for one in items(api, "links", search=words)]
    api.link("own-order", "3-01", kind="carrier_order")
    assert ["carrier_order"] == [one["kind"] for one in items(api, "links", order="3-01")]
    assert 400 == get(api, "links", search="TN1BR", order="1-01").status_code
