"""``GET /metrics``, as Prometheus reads it. Everything comes from the database: any process of any host gives the same
answer, and a killed one takes nothing along."""

import logging
import platform
import socket
import threading
import time
from collections.abc import Callable, Container, Iterator
from importlib.metadata import version

from flask import Blueprint, Flask, Response, abort
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.serving import WSGIRequestHandler, make_server

from receiver.config import Config
from receiver.intake.auth_failures import AuthFailures, is_one_of
from receiver.intake.unknown_routes import RouteCause
from receiver.notify.findings import Findings
from receiver.shipments import State
from receiver.store import Database, Inbox, StoreUnavailable
from receiver.store.counters import (
    COUNTED,
    DELIVERIES,
    INCOMPLETE,
    NEWS_DROPPED,
    PROBES,
    REJECTS,
    TAKEN,
    TIMED,
    Key,
    Total,
    buckets,
    last_deliveries,
)
from receiver.store.intake.unknown_routes import UNKNOWN
from receiver.store.operator.gauges import Gauges, read_gauges
from receiver.store.operator.queries import OUTCOMES
from receiver.web.incoming import bearer_token, note_refused
from receiver.web.replies import problem

log = logging.getLogger("receiver.web")

#: Seconds for which gauges hold, and how many times longer than it took to read them: a million shipments take long.
_HOLD, _HOLD_COST = 5.0, 20.0


def blueprint(
    config: Config, database: Database, auth_failures: AuthFailures, *, clock: Callable[[], float], open_to_all: bool
) -> Blueprint:
    """The route. ``open_to_all``: without tokens it answers every client, as at an address of its own; else it is 404
    then."""
    routes, tokens = Blueprint("metrics", __name__), config.metrics.tokens
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(config, database, clock=clock))

    @routes.get("/metrics")
    def metrics() -> Response:
        if not tokens and not open_to_all:
            abort(404)
        token = bearer_token()
        if tokens and (token is None or not is_one_of(token, tokens)):
            note_refused(auth_failures, "metrics", "the bearer token is none of [metrics] token")
            return problem(401)
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


class _Collector:
    def __init__(self, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
        self._config, self._database, self._clock = config, database, clock
        self._lock, self._until = threading.Lock(), 0.0
        self._held: Gauges | None = None
        self._zeros = _zeros(config)
        self._findings = Findings(config, database, clock=clock)

    def collect(self) -> Iterator[Metric]:
        """Each family of metrics. While the store is away there are only those that do not need it."""
        try:
            totals, gauges = self._database.counters.totals(), self._gauges()
            configured = frozenset(self._config.endpoints) | self._findings.configured_elsewhere()
            self._database.counters.flush(now=self._clock())
        except StoreUnavailable as error:
            log.warning("metrics incomplete, the store cannot be reached: reason=%s", error)
            totals, gauges, configured = None, None, frozenset()
        yield GaugeMetricFamily("receiver_store_up", "Whether the database answers.", value=float(gauges is not None))
        build = GaugeMetricFamily(
            "receiver_build_info", "The program that answers.", labels=("version", "python", "database")
        )
        kind = "sqlite" if self._database.is_sqlite else "postgresql"
        build.add_metric((version("carrier-webhook-receiver"), platform.python_version(), kind), 1.0)
        yield build
        if totals is not None and gauges is not None:
            yield from _counters({**self._zeros, **totals})
            yield from self._of_now(gauges)
            yield _last_deliveries(totals, configured)

    def _gauges(self) -> Gauges:
        with self._lock:
            if self._held is None or time.monotonic() >= self._until:
                began = time.monotonic()
                self._held = read_gauges(self._database, now=self._clock())
                ended = time.monotonic()
                self._until = ended + max(_HOLD, _HOLD_COST * (ended - began))
            return self._held

    def _of_now(self, gauges: Gauges) -> Iterator[Metric]:
        shipments = GaugeMetricFamily("receiver_shipments", "Parcels.", labels=("account", "state"))
        none = {(account, state.value): 0 for account in self._config.accounts for state in State}
        for (account, state), many in sorted({**none, **gauges.shipments}.items()):
            shipments.add_metric((account, state), many)
        held = GaugeMetricFamily("receiver_held", "Parcels that a person must decide.", labels=("reason",))
        for reason, many in sorted(gauges.held.items()):
            held.add_metric((reason,), many)
        yield from (shipments, held)
        oldest = gauges.oldest_due
        waited = 0.0 if oldest is None else max(0.0, self._clock() - oldest)
        due = "How long the parcel has been due that waits longest for a worker."
        yield GaugeMetricFamily("receiver_oldest_due_seconds", due, value=waited)
        words = "Status words that no adapter knows."
        yield GaugeMetricFamily("receiver_unknown_words", words, value=gauges.unknown_words)
        paused = GaugeMetricFamily(
            "receiver_account_paused", "Whether the account takes no calls now.", labels=("account",)
        )
        for account in self._config.accounts:
            paused.add_metric((account,), float(account in gauges.paused))
        yield paused
        waiting = "Messages to people that are due, or failed before."
        yield GaugeMetricFamily("receiver_notifications_waiting", waiting, value=gauges.notifications)
        if gauges.connections is not None:
            open_now = "Connections to the database, of all hosts and programs."
            yield GaugeMetricFamily("receiver_database_connections", open_now, value=gauges.connections)


def _last_deliveries(totals: dict[Key, Total], configured: Container[str]) -> Metric:
    """Of configured endpoints: one that was removed is silent for good."""
    family = GaugeMetricFamily(
        "receiver_last_delivery_timestamp_seconds", "When the endpoint last had a delivery.", labels=("endpoint",)
    )
    for endpoint, at in sorted(last_deliveries(totals).items()):
        if endpoint in configured:
            family.add_metric((endpoint,), at)
    return family


def _zeros(config: Config) -> dict[Key, Total]:
    """Counters of what is configured begin with 0: Prometheus sees no increase in a series that begins with 1."""
    unread = [cause.value for cause in RouteCause if cause not in (RouteCause.ENDPOINT, RouteCause.ACCOUNT)]
    causes = ("not_authenticated", "too_many", "keys_unavailable", INCOMPLETE, *unread)
    keys: list[Key] = [(DELIVERIES.name, (name, outcome)) for name in config.endpoints for outcome in OUTCOMES]
    keys += [(REJECTS.name, (name, cause)) for name in config.endpoints for cause in causes]
    keys += [(PROBES.name, (name,)) for name in config.endpoints]
    keys += [(TAKEN.name, (route,)) for account in config.accounts.values() for route in account.routes]
    keys += [(NEWS_DROPPED.name, (name,)) for name in config.accounts]
    return dict.fromkeys([*keys, (REJECTS.name, (UNKNOWN, RouteCause.ENDPOINT.value))], Total(0.0, 0.0))


def _counters(totals: dict[Key, Total]) -> Iterator[Metric]:
    for what in COUNTED:
        family = CounterMetricFamily(what.name.removesuffix("_total"), what.sentence, labels=what.labels)
        for (name, labels), total in totals.items():
            if name == what.name:
                family.add_metric(labels, total.value)
        yield family
    for timed in TIMED:
        bounds, seconds = buckets(timed, totals)
        yield HistogramMetricFamily(timed.name, timed.sentence, buckets=bounds, sum_value=seconds)


class MetricsServer:
    """``/metrics`` at ``[metrics] bind``. All processes of a host may serve there: the kernel gives each request to one
    of them, and all say the same."""

    def __init__(self, config: Config, database: Database, bind: str) -> None:
        """Raises `OSError` where ``bind`` cannot be listened at."""
        host, _, port = bind.rpartition(":")
        host = host.strip("[]")
        self._socket = socket.create_server(
            (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, reuse_port=True
        )
        self.port: int = self._socket.getsockname()[1]
        app = Flask("receiver", static_folder=None)
        failures = AuthFailures(Inbox(database), clock=time.time)
        app.register_blueprint(blueprint(config, database, failures, clock=time.time, open_to_all=True))
        self._server = make_server(
            host, self.port, app, threaded=True, fd=self._socket.fileno(), request_handler=_Silent
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once the requests under way have ended."""
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()
        self._socket.close()


class _Silent(WSGIRequestHandler):
    """Scrapes are no events."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  werkzeug's name
        pass


def serve_metrics(config: Config, database: Database) -> MetricsServer | None:
    """A server at ``[metrics] bind``, started; ``None`` where there is no such setting, or, with a line in the log,
    where it cannot listen: parcels do not wait for that."""
    bind = config.metrics.bind
    if bind is None:
        return None
    try:
        server = MetricsServer(config, database, bind)
    except OSError as error:
        log.error("metrics not served, the address cannot be used: bind=%s reason=%s", bind, error.strerror)
        return None
    server.start()
    return server
