"""The calls to VTEX's order system (Orders API) with one account's keys. The caller keeps rate limit and lease."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from receiver.config import Account
from receiver.http import LEAST_PAUSE, Answer, Http, NoAnswer
from receiver.vtex.answers import Unanswered, Unroutable, decipher
from receiver.vtex.facts import Fact
from receiver.vtex.invoice_numbers import MOST_SEGMENT
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import Order, read_order

_ORDERS = "/api/oms/pvt/orders"
_HOOK = "/api/orders/hook/config"


class BadSegment(Exception):
    """The text must not become part of a URL. ``field`` is the one of `check_place` that holds it."""

    def __init__(self, why: str, field: str = "") -> None:
        super().__init__(why)
        self.field = field


class Vtex:
    """The client of one account. Every call raises a `receiver.vtex.answers.VtexError` unless it succeeds.

    ``clock`` is Unix time in seconds; ``least_pause`` is the shortest pause in seconds after a 429, or a 503 with
    ``Retry-After``.
    """

    def __init__(
        self, account: Account, http: Http, *, clock: Callable[[], float], least_pause: float = LEAST_PAUSE
    ) -> None:
        self.account = account
        self._http, self._clock, self._least_pause = http, clock, least_pause
        self._token = 0
        #: How many seconds our clock is ahead of VTEX's, as its last answer said; ``None``: none did.
        self.clock_offset: float | None = None

    def read(self, document: Any) -> Order:
        """A document of `get_order` as this account's order. Raises `receiver.vtex.orders.UnexpectedOrder`."""
        return read_order(document, account=self.account.name)

    def facts(self, document: Any) -> list[Fact]:
        """The facts for the index in a document of `get_order`. Raises `receiver.vtex.orders.UnexpectedOrder`."""
        return index_facts(self.read(document).without_placeholders(self.account.never_indexed))

    def get_order(self, order_id: str) -> Any:
        """``GET order``: the order's document. Takes ``seq<sequence>`` too."""
        return self._call("GET", f"{_ORDERS}/{path_segment(order_id)}")

    def get_order_group(self, group: str) -> Any:
        """``GET order-group``: a list of the purchase's orders."""
        return self._call("GET", f"{_ORDERS}/order-group/{path_segment(group)}")

    def list_orders(self, query: Mapping[str, str]) -> Any:
        """``GET orders``: a page of the list. It lags minutes behind, so nothing may be decided from it."""
        return self._call("GET", f"{_ORDERS}?{urlencode(query, quote_via=quote)}")

    def get_hook(self) -> Any:
        """``GET hook configuration`` of this app key."""
        return self._call("GET", _HOOK)

    def set_hook(self, body: dict[str, Any]) -> Any:
        """``POST hook configuration``: replaces the app key's hook, if any. VTEX pings the URL first."""
        return self._call("POST", _HOOK, body)

    def delete_hook(self) -> Any:
        """``DELETE hook configuration`` of this app key."""
        return self._call("DELETE", _HOOK)

    def patch_invoice(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> Any:
        """``PATCH invoice``: the receipt, or ``None`` if VTEX answers with an empty body."""
        return self._call("PATCH", invoice_path(order_id, invoice_number), body)

    def put_tracking(self, order_id: str, invoice_number: str, body: dict[str, Any]) -> Any:
        """``PUT tracking``: the receipt, or ``None`` if VTEX answers with an empty body."""
        return self._call("PUT", f"{invoice_path(order_id, invoice_number)}/tracking", body)

    def post_invoice(self, order_id: str, body: dict[str, Any]) -> Any:
        """``POST invoice``: the receipt, or ``None``. Not idempotent: if the answer is lost, only a read helps."""
        return self._call("POST", f"{_ORDERS}/{path_segment(order_id)}/invoice", body)

    def invoice_url(self, order_id: str) -> str:
        """The URL to which `post_invoice` sends an order's invoice."""
        return f"{self.account.base_url}{_ORDERS}/{path_segment(order_id)}/invoice"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        first, several = self._token, len(self.account.app_tokens)
        answer = self._try(first, method, path, body)
        # During a key rotation the old and the new token are both valid for a while: try the other one.
        for token in ((first + turn) % several for turn in range(1, several)):
            if answer.status != 401:
                break
            answer = self._try(token, method, path, body)
            if answer.status != 401:
                self._token = token
        try:
            return decipher(answer, now=self._clock(), least_pause=self._least_pause)
        except Unroutable as error:
            raise Unroutable(f"{method} {unquote(path)}: {error}", error.status) from None

    def _try(self, token: int, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        headers = _headers(self.account, self.account.app_tokens[token])
        try:
            answer = self._http.call(method, self.account.base_url + path, headers=headers, json=body)
        except NoAnswer as error:
            raise Unanswered(str(error), error.status) from None
        if (there := answer.time) is not None:
            self.clock_offset = self._clock() - there
        return answer


def invoice_path(order_id: str, invoice_number: str) -> str:
    """The path of an order's invoice. Raises `BadSegment`."""
    return f"{_ORDERS}/{path_segment(order_id)}/invoice/{path_segment(invoice_number)}"


def path_segment(text: str) -> str:
    """One percent-encoded path segment. Raises `BadSegment`: HTTP libraries collapse even encoded dot segments. VTEX
    decodes a slash before it routes (KI-1302085), and its page about the unknown route looks like a refusal."""
    if not text or text in (".", "..") or "/" in text or len(text) > MOST_SEGMENT or not text.isprintable():
        raise BadSegment(f"{text[:40]!r} cannot be part of a URL")
    return quote(text, safe="")


def check_place(order_id: str, invoice_number: str | None = None, also: Iterable[str] = ()) -> None:
    """Raises `BadSegment` where a person names what can be no order, or no invoice: an order id of VTEX has no space,
    and a text with one is two cells of a sheet, or words. ``also``: further orders."""
    invoices = [] if invoice_number is None else [invoice_number]
    named = [("order", order_id), *(("invoice", one) for one in invoices), *(("also", one) for one in also)]
    for field, text in named:
        try:
            path_segment(text)
        except BadSegment as error:
            raise BadSegment(str(error), field) from None
        if " " in text and field != "invoice":
            raise BadSegment(f"{text[:40]!r} is no order id: it holds a space", field)


def _headers(account: Account, token: str) -> dict[str, str]:
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "X-VTEX-API-AppKey": account.app_key,
        "X-VTEX-API-AppToken": token,
    }
