"""`receiver carriers`: the list, a try, a new carrier, and the pages that are made of modules."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from receiver.carriers import BrokenCarriers, discover
from receiver.carriers.pages import BEGIN, END, computed, facts, stored
from receiver.carriers.quality import quality, worth
from receiver.config import load
from receiver.intake.redaction import REDACTED
from receiver.recordings import Recording
from receiver.recordings import load as load_recording
from tests.support.console import receiver
from tests.support.paths import ROOT

SAMPLES = ROOT / "tests" / "samples"
PROVENANCE = {"published_samples": {"converted": 2, "of": 2}, "vector": None, "facts": "high"}
DOCUMENTED = "written after the published structure of Acme"


def tried(*arguments: object, code: int = 0) -> list[str]:
    result = receiver("carriers", "try", *arguments)
    assert code == result.exit_code, result.output
    return result.stdout.splitlines()


class TestTry:
    def test_whole_way(self):
        """From the sender to the PATCH, one line a step."""
        lines = tried("melhor_envio", SAMPLES / "melhor_envio" / "posted.http")

        assert "sender    not checked (hmac): read without proof; --secret checks it" == lines[0]
        assert "body      fits schemas/melhor_envio.json" == lines[1]
        assert lines[2].startswith("shipment  melhor-envio/")
        assert [line for line in lines if line.startswith("PATCH     invoice ")]

    def test_signature(self, tmp_path):
        """With the secret the signature is checked over the bytes as they are."""
        body = b'{"event": "order.posted", "data": {"id": "A1"}}'
        head = b"POST /webhooks/melhor-envio HTTP/1.1\r\nX-ME-Signature: %s\r\n\r\n"
        good = b"JIrgWhbCGtaiL4Txlb8Mi50HHZqJip16bKkuIhE4wik="  # openssl dgst -sha256 -hmac demo -binary | base64
        (tmp_path / "good.http").write_bytes(head % good + body)
        (tmp_path / "bad.http").write_bytes(head % good + body + b" ")

        assert "sender    authenticated (hmac)" == tried("melhor_envio", tmp_path / "good.http", "--secret", "demo")[0]
        (refused, *_) = tried("melhor_envio", tmp_path / "bad.http", "--secret", "demo", code=1)
        assert refused.startswith("sender    not proven (hmac): header x-me-signature does not match")

    def test_bare_body(self, tmp_path):
        """A file that is no recording is a body; what cannot be read is named with its place."""
        body = tmp_path / "body.json"
        body.write_text('{"event": "order.posted", "data": {"id": []}}')

        assert (
            "body      cannot be read: $.data.id: is array, expected string or integer"
            == tried("melhor_envio", body, code=1)[1]
        )

    def test_ignored(self):
        """What asks nothing of us says why, and is no shipment."""
        lines = tried("frenet", SAMPLES / "frenet" / "without_events.http", code=1)

        assert "ignored   no tracking events yet" == lines[-1]

    def test_a_bad_member(self):
        """The bad member of a batch is named; the others are shown."""
        lines = tried("frenet", SAMPLES / "frenet" / "one_bad_member.http", code=1)

        assert [line for line in lines if line.startswith("member    cannot be read: $[0].TrackingEvents[0]")]
        assert "shipment  frenet/4300010" in lines

    def test_unknown(self, tmp_path):
        """A carrier that no one knows, and a file that is none."""
        assert "'nobody' is no carrier (receiver carriers lists them)\n" == (
            receiver("carriers", "try", "nobody", ROOT / "README.md").stderr
        )
        assert "'melhorenvio' is no carrier; did you mean melhor_envio?" in (
            receiver("carriers", "try", "melhorenvio", ROOT / "README.md").stderr
        )
        assert 2 == receiver("carriers", "try", "ups", tmp_path / "none.http").exit_code


def shipped(slug: str) -> Recording | None:
    """A recording of the carrier that is accepted; none where messages stand in URLs, not in bodies."""
    recordings = map(load_recording, sorted((SAMPLES / slug).glob("*.http")))
    outcomes = ((one, one.expected.get("reply", {}).get("outcome", "accepted")) for one in recordings)
    return next((one for one, outcome in outcomes if outcome == "accepted" and one.request.body), None)


class TestTryWithoutProof:
    def test_every_carrier(self, tmp_path):
        """The bare body of a message is read, without the headers that would prove it; and that is said."""
        messages = {slug: shipped(slug) for slug in discover()}
        assert ["enviopack"] == [slug for slug, recording in messages.items() if recording is None]
        for slug, recording in messages.items():
            if recording is None:
                continue
            body = tmp_path / f"{slug}.body"
            body.write_bytes(recording.request.body)

            result = receiver("carriers", "try", slug, body, *told_by_headers(recording), "--json")

            assert 0 == result.exit_code, (slug, result.output)
            said = json.loads(result.stdout)
            assert said["sender"].endswith("read without proof; --secret checks it"), (slug, said)

    def test_json(self, tmp_path):
        """One object: every field of each shipment, null where the carrier does not say, and times in ISO 8601."""
        (line,) = tried("melhor_envio", SAMPLES / "melhor_envio" / "posted.http", "--json")

        said = json.loads(line)
        assert ("melhor_envio", "accepted", None) == (said["carrier"], said["outcome"], said["why"])
        (shipment,) = said["shipments"]
        fields = {
            *("key", "status", "happened_at", "tracking_number", "tracking_url", "courier", "dispatched_at"),
            *("delivered_at", "references", "events"),
        }
        assert {*fields, "state", "patch"} == shipment.keys()
        assert datetime.fromisoformat(shipment["dispatched_at"]).tzinfo is not None
        assert (None, "Encomenda postada") == (shipment["delivered_at"], shipment["events"][0]["description"])
        assert {"kind", "value"} == shipment["references"][0].keys()
        assert "trackingNumber" in shipment["patch"]["body"]

        body = tmp_path / "body.json"
        body.write_bytes(load_recording(SAMPLES / "melhor_envio" / "posted.http").request.body)
        (bare,) = tried("melhor_envio", body, "--json")
        assert [fields] == [one.keys() for one in json.loads(bare)["shipments"]]

    def test_json_of_no_shipment(self, tmp_path):
        """What is ignored, cannot be read, or is not proven says why in the same form."""
        bad = tmp_path / "bad.json"
        bad.write_text('{"event": "order.posted", "data": {"id": []}}')
        (ignored,) = tried("frenet", SAMPLES / "frenet" / "without_events.http", "--json", code=1)
        (unread,) = tried("melhor_envio", bad, "--json", code=1)
        (unproven,) = tried("melhor_envio", bad, "--json", "--secret", "demo", code=1)

        assert ("ignored", "no tracking events yet", []) == said_of(ignored)
        assert ("quarantined", "$.data.id: is array, expected string or integer", []) == said_of(unread)
        assert ("unproven", "not proven (hmac): header x-me-signature is missing", []) == said_of(unproven)

    def test_header(self, tmp_path):
        """--header brings what a bare body lacks, the signature among it."""
        body = tmp_path / "body.json"
        body.write_bytes(b'{"event": "order.posted", "data": {"id": "A1"}}')
        signature = "X-ME-Signature=JIrgWhbCGtaiL4Txlb8Mi50HHZqJip16bKkuIhE4wik="

        lines = tried("melhor_envio", body, "--secret", "demo", "--header", signature)

        assert "sender    authenticated (hmac)" == lines[0]
        assert 2 == receiver("carriers", "try", "melhor_envio", body, "--header", "nonsense").exit_code


def told_by_headers(recording: Recording) -> list[str]:
    """The options for every header but those that prove the sender, whose values recordings blank."""
    headers = recording.request.headers.items()
    return [f"--header={name}={value}" for name, value in headers if value != REDACTED]


def said_of(line: str) -> tuple[str, str, list[object]]:
    said = json.loads(line)
    return said["outcome"], said["why"], said["shipments"]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a carrier of the merchant's own, as `carriers new` writes it."""
    monkeypatch.chdir(tmp_path)
    result = receiver("carriers", "new", "my_van", "--name", "My Van", "--in", "own")
    assert 0 == result.exit_code, result.output
    return tmp_path / "own"


def config(folder: Path, **receiver_settings: str) -> Path:
    path = folder / "receiver.toml"
    general = "".join(f"{name} = {json.dumps(value)}\n" for name, value in receiver_settings.items())
    path.write_text(
        f'[receiver]\n{general}[vtex.lux]\napp_key = "k"\napp_token = "t"\n'
        '[endpoints.my-van]\nsecrets = ["s"]\nauth = { scheme = "header", name = "x-token" }\n'
    )
    return path


class TestOwn:
    def test_scaffold_works(self, own):
        """What is written loads, and its recording converts at once."""
        carrier = discover(own)["my_van"]

        assert ("My Van", True) == (carrier.name, carrier.own)
        assert not discover()["ups"].own

    def test_configured(self, own):
        """The folder named in the configuration, relative to it, brings its carriers to every command."""
        path = config(own.parent, carriers="own")

        assert "my_van" == load(path, {}).endpoints["my-van"].carrier.slug
        rows = [json.loads(line) for line in receiver("carriers", "--json", config=path).stdout.splitlines()]
        assert {"level": "your own"} == next(row["quality"] for row in rows if row["carrier"] == "my_van")
        replayed = receiver("replay", own / "samples", config=path)
        assert "1 recording, 1 as expected, 0 not" in replayed.output

    def test_faults(self, own):
        """A folder that is none, a module that does not load, a name that is taken: all of it is told at once."""
        (own / "broken.py").write_text("def read(:")
        (own / "ups.py").write_text("")
        with pytest.raises(BrokenCarriers) as caught:
            discover(own)

        broken, taken = str(caught.value).splitlines()
        assert broken.startswith(f"{own}/broken.py does not load: SyntaxError")
        assert f"{own}/ups.py: there is a carrier of this name already" == taken
        checked = receiver("check", config=config(own.parent, carriers="nowhere"))
        assert "receiver.carriers: " in checked.output
        assert "nowhere is no folder" in checked.output

    def test_nothing_is_overwritten(self, own):
        """A file that is there stays; a name that is no slug is refused."""
        assert "is there already" in receiver("carriers", "new", "my_van", "--in", "own").output
        assert "is no slug" in receiver("carriers", "new", "My-Van", "--in", "own").output
        assert "there is a carrier ups already" in receiver("carriers", "new", "ups", "--in", "own").output
        assert "this is no checkout" in receiver("carriers", "new", "other").output

    def test_says_what_is_next(self, own):
        """The house rules, run over the folder, ask for the recordings that are missing and for nothing else."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/carriers/test_every_carrier.py",
        ]
        tested = subprocess.run(
            [*command, "--own-carriers", own], cwd=ROOT, capture_output=True, text=True, check=False
        )

        failed = [line.partition(" - ")[0] for line in tested.stdout.splitlines() if line.startswith("FAILED")]
        assert ["FAILED tests/carriers/test_every_carrier.py::TestRecordings::test_enough[my_van]"] == failed


class TestPages:
    @pytest.mark.parametrize("slug", discover())
    def test_true(self, slug):
        """A carrier's page tells what its module declares: `receiver carriers page --write` brings it up to date."""
        page = (ROOT / "docs" / "carriers" / f"{slug}.md").read_text()
        carrier = discover()[slug]

        told = page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
        assert list(facts(carrier, computed(slug, SAMPLES))) == told
        assert page.startswith(f"# {carrier.name}\n")
        for heading in ("## Register the webhook", "## What you must set", "## Known limits"):
            assert page.partition(f"{heading}\n")[2].partition("\n## ")[0].strip()

    def test_no_strangers(self):
        """Every page is of a carrier."""
        assert sorted(discover()) == sorted(page.stem for page in (ROOT / "docs" / "carriers").glob("*.md"))

    def test_stored(self):
        """What an installed receiver tells of quality is what the recordings bear out."""
        assert {slug: computed(slug, SAMPLES).to_json() for slug in discover()} == stored()


class TestQuality:
    @pytest.mark.parametrize(
        ("sources", "changes", "level"),
        [
            ([DOCUMENTED], {}, "published"),
            ([DOCUMENTED], {"published_samples": {"converted": 1, "of": 2}}, "documented"),
            ([DOCUMENTED], {"published_samples": {"converted": 0, "of": 0}}, "documented"),
            ([DOCUMENTED], {"facts": "medium-high"}, "documented"),
            ([DOCUMENTED], {"facts": "low"}, "second-hand"),
            ([DOCUMENTED, "written after notes", "written after a forum"], {"facts": "medium"}, "second-hand"),
            ([DOCUMENTED, "captured and scrubbed, 2026-11-01"], {"facts": "low"}, "captured"),
        ],
    )  # fmt: skip
    def test_level(self, sources, changes, level):
        """The level is computed from where recordings come from and what was run by hand."""
        assert level == quality(sources, {**PROVENANCE, **changes}).level

    @pytest.mark.parametrize(
        ("known", "of", "short", "details"),
        [
            (20, 22, "20 of 22", "20 of 22 known, 2 without an entry (a page)"),
            (22, 22, "22 of 22", "22 of 22 known (a page)"),
            (13, None, "13, no list", "13 known; there is no published list (a page)"),
            (None, None, "none sent", "none: the carrier sends no status words (a page)"),
        ],
    )
    def test_words(self, known, of, short, details):
        """How whole the table of status words is."""
        words = quality([DOCUMENTED], {**PROVENANCE, "words": {"known": known, "of": of, "source": "a page"}}).words

        assert (short, details) == (words.short, words.details)

    @pytest.mark.parametrize(("known", "of", "source"), [(3, 2, "a"), (None, 2, "a"), ("3", 4, "a"), (1, 1, "")])
    def test_impossible_words(self, known, of, source):
        """More words than there are, or a list without a source, is refused."""
        with pytest.raises(ValueError, match="words: "):
            quality([DOCUMENTED], {**PROVENANCE, "words": {"known": known, "of": of, "source": source}})

    def test_not_counted(self):
        """A carrier's words may not have been counted."""
        assert quality([DOCUMENTED], PROVENANCE).words is None

    def test_seen_live(self):
        """Only a recording of real traffic counts as seen live."""
        assert "never: no recording is of real traffic" == quality([DOCUMENTED], PROVENANCE).seen_live
        assert "yes: recordings of real traffic: 1" == quality(["captured and scrubbed, x"], PROVENANCE).seen_live

    def test_seen_live_in_the_list(self):
        """The list says of each carrier whether it was seen live."""
        rows = [json.loads(line) for line in receiver("carriers", "--json").stdout.splitlines()]
        [table] = {line for line in receiver("carriers").stdout.splitlines() if line.startswith("loggi ")}

        assert "never" in table.split()
        assert {slug: "captured" in stored()[slug]["sources"] for slug in discover()} == {
            row["carrier"]: row["seen_live"] for row in rows
        }

    def test_source(self):
        """A source begins with words that this scale knows."""
        assert "documented" == worth(DOCUMENTED)
        with pytest.raises(ValueError, match="a source begins with one of"):
            worth("made up")
