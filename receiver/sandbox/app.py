"""A stand-in for VTEX's order management: it answers this project's calls as documented, with faults on demand.

    app = create_sandbox(load_orders(Path("orders.json")), parse_faults(["throttle=0.1", "retry_after=30"]))
    with serve(app) as running:
        ...  # the account's base_url is running.url

``app.extensions["sandbox"]`` is the `Sandbox`: its faults, calls and orders. Other processes use HTTP:
``GET /sandbox/calls``, ``GET /sandbox/orders``, ``GET /sandbox/orders/<id>``, ``POST /sandbox/faults`` (an object of
`Faults`; missing faults are off) and ``POST /sandbox/orders`` (one order, added or replaced). A configured order hook
is notified when an order changes its status or gains an invoice.

Source: "Orders API" at https://developers.vtex.com/docs/api-reference/orders-api. Where VTEX documents nothing, the
stand-in does the worst for a client: a PATCH replaces all four fields, so a null blanks a value.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from socket import SHUT_RDWR, create_server
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from receiver.sandbox.answers import (
    BAD_URL,
    LOGIN_PAGE,
    LOGIN_PATH,
    NO_ROUTE,
    UNAUTHORIZED,
    Answer,
    Refused,
    in_form,
    oms_error,
    plain_error,
    trouble,
)
from receiver.sandbox.faults import BadFaults, Faults, faults_from_json, faults_to_json
from receiver.sandbox.hook import Hooks
from receiver.sandbox.listing import listed
from receiver.sandbox.orders import BadOrders, Call, Order, Sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("receiver.sandbox")

_ORDERS = "/api/oms/pvt/orders"
_HOOK = "/api/orders/hook/config"
_DROPPED = "sandbox.dropped"
_NEEDS = {
    "get_order": "view",
    "get_group": "view",
    "list_orders": "list",
    "post_invoice": "notify",
    "patch_invoice": "notify",
    "put_tracking": "notify",
    "hook_config": "hook",
}


def create_sandbox(
    orders: Iterable[Order],
    faults: Faults = Faults(),  # noqa: B008  frozen
    *,
    accounts_token: tuple[str, str] | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = time.sleep,
    seed: int = 0,
) -> Flask:
    """The stand-in as a Flask application.

    ``accounts_token`` is the only accepted (key, token) pair; without it any pair is accepted, but not a missing one.
    ``clock`` is Unix time in seconds, ``sleep`` makes slow answers slow, ``seed`` fixes the dice. Raises `BadOrders`.
    """
    sandbox = Sandbox(orders, faults, clock=clock, seed=seed)
    app = Flask(__name__, static_folder=None)
    app.extensions["sandbox"] = sandbox
    gate = _Gate(sandbox, accounts_token, clock, sleep)
    app.before_request(gate.before)
    app.after_request(gate.after)
    app.register_error_handler(HTTPException, _no_route)
    hooks = Hooks(sandbox, clock=clock)
    app.before_request(hooks.deliver)
    _serve_orders(app, sandbox, clock)
    _serve_hook(app, hooks)
    _serve_operator(app, sandbox)
    app.wsgi_app = _Dropping(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own way to wrap it
    return app


class _Gate:
    """Applies faults, checks credentials and records every call below ``/api``, routed or not."""

    def __init__(
        self,
        sandbox: Sandbox,
        accounts_token: tuple[str, str] | None,
        clock: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> None:
        self._sandbox = sandbox
        self._accounts_token = accounts_token
        self._clock = clock
        self._sleep = sleep

    def before(self) -> Response | None:
        if not _is_api():
            return None
        sandbox = self._sandbox
        faults = sandbox.faults if request.method in sandbox.faults.methods else Faults()
        g.faults, g.body, g.orders, g.applied, g.dropped = faults, None, [], False, False
        g.body = _json_or_none(request.get_data())  # raises if the client is gone, and `after` runs all the same
        g.orders = sandbox.named(order_id=_named("order_id"), group=_named("group"))
        g.dropped = sandbox.roll("reset_before", faults.reset_before)
        if g.dropped:
            return Response()
        now = self._clock()
        answer = trouble(faults, sandbox.roll, now, lambda: sandbox.lately(now))
        if faults.unroutable & {_named("order_id"), _named("invoice")}:  # the web server comes before everything else
            answer = BAD_URL
        if answer is None and not _authorized(self._accounts_token):
            answer = UNAUTHORIZED
        if answer is None and (faults.forbids([_named("order_id"), *g.orders]) or faults.lacking & _needed(g.body)):
            answer = oms_error(403, "Access denied")
        if answer is None and faults.breaks([_named("order_id"), *g.orders]):
            answer = plain_error(500, "An error has occurred")
        return _response(in_form(faults.error_form, answer)) if answer else None

    def after(self, response: Response) -> Response:
        if not _is_api():
            return response
        sandbox = self._sandbox
        response.date = datetime.fromtimestamp(self._clock(), UTC)
        if g.applied and sandbox.roll("reset_after_applying", g.faults.reset_after_applying):
            g.dropped = True
        call = Call(
            at=self._clock(),
            method=request.method,
            path=request.environ.get("RAW_URI", request.path),
            status=0 if g.dropped else response.status_code,
            body=g.body,
            applied=g.applied,
            order=g.orders[0] if len(g.orders) == 1 else None,
            invoice=_named("invoice") or _invoice_of(g.body),
        )
        sandbox.record(call)
        if sandbox.roll("slow", g.faults.slow[0]):
            self._sleep(g.faults.slow[1])
        request.environ[_DROPPED] = g.dropped
        if response.mimetype == "application/json" and request.endpoint in ("put_tracking", "list_orders"):
            response.content_type = "application/json; charset=utf-8"  # as the reference says for these two
        return response


def _serve_orders(app: Flask, sandbox: Sandbox, now: Callable[[], float]) -> None:
    @app.get(f"{_ORDERS}/<order_id>")
    def get_order(order_id: str) -> Response:
        return _oms(lambda: sandbox.get_order(order_id))

    @app.get(_ORDERS)
    def list_orders() -> Response:
        return _oms(lambda: listed(sandbox, request.args, now()))

    @app.get(f"{_ORDERS}/order-group/<group>")
    def get_group(group: str) -> Response:
        return _oms(lambda: sandbox.get_group(group))

    @app.post(f"{_ORDERS}/<order_id>/invoice")
    def post_invoice(order_id: str) -> Response:
        return _oms(lambda: sandbox.post_invoice(order_id, g.body))

    @app.patch(f"{_ORDERS}/<order_id>/invoice/<invoice>")
    def patch_invoice(order_id: str, invoice: str) -> Response:
        return _oms(lambda: sandbox.patch_invoice(order_id, invoice, g.body))

    @app.put(f"{_ORDERS}/<order_id>/invoice/<invoice>/tracking")
    def put_tracking(order_id: str, invoice: str) -> Response:
        return _oms(lambda: sandbox.put_tracking(order_id, invoice, g.body))

    @app.get(LOGIN_PATH)
    def login() -> Response:
        return _response(LOGIN_PAGE)


def _serve_hook(app: Flask, hooks: Hooks) -> None:
    app.extensions["hooks"] = hooks

    @app.route(_HOOK, methods=["GET", "POST", "DELETE"])
    def hook_config() -> Response:
        key = request.headers.get("X-VTEX-API-AppKey", "")
        if request.method == "POST":
            return _oms(lambda: hooks.save(key, g.body))
        return _oms(lambda: hooks.delete(key) if request.method == "DELETE" else hooks.get(key))


def _serve_operator(app: Flask, sandbox: Sandbox) -> None:
    @app.get("/sandbox/calls")
    def calls() -> Response:
        return jsonify([asdict(call) for call in sandbox.calls])

    @app.get("/sandbox/orders")
    def orders() -> Response:
        return jsonify([sandbox.with_dates(order) for order in sandbox.orders.values()])

    @app.get("/sandbox/orders/<order_id>")
    def order(order_id: str) -> Response:
        found = sandbox.orders.get(order_id)
        if found is None:
            return _response(Answer(status=404, body={"message": f"there is no order {order_id}"}))
        return jsonify(sandbox.with_dates(found))

    @app.post("/sandbox/orders")
    def put_order() -> Response:
        order = _json_or_none(request.get_data())
        try:
            sandbox.put(order)
        except BadOrders as error:
            return _response(Answer(status=400, body={"message": str(error)}))
        return jsonify(order)

    @app.post("/sandbox/faults")
    def put_faults() -> Response:
        try:
            sandbox.faults = faults_from_json(_json_or_none(request.get_data()))
        except BadFaults as error:
            return _response(Answer(status=400, body={"message": str(error)}))
        return jsonify(faults_to_json(sandbox.faults))


def _no_route(error: HTTPException) -> Response:
    if _is_api():
        return _response(NO_ROUTE)
    return _response(Answer(status=error.code or 500, body={"message": error.description}))


def _oms(operation: Callable[[], Answer]) -> Response:
    try:
        answer = operation()
    except Refused as refused:
        answer = refused.answer
    g.applied = answer.applied
    if answer.status < 400 and g.faults.empty_answers:
        answer = replace(answer, empty=True)
    return _response(in_form(g.faults.error_form, answer))


def _response(answer: Answer) -> Response:
    response = jsonify(answer.body) if answer.html is None else Response(answer.html, mimetype="text/html")
    if answer.empty:
        response.data = b""
    response.status_code = answer.status
    response.headers.extend(answer.headers)
    return response


def _is_api() -> bool:
    return request.path.startswith("/api/")


def _named(part: str) -> str:
    value: str = (request.view_args or {}).get(part, "")
    return value


def _needed(body: Any) -> set[str]:
    """The permissions that the call's key must have."""
    refund = {"refund"} if isinstance(body, dict) and body.get("type") == "Input" else set()
    return {_NEEDS.get(request.endpoint or "", ""), *refund}


def _invoice_of(body: Any) -> str | None:
    number = body.get("invoiceNumber") if isinstance(body, dict) else None
    return number if isinstance(number, str) else None


def _json_or_none(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _authorized(accounts_token: tuple[str, str] | None) -> bool:
    pair = (request.headers.get("X-VTEX-API-AppKey", ""), request.headers.get("X-VTEX-API-AppToken", ""))
    return pair == accounts_token if accounts_token else all(pair)


class _Dropping:
    """Closes the connection without an answer if the application asks for it.

    On a `ConnectionError` before the first byte, Werkzeug's server writes nothing, because it assumes that the client
    left. But it would wait on that socket for the next request, so the socket is shut down here.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = self._application(environ, start_response)
        if environ.get(_DROPPED):
            if hasattr(body, "close"):
                body.close()
            if "werkzeug.socket" in environ:
                environ["werkzeug.socket"].shutdown(SHUT_RDWR)
            raise ConnectionResetError("dropped by the sandbox")
        return body


class _Handler(WSGIRequestHandler):
    """Adds no ``Date``: the stand-in has a clock of its own."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  werkzeug's
        log.info("stand-in answered: method=%s path=%s status=%s", self.command, self.path, code)

    def send_response(self, code: int, message: str | None = None) -> None:
        self.log_request(code)
        self.send_response_only(code, message)


class _Quiet(_Handler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@dataclass(frozen=True, slots=True)
class Running:
    """A server in its own thread, until `stop` or the end of its ``with`` block."""

    url: str
    _server: BaseWSGIServer
    _thread: threading.Thread

    def stop(self) -> None:
        """Stop accepting calls; returns once the port is free."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(app: Flask, host: str = "127.0.0.1", port: int = 0, *, log_requests: bool = False) -> Running:
    """Serve the application from a daemon thread; port 0 means any free one. Raises `OSError` if it cannot listen.

    ``log_requests`` logs a line for each request.
    """
    # Werkzeug ends the whole process if it cannot bind: bind first, and pass the socket to it.
    with create_server((host, port), backlog=128) as listening:
        bound = listening.getsockname()[1]
        handler = _Handler if log_requests else _Quiet
        server = make_server(host, bound, app, threaded=True, request_handler=handler, fd=listening.fileno())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    return Running(f"http://{host}:{bound}", server, thread)
