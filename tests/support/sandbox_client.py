"""A stand-in OMS server on loopback, and a client to it that holds every call to the contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from receiver.sandbox import Faults, Running, Sandbox, create_sandbox, load_orders, serve
from tests.support.paths import SAMPLES
from tests.support.vtex_contract import answer_faults, request_faults

ORDERS_FOLDER = SAMPLES / "vtex"
KEY, TOKEN = "vtexappkey-papelaria-AAAAAA", "not-a-token"
ORDERS = "/api/oms/pvt/orders"

INVOICED, NUMBER = "1398210457736-01", "000048213"
INVOICE = f"{ORDERS}/{INVOICED}/invoice/{NUMBER}"
TRACKED = f"{ORDERS}/1398210457811-01/invoice/48220"
NOT_INVOICED = f"{ORDERS}/v610270ppl-01"
PARTLY = f"{ORDERS}/1398210458240-01"

PATCH = {
    "trackingNumber": "BR1",
    "trackingUrl": "https://carrier.example.com/BR1",
    "courier": "Carrier",
    "dispatchedDate": "2026-09-15T08:00:00-03:00",
}
EVENT = {"city": "Campinas", "state": "SP", "description": "Coletado", "date": "2026-09-15"}
TRACKING = {"isDelivered": False, "deliveredDate": None, "events": [EVENT]}
BILL = {
    "type": "Output",
    "issuanceDate": "2026-09-16T10:00:00-03:00",
    "invoiceNumber": "48300",
    "invoiceValue": "5970",
    "items": [{"id": "4101", "price": 2490, "quantity": 2}],
}
CALM = Faults()


class Clock:
    """Time that stands still until told; ``slept`` is what someone would have waited."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Store:
    """A running stand-in and a client to it that holds every call to the contract."""

    def __init__(self, running: Running, sandbox: Sandbox, session: requests.Session) -> None:
        self.url = running.url
        self.sandbox = sandbox
        self.session = session

    def call(self, method: str, path: str, body: object = None, **more) -> requests.Response:
        answer = self.raw(method, path, body, **more)
        if answer.headers["Content-Type"].startswith("application/json") and answer.content:
            assert [] == answer_faults(method, path, answer.status_code, answer.json())
        if answer.status_code == 200 and method != "GET":
            assert [] == request_faults(method, path, body)
        return answer

    def raw(self, method: str, path: str, body: object = None, **more) -> requests.Response:
        settings = {"timeout": 10, "allow_redirects": False, **more}
        return self.session.request(method, self.url + path, json=body, **settings)

    def get(self, path: str) -> requests.Response:
        return self.call("GET", path)

    def package(self, order: str = INVOICED, index: int = 0) -> dict:
        return self.get(f"{ORDERS}/{order}").json()["packageAttachment"]["packages"][index]


class OnLoopback:
    """What the tests of the stand-in share: a clock, the sample orders, and servers that stop with the test."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def orders(self) -> list[dict]:
        return [order for file in sorted(ORDERS_FOLDER.glob("*.json")) for order in load_orders(file)]

    @pytest.fixture
    def open_store(self, orders: list[dict], clock: Clock) -> Iterator[Callable[..., Store]]:
        with ExitStack() as stack:

            def opened(faults: Faults = CALM, **more) -> Store:
                app = create_sandbox(orders, faults, clock=clock, sleep=clock.sleep, **more)
                session = stack.enter_context(requests.Session())
                session.trust_env = False
                session.headers.update({"X-VTEX-API-AppKey": KEY, "X-VTEX-API-AppToken": TOKEN})
                return Store(stack.enter_context(serve(app)), app.extensions["sandbox"], session)

            yield opened

    @pytest.fixture
    def store(self, open_store: Callable[..., Store]) -> Store:
        return open_store()
