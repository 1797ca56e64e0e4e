"""Recordings run again for real: stored and performed, or posted to a running receiver."""

import threading
from dataclasses import replace

import pytest
from werkzeug.serving import make_server

from receiver.recordings import load
from tests.support.console import Operator, receiver
from tests.support.replaying import POSTED, SAMPLES, lines, recording, replay
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, order, package, posted


class TestSend:
    def test_performs(self, operator, tmp_path):
        """It stores, writes to VTEX, and tells where each parcel came to rest."""
        operator.rig.add_order(order("1-01", package("41001")))
        file = lines(tmp_path / "one.jsonl", recording(state="in_step", rule="only_open_invoice"))

        (row,) = operator.tells("replay", file, "--send")

        assert ("accepted", True) == (row["outcome"], row["as_expected"])
        assert ("in_step", "41001") == (row["shipments"][0]["state"], row["shipments"][0]["patch"]["invoice"])
        assert "TN1BR" == operator.rig.package_of("1-01", "41001")["trackingNumber"]
        assert ["GET", "PATCH"] == [call.method for call in operator.rig.calls()]
        assert 1 == len(operator.tells("deliveries"))

    def test_one_write(self, operator, tmp_path):
        """Several webhooks of one parcel come to one write, and a repeat to none."""
        operator.rig.add_order(order("1-01", package("41001")))
        numbered = (
            recording(posted(number=number, at=f"2026-11-10T1{number[2]}:00:00+00:00")) for number in ("TN1", "TN2")
        )
        file = lines(tmp_path / "two.jsonl", *numbered)

        first, again = operator.tells("replay", file, "--send"), operator.tells("replay", file, "--send")

        assert [["accepted"] * 2, ["duplicate"] * 2] == [[row["outcome"] for row in rows] for rows in (first, again)]
        assert 1 == len(operator.rig.calls("PATCH"))

    def test_difference(self, operator, tmp_path):
        """An end that was not expected is named."""
        operator.rig.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000)))
        file = lines(tmp_path / "two.jsonl", recording(state="in_step"), recording(UNREADABLE), "bad")

        held, broken, bad = operator.tells("replay", file, "--send", code=1)

        assert ['state: "held", expected "in_step"'] == held["differences"]
        assert ["quarantined ($.data: lacks 'id')"] == broken["differences"]
        assert "bad recording" == bad["outcome"]

    def test_configured_only(self, rig, tmp_path):
        """A recording's own settings are no permission: an endpoint must be configured."""
        operator = Operator(rig, frenet={"carrier": "frenet", "secrets": ["s"]})

        (row,) = operator.tells("replay", lines(tmp_path / "one.jsonl", recording()), "--send", code=1)

        assert ["one: the configuration has no endpoint for melhor_envio"] == row["differences"]
        assert [] == operator.tells("deliveries")

    def test_no_configuration(self, tmp_path):
        """Without a configuration there is nowhere to send."""
        result = receiver("replay", POSTED, "--send", config=tmp_path / "none.toml")

        assert 1 == result.exit_code
        assert "there is no none.toml in " in result.stderr


class TestTo:
    @pytest.fixture
    def running(self, operator):
        """The receiver's web side on loopback."""
        server = make_server("127.0.0.1", 0, operator.rig.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
        server.server_close()

    def test_posts(self, operator, running, tmp_path):
        """It arrives signed with the configured secret, not with the recording's."""
        foreign = recording(endpoint={**MELHOR_ENVIO, "secrets": ["somebody else's"]})
        file = lines(tmp_path / "one.jsonl", foreign)

        (row,) = operator.tells("replay", file, "--to", running + "/")
        (again,) = operator.tells("replay", file, "--to", running)

        assert (200, "accepted", "duplicate") == (row["status"], row["outcome"], again["outcome"])
        (stored,) = operator.tells("deliveries")
        assert "[redacted]" == stored["headers"]["x-me-signature"]

    def test_unsigned(self, operator, running, tmp_path):
        """A recording that lacks a part of what its configured endpoint signs is named, and the next one is sent."""
        envia = load(SAMPLES / "envia" / "legacy_shipped.http")
        assert "x-webhook-timestamp" not in envia.request.headers
        settings = '[endpoints.envia]\nsecrets = ["a-long-enough-secret"]\n'
        both = operator.config.with_name("both.toml")
        both.write_text(operator.config.read_text() + settings)
        file = lines(tmp_path / "two.jsonl", envia, recording())

        code, (unsigned, sent) = replay(file, "--to", running, config=both)

        assert (1, "bad recording", 200) == (code, unsigned["outcome"], sent["status"])
        [difference] = unsigned["differences"]
        assert "it cannot be signed: header x-webhook-timestamp" in difference
        code, (dry, _) = replay(file, config=both)
        assert (1, "unauthenticated") == (code, dry["outcome"])

    @pytest.mark.parametrize("path", ["/webhooks/melhor-envio", "/webhooks/melhor_envio/", "/webhooks"])
    def test_whole_url(self, operator, running, tmp_path, path):
        """The URL of an endpoint is taken as it stands, the receiver's own, too."""
        file = lines(tmp_path / "one.jsonl", recording())

        (row,) = operator.tells("replay", file, "--to", running + path)

        assert (200, "accepted") == (row["status"], row["outcome"])

    def test_another_server(self, operator, tmp_path):
        """Where another server answers, its own words are shown."""
        file = lines(tmp_path / "one.jsonl", recording())

        (row,) = operator.tells("replay", file, "--to", f"{operator.rig.vtex_url}/shop/webhooks/x", code=1)

        assert 404 == row["status"]
        [difference] = row["differences"]
        assert difference.startswith("status 404: this is no answer of a receiver (unnamed server, ")
        assert 'application/json): {"message":"The requested URL was not found on the server.' in difference

    def test_wrong_secret(self, operator, running, tmp_path):
        """A receiver that knows another secret is reported."""
        wrong = operator.config.with_name("wrong.toml")
        wrong.write_text(operator.config.read_text().replace("rig-secret", "wrong-secret"))
        file = lines(tmp_path / "one.jsonl", recording())

        code, (row,) = replay(file, "--to", running, config=wrong)

        assert (1, 401) == (code, row["status"])
        assert ["status 401: Authentication failed."] == row["differences"]

    def test_unreadable(self, operator, running, tmp_path):
        """What the receiver could not read is reported with its own words, unless expected."""
        broken = recording(UNREADABLE)
        wanted = recording(UNREADABLE, reply={"status": 200, "outcome": "quarantined"})
        file = lines(tmp_path / "two.jsonl", broken, wanted)

        first, second = operator.tells("replay", file, "--to", running, code=1)

        assert ["quarantined (melhor_envio: $.data: lacks 'id')"] == first["differences"]
        assert [] == second["differences"]

    def test_status(self, operator, running, tmp_path):
        """Another status than expected is reported."""
        file = lines(tmp_path / "one.jsonl", recording(reply={"status": 202, "outcome": "accepted"}))

        (row,) = operator.tells("replay", file, "--to", running, code=1)

        assert ["status 200, expected 202"] == row["differences"]

    def test_probe(self, operator, running, tmp_path):
        """A registration probe goes unsigned, as the carrier sends it."""
        probe = recording({}, reply={"status": 200, "outcome": "probe"})
        bare = replace(probe, request=replace(probe.request, headers={"content-type": "application/json"}))

        (row,) = operator.tells("replay", lines(tmp_path / "one.jsonl", bare), "--to", running)

        assert "probe" == row["outcome"]

    def test_nobody_there(self, operator, tmp_path):
        """No one listening is reported for each."""
        (row,) = operator.tells("replay", POSTED, "--to", "http://127.0.0.1:1", code=1)

        assert ("no answer", ["the connection failed or was closed"]) == (row["outcome"], row["differences"])

    def test_another_program(self, operator, tmp_path):
        """An answer that is not a receiver's is no success."""
        (row,) = operator.tells("replay", POSTED, "--to", operator.rig.vtex_url, code=1)

        assert "refused" == row["outcome"]
        assert row["differences"][0].startswith("status 404: ")
