"""The conversions of adapters/_values.py return a value, nothing, or `Unreadable` with a path: no fourth way."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Unreadable, day, epoch, instant, line, local_moment, moment, name, strict_json, text, url
from tests.support.refusals import refusal

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NEW_YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")


class TestLocalMoment:
    @pytest.mark.parametrize(
        ("written", "local"),
        [
            pytest.param("2026-11-12T01:30:00Z", "2026-11-11T22:30:00-03:00", id="UTC"),
            pytest.param("2026-11-12T01:30:00+00:00", "2026-11-11T22:30:00-03:00", id="UTC as an offset"),
            pytest.param("2026-11-12T01:30:00-04:00", "2026-11-12T01:30:00-04:00", id="another offset"),
            pytest.param("2026-11-12T01:30:00", "2026-11-12T01:30:00-03:00", id="no offset"),
        ],
    )
    def test_local(self, written, local):
        """A time in UTC is put on the zone's clocks; what is local already stays as the carrier wrote it."""
        assert local == local_moment(written, "$.at", zone=SAO_PAULO).isoformat()

    def test_no_zone(self):
        """Without a zone nothing is converted, and without a time there is none."""
        assert "2026-11-12T01:30:00+00:00" == local_moment("2026-11-12T01:30:00Z", "$.at", zone=None).isoformat()
        assert local_moment(None, "$.at", zone=SAO_PAULO) is None

    def test_after_the_calendar(self):
        """A time that has no local form is refused with its path."""
        assert "outside the calendar" in refusal(local_moment, "9999-12-31T23:59:59Z", "$.at", zone=TOKYO)


class TestStrictJson:
    @pytest.mark.parametrize(
        ("body", "why"),
        [
            pytest.param(b"", "is empty", id="nothing"),
            pytest.param(b" \r\n\t", "is empty", id="blank"),
            pytest.param(b"\xef\xbb\xbf", "is empty", id="only a BOM"),
            pytest.param(b"{", "is not JSON (character 2)", id="cut short"),
            pytest.param(b"{}{}", "is not JSON", id="two documents"),
            pytest.param(b"{'a': 1}", "is not JSON", id="single quotes"),
            pytest.param(b'"a\nb"', "is not JSON", id="raw control character"),
            pytest.param(b'{"a": NaN}', "contains NaN", id="NaN"),
            pytest.param(b'{"a": Infinity}', "contains Infinity", id="Infinity"),
            pytest.param(b'{"a": -Infinity}', "contains -Infinity", id="-Infinity"),
            pytest.param(b'{"a": 1e999}', "1e999, which is too large", id="overflowing float"),
            pytest.param(b'{"a": -1e999}', "-1e999, which is too large", id="overflowing negative float"),
            pytest.param(b"9" * 65, "65 digits", id="a digit too many"),
            pytest.param(b"9" * 5000, "5000 digits", id="5,000 digits"),
            pytest.param(b"0." + b"3" * 63, "65 characters", id="a fraction too fine"),
            pytest.param(b"[" * 65 + b"]" * 65, "deeper than 64", id="depth 65"),
            pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64", id="depth 65 of objects"),
            pytest.param(b"[" * 100_000, "more than 25,000 commas and opening", id="100 KB of brackets"),
            pytest.param(b"[" + b"1," * 25_000 + b"1]", "more than 25,000 commas and opening", id="a comma too many"),
            pytest.param(b'{"a":' * 20_000, "deeper than 64", id="100 KB of objects"),
            pytest.param(b'["\\"", ' + b"[" * 65, "deeper than 64", id="depth 65 after an escaped quote"),
            pytest.param(b'{"a": "\xff"}', "is not UTF-8 (byte 7)", id="invalid UTF-8"),
            pytest.param('{"a": 1}'.encode("utf-16"), "is not UTF-8", id="UTF-16"),
            pytest.param(b'{"a": 1, "a": 2}', "$..'a': is there twice", id="duplicates that differ"),
            pytest.param(b'[{"a": {"b": [1], "b": [2]}}]', "$..'b': is there twice", id="deep duplicates that differ"),
            pytest.param(b'{"a": 1, "a": 2, "a": 1}', "$..'a': is there twice", id="three, the outer ones agree"),
            pytest.param(b'{"a": 1, "a": null}', "$..'a': is there twice", id="a number and null"),
            pytest.param(b'{"a": 1, "a": true}', "$..'a': is there twice", id="one and true"),
            pytest.param(b'{"a": [0], "a": [false]}', "$..'a': is there twice", id="zero and false, deep"),
            pytest.param(b'{"\\ud800": 1, "\\ud800": 2}', "is there twice", id="duplicates that cannot be printed"),
        ],
    )
    def test_refused(self, body, why):
        """What RFC 8259 leaves open is refused, and the refusal says what it was."""
        assert why in refusal(strict_json, body)

    @pytest.mark.parametrize(
        ("body", "value"),
        [
            pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="a BOM"),
            pytest.param(b"[" * 64 + b"]" * 64, reduce(lambda inner, _: [inner], range(63), []), id="depth 64"),
            pytest.param(b'{"a": "' + b"[" * 1000 + b'"}', {"a": "[" * 1000}, id="brackets inside a string"),
            pytest.param(b'["\\"' + b"[" * 100 + b'"]', ['"' + "[" * 100], id="brackets after an escaped quote"),
            pytest.param(b"[" + b"[]," * 500 + b"[]]", [[]] * 501, id="many brackets, none deep"),
            pytest.param(b'{"a": {"b": 1}, "a": {"b": 1}}', {"a": {"b": 1}}, id="duplicates that agree"),
            pytest.param(b"9" * 64, int("9" * 64), id="64 digits"),
            pytest.param(b"1e308", 1e308, id="the largest magnitude"),
            pytest.param(b"null", None, id="null"),
        ],
    )
    def test_accepted(self, body, value):
        """Harmless oddities pass: a BOM, a doubled key that says the same, brackets that nest nothing."""
        assert value == strict_json(body)

    @given(st.binary(max_size=200))
    def test_total(self, body):
        """Whatever the bytes, the outcome is a value or a refusal."""
        with suppress(Unreadable):
            strict_json(body)


class TestText:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, None),
            ("", None),
            (" \t\n", None),
            ("  a b  ", "a b"),
            (0, "0"),
            (-7, "-7"),
            (35210112345678000195550010000012341000012345, "35210112345678000195550010000012341000012345"),
            ("São Paulo", "São Paulo"),
            ("📦", "📦"),
        ],
    )
    def test_said(self, value, expected):
        """Text is trimmed, blank says nothing, and a whole number keeps every digit."""
        assert expected == text(value, "$.a")

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            pytest.param(True, "expected text, got true/false", id="true"),
            pytest.param(False, "expected text, got true/false", id="false"),
            pytest.param(1.5, "got a fraction", id="fraction"),
            pytest.param({}, "got an object", id="object"),
            pytest.param([], "got a list", id="list"),
            pytest.param("a\x00b", "control character", id="NUL"),
            pytest.param("\x00", "control character", id="only NUL"),
            pytest.param("a\nb", "control character", id="newline inside"),
            pytest.param("a\x7fb", "control character", id="DEL"),
            pytest.param("a\x9b2Jb", "control character", id="C1, a terminal's escape in one byte"),
            pytest.param("a\ud800b", "lone surrogate", id="lone surrogate"),
            pytest.param("\udfff", "lone surrogate", id="only a lone surrogate"),
            pytest.param("AB\u202e12", "invisible character", id="right to left from here"),
            pytest.param("AB\u200b12", "invisible character", id="a space of no width"),
            pytest.param("a" * 501, "501 characters long, more than 500", id="overlong"),
        ],
    )
    def test_refused(self, value, why):
        """What no one should store is refused at its path."""
        assert why in refusal(text, value, "$.a")

    def test_limit(self):
        """The limit is the caller's, counts characters after trimming, and holds for digits too."""
        assert "abc" == text(" abc ", "$.a", most=3)
        assert "more than 3" in refusal(text, "abcd", "$.a", most=3)
        assert "more than 3" in refusal(text, 1234, "$.a", most=3)

    def test_huge_number(self):
        """A number too long for Python to print is a refusal like any other."""
        assert refusal(text, 10**5000, "$.a")


class TestUrl:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, None),
            ("", None),
            ("https://example.com/t/1?a=b#c", "https://example.com/t/1?a=b#c"),
            (" http://example.com/ t/1 ", "http://example.com/t/1"),
            ("example.com/t/1", None),
            ("//example.com/t/1", None),
            ("ftp://example.com/", None),
            ("javascript:alert(1)", None),
            ("https://", None),
            ("https://carrier.example@evil.example/t/1", None),
            ("https://user:password@carrier.example/t/1", None),
            ("https:///t/1", None),
            ("http://[::1", None),
            (17, None),
        ],
    )
    def test_said(self, value, expected):
        """Only an absolute http(s) URL is one; anything else says nothing rather than something wrong."""
        assert expected == url(value, "$.url")

    @pytest.mark.parametrize("value", [True, [], {}, "https://example.com/\x00", "https://example.com/" + "a" * 2000])
    def test_refused(self, value):
        """What is no text at all is refused like text."""
        assert refusal(url, value, "$.url")


class TestInstant:
    @pytest.mark.parametrize("written", ["2026-03-01", " 2026-03-01 ", "2026-W09-7"])
    def test_bare_date(self, written):
        """A day is no instant: its start would sort before all that happened on it."""
        assert instant(written, "$.at", zone=SAO_PAULO) is None

    @pytest.mark.parametrize("written", ["2026-03-01T00:00:00", "2026-03-01T12:00:00Z", None])
    def test_other_times(self, written):
        """A time is read as `moment` reads it, midnight included."""
        assert moment(written, "$.at", zone=SAO_PAULO) == instant(written, "$.at", zone=SAO_PAULO)

    def test_no_time(self):
        """What is no time is refused."""
        with pytest.raises(Unreadable):
            instant("today", "$.at", zone=SAO_PAULO)


class TestMoment:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
            ("2026-03-01T12:00:00.123Z", "2026-03-01T12:00:00.123000+00:00"),
            ("2026-03-01T12:00:00.1234567Z", "2026-03-01T12:00:00.123456+00:00"),
            ("2026-03-01T12:00:00-0300", "2026-03-01T12:00:00-03:00"),
            ("2026-03-01 12:00:00+05:30", "2026-03-01T12:00:00+05:30"),
            ("2026-03-01T12:00:00", "2026-03-01T12:00:00-03:00"),
            ("2026-03-01", "2026-03-01T00:00:00-03:00"),
        ],
    )
    def test_iso(self, written, expected):
        """An offset that is written holds; one that is not is the zone's; a bare date is the start of that day."""
        assert expected == moment(written, "$.at", zone=SAO_PAULO).isoformat()

    @pytest.mark.parametrize("written", ["2026-03-01T12:00:00", "2026-03-01"])
    def test_no_zone(self, written):
        """Where no one knows the zone there is no instant, and none is guessed."""
        assert moment(written, "$.at", zone=None) is None

    def test_offset_needs_no_zone(self):
        """A time with its offset is an instant whether or not a zone is known."""
        assert datetime(2026, 3, 1, 12, tzinfo=UTC) == moment("2026-03-01T12:00:00Z", "$.at", zone=None)

    @pytest.mark.parametrize("value", [None, "", "  "])
    def test_not_said(self, value):
        """Null and blank say nothing."""
        assert moment(value, "$.at", zone=UTC) is None

    def test_formats(self):
        """A carrier's own patterns are tried in order, and only they."""
        patterns = ("%d/%m/%Y %H:%M", "%d/%m/%Y")

        assert "2026-03-01T14:05:00-03:00" == moment("01/03/2026 14:05", "$.at", *patterns, zone=SAO_PAULO).isoformat()
        assert "2026-03-01T00:00:00-03:00" == moment("01/03/2026", "$.at", *patterns, zone=SAO_PAULO).isoformat()
        assert "written as '9999-99-99' is not %d/%m/%Y %H:%M or %d/%m/%Y" in refusal(
            moment, "2026-03-01", "$.at", *patterns, zone=SAO_PAULO
        )

    @pytest.mark.parametrize(
        "value",
        [
            "soon",
            "2026-02-30",
            "0000-01-01",
            "2026-03-01T25:00:00",
            "2026-03-01T12:00:00+24:00",
            "2026-03-01T12:00:00\x00",
            "\ud800",
            True,
            1.5,
            [],
            {},
            "1" * 501,
        ],
    )
    def test_refused(self, value):
        """What is no time is refused, never rounded to one."""
        assert refusal(moment, value, "$.at", zone=UTC)

    @pytest.mark.parametrize("value", [1712011512345, "1712011512345", 1420822815000, 1712011512, 20240101, -1])
    def test_number(self, value):
        """A bare number is no ISO time: Unix milliseconds must not be read as a day of the year 1712."""
        assert refusal(moment, value, "$.at", zone=UTC)

    @pytest.mark.parametrize(
        ("written", "zone"), [("9999-12-31T23:59:59", SAO_PAULO), ("9999-12-31T23:59:59-05:00", None)]
    )
    def test_edge_of_time(self, written, zone):
        """A time whose UTC falls outside the calendar is refused here, before someone converts it."""
        assert refusal(moment, written, "$.at", zone=zone)

    @pytest.mark.parametrize(
        "written",
        [
            "0001-01-01T00:00:00",
            "0001-01-01T00:00:00+05:00",
            "1900-01-01",
            "1970-01-01T00:00:00Z",
            "1999-12-31T23:59:59Z",
            "0000-00-00 00:00:00",
            "0000-00-00",
            "0",
            0,
        ],
    )
    def test_no_date(self, written):
        """What programs and databases write for no date is none: as the earliest one it would stay for ever."""
        assert moment(written, "$.at", zone=SAO_PAULO) is None
        assert instant(written, "$.at", zone=SAO_PAULO) is None
        assert day(written, "$.at") is None

    @pytest.mark.parametrize("written", ["01/01/0001 00:00", "00/00/0000 00:00"])
    def test_no_date_of_a_format(self, written):
        """So it is in a carrier's own format."""
        assert moment(written, "$.at", "%d/%m/%Y %H:%M", zone=SAO_PAULO) is None
        assert "2000-01-01" == day("01/01/2000 00:00", "$.at", "%d/%m/%Y %H:%M").isoformat()

    @pytest.mark.parametrize("written", [0, "0", 123, 946684799, 946684799000])
    def test_no_unix_time(self, written):
        """A Unix time before 2000 is none either."""
        assert epoch(written, "$.at") is None
        assert "2000-01-01T00:00:00+00:00" == epoch(946684800, "$.at").isoformat()

    @pytest.mark.parametrize("written", ["2026-11-01T01:30:00", "2026-03-08T02:30:00", "2026-07-01T12:00:00"])
    def test_survives_writing(self, written):
        """The instant equals itself after it was stored as text, also where the clocks change."""
        instant = moment(written, "$.at", zone=NEW_YORK)

        assert instant == datetime.fromisoformat(instant.isoformat())

    def test_clock_change(self):
        """Instants compare as instants across a change of the clocks, not by their wall clocks."""
        never = moment("2026-03-08T02:30:00", "$.at", zone=NEW_YORK)  # skipped by the clocks: 07:30 UTC
        after = moment("2026-03-08T03:10:00", "$.at", zone=NEW_YORK)  # 07:10 UTC

        assert (after < never) == (after.timestamp() < never.timestamp())

    @given(
        st.one_of(st.text(max_size=40), st.datetimes().map(datetime.isoformat), st.integers(), st.floats(), st.none())
    )
    def test_total(self, value):
        """Whatever the value, the outcome is nothing, an aware instant that UTC can express, or a refusal."""
        try:
            instant = moment(value, "$.at", zone=TOKYO)
        except Unreadable:
            return
        assert instant is None or timedelta(0) == instant.astimezone(UTC).utcoffset()


class TestDay:
    @pytest.mark.parametrize(
        "written", ["2026-03-01", "2026-03-01T23:59:00", "2026-03-01T23:59:00-03:00", "2026-03-01T00:00:00+14:00"]
    )
    def test_as_written(self, written):
        """The calendar date is the one the carrier wrote, whatever the offset and without any zone."""
        assert date(2026, 3, 1) == day(written, "$.at")

    def test_formats(self):
        """A carrier's own patterns serve here as well."""
        assert date(2026, 3, 1) == day("01/03/2026 14:05", "$.at", "%d/%m/%Y %H:%M")

    def test_not_said(self):
        """Null says nothing, and nonsense is refused."""
        assert day(None, "$.at") is None
        assert "written as 'aaaa' is not an ISO 8601 time" in refusal(day, "soon", "$.at")


class TestShape:
    """A refused time tells how it is written and never what it says: a wrong field may hold a name."""

    def test_masked(self):
        """Letters and digits are masked, the rest is the format."""
        assert "'99/99/99 aa:aa'" in refusal(moment, "12/03/26 ab:cd", "$.at", zone=None)
        assert "Paulista" not in refusal(moment, "Av. Paulista 1000", "$.at", zone=None)
        assert "…" in refusal(moment, "x" * 100, "$.at", zone=None)


class TestLine:
    """Words for people: nothing is identified by them, so odd white space and length are no reason to refuse."""

    @pytest.mark.parametrize(
        ("expected", "written"),
        [
            ("", None),
            ("", " \n "),
            ("Left the\u2009hub", "Left the\u2009hub"),
            ("Saiu para entrega", " Saiu\n\tpara  entrega\r\n"),
        ],
    )
    def test_folded(self, expected, written):
        """White space of any kind becomes one space."""
        assert " ".join(expected.split()) == line(written, "$.message")

    def test_cut(self):
        """What is longer than any text may be is cut, not refused."""
        assert "x" * 500 == line("x" * 6_000, "$.message")

    @pytest.mark.parametrize("written", ["a\x00b", "a\ud800b", ["a"], True])
    def test_no_text(self, written):
        """What is no text is refused like anywhere else."""
        with pytest.raises(Unreadable, match=r"^\$\.message: "):
            line(written, "$.message")


class TestName:
    def test_there(self):
        """An id is trimmed text; a number becomes its digits."""
        assert "A-1" == name(" A-1 ", "$.id")
        assert "12" == name(12, "$.id")

    @pytest.mark.parametrize("written", [None, "", " \t"])
    def test_blank(self, written):
        """An id that is not there is told with its place."""
        with pytest.raises(Unreadable, match=r"^\$\.id: is blank$"):
            name(written, "$.id")
