"""Formats that only some carriers use: Unix times, forms, JSON inside text, and the public page of a parcel."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import NotAuthentic, Unreadable, epoch, form, inner_json, page
from adapters._members import MOST_SEARCHED, members
from tests.support.refusals import refusal


class TestEpoch:
    @pytest.mark.parametrize(
        ("value", "instant"),
        [
            (1_794_997_600, datetime(2026, 11, 18, 10, 26, 40, tzinfo=UTC)),
            ("1794997600", datetime(2026, 11, 18, 10, 26, 40, tzinfo=UTC)),
            (1_794_997_600_250, datetime(2026, 11, 18, 10, 26, 40, 250_000, tzinfo=UTC)),
            (1_794_997_600.5, datetime(2026, 11, 18, 10, 26, 40, 500_000, tzinfo=UTC)),
            (" 1794997600.25 ", datetime(2026, 11, 18, 10, 26, 40, 250_000, tzinfo=UTC)),
            (946_684_800, datetime(2000, 1, 1, tzinfo=UTC)),
            (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
            (946_684_800_000, datetime(2000, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_told(self, value, instant):
        """Seconds or milliseconds, as a number or its digits: the size tells which (`date -u -d @1794997600`)."""
        assert instant == epoch(value, "$.at")

    @pytest.mark.parametrize("value", [None, "", "  ", 0, "0", 946_684_799, 100_000_000_000])
    def test_not_told(self, value):
        """Null and blank say nothing, and neither does what programs write for no time: zero, or a year before 2000.
        The least number of milliseconds is of 1973."""
        assert epoch(value, "$.at") is None

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            ("2026-11-18", "written as '9999-99-99' is no Unix time"),
            (-1, "is no Unix time"),
            (1e308, "is no Unix time"),
            (float("nan"), "is no Unix time"),
            ("1e9", "is no Unix time"),
            (10**15, "is no Unix time"),
            (10**15 - 1, "is outside the calendar"),
            (True, "expected text, got bool"),
            ({}, "expected text, got an object"),
        ],
    )
    def test_refused(self, value, why):
        """What is no Unix time is refused, and so is one that no calendar holds."""
        assert why in refusal(epoch, value, "$.at").replace("true/false", "bool")


class TestForm:
    def test_fields(self):
        """A form's fields are UTF-8, percent-encoded; empty ones are kept."""
        assert {"sign": "a+b=", "nota": "São Paulo", "empty": ""} == form(b"sign=a%2Bb%3D&nota=S%C3%A3o+Paulo&empty=")

    def test_twice(self):
        """A field that is there twice must say the same both times."""
        assert {"a": "1"} == form(b"a=1&a=1")
        assert "is there twice" in refusal(form, b"a=1&a=2")

    @pytest.mark.parametrize("body", [b"no form", b"a=%ff", "a=é".encode(), b"a=1&&b=2", b"&".join([b"a=1"] * 201)])
    def test_refused(self, body):
        """What is no form, no UTF-8 or endless is refused."""
        assert "is not a form" in refusal(form, body)


class TestInnerJson:
    def test_text(self):
        """JSON in a text field, plain or in base64 (`echo -n '{"a":"é"}' | base64`)."""
        assert {"a": "é"} == inner_json('{"a":"é"}', "$.payload")
        assert {"a": "é"} == inner_json("eyJhIjoiw6kifQ==", "$.message.data", in_base64=True)

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (None, "expected text"),
            ({}, "expected text, got an object"),
            ("", "holds no JSON: is empty"),
            ("{", "holds no JSON: is not JSON"),
            ('{"a":1,"a":2}', "holds no JSON: is there twice"),
            ("[NaN]", "holds no JSON: contains NaN"),
            ('"\ud800"', "contains a lone surrogate"),
        ],
    )
    def test_refused(self, value, why):
        """It is as strict inside as outside, and the path is that of the field."""
        said = refusal(inner_json, value, "$.payload")

        assert said.startswith("$.payload: ")
        assert why in said

    @pytest.mark.parametrize(("value", "why"), [("*", "is not base64"), ("é", "is not base64"), ("/w==", "not UTF-8")])
    def test_base64_refused(self, value, why):
        """Base64 is taken strictly, and what it holds is UTF-8."""
        with pytest.raises(Unreadable, match=why):
            inner_json(value, "$.data", in_base64=True)


class TestPage:
    @pytest.mark.parametrize(
        ("number", "url"),
        [
            ("TN1", "https://carrier.example/t?n=TN1&x"),
            ("A B/#&é", "https://carrier.example/t?n=A%20B%2F%23%26%C3%A9&x"),
            (None, None),
            ("", None),
        ],
    )
    def test_page(self, number, url):
        """The number is encoded whole: it cannot lead to another page. Without a number there is none."""
        assert url == page("https://carrier.example/t?n={number}&x", number)


class TestMembers:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"{}", {}),
            (b'{"a":1}', {"a": "1"}),
            (b' \n{ "a" : { "b" : [1, "}"] } , "c":"x,\\"y" }', {"a": '{ "b" : [1, "}"] }', "c": '"x,\\"y"'}),
            (b'{"\\u0061":"\\u0062"}', {"a": '"\\u0062"'}),
            ("\ufeff{}".encode(), {}),
        ],
    )
    def test_found(self, body, expected):
        """Each member's text stands as the sender wrote it, under the name that the writing stands for."""
        assert expected == {name: body[slice(*extent)].decode() for name, extent in members(body).items()}

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b'["a",{}]', b'{"a":1', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'{"a', b'{"a\\', b'{"\\x":1}'],
    )
    def test_refused(self, body):
        """What is no object proves nothing, and neither does one in which a name stands twice."""
        with pytest.raises(NotAuthentic, match="no JSON object"):
            members(body)

    def test_limit(self):
        """A longer body than any event is not searched."""
        with pytest.raises(NotAuthentic, match="longer than 262144 bytes"):
            members(b'{"a":"' + b"x" * MOST_SEARCHED + b'"}')

    @given(st.dictionaries(st.text(), st.recursive(st.text(), lambda inner: st.lists(inner) | st.floats()), max_size=5))
    def test_as_parsed(self, value):
        """Strict JSON is divided as a parser divides it."""
        body = json.dumps(value).encode()

        found = {name: json.loads(body[slice(*extent)]) for name, extent in members(body).items()}
        assert json.dumps(value) == json.dumps(found)
