"""The routes: who is let in, what is refused and how, and what happens when nothing can be stored."""

import base64
import hmac
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import event

from receiver.intake import Intake, Outcome
from receiver.store import Inbox, OperatorQueries, StoreUnavailable
from receiver.store.engine import sqlite_file
from receiver.timing import stamp
from receiver.web.webhooks import MOST_UNPROVEN
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, posted
from tests.support.sending import ENDPOINTS, SECRET, good, outcome, rows

JSON = {"content-type": "application/json"}
PROBLEM = "application/problem+json"


@pytest.fixture
def six(rig: Rig) -> Rig:
    """A receiver with an endpoint of every carrier."""
    rig.configure(endpoints=ENDPOINTS)
    return rig


def only(rig: Rig, **endpoint) -> None:
    rig.configure(endpoints={"in": {"carrier": "frenet", "secrets": [SECRET], **endpoint}})


class TestRoutes:
    @pytest.mark.parametrize(
        "path",
        ["/", "/webhooks", "/webhooks/", "/webhooks/nobody", "/webhooks//melhor-envio", "/webhooks/melhor-envio/token"],
    )
    def test_unknown(self, six, path):
        """An address that is no endpoint's is 404, never a redirect; so is a token where the scheme has none."""
        for method in ("POST", "GET", "DELETE"):
            answer = six.client.open(path, method=method, data=b"{}")

            assert (404, PROBLEM) == (answer.status_code, answer.mimetype)
            assert "There is no such endpoint." == answer.json["detail"]

    def test_method(self, six):
        """Another method is 405, and Allow says which are taken: a carrier without a probe has no use for GET."""
        for method in ("DELETE", "PATCH", "OPTIONS", "GET", "HEAD"):
            answer = six.client.open("/webhooks/easypost", method=method)

            assert (405, PROBLEM) == (answer.status_code, answer.mimetype)
            assert "POST, PUT" == answer.headers["Allow"]

    def test_method_with_probe(self, six):
        """Where the carrier's probe is a GET, Allow names it."""
        assert "POST, PUT, GET, HEAD" == six.client.delete("/webhooks/melhor-envio").headers["Allow"]

    def test_put(self, six):
        """PUT delivers as POST does: some carriers let the merchant choose."""
        headers = {"credential": SECRET, **JSON}

        assert (200, "accepted") == outcome(six.client.put("/webhooks/ups", json=good("ups"), headers=headers))

    def test_trailing_slash(self, six):
        """A slash too many does no harm."""
        answer = six.client.post("/webhooks/ups/", json=good("ups"), headers={"credential": SECRET})

        assert (200, "accepted") == outcome(answer)

    def test_health_methods(self, rig):
        """Allow tells the truth of other routes too."""
        answer = rig.client.post("/healthz")

        assert (405, PROBLEM) == (answer.status_code, answer.mimetype)
        assert "POST" not in answer.headers["Allow"]


class TestSender:
    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({}, id="none"),
            pytest.param({"x-webhook-token": ""}, id="empty"),
            pytest.param({"x-webhook-token": "wrong"}, id="wrong"),
            pytest.param({"x-webhook-token": SECRET.upper()}, id="case"),
            pytest.param({"authorization": f"Bearer {SECRET}"}, id="another scheme"),
            pytest.param({"x-webhook-token": "\xff\xfe"}, id="not ASCII"),
            pytest.param({"x-webhook-token": f"{SECRET},{SECRET}"}, id="header sent twice"),
        ],
    )
    def test_one_text(self, rig, headers):
        """Whatever the cause, the sender hears the same 401; the operator finds the reason among the rejects."""
        only(rig)
        answer = rig.client.post("/webhooks/in", json=good("frenet"), headers=headers)

        assert (401, PROBLEM) == (answer.status_code, answer.mimetype)
        assert {
            "type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Authentication failed.",
        } == answer.json  # fmt: skip
        assert [] == rows(rig)
        assert "x-webhook-token" in rig.queries.rejects()[0]["reason"]

    def test_no_secret(self, rig):
        """A secret that is missing in the request is refused under every scheme of every carrier; where it may be the
        panel's check, it is answered as one, recorded, and not stored."""
        for name, settings in ENDPOINTS.items():
            rig.configure(endpoints={name: settings})
            probe = rig.config.endpoints[name].carrier.probe
            status = 200 if probe is not None and probe.unsigned else 401
            assert status == rig.client.post(f"/webhooks/{name}", json=good(name)).status_code
            assert [] == rows(rig)
            assert name == rig.queries.rejects()[0]["endpoint"]

    def test_rotation(self, rig):
        """During a rotation both secrets hold; afterwards only the new one."""
        rig.configure(endpoints={"ups": {"secrets": ["newer-one", "older-one"]}})

        def sent(secret):
            return rig.client.post("/webhooks/ups", json=good("ups"), headers={"credential": secret}).status_code

        assert [200, 200, 401] == [sent("newer-one"), sent("older-one"), sent("oldest-one")]
        rig.configure(endpoints={"ups": {"secrets": ["newer-one"]}})
        assert [200, 401] == [sent("newer-one"), sent("older-one")]

    @pytest.mark.parametrize(
        ("carrier", "auth", "secret", "target", "headers"),
        [
            ("frenet", {"scheme": "path"}, SECRET, f"/webhooks/in/{SECRET}", {}),
            ("frenet", {"scheme": "path"}, "a/b+c=d e%", "/webhooks/in/a%2Fb%2Bc%3Dd%20e%25", {}),
            ("frenet", {"scheme": "path"}, "a/b+c=d", "/webhooks/in/a/b+c=d", {}),
            ("frenet", {"scheme": "path"}, "segredo-ç", "/webhooks/in/segredo-%C3%A7", {}),
            ("frenet", {"scheme": "query"}, SECRET, f"/webhooks/in?token={SECRET}", {}),
            ("frenet", {"scheme": "query", "name": "key"}, "a&b+c d", "/webhooks/in?x=1&key=a%26b%2Bc+d", {}),
            ("frenet", {"scheme": "header", "name": "x-mine"}, SECRET, "/webhooks/in", {"X-Mine": SECRET}),
            ("ups", {"scheme": "bearer"}, SECRET, "/webhooks/in", {"Authorization": f"bearer {SECRET}"}),
            ("easypost", {"scheme": "basic"}, "u:p:w", "/webhooks/in", {"Authorization": "Basic dTpwOnc="}),
        ],
    )
    def test_schemes(self, rig, carrier, auth, secret, target, headers):
        """The merchant chooses among the carrier's schemes, per endpoint; the secret may hold any character."""
        only(rig, carrier=carrier, auth=auth, secrets=[secret])

        assert (200, "accepted") == outcome(rig.client.post(target, json=good(carrier), headers=headers))
        assert 401 == rig.client.post("/webhooks/in", json=good(carrier)).status_code

    def test_twice_in_query(self, rig):
        """A parameter that is there twice proves nothing: two readers might each pick another."""
        only(rig, auth={"scheme": "query"})
        target = f"/webhooks/in?token=wrong&token={SECRET}"

        assert 401 == rig.client.post(target, json=good("frenet")).status_code

    @pytest.mark.parametrize(
        "change", [lambda raw: raw + b"\n", lambda raw: b" " + raw, lambda raw: json.dumps(json.loads(raw), indent=1)]
    )
    def test_exact_bytes(self, rig, change):
        """A signature is over the bytes: a newline more, or the same JSON written again, proves nothing."""
        raw = json.dumps(posted()).encode()
        signature = base64.b64encode(hmac.digest(b"rig-secret", raw, "sha256")).decode()

        def sent(body):
            return rig.client.post(
                "/webhooks/melhor-envio", data=body, headers={"x-me-signature": signature}
            ).status_code

        assert [401, 200] == [sent(change(raw)), sent(raw)]

    def test_reject_flood(self, rig, caplog):
        """A flood of strangers writes a few rejects a second; the log then says how many more there were."""
        for _ in range(20):
            rig.client.post("/webhooks/melhor-envio", json=posted())
        assert 5 == len(rig.queries.rejects())
        rig.now += 1
        rig.client.post("/webhooks/melhor-envio", json=posted())

        assert 6 == len(rig.queries.rejects())
        assert "authentication failures not recorded, too many in one second: failures=15" in caplog.text

    def test_reject_size(self, rig):
        """A stranger's headers cost a few hundred bytes: their names, and the values of those that tell who came."""
        headers = {f"x-{number}": "v" * 8_000 for number in range(80)} | {"user-agent": "u" * 8_000}
        rig.client.post("/webhooks/melhor-envio?" + "q" * 5_000, json=posted(), headers=headers)

        (reject,) = rig.queries.rejects()
        kept = json.loads(reject["headers"])
        assert {"[redacted]", "127.0.0.1", "u" * 200, "application/json"} >= {
            kept[name] for name in kept if name != "content-length"
        }
        assert len(reject["headers"]) + len(reject["target"]) < 3_000

    def test_reject_flood_elsewhere(self, rig):
        """A flood at one endpoint does not drive out why a carrier is refused at another."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "other": MELHOR_ENVIO})
        for _ in range(20):
            rig.client.post("/webhooks/melhor-envio", json=posted())
        rig.client.post("/webhooks/other", json=posted())

        assert ["other"] + 5 * ["melhor-envio"] == [row["endpoint"] for row in rig.queries.rejects()]


class TestProbes:
    @pytest.mark.parametrize(
        ("method", "body"),
        [("GET", b""), ("HEAD", b""), ("POST", b""), ("POST", b"{}"), ("POST", b"null"), ("POST", b" []\n")],
    )
    def test_registration(self, rig, method, body):
        """Melhor Envio's check of a new URL is answered 200 and leaves nothing behind."""
        answer = rig.client.open("/webhooks/melhor-envio", method=method, data=body)

        assert 200 == answer.status_code
        assert ([], [], []) == (rows(rig), rows(rig, "rejects"), rows(rig, "shipments"))

    def test_signed_probe(self, rig):
        """What is signed is no probe, however empty: it is read, and kept."""
        assert (200, "quarantined") == outcome(rig.post(b"{}"))

    def test_stripped_signature(self, rig, caplog):
        """An event without its signature may be Melhor Envio's check: it is answered 200 without an effect. A proxy
        that strips the signature is told all the same: the reason is logged and kept."""
        answer = rig.client.post("/webhooks/melhor-envio", json=posted(), headers={"x-proxy": "1"})

        assert (200, "probe") == outcome(answer)
        assert "not signed: taken for the carrier's check of the URL, nothing is done" == json.loads(answer.data)["why"]
        assert ([], []) == (rows(rig), rows(rig, "shipments"))
        said = "endpoint=melhor-envio status=200 client=127.0.0.1 reason=header x-me-signature is missing"
        assert f"authentication failed: {said}" in caplog.text
        (reject,) = rig.queries.rejects()
        assert ("melhor-envio", "POST", "/webhooks/melhor-envio") == (
            reject["endpoint"], reject["method"], reject["target"],
        )  # fmt: skip
        assert "header x-me-signature is missing" == reject["reason"]
        assert "x-proxy" in json.loads(reject["headers"])

    def test_wrong_signature(self, rig):
        """What has a signature is no check: a wrong one is refused."""
        headers = {"x-me-signature": "d3Jvbmc="}
        assert 401 == rig.client.post("/webhooks/melhor-envio", json=posted(), headers=headers).status_code

    def test_flood_of_unsigned(self, rig):
        """Events without a signature are answered, and count as not proven: a flood of them is told to wait."""
        sent = [rig.client.post("/webhooks/melhor-envio", json=posted()).status_code for _ in range(MOST_UNPROVEN + 1)]

        assert [200] * MOST_UNPROVEN + [429] == sent


class TestMembers:
    def test_a_bad_one(self, rig):
        """A bad member is told to the sender and kept for a fix; the good ones are on their way."""
        only(rig)
        bad = {**good("frenet"), "ShipmentId": 8, "TrackingEvents": [{"EventDateTime": "soon", "EventType": "0"}]}
        sent = [bad, good("frenet")]
        answer = rig.client.post("/webhooks/in", json=sent, headers={"x-webhook-token": SECRET})

        told = json.loads(answer.data)
        assert (422, "quarantined", 1) == (answer.status_code, told["outcome"], told["shipments"])
        assert "$[0].TrackingEvents[0].EventDateTime" == told["path"]
        (kept,) = rows(rig)
        key = f"in/{good('frenet')['ShipmentId']}"
        assert ("quarantined", [key]) == (kept["outcome"], [row["id"] for row in rows(rig, "shipments")])
        again = rig.client.post("/webhooks/in", json=sent, headers={"x-webhook-token": SECRET})
        assert (422, 1) == (again.status_code, len(rows(rig)))
        intake = Intake(rig.config, Inbox(rig.database), clock=lambda: rig.now)
        assert Outcome.QUARANTINED == intake.reprocess(rig.queries.delivery(kept["id"])).outcome
        assert 1 == len(rows(rig, "updates"))


class TestBody:
    def test_limit(self, rig):
        """A body of just the limit is taken, one byte more is 413."""
        rig.configure(max_body=1_000)
        body = json.dumps(posted()).encode().ljust(1_000)

        assert 200 == rig.post(body).status_code
        answer = rig.post(body + b" ")
        assert (413, PROBLEM) == (answer.status_code, answer.mimetype)
        assert 1 == len(rows(rig))

    def test_encoding(self, rig):
        """A compressed body is 415; identity is what every body is."""
        answer = rig.post(posted(), **{"content-encoding": "gzip"})

        assert (415, PROBLEM) == (answer.status_code, answer.mimetype)
        assert (200, "accepted") == outcome(rig.post(posted(), **{"content-encoding": "Identity"}))

    def test_content_type(self, rig):
        """The bytes count, not what they are called: a form's name loses nothing."""
        answer = rig.post(posted(), **{"content-type": "application/x-www-form-urlencoded"})

        assert (200, "accepted") == outcome(answer)


@pytest.fixture
def full(rig):
    """A SQLite file that may not grow, as on a full disk; call it to make room again."""
    engine = rig.database._writer.engine

    def limit(connection):
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if limit.on else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    limit.on = True
    event.listen(engine, "begin", limit)
    yield lambda: setattr(limit, "on", False)
    event.remove(engine, "begin", limit)


class TestCannotStore:
    def test_locked(self, rig, caplog):
        """A locked database: 503 with Retry-After within 4.5 s, at once for those who follow, and then as before.
        A stranger hears 401 all the same."""
        with closing(sqlite3.connect(sqlite_file(rig.database_url), isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            answer = rig.post(posted())
            waited = time.monotonic() - begun
            assert 503 == rig.post(posted(parcel="p2")).status_code
            assert 503 == rig.client.get("/readyz").status_code
            forged = {"x-me-signature": "AAAA"}
            assert 401 == rig.client.post("/webhooks/melhor-envio", json=posted(), headers=forged).status_code

        assert "authentication failure not recorded: endpoint=melhor-envio" in caplog.text
        assert (503, PROBLEM, "30") == (answer.status_code, answer.mimetype, answer.headers["Retry-After"])
        assert waited < 4.5
        assert (200, "accepted") == outcome(rig.post(posted(parcel="p3")))
        rig.now += 1
        eventually(lambda: 200 == rig.client.get("/readyz").status_code)
        assert "p3" in {row["id"].rpartition("/")[2] for row in rows(rig, "shipments")}

    def test_full(self, rig, full):
        """A full disk: 503, nothing is stored, and the next delivery after there is room is taken."""
        answer = rig.post(posted(note="x" * 100_000))

        assert (503, "30") == (answer.status_code, answer.headers["Retry-After"])
        assert ([], []) == (rows(rig), rows(rig, "shipments"))
        full()
        assert (200, "accepted") == outcome(rig.post(posted(note="x" * 100_000)))

    def test_own_mistake(self, rig, monkeypatch, caplog):
        """Whatever else goes wrong before the commit is 503 as well; the log has kind and place, and no value."""

        def fail(*_):
            raise RuntimeError("Rua das Flores 17")

        monkeypatch.setattr(rig.database, "write_bulk", fail)
        answer = rig.post(posted())

        assert (503, PROBLEM, "30") == (answer.status_code, answer.mimetype, answer.headers["Retry-After"])
        assert "RuntimeError at test_webhooks.py:" in caplog.text
        assert "Flores" not in caplog.text + answer.text


class TestHealth:
    def test_process(self, rig):
        """The process lives: asked without a look at the database."""
        rig.database.close()

        assert {"status": "ok"} == rig.client.get("/healthz").json

    def test_ready(self, rig):
        """Ready while deliveries can be stored; a paused account stands in the details, without VTEX's words."""
        assert {"status": "ready", "paused_accounts": []} == rig.client.get("/readyz").json
        with closing(sqlite3.connect(sqlite_file(rig.database_url), isolation_level=None)) as raw:
            raw.execute(
                "INSERT INTO accounts (name, paused_until, pause_reason) VALUES ('lux', ?, 'key')", (rig.now + 61,)
            )
        rig.now += 1

        paused = eventually(lambda: rig.client.get("/readyz").json["paused_accounts"])

        assert [{"name": "lux", "until": stamp(rig.now + 60)}] == paused

    def test_storm(self, rig, monkeypatch):
        """A storm of probes costs one look a second."""
        looks = []
        monkeypatch.setattr(rig.database, "check_writable", lambda: looks.append(rig.now))
        app = rig.app
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: app.test_client().get("/readyz").status_code, range(50)))
        rig.now += 1
        rig.client.get("/readyz")

        eventually(lambda: [rig.now - 1, rig.now] == looks)
        assert {200} == set(answers)

    def test_busy_with_lists(self, rig, monkeypatch):
        """Where nothing can be read at the moment, but deliveries can be stored, it is ready."""

        def busy(*_, **__):
            raise StoreUnavailable("all connections are in use")

        monkeypatch.setattr(OperatorQueries, "paused_accounts", busy)

        answer = rig.client.get("/readyz")
        assert (200, {"status": "ready"}) == (answer.status_code, answer.json)

    def test_at_once(self, rig, monkeypatch):
        """A look that takes long keeps no probe waiting: within 100 ms it hears the last result, and the new one once
        that is there."""
        assert 200 == rig.client.get("/readyz").status_code
        ended = threading.Event()

        def slow():
            ended.wait(30)
            raise StoreUnavailable("locked")

        monkeypatch.setattr(rig.database, "check_writable", slow)
        rig.now += 1
        waited = []
        for _ in range(5):
            begun = time.monotonic()
            assert 200 == rig.client.get("/readyz").status_code
            waited.append(time.monotonic() - begun)
        assert min(waited) < 0.1
        rig.now += 10
        old = rig.client.get("/readyz")
        assert (503, {"status": "cannot tell"}) == (old.status_code, old.json), "a result that is old is none"
        ended.set()

        eventually(lambda: 503 == rig.client.get("/readyz").status_code)

    def test_refused_meanwhile(self, rig, monkeypatch):
        """While a look lasts, the last result does not count where a write was refused, until one is taken again."""
        assert 200 == rig.client.get("/readyz").status_code
        ended = threading.Event()
        monkeypatch.setattr(rig.database, "check_writable", lambda: ended.wait(30))
        rig.now += 1
        assert 200 == rig.client.get("/readyz").status_code
        with closing(sqlite3.connect(sqlite_file(rig.database_url), isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable):
                rig.database.write(lambda _: None, deadline=0.1)
            refused = rig.client.get("/readyz")
        assert (503, {"status": "cannot store"}) == (refused.status_code, refused.json)

        rig.database.write(lambda _: None)
        assert 200 == rig.client.get("/readyz").status_code
        ended.set()

    def test_not_ready(self, rig, monkeypatch, caplog):
        """Not ready when nothing can be stored; why is for the log alone, since it names hosts and files."""

        def fail():
            raise StoreUnavailable("no connection to db.internal")

        monkeypatch.setattr(rig.database, "check_writable", fail)
        answer = rig.client.get("/readyz")

        assert (503, {"status": "cannot store"}) == (answer.status_code, answer.json)
        assert "db.internal" in caplog.text
