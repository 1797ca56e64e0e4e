"""The stand-in OMS server fails as VTEX fails, when told to, and the same way each time."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
import requests

from receiver.sandbox import BadFaults, Faults, parse_faults
from receiver.sandbox.faults import faults_from_json, faults_to_json
from tests.support.sandbox_client import (
    BILL,
    INVOICE,
    INVOICED,
    NOT_INVOICED,
    NUMBER,
    ORDERS,
    PATCH,
    TRACKING,
    OnLoopback,
    Store,
)


class TestTrouble(OnLoopback):
    @pytest.mark.parametrize(
        ("retry_after", "expected"),
        [
            pytest.param(30, "30", id="seconds"),
            pytest.param("date:90", "Mon, 21 Sep 2026 14:14:50 GMT", id="a date"),
            pytest.param("soon", "soon", id="nonsense"),
            pytest.param("", None, id="absent"),
        ],
    )
    @pytest.mark.parametrize(("name", "status"), [("throttle", 429), ("unavailable", 503)])
    def test_retry_after(self, open_store, name, status, retry_after, expected):
        """429 and 503 tell when to come back in every way that occurs, or not at all; nothing is applied."""
        store = open_store(Faults(**{name: 1.0}, retry_after=retry_after))
        answer = store.call("PATCH", INVOICE, PATCH)

        assert (status, expected) == (answer.status_code, answer.headers.get("Retry-After"))
        assert [] == store.sandbox.writes(INVOICED, NUMBER)

    def test_before_the_key(self, open_store):
        """Throttling happens before anybody looks at the key."""
        store = open_store(Faults(throttle=1.0), accounts_token=("other", "other"))

        assert 429 == store.get(f"{ORDERS}/{INVOICED}").status_code

    def test_server_error(self, open_store):
        """A 500 is JSON, and nothing is applied."""
        store = open_store(Faults(server_error=1.0))

        assert 500 == store.call("PATCH", INVOICE, PATCH).status_code
        assert [] == store.sandbox.writes(INVOICED, NUMBER)

    @pytest.mark.parametrize(
        ("trouble", "status"),
        [
            ({"unauthorized": True}, 401),
            ({"server_error": 1.0}, 500),
            ({"throttle": 1.0}, 429),
            ({"unavailable": 1.0}, 503),
            ({"forbidden": frozenset("*")}, 403),
        ],
    )
    def test_html(self, open_store, trouble, status):
        """Where JSON is expected, a page may come."""
        answer = open_store(Faults(**trouble, error_form="html")).get(f"{ORDERS}/{INVOICED}")

        assert status == answer.status_code
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.text.startswith("<!doctype html>")

    def test_unroutable(self, open_store):
        """The web server refuses a URL by a page, before anything looks at key, order or invoice."""
        store = open_store(Faults(unroutable=frozenset({NUMBER})))
        answer = store.raw("PATCH", INVOICE, PATCH)

        assert (400, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        assert [] == store.sandbox.writes(INVOICED, NUMBER)
        assert 200 == store.get(f"{ORDERS}/{INVOICED}").status_code

    def test_login_page(self, open_store):
        """A login page says 200, and a write it answers was not applied."""
        store = open_store(Faults(login_page=True))
        answer = store.raw("PATCH", INVOICE, PATCH)

        assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        assert [] == store.sandbox.writes(INVOICED, NUMBER)

    def test_redirect(self, open_store):
        """A redirect leads a client that follows it to the login page and its 200."""
        store = open_store(Faults(redirect=True))

        assert 302 == store.get(f"{ORDERS}/{INVOICED}").status_code
        followed = store.raw("GET", f"{ORDERS}/{INVOICED}", allow_redirects=True)
        assert (200, "text/html; charset=utf-8") == (followed.status_code, followed.headers["Content-Type"])

    @pytest.mark.parametrize(
        "path", [f"{ORDERS}/{INVOICED}", f"{ORDERS}/seq610244", f"{ORDERS}/order-group/1398210457736"]
    )
    def test_forbidden(self, open_store, path):
        """A closed order answers 403 by each of its names; the others stay open."""
        store = open_store(Faults(forbidden=frozenset({INVOICED})))

        assert 403 == store.get(path).status_code
        assert 200 == store.get(f"{ORDERS}/1398210457811-01").status_code

    def test_all_forbidden(self, open_store):
        """A star closes every order, known or not."""
        store = open_store(Faults(forbidden=frozenset("*")))

        assert [403, 403] == [store.get(f"{ORDERS}/{name}").status_code for name in (INVOICED, "nobody")]

    def test_key_revoked_meanwhile(self, store):
        """Faults can be replaced while the server runs."""
        path = f"{ORDERS}/{INVOICED}"
        before = store.get(path).status_code
        store.sandbox.faults = Faults(unauthorized=True)
        revoked = store.get(path).status_code
        store.sandbox.faults = Faults()

        assert [200, 401, 200] == [before, revoked, store.get(path).status_code]

    def test_slow(self, open_store, clock):
        """A slow answer has been applied before anybody waits."""
        store = open_store(Faults(slow=(1.0, 45.0)))
        store.call("PATCH", INVOICE, PATCH)

        assert [45.0] == clock.slept
        assert 1 == len(store.sandbox.writes(INVOICED, NUMBER))

    def test_methods(self, open_store):
        """Trouble may be confined to some methods."""
        store = open_store(Faults(throttle=1.0, methods=frozenset({"PATCH"})))

        assert 200 == store.get(f"{ORDERS}/{INVOICED}").status_code
        assert 429 == store.call("PATCH", INVOICE, PATCH).status_code


class TestResets(OnLoopback):
    def test_before(self, open_store):
        """The connection closes and nothing was applied."""
        store = open_store(Faults(reset_before=1.0))
        with pytest.raises(requests.ConnectionError):
            store.call("PATCH", INVOICE, PATCH)
        store.sandbox.faults = Faults()

        assert store.package()["trackingNumber"] is None

    def test_after_applying(self, open_store):
        """The connection closes and yet the write took effect."""
        store = open_store(Faults(reset_after_applying=1.0))
        with pytest.raises(requests.ConnectionError):
            store.call("PATCH", INVOICE, PATCH)

        assert "BR1" == store.package()["trackingNumber"]
        assert [(0, True)] == [(call.status, call.applied) for call in store.sandbox.writes(INVOICED, NUMBER)]

    def test_only_what_was_applied(self, open_store):
        """Reads and refused writes get their answers."""
        store = open_store(Faults(reset_after_applying=1.0))

        assert 200 == store.get(f"{ORDERS}/{INVOICED}").status_code
        assert 400 == store.call("PATCH", INVOICE, {}).status_code

    @pytest.mark.parametrize("faults", [Faults(reset_before=1.0), Faults(reset_after_applying=1.0)])
    def test_no_byte_comes_back(self, open_store, faults):
        """On the wire there is no status line, only the end."""
        store = open_store(faults)
        connection = http.client.HTTPConnection(urlsplit(store.url).netloc, timeout=10)
        connection.request("PATCH", INVOICE, json.dumps(PATCH), dict(store.session.headers))

        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()

    def test_quiet(self, open_store, capfd, caplog):
        """Neither calls nor resets write a line."""
        store = open_store(Faults(reset_before=1.0, methods=frozenset({"PATCH"})))
        store.get(f"{ORDERS}/{INVOICED}")
        with pytest.raises(requests.ConnectionError):
            store.call("PATCH", INVOICE, PATCH)

        assert ("", "") == tuple(capfd.readouterr())
        assert [] == [record for record in caplog.records if record.name in ("werkzeug", "receiver.sandbox.app")]


class TestLateness(OnLoopback):
    def test_invoice_delay(self, open_store, clock):
        """An order has no packages until its delay has passed, counted from the first call that names it."""
        store = open_store(Faults(invoice_delay=60.0))
        clock.now += 1000
        early = store.get(f"{ORDERS}/{INVOICED}").json()["packageAttachment"]["packages"]
        refused = store.call("PATCH", INVOICE, PATCH)
        clock.now += 60

        assert ([], 404) == (early, refused.status_code)
        assert NUMBER == store.package()["invoiceNumber"]
        assert 200 == store.call("PATCH", INVOICE, PATCH).status_code

    def test_visible_after(self, open_store, clock):
        """GET shows a write only later; the write itself is done at once."""
        store = open_store(Faults(visible_after=6.0))
        store.call("PATCH", INVOICE, PATCH)
        clock.now += 5.9

        assert store.package()["trackingNumber"] is None
        assert "BR1" == store.sandbox.orders[INVOICED]["packageAttachment"]["packages"][0]["trackingNumber"]
        clock.now += 0.1
        assert "BR1" == store.package()["trackingNumber"]

    def test_put_anew(self, open_store, clock, orders):
        """An order that is put in again waits for its packages again."""
        store = open_store(Faults(invoice_delay=60.0))
        store.get(f"{ORDERS}/{INVOICED}")
        clock.now += 60
        store.sandbox.put(next(order for order in orders if order["orderId"] == INVOICED))

        assert [] == store.get(f"{ORDERS}/{INVOICED}").json()["packageAttachment"]["packages"]

    def test_two_writes_become_visible_in_turn(self, open_store, clock):
        """Each write waits its own time, and builds on the one before even while that is not visible."""
        store = open_store(Faults(visible_after=6.0))
        store.call("PATCH", INVOICE, PATCH)
        clock.now += 3
        store.call("PUT", f"{INVOICE}/tracking", TRACKING)
        clock.now += 3
        first = store.package()
        clock.now += 3
        second = store.package()

        assert [("BR1", 0), ("BR1", 1)] == [
            (package["trackingNumber"], len(package["courierStatus"]["data"])) for package in (first, second)
        ]

    def test_a_posted_invoice_is_late_too(self, open_store, clock):
        """A read right after posting sees no invoice yet."""
        store = open_store(Faults(visible_after=6.0))
        store.call("POST", f"{NOT_INVOICED}/invoice", BILL)

        assert store.get(NOT_INVOICED).json()["packageAttachment"] is None


class TestDice(OnLoopback):
    def statuses(self, store: Store, count: int = 40) -> list[int]:
        return [store.get(f"{ORDERS}/{INVOICED}").status_code for _ in range(count)]

    def test_same_seed(self, open_store):
        """One seed, one sequence of troubles; another seed, another."""
        first, again, other = (self.statuses(open_store(Faults(throttle=0.5), seed=seed)) for seed in (7, 7, 8))

        assert first == again
        assert first != other
        assert {200, 429} == set(first)

    def test_each_its_own(self, open_store):
        """Two troubles of the same share do not strike the same calls."""
        throttled = self.statuses(open_store(Faults(throttle=0.5)))
        failed = self.statuses(open_store(Faults(server_error=0.5)))

        assert [status == 429 for status in throttled] != [status == 500 for status in failed]

    def test_independent(self, open_store):
        """One trouble more does not move the others."""
        alone = self.statuses(open_store(Faults(throttle=0.5)))
        with_slow = self.statuses(open_store(Faults(throttle=0.5, slow=(0.5, 1.0))))

        assert alone == with_slow


class TestFaultsAsText:
    def test_every_fault(self):
        """Each fault can be written as text."""
        words = (
            "throttle=0.1 unavailable=0.2 retry_after=30 server_error=1 error_form=html slow=0.25:5 reset_before=0.3 "
            "error_status=502 per_minute=9 missing_status=400 unapplied=1 "
            "reset_after_applying=0.4 invoice_delay=60 visible_after=6.5 login_page=yes redirect=off unauthorized=true "
            "forbidden=a,b unroutable=9:1 append_events methods=PATCH,PUT lacking=list,hook repost=doubled "
            "hook_trouble=twice"
        )

        assert Faults(
            throttle=0.1,
            unavailable=0.2,
            retry_after="30",
            server_error=1.0,
            error_status=502,
            error_form="html",
            per_minute=9,
            missing_status=400,
            slow=(0.25, 5.0),
            reset_before=0.3,
            reset_after_applying=0.4,
            invoice_delay=60.0,
            visible_after=6.5,
            login_page=True,
            redirect=False,
            unauthorized=True,
            forbidden=frozenset({"a", "b"}),
            unroutable=frozenset({"9:1"}),
            append_events=True,
            lacking=frozenset({"list", "hook"}),
            repost="doubled",
            hook_trouble=frozenset({"twice"}),
            unapplied=1.0,
            methods=frozenset({"PATCH", "PUT"}),
        ) == parse_faults(words.split())

    def test_none(self):
        """Without words nothing is switched on."""
        assert Faults() == parse_faults([])

    @pytest.mark.parametrize(
        ("word", "says"),
        [
            ("trotle=1", "'trotle' is no fault; known are throttle, per_minute"),
            ("throttle", "throttle: has no value; write throttle=…"),
            ("throttle=2", "throttle: expected a fraction between 0 and 1"),
            ("throttle=often", "throttle: expected a fraction between 0 and 1"),
            ("throttle=nan", "throttle: expected a fraction between 0 and 1"),
            ("throttle=0.1:5", "throttle: expected a fraction between 0 and 1"),
            ("visible_after=-1", "visible_after: expected seconds"),
            ("invoice_delay=inf", "invoice_delay: expected seconds"),
            ("slow=0.5", "slow: expected a fraction and seconds"),
            ("slow=5:0.5", "slow: expected a fraction and seconds"),
            ("login_page=maybe", "login_page: expected true or false"),
            ("retry_after=date:soon", "retry_after: expected date: and whole seconds"),
            ("methods=HEAD", "methods: expected some of DELETE, GET, PATCH, POST, PUT"),
            ("lacking=all", "lacking: expected some of hook, list, notify, refund, view"),
            ("error_status=200", "error_status: expected one of 500, 502, 504, 408"),
            ("error_form=xml", "error_form: expected one of , html, problem"),
            ("repost=", "repost: expected one of receipt, refused, replaced, doubled"),
            ("per_minute=many", "per_minute: expected a whole number"),
        ],
    )
    def test_refused(self, word, says):
        """What makes no sense is refused by name."""
        with pytest.raises(BadFaults) as refused:
            parse_faults([word])

        assert str(refused.value).startswith(says)

    def test_twice(self):
        """No fault is given twice."""
        with pytest.raises(BadFaults, match="throttle: is given twice"):
            parse_faults(["throttle=0.1", "throttle=0.2"])

    def test_json_and_back(self):
        """As JSON nothing is lost."""
        faults = Faults(slow=(0.5, 2.0), forbidden=frozenset({"b", "a"}), retry_after=5, redirect=True)

        assert faults == faults_from_json(json.loads(json.dumps(faults_to_json(faults))))
