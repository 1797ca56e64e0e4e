"""How a merchant's own fields become references."""

import re

import jmespath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters import Reference, ReferenceKind, Shipment, Status, Unreadable
from receiver.carriers.references import BadRule, Finder, Rule, refer

ORDER_ID, NUMBER = ReferenceKind.ORDER_ID, ReferenceKind.INVOICE_NUMBER


def shipment(*references: tuple[str, str]) -> Shipment:
    return Shipment(
        key="p1",
        status=Status.DISPATCHED,
        references=tuple(Reference(ReferenceKind(kind), value) for kind, value in references),
    )


def found(payload, *rules: Rule, own: tuple[tuple[str, str], ...] = ()) -> list[tuple[str, str]]:
    """The references of a shipment whose adapter read ``own``."""
    return [(str(one.kind), one.value) for one in refer(shipment(*own), payload, rules)]


@pytest.mark.parametrize(
    ("path", "pattern", "payload", "expected"),
    [
        ("order", None, {"order": "1-01"}, ["1-01"]),
        ("order", None, {"order": "  1-01 "}, ["1-01"]),
        ("data.tags[*].tag", None, {"data": {"tags": [{"tag": "1-01"}, {"url": None}]}}, ["1-01"]),
        ("tags[?kind=='order'].value | [0]", None, {"tags": [{"kind": "order", "value": "1-01"}]}, ["1-01"]),
        ("join('-', [group, part])", None, {"group": "1", "part": "01"}, ["1-01"]),
        ("order", r"^(\d+-\d\d)", {"order": "1-01 (gift)"}, ["1-01"]),
        ("order", r"\d+-\d\d", {"order": "order 1-01 (gift)"}, ["1-01"]),
        ("order", r"(\d+)-(\d\d)", {"order": "order 1-01"}, ["1"]),
        ("order", r"(x)?-01", {"order": "1-01"}, []),
        ("order", r"^v\d+", {"order": "1-01"}, []),
        ("tags", r"^\d+-\d\d$", {"tags": ["gift", "1-01", "red"]}, ["1-01"]),
        ("order", None, {"order": 30711}, ["30711"]),
        ("order", r"\d{3}$", {"order": 30711}, ["711"]),
        ("order", None, {"order": 0}, ["0"]),
        ("order", None, {}, []),
        ("order", None, None, []),
        ("order", None, [], []),
        ("order", None, {"order": None}, []),
        ("order", None, {"order": ""}, []),
        ("order", None, {"order": "   "}, []),
        ("order", None, {"order": True}, []),
        ("order", None, {"order": 1.5}, []),
        ("order", None, {"order": {"id": "1-01"}}, []),
        ("tags", None, {"tags": ["1-01", "1-01", 5, None, ["2-01"]]}, ["1-01", "5"]),
        ("tags", None, {"tags": ["1-01", "2-01"]}, ["1-01", "2-01"]),
        ("length(order)", None, {}, []),
        ("tags[1:]", None, {"tags": ["gift", "1-01"]}, ["1-01"]),
        ("split", None, {"split": "a field may be named as one likes"}, ["a field may be named as one likes"]),
    ],
)
def test_hits(path, pattern, payload, expected):
    """JMESPath finds, the pattern cuts (group 1, else the whole match); numbers are text, each text counts once."""
    assert expected == Rule.parse(path, "order_id", pattern).hits(payload)


_NAMES = st.sampled_from(["a", "b"])
_PATHS = st.lists(st.tuples(_NAMES, st.sampled_from(["", "", "[*]", "[0]", "[]"])), min_size=1, max_size=4).map(
    lambda steps: ".".join(name + behind for name, behind in steps)
)
_PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=12,
)


@given(path=_PATHS, payload=_PAYLOADS)
@example(path="a[*].b", payload={"a": [{"b": "1"}, {"b": None}, {}, 2]})
def test_paths_of_names_and_lists(path, payload):
    """Whatever the payload holds, a path leads to what JMESPath itself finds there, by the shorter way, too."""
    found = jmespath.search(path, payload)
    assert (found if isinstance(found, list) else [found]) == Finder(path=path).found(payload)


def test_unfit_text():
    """What no one should store is refused with its place."""
    with pytest.raises(Unreadable) as caught:
        Rule.parse("data.order", "order_id").hits({"data": {"order": "1\x00-01"}})

    assert "$.data.order" == caught.value.path


FIRST, SECOND = Rule.parse("a", "order_id"), Rule.parse("b", "order_id")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"a": "1-01", "b": "2-01"}, [("order_id", "1-01")]),
        ({"b": "2-01"}, [("order_id", "2-01")]),
        ({"a": "", "b": "2-01"}, [("order_id", "2-01")]),
        ({}, []),
    ],
)
def test_first_rule_that_hits(payload, expected):
    """The rules of one kind are tried in order, and the first that finds anything speaks for the kind."""
    assert expected == found(payload, FIRST, SECOND)


def test_each_kind_has_its_own_rules():
    """Rules of different kinds do not stand in one another's way."""
    number = Rule.parse("b", "invoice_number")

    assert [("order_id", "1-01"), ("invoice_number", "900")] == found({"a": "1-01", "b": "900"}, FIRST, number)


def test_two_hits_are_both_kept():
    """Two names for one thing are for a person to decide, so neither is dropped."""
    rule = Rule.parse("tags", "order_id")

    assert [("order_id", "1-01"), ("order_id", "2-01")] == found({"tags": ["1-01", "2-01"]}, rule, SECOND)


def test_ruled_kinds_replace_the_adapters_reading():
    """A kind with rules is never taken from the adapter, not even where no rule hits; the other kinds stay."""
    own = (("order_id", "from-the-adapter"), ("invoice_key", "35"))

    assert [("invoice_key", "35"), ("order_id", "1-01")] == found({"a": "1-01"}, FIRST, own=own)
    assert [("invoice_key", "35")] == found({}, FIRST, own=own)
    assert list(own) == found({"a": "1-01"}, own=own)


def test_series_goes_with_the_number():
    """The adapter's series belongs to the adapter's number: who rules the number gives up both."""
    own = (("invoice_number", "1"), ("invoice_series", "2"), ("order_id", "1-01"))

    assert [("order_id", "1-01"), ("invoice_number", "900")] == found(
        {"b": "900"}, Rule.parse("b", "invoice_number"), own=own
    )
    assert ("invoice_series", "2") in found({"a": "1-01"}, FIRST, own=own)


@pytest.mark.parametrize(
    ("path", "kind", "pattern", "why"),
    [
        ("data..tags", "order_id", None, "path 'data..tags' is not JMESPath"),
        ("tags[", "order_id", None, "path 'tags[' is not JMESPath"),
        ("data.tags | first(@)", "order_id", None, "path 'data.tags | first(@)' uses first, which JMESPath does not"),
        ("join('', a[?upper(x)=='1'])", "order_id", None, "uses upper, which"),
        (
            "order",
            "order",
            None,
            "is = 'order' is none of order_id, order_group, sequence, invoice_number, invoice_series",
        ),
        ("order", "invoice", None, "is = 'invoice' is none of"),
        ("order", "order_id", "(", "pattern '(' is not a regular expression"),
    ],
)
def test_bad_rules(path, kind, pattern, why):
    """A rule that cannot work says which part of it is wrong."""
    with pytest.raises(BadRule, match=re.escape(why)):
        Rule.parse(path, kind, pattern)


@pytest.mark.parametrize("kind", [kind for kind in ReferenceKind if kind != ReferenceKind.INVOICE_SERIES])
def test_kinds(kind):
    """Everything a merchant may name can be ruled."""
    assert [(str(kind), "x")] == found({"a": "x"}, Rule.parse("a", str(kind)))


def test_template():
    """A template puts back what the carrier cut off each name that was found."""
    rule = Rule.parse("ids", "order_id", r"(\d+)", "MLB-{}")

    assert [("order_id", "MLB-12"), ("order_id", "MLB-34")] == found({"ids": ["#12", "#34", "x"]}, rule)


def test_template_of_a_whole_name():
    """What the carrier did not cut off is not put there twice; the part alone is no whole name."""
    rule = Rule.parse("ids", "order_id", None, "SLR-{}")
    names = [("order_id", "SLR-v50mktp-01"), ("order_id", "SLR-SLR-")]

    assert names == found({"ids": ["v50mktp-01", "SLR-v50mktp-01", "SLR-"]}, rule)


def test_long_text():
    """A pattern never meets a text of more than 500 characters, where the natural one would take minutes."""
    rule = Rule.parse("order", "order_id", r"(\d+-\d{2})")

    assert [("order_id", "1-01")] == found({"order": "1-01" + " " * 10_000}, rule)
    assert [] == found({"order": "7" * 400_000}, rule)
    assert [] == found({"order": "1-01 " + "x" * 500}, rule)
