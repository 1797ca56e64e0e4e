"""Recordings run again, dry: what a live request would come to, and nothing sent or stored."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun import freeze_time

from receiver.config import load
from receiver.recordings import load as load_recording
from receiver.recordings import to_json
from receiver.recordings.replay import Replay
from tests.support.console import Operator, receiver, receiver_process
from tests.support.forked import Forked
from tests.support.paths import ROOT
from tests.support.recorded import RECORDED, recordings_of, try_each
from tests.support.replaying import POSTED, SAMPLES, expecting, lines, recording, replay
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, order, package, posted


@pytest.mark.parametrize("carrier", RECORDED)
def test_bundled(carrier):
    """Every bundled recording ends as it expects."""

    def as_expected(path):
        assert () == Replay().dry(load_recording(path)).differences

    try_each(recordings_of(carrier), as_expected)


class TestDry:
    def test_fields(self, tmp_path):
        """Without orders it tells what VTEX is wanted to show."""
        code, (row,) = replay(lines(tmp_path / "one.jsonl", recording()))

        assert (0, "accepted", "melhor_envio") == (code, row["outcome"], row["carrier"])
        (shipment,) = row["shipments"]
        assert ("melhor-envio/p1", None, None) == (shipment["shipment"], shipment["state"], shipment["patch"])
        assert "TN1BR" == shipment["wanted"]["tracking_number"]
        assert [["order_id", "1-01"]] == shipment["wanted"]["references"]

    @pytest.mark.parametrize("listed", [True, False], ids=["JSON list", "JSON Lines"])
    def test_orders(self, tmp_path, listed):
        """With orders it tells the invoice, the rule and the exact PATCH."""
        orders = tmp_path / "orders.json"
        documents = [order("1-01", package("41001")), order("2-01")]
        orders.write_text(json.dumps(documents) if listed else "\n".join(map(json.dumps, documents)), encoding="utf-8")
        file = lines(tmp_path / "one.jsonl", recording())

        printed = receiver("replay", file, "--orders", orders).stdout.splitlines()

        body = {
            "trackingNumber": "TN1BR",
            "trackingUrl": "https://track.example/TN1BR",
            "courier": "Melhor Envio",
            "dispatchedDate": "2026-11-10T09:00:00-03:00",
        }
        assert f"invoice 41001 of 1-01, by only_open_invoice: PATCH {json.dumps(body)}" == printed[2].strip()
        assert "1 recording, 1 as expected, 0 not" == printed[-1]

    def test_sequence_and_group(self):
        """Orders are found by sequence and by their group, as at VTEX."""
        of_group = {**order("1-01", package("41001")), "orderGroup": "v1"}
        by_sequence = {**order("7-01", package("41007")), "sequence": "507"}
        rule = {"path": "data.tags[*].tag", "pattern": r"^#(\d+)$", "is": "sequence"}
        settings = {**MELHOR_ENVIO, "references": [rule, {"path": "data.tags[*].tag", "is": "order_id"}]}

        patches = [
            Replay(orders={"1-01": of_group, "7-01": by_sequence})
            .dry(recording(posted(tag), endpoint=settings))
            .fields[0]
            .patch["order"]
            for tag in ("v1", "#507")
        ]

        assert ["1-01", "7-01"] == patches

    @pytest.mark.parametrize(("kind", "value"), [("order_id", "9" * 200 + "-01"), ("order_group", "..")])
    def test_unsafe_order(self, kind, value):
        """What could not be asked of VTEX is held here too."""
        settings = {**MELHOR_ENVIO, "references": [{"path": "data.tags[*].tag", "is": kind}]}

        (fields,) = Replay(orders={"1-01": order("1-01")}).dry(recording(posted(value), endpoint=settings)).fields

        assert ("held", "unsafe_order_id") == (fields.state, fields.reason)

    def test_log(self, tmp_path, caplog):
        """What is held is told as a result and not in the log besides."""
        level = logging.getLogger("receiver").level
        code, (row,) = replay(
            lines(tmp_path / "one.jsonl", recording(posted("1-01"), orders=[order("1-01", package("A"), package("B"))]))
        )

        assert ("held", 0) == (row["shipments"][0]["state"], code)
        assert [] == caplog.records
        assert level == logging.getLogger("receiver").level

    def test_fault_of_ours(self):
        """A fault of the program is a difference, expected or not."""
        sound = recording(state="due", reason="internal_error")
        unsound = {**sound.expected, "links": [{"tracking_number": "TN1BR"}]}  # no file could hold it
        replayed = Replay().dry(replace(sound, expected=unsound))

        assert ("A fault of this program; the log has the details.",) == replayed.differences

    def test_unknown_order(self):
        """An order that is not in the file is awaited."""
        (fields,) = Replay(orders={"2-01": order("2-01")}).dry(recording()).fields

        assert ("awaiting_order", "order_not_found", None) == (fields.state, fields.reason, fields.patch)

    def test_no_sockets(self, tmp_path):
        """No socket is opened and nothing is written, not even the database file."""
        config = tmp_path / "receiver.toml"
        config.write_text(
            '[receiver]\ndatabase = "sqlite:///never.db"\n'
            '[vtex.lux]\napp_key = "k"\napp_token = "t"\nbase_url = "https://vtex.invalid"\n'
        )
        script = (
            "import socket, sys\n"
            "from receiver.cli import main\n"
            "def refuse(*_, **__): raise AssertionError('a socket')\n"
            "socket.socket.__init__ = socket.getaddrinfo = refuse\n"
            "main(sys.argv[1:])\n"
        )

        ran = Forked(
            [sys.executable, "-c", script, "replay", str(SAMPLES)],
            cwd=ROOT,
            env={**os.environ, "RECEIVER_CONFIG": str(config)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said, error = ran.communicate(timeout=60)

        assert (0, "") == (ran.returncode, error)
        assert " as expected, 0 not" in said.splitlines()[-1]
        assert [config] == list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("expected", "difference"),
        [
            ({"reply": {"outcome": "ignored"}}, "outcome accepted, expected ignored"),
            ({"ignored": "a test"}, "ignored because None, expected 'a test'"),
            ({"shipments": []}, "shipments[0]: {"),
            ({"shipments": [{"key": "p1", "status": "other"}]}, 'shipments[0].status: "'),
            ({"state": "held"}, 'state: "in_step", expected "held"'),
            ({"reason": "second_parcel"}, 'reason: null, expected "second_parcel"'),
            ({"rule": "link"}, 'rule: "only_open_invoice", expected "link"'),
            ({"patch": None}, 'patch: {"order": "1-01", '),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_differences(self, tmp_path, expected, difference):
        """Whatever ends otherwise than expected is named, and the exit code tells."""
        file = lines(tmp_path / "one.jsonl", recording(orders=[order("1-01", package("41001"))], **expected))

        code, (row,) = replay(file)

        assert (1, False) == (code, row["as_expected"])
        assert row["differences"][0].startswith(difference)
        assert "! " + row["differences"][0] in receiver("replay", file).stdout

    def test_unreadable(self, tmp_path):
        """What cannot be read is a difference, unless the recording expects it."""
        broken = recording(UNREADABLE)
        expecting = recording(UNREADABLE, reply={"outcome": "quarantined"})

        code, rows = replay(lines(tmp_path / "two.jsonl", broken, expecting))

        assert (1, [["quarantined ($.data: lacks 'id')"], []]) == (code, [row["differences"] for row in rows])

    def test_unproven(self):
        """A secret with which no one can sign is found out."""
        settings = {"carrier": "aftership", "secrets": ["ends with a blank "], "auth": {"scheme": "bearer"}}

        replayed = Replay().dry(recording(endpoint=settings))

        assert "unauthenticated" == replayed.outcome
        assert ("unauthenticated (the bearer token is none of the configured secrets)",) == replayed.differences

    def test_probe(self):
        """A registration probe is one here too."""
        probe = recording(reply={"outcome": "probe"})

        replayed = Replay().dry(replace(probe, request=replace(probe.request, method="GET", body=b"", headers={})))

        assert ("probe", ()) == (replayed.outcome, replayed.differences)

    def test_after(self):
        """A recording that comes after others is decided with what they told."""
        alone = load_recording(SAMPLES / "intelipost" / "shipped_volume_2_of_2.http")
        orders = {one["orderId"]: one for one in alone.expected["orders"]}

        numbers = [
            Replay(orders=orders).dry(one).fields[0].patch["body"]["trackingNumber"]
            for one in (alone, replace(alone, earlier=()))
        ]

        assert ["IP42000007-1BR", "IP42000007-2BR"] == numbers

    def test_after_another(self):
        """What came before of another parcel is another parcel's."""
        other = recording(posted("1-01", parcel="p2", number="TN2BR", at="2026-11-11T12:00:00+00:00"))
        one = replace(recording(orders=[order("1-01", package("41001"))]), earlier=(other,))

        assert ["TN1BR"] == [fields.patch["body"]["trackingNumber"] for fields in Replay().dry(one).fields]

    def test_links(self):
        """A link of the recording names the invoice."""
        named = {"tracking_number": "TN1BR", "order": "1-01", "invoice": "B"}
        one = recording(posted(None), links=[named], orders=[order("1-01", package("A"), package("B"))])

        (fields,) = Replay().dry(one).fields

        assert ("link", "B") == (fields.rule, fields.patch["invoice"])


class TestNow:
    """``received_at`` is the present of a recording, unless another one is given."""

    @pytest.mark.parametrize(
        ("now", "end"),
        [
            (datetime(2026, 11, 10, 12, 0, 1, tzinfo=UTC), ("in_step", None)),
            (datetime(2026, 11, 9, 13, 0, tzinfo=UTC), ("waiting", "dispatch_ahead")),
            (datetime(2026, 11, 9, 11, 0, tzinfo=UTC), ("held", "future_date")),
        ],
    )
    def test_future_date(self, now, end):
        """A dispatch date ahead waits, and one that is a day ahead is held."""
        orders = {"1-01": order("1-01", package("41001"))}
        unsaid = recording()
        del unsaid.expected["received_at"]

        by_argument = Replay(orders=orders, now=now.timestamp()).dry(recording())
        by_arrival = Replay(orders=orders).dry(recording(received_at=now.isoformat()))
        with freeze_time(now):
            by_clock = Replay(orders=orders).dry(unsaid)

        assert [end] * 3 == [(one.fields[0].state, one.fields[0].reason) for one in (by_argument, by_arrival, by_clock)]

    def test_intake(self, operator):
        """For a live request it is the clock: frozen a week before the dispatch, the parcel is held."""
        operator.rig.add_order(order("1-01", package("41001")))
        with freeze_time("2026-11-03T12:00:00Z"):
            operator.rig.now = datetime.now(UTC).timestamp()
            operator.rig.post(posted())
            operator.rig.work()

        assert ("held", "future_date") == tuple(operator.rig.shipment()[name] for name in ("state", "reason"))


class TestEndpoint:
    def test_rules(self, operator, tmp_path):
        """A configured endpoint's reference rules are applied."""
        exported = recording()
        del exported.expected["endpoint"]
        rule = {**MELHOR_ENVIO, "references": [{"path": "data.tags[0].tag", "is": "sequence"}]}
        operator = Operator(operator.rig, **{"melhor-envio": rule, "other": MELHOR_ENVIO})
        file = lines(tmp_path / "one.jsonl", exported)

        _, (by_path,) = replay(file, config=operator.config)
        _, (by_name,) = replay(file, "--endpoint", "other", config=operator.config)

        assert [[["sequence", "1-01"]], [["order_id", "1-01"]]] == [
            row["shipments"][0]["wanted"]["references"] for row in (by_path, by_name)
        ]
        assert "other/p1" == by_name["shipments"][0]["shipment"]

    def test_only_one_of_its_carrier(self, rig):
        """Where the path names none, the only endpoint of the carrier takes it; of two, one must be named."""
        named = recording(endpoint={"carrier": "melhor_envio"})
        one = Replay(config=load(Operator(rig, shop=MELHOR_ENVIO).config)).dry(named)
        two = Replay(config=load(Operator(rig, shop=MELHOR_ENVIO, shop2=MELHOR_ENVIO).config)).dry(named)
        none = Replay().dry(named)

        assert "shop/p1" == one.fields[0].shipment
        assert ("one: shop, shop2 take melhor_envio; say which with --endpoint",) == two.differences
        assert ("one: the configuration has no endpoint for melhor_envio",) == none.differences

    def test_unknown(self, operator):
        """An unknown endpoint is one line, before anything runs."""
        assert "no endpoint 'nope'; there are melhor-envio" == operator.fails("replay", POSTED, "--endpoint", "nope")


class TestFiles:
    def test_forms(self, tmp_path):
        """A file, a folder and JSON Lines, in the order given."""
        file = lines(tmp_path / "one.jsonl", recording())

        _, rows = replay(file, POSTED, SAMPLES / "frenet")

        assert ["one", str(POSTED)] == [row["name"] for row in rows[:2]]
        assert 2 + len(list((SAMPLES / "frenet").glob("*.http"))) == len(rows)

    @pytest.mark.parametrize(
        "line",
        [
            "not JSON",
            "[]",
            '{"http": 1}',
            '{"http": "GET /", "expected": {}}',
            expecting(endpoint="text"),
            expecting(endpoint={"carrier": "nobody", "secrets": ["s"]}),
            expecting(orders=[{}]),
            expecting(orders={"a": 1}),
            expecting(links=["text"]),
            expecting(reply=[]),
        ],
    )
    def test_bad_line(self, tmp_path, line):
        """A bad line is reported and counted; the rest runs."""
        code, rows = replay(lines(tmp_path / "three.jsonl", recording(), line, recording()))

        assert (1, ["accepted", "bad recording", "accepted"]) == (code, [row["outcome"] for row in rows])
        assert rows[1]["differences"][0]

    def test_no_recordings(self, tmp_path):
        """A file that holds no recording at all is told once, however many lines it has."""
        for many in (2, 500):
            code, rows = replay(lines(tmp_path / "notes.txt", *(["a note"] * many)))

            assert (1, 1) == (code, len(rows))
            assert "notes.txt: is neither an .http file nor exported JSON Lines: " in rows[0]["differences"][0]

    def test_limit(self):
        """It stops after so many."""
        assert 3 == len(replay(SAMPLES, "--limit", 3)[1])

    def test_none(self, tmp_path):
        """Nothing to run is no success."""
        result = receiver("replay", tmp_path)

        assert (1, "no recordings there\n") == (result.exit_code, result.stderr)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--send", "--to", "http://127.0.0.1:1"),
            ("--send", "--orders", SAMPLES / "vtex" / "invoiced.json"),
            ("--to", "ftp://x"),
            ("--to", "http://x:port"),
            ("--limit", "0"),
            ("--orders", "nowhere.json"),
        ],
    )
    def test_usage(self, arguments):
        """What makes no sense is refused before anything runs."""
        assert 2 == receiver("replay", POSTED, *arguments).exit_code

    def test_bad_orders(self, tmp_path):
        """A file that holds no orders is one line."""
        orders = tmp_path / "orders.json"
        orders.write_text("[1]")

        result = receiver("replay", POSTED, "--orders", orders)

        assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
        assert str(orders) in result.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """500 and 10,000 recordings of distinct parcels."""
    folder = tmp_path_factory.mktemp("many")
    one = to_json(recording())
    written = [one.replace("TN1BR", f"TN{number}BR").replace("p1", f"p{number}") for number in range(10_000)]
    return {many: lines(folder / f"{many}.jsonl", *written[:many]) for many in (500, 10_000)}


class TestMany:
    def test_memory(self, files):
        """Twenty times as many recordings need no more memory."""
        peaks = {}
        for many, file in files.items():
            process = receiver_process("replay", file, "--json", popen=subprocess.Popen, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stderr.close()
            assert 0 == process.returncode
            peaks[many] = used.ru_maxrss

        assert peaks[10_000] < 1.1 * peaks[500]

    def test_as_they_come(self, tmp_path):
        """Each result is printed before the next recording is read: here the file is still being written."""
        pipe = tmp_path / "pipe.jsonl"
        os.mkfifo(pipe)
        process = receiver_process("replay", pipe, "--json")
        try:
            with pipe.open("w", encoding="utf-8") as writing:
                for number in range(3):
                    writing.write(to_json(recording(posted(parcel=f"p{number}"))) + "\n")
                    writing.flush()
                    assert "accepted" == json.loads(process.stdout.readline())["outcome"]
            assert 0 == process.wait(20)
        finally:
            process.kill()
            process.communicate()
