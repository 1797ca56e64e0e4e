"""A recording is the request as it came, byte for byte, on disk and back."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Request
from receiver.recordings import BadRecording, Recording, from_json, load, read_http, to_json, walk, write_http

AT = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = "POST /webhooks/carrier?shop=1 HTTP/1.1\nContent-Type: application/json\nX-Token: [redacted]\n\n"


def request(**changed) -> Request:
    plain = {"method": "POST", "path": "/webhooks/carrier", "headers": {"x-a": "b"}, "body": b"{}", "received_at": AT}
    return Request(**{**plain, **changed})


def wrong(action, *arguments, **named) -> str:
    """The sentence that says what is wrong with a recording."""
    with pytest.raises(BadRecording) as refused:
        action(*arguments, **named)
    return str(refused.value)


BODIES = [
    pytest.param(b"", id="none"),
    pytest.param(b'{"a": 1}\n', id="ends with LF"),
    pytest.param(b"\n\n\n", id="only newlines"),
    pytest.param(b"\ntext", id="starts with LF"),
    pytest.param(b"\r\ntext\r\n", id="starts with CRLF"),
    pytest.param(b"a\r\n\r\nb\n\nc", id="empty lines inside"),
    pytest.param(bytes(range(256)), id="binary"),
]


class TestHttp:
    def test_parts(self):
        """Request line, headers with lower-case names, an empty line, the body."""
        read = read_http(HEAD.encode() + b'{"a": 1}', received_at=AT)

        assert read == Request(
            method="POST",
            path="/webhooks/carrier",
            query="shop=1",
            headers={"content-type": "application/json", "x-token": "[redacted]"},
            body=b'{"a": 1}',
            received_at=AT,
        )

    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
    def test_body(self, end, body):
        """The body's bytes are exact, whichever way the lines of the head end."""
        assert body == read_http(HEAD.replace("\n", end).encode() + body, received_at=AT).body

    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize("headers", [{}, {"x-a": "b:c", "x-empty": ""}])
    def test_round_trip(self, headers, body):
        """What was written reads as the same request."""
        written = request(headers=headers, body=body, query="a=1&b=?")

        assert written == read_http(write_http(written), received_at=AT)

    @pytest.mark.parametrize("value", ["à", "Åb", "a\u2026b", "ą x", "密鑰"])
    def test_header_text(self, value):
        """A header's bytes survive, whatever latin-1 makes of them: a line ends at LF or CRLF and nowhere else."""
        written = request(headers={"x-token": value.encode().decode("latin-1")})

        assert written == read_http(write_http(written), received_at=AT)

    @given(
        st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), min_size=1)
    )
    def test_any_header_text(self, value):
        """The same for any text that HTTP can carry in a header (RFC 9110, 5.5)."""
        written = request(headers={"x-token": value})

        assert written == read_http(write_http(written), received_at=AT)

    @given(st.binary())
    def test_total(self, raw):
        """Whatever the bytes, the outcome is a request or `BadRecording`."""
        try:
            read_http(raw, received_at=AT)
        except BadRecording:
            return

    @pytest.mark.parametrize(
        ("raw", "why"),
        [
            (b"", "the first line is not 'METHOD /path HTTP/1.1'"),
            (b"\n\n{}", "the first line is not 'METHOD /path HTTP/1.1'"),
            (b"POST /x\n\n{}", "the first line is not 'METHOD /path HTTP/1.1'"),
            (b"POST /x y HTTP/1.1\n\n{}", "the first line is not 'METHOD /path HTTP/1.1'"),
            (b"POST /x HTTP/1.1\nA: b\n", "no empty line ends the headers"),
            (b"POST /x HTTP/1.1\nno colon here\n\n{}", "'no colon here' is not a header"),
        ],
    )
    def test_bad(self, raw, why):
        """A file that is no recording is named together with what is wrong."""
        assert f"case.http: {why}" == wrong(read_http, raw, received_at=AT, name="case.http")


class TestLoad:
    def test_beside(self, tmp_path):
        """What is expected stands beside the request; the time of receipt is taken from there."""
        expected = {"endpoint": {"carrier": "frenet"}, "received_at": "2026-03-01T12:00:00-03:00"}
        (tmp_path / "a.b.http").write_bytes(HEAD.encode())
        (tmp_path / "a.b.expected.json").write_text(json.dumps(expected))

        recording = load(tmp_path / "a.b.http")

        assert expected == recording.expected
        assert "frenet" == recording.carrier
        assert datetime.fromisoformat("2026-03-01T12:00:00-03:00") == recording.request.received_at

    def test_alone(self, tmp_path):
        """A request alone is a recording that expects nothing, and came at a time that never changes."""
        (tmp_path / "case.http").write_bytes(HEAD.encode())

        recording = load(tmp_path / "case.http")

        assert ({}, None, AT) == (recording.expected, recording.carrier, recording.request.received_at)

    @pytest.mark.parametrize(
        ("beside", "why"),
        [
            (b"{", "is not JSON"),
            (b"\xff", "is not JSON"),
            (b"[]", "$: is array, expected object"),
            (b'{"sauce": "x"}', "$: does not satisfy additionalProperties"),
            (b'{"orders": {}}', "$.orders: is object, expected array"),
            (b'{"links": [{"order": "1-01"}]}', "$.links[0]: lacks 'tracking_number'"),
            (b'{"patch": {"order": "1-01"}}', "$.patch: lacks 'invoice', 'body'"),
            (b'{"received_at": "soon"}', "received_at is not an ISO 8601 time"),
            (b'{"received_at": 17}', "$.received_at: is integer, expected string"),
            (b'{"received_at": null}', "$.received_at: is null, expected string"),
            (b'{"received_at": "2026-03-01T12:00:00"}', "received_at"),
        ],
    )
    def test_bad(self, tmp_path, beside, why):
        """What is expected must be JSON, keep the schema, and be received at an instant (a naive time is none)."""
        (tmp_path / "case.http").write_bytes(HEAD.encode())
        (tmp_path / "case.expected.json").write_bytes(beside)

        sentence = wrong(load, tmp_path / "case.http")

        assert why in sentence
        assert "case" in sentence


class TestJsonLines:
    @pytest.mark.parametrize("body", BODIES)
    def test_round_trip(self, body):
        """One line of a bulk file holds the recording, binary body and all."""
        recording = Recording(name="case", request=request(body=body), expected={"source": "São Paulo"})

        line = to_json(recording)

        assert "\n" not in line
        assert recording == from_json(line, name="file:1")

    def test_name(self):
        """A line without a name of its own is named by its place."""
        plain = json.loads(to_json(Recording(name="case", request=request())))
        del plain["name"]

        assert "file:7" == from_json(json.dumps(plain), name="file:7").name

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "{",
            "[]",
            "17",
            "null",
            "{}",
            '{"http": null}',
            '{"http": "\u20ac"}',
            '{"http": "POST / HTTP/1.1\\n\\n", "expected": []}',
            '{"http": "nonsense"}',
            "[" * 100_000,
        ],
    )
    def test_bad(self, line):
        """Whatever the line, it is a recording or is refused by the name of its place."""
        assert wrong(from_json, line, name="file:7").startswith("file:7: ")


class TestWalk:
    def test_folder(self, tmp_path):
        """A folder gives its recordings in the order of their paths, those of its folders too."""
        for name in ("b/2", "a/9", "b/1"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / f"{name}.http").write_bytes(HEAD.encode())
            (tmp_path / f"{name}.expected.json").write_text("{}")

        assert [str(tmp_path / f"{name}.http") for name in ("a/9", "b/1", "b/2")] == [
            found.name for found in walk(tmp_path)
        ]

    def test_bad_file(self, tmp_path):
        """A file that is no recording stops nothing: its fault is one of the results."""
        (tmp_path / "a.http").write_bytes(b"nonsense")
        (tmp_path / "b.http").write_bytes(HEAD.encode())

        assert [BadRecording, Recording] == [type(found) for found in walk(tmp_path)]

    def test_lines(self, tmp_path):
        """A bulk file gives one result per line; blank lines count but say nothing."""
        good = to_json(Recording(name="case", request=request()))
        (tmp_path / "bulk.jsonl").write_text(f"{good}\n\nnonsense\n{good}\n")

        found = list(walk(tmp_path / "bulk.jsonl"))

        assert [Recording, BadRecording, Recording] == [type(one) for one in found]
        assert str(found[1]).startswith(f"{tmp_path / 'bulk.jsonl'}:3: ")

    def test_undecodable_line(self, tmp_path):
        """A line that is not UTF-8 is one bad line, not the end of the file."""
        good = to_json(Recording(name="case", request=request())).encode()
        (tmp_path / "bulk.jsonl").write_bytes(b"\xff\xfe\n" + good + b"\n")

        assert [BadRecording, Recording] == [type(found) for found in walk(tmp_path / "bulk.jsonl")]

    def test_lazy(self, tmp_path):
        """Nothing is read ahead: a recording is loaded when it is asked for."""
        for name in ("a", "b"):
            (tmp_path / f"{name}.http").write_bytes(HEAD.encode())
        found = walk(tmp_path)

        assert isinstance(found, Iterator)
        next(found)
        (tmp_path / "b.http").write_bytes(HEAD.encode() + b"written later")

        assert b"written later" == next(found).request.body

    def test_constant_memory(self, tmp_path):
        """A bulk file may be longer than memory: only the line at hand is held."""
        line = to_json(Recording(name="case", request=request(body=b"x" * 10_000))) + "\n"
        with (tmp_path / "bulk.jsonl").open("w") as bulk:
            bulk.writelines(line for _ in range(1000))
        tracemalloc.start()

        found = sum(isinstance(one, Recording) for one in walk(tmp_path / "bulk.jsonl"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert 1000 == found
        assert peak < 100 * len(line)


class TestAfter:
    """A recording may name others that came before it."""

    HTTP = b"POST /webhooks/x HTTP/1.1\r\n\r\n{}"

    def write(self, folder, name, after):
        (folder / f"{name}.http").write_bytes(self.HTTP)
        (folder / f"{name}.expected.json").write_text(json.dumps({"after": after}))
        return folder / f"{name}.http"

    def test_loaded(self, tmp_path):
        """Those are loaded with it, and theirs are not: each names all that came before."""
        self.write(tmp_path, "first", [])
        self.write(tmp_path, "second", ["first"])

        third = load(self.write(tmp_path, "third", ["first", "second"]))

        assert ["first.http", "second.http"] == [Path(one.name).name for one in third.earlier]
        assert [(), ()] == [one.earlier for one in third.earlier]

    def test_itself(self, tmp_path):
        """One that names itself is no endless story."""
        assert 1 == len(load(self.write(tmp_path, "loop", ["loop"])).earlier)

    def test_missing(self, tmp_path):
        """One that is not there is named."""
        with pytest.raises(BadRecording, match=r"gone\.http"):
            load(self.write(tmp_path, "late", ["gone"]))
