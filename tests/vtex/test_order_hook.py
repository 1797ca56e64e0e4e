"""VTEX's order hook, by its bodies alone: what is installed, what stands there, and which order an event names."""

from typing import Any

import pytest

from receiver.vtex.hook import MAY_HAVE_INVOICE, PING, Event, configuration, read_configuration, read_event


@pytest.mark.parametrize("body", [{"OrderId": "1-01", "State": "invoiced"}, {"orderId": " 1-01 ", "state": "handling"}])
def test_event(body: dict[str, Any]) -> None:
    """An order's id in either case of its name is all that is believed."""
    assert Event("1-01") == read_event(body)


@pytest.mark.parametrize(
    "body", [PING, None, [], "1-01", {}, *({"OrderId": odd} for odd in ("", " ", None, 101, "1\x00", "9" * 201))]
)
def test_no_event(body: Any) -> None:
    """What names no order is no event."""
    assert None is read_event(body)


def test_longest() -> None:
    """200 characters are still an order's id."""
    assert Event("9" * 200) == read_event({"OrderId": "9" * 200})


def test_names() -> None:
    """A parcel that waits for the order, for its id without the suffix, or for its group is meant."""
    assert [("order_group", "1172452900788"), ("order_id", "1172452900788"), ("order_id", "1172452900788-01")] == Event(
        "1172452900788-01"
    ).names
    assert [("order_group", "v5"), ("order_id", "v5")] == Event("v5").names


def test_configuration() -> None:
    """What is installed is what is read back, but for the secret."""
    body = configuration("https://x.example/h", "secret")
    found = read_configuration(body)

    assert found is not None
    assert ("https://x.example/h", ("x-hook-secret",), body["filter"]) == (found.url, found.headers, found.filter)
    assert list(MAY_HAVE_INVOICE) == found.filter["status"]
    assert "'secret'" not in repr(found)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"hook": None}, {"hook": {}}, {"hook": {"url": ""}}, {"hook": {"url": 1}}]
)
def test_no_configuration(body: Any) -> None:
    """Without a URL there is no hook."""
    assert None is read_configuration(body)


@pytest.mark.parametrize(("headers", "filters"), [(None, None), ([], []), ("odd", "odd")])
def test_odd_configuration(headers: Any, filters: Any) -> None:
    """Someone's hook with odd parts is shown without them."""
    found = read_configuration({"hook": {"url": "https://x.example", "headers": headers}, "filter": filters})

    assert found is not None
    assert ((), {}) == (found.headers, found.filter)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.example/h", "https://x.example/h"),
        ("https://user:word@x.example/h?token=1#part", "https://x.example/h"),
    ],
)
def test_address(url: str, shown: str) -> None:
    """Where someone's hook leads is shown without a user and a query: both may be secrets."""
    found = read_configuration({"hook": {"url": url}})

    assert found is not None
    assert shown == found.address
