"""Every call to VTEX as it goes over the wire: method, path and body; and which token it tries next."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from receiver.config import Account
from receiver.http import Http
from receiver.vtex.answers import Misconfigured, VtexError
from receiver.vtex.client import Vtex
from tests.support.bare_server import Server, answer, saying, serving

BODY = {"any": "São"}
HOOK = "/api/orders/hook/config"
CALLS: dict[str, tuple[Callable[[Vtex], Any], str, str, Any]] = {
    "order": (lambda vtex: vtex.get_order("seq501"), "GET", "/api/oms/pvt/orders/seq501", None),
    "group": (lambda vtex: vtex.get_order_group("v1"), "GET", "/api/oms/pvt/orders/order-group/v1", None),
    "list": (
        lambda vtex: vtex.list_orders({"f_invoicedDate": "[a TO b]", "page": "1"}),
        "GET", "/api/oms/pvt/orders?f_invoicedDate=%5Ba%20TO%20b%5D&page=1", None,
    ),
    "hook": (lambda vtex: vtex.get_hook(), "GET", HOOK, None),
    "install": (lambda vtex: vtex.set_hook(BODY), "POST", HOOK, BODY),
    "remove": (lambda vtex: vtex.delete_hook(), "DELETE", HOOK, None),
    "patch": (
        lambda vtex: vtex.patch_invoice("1-01", "900", BODY),
        "PATCH", "/api/oms/pvt/orders/1-01/invoice/900", BODY,
    ),
    "tracking": (
        lambda vtex: vtex.put_tracking("1-01", "900", BODY),
        "PUT", "/api/oms/pvt/orders/1-01/invoice/900/tracking", BODY,
    ),
    "post": (lambda vtex: vtex.post_invoice("1-01", BODY), "POST", "/api/oms/pvt/orders/1-01/invoice", BODY),
}  # fmt: skip


def vtex(server: Server, *tokens: str) -> Vtex:
    account = Account(name="lux", base_url=server.url, app_key="key", app_tokens=tokens or ("token",))
    return Vtex(account, Http([server.url]), clock=lambda: 0.0)


def tokens_tried(server: Server) -> list[str]:
    return [heard.headers["x-vtex-api-apptoken"] for heard in server.heard]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(saying(answer(body=b'{"receipt": "r"}'))) as made:
        yield made


@pytest.mark.parametrize("name", CALLS)
def test_call(server: Server, name: str) -> None:
    """Method, path and body are those of VTEX's reference, and its answer is handed over."""
    call, method, target, body = CALLS[name]

    assert {"receipt": "r"} == call(vtex(server))
    [heard] = server.heard
    assert (method, target, body) == (heard.method, heard.target, json.loads(heard.body) if heard.body else None)


def test_invoice_url(server: Server) -> None:
    """Where an invoice would be posted can be shown without a call."""
    assert f"{server.url}/api/oms/pvt/orders/1%20x/invoice" == vtex(server).invoice_url("1 x")
    assert [] == server.heard


class TestTokens:
    """During a rotation an account has two tokens, and no one knows which one VTEX takes."""

    def test_first_is_taken(self, server: Server) -> None:
        """Where the first one is taken, the other one is never shown."""
        vtex(server, "new", "old").get_order("1-01")

        assert ["new"] == tokens_tried(server)

    def test_other_is_remembered(self) -> None:
        """At a 401 the other one is tried; once it is taken, it goes first."""
        with serving(saying(answer("401 Unauthorized"), answer())) as server:
            client = vtex(server, "new", "old")
            client.get_order("1-01")
            client.get_order("1-01")

        assert ["new", "old", "old"] == tokens_tried(server)

    def test_all_are_refused(self) -> None:
        """Where none is taken, each is tried once, and the next call begins with the first again."""
        with serving(saying(answer("401 Unauthorized"))) as server:
            client = vtex(server, "new", "old", "older")
            for _ in range(2):
                with pytest.raises(Misconfigured):
                    client.get_order("1-01")

        assert ["new", "old", "older"] * 2 == tokens_tried(server)

    def test_one(self) -> None:
        """With one token there is nothing else to try."""
        with serving(saying(answer("401 Unauthorized"))) as server, pytest.raises(Misconfigured):
            vtex(server).get_order("1-01")

        assert ["token"] == tokens_tried(server)


def test_no_answer() -> None:
    """A server that is gone is VTEX's trouble, in VTEX's terms."""
    with serving(saying(answer())) as server:
        client = vtex(server)

    with pytest.raises(VtexError) as caught:
        client.get_order("1-01")
    assert None is caught.value.status


def test_own_order(server: Server) -> None:
    """A document is read as the account's own: another account's name in it is another seller's."""
    endpoint = "http://fulfillment.example/?an=lux"
    document = {"orderId": "1-01", "sellers": [{"id": "shop", "fulfillmentEndpoint": endpoint}]}

    assert vtex(server).read(document).seller_account is None


def test_html_is_about_the_url() -> None:
    """The web server's page for a URL names the call, so that a person sees what is odd about it."""
    with serving(saying(answer("404 Not Found", b"<!doctype html>"))) as made, pytest.raises(VtexError) as refused:
        vtex(made).get_order("1-01")

    assert "GET /api/oms/pvt/orders/1-01: " in str(refused.value)


def test_facts(server: Server) -> None:
    """What the account never indexes, such as its own placeholder, teaches nothing."""
    package = {"type": "Output", "invoiceNumber": "900", "trackingNumber": "834"}
    document = {"orderId": "1-01", "creationDate": "2026-11-10T12:00:00Z", "packageAttachment": {"packages": [package]}}
    client = vtex(server)
    client.account = replace(client.account, never_indexed=("834",))

    assert ["invoice_number"] == [fact.kind for fact in client.facts(document)]
