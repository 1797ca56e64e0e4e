"""The stand-in's list of orders and its order hook, over real HTTP."""

import pytest

from receiver.http import Http
from receiver.vtex.answers import Rejected
from receiver.vtex.client import Vtex
from receiver.vtex.hook import configuration
from tests.support.listener import Listener
from tests.support.rig import Rig, order, package

DAY = "2026-11-1{}T12:00:00Z"


@pytest.fixture
def vtex(rig: Rig) -> Vtex:
    return Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)


def test_list(rig: Rig, vtex: Vtex) -> None:
    """Orders invoiced in a window, in pages, without their items."""
    for number in range(5):
        rig.add_order(order(f"{number}-01", package("900"), invoicedDate=DAY.format(number), creationDate=None))
    rig.add_order(order("9-01"))
    window = f"invoicedDate:[{DAY.format(1)} TO {DAY.format(3)}]"
    pages = [vtex.list_orders({"f_invoicedDate": window, "per_page": "2", "page": page}) for page in "12"]

    assert [["1-01", "2-01"], ["3-01"]] == [[one["orderId"] for one in page["list"]] for page in pages]
    assert {"total": 3, "pages": 2, "currentPage": 1, "perPage": 2} == pages[0]["paging"]
    assert pages[0]["list"][0]["items"] is None


@pytest.mark.parametrize(
    "query", [{"page": "31"}, {"per_page": "101"}, {"page": "0"}, {"page": "x"}, {"f_invoicedDate": "x"}]
)
def test_list_limits(vtex: Vtex, query: dict[str, str]) -> None:
    """What VTEX does not list is refused."""
    with pytest.raises(Rejected):
        vtex.list_orders(query)


def test_hook(rig: Rig, vtex: Vtex, listener: tuple[Listener, str]) -> None:
    """A ping without headers before it is kept; then every change that the filter has, with them."""
    heard, url = listener
    vtex.set_hook(configuration(url, "s"))
    assert [({"hookConfig": "ping"}, None)] == heard.got
    assert url == vtex.get_hook()["hook"]["url"]

    rig.add_order(order("1-01", status="order-created"))
    rig.add_order(order("1-01", package("900")))
    (event, secret) = heard.got[-1]
    assert (2, "s", "1-01", "invoiced", "order-created") == (
        len(heard.got), secret, event["OrderId"], event["State"], event["LastState"],
    )  # fmt: skip

    vtex.delete_hook()
    rig.add_order(order("1-01", package("901")))
    assert 2 == len(heard.got)


def test_refused(vtex: Vtex, listener: tuple[Listener, str]) -> None:
    """An address that does not answer 200, or is neither https nor this machine, is not kept."""
    heard, url = listener
    heard.status = 401
    for bad in (url, "http://127.0.0.1:9/hook", "http://x.example/hook"):
        with pytest.raises(Rejected):
            vtex.set_hook(configuration(bad, "s"))
    mixed = {**configuration(url, "s"), "filter": {"status": [], "expression": "x"}}
    with pytest.raises(Rejected):
        vtex.set_hook(mixed)
