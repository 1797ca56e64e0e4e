"""The benchmarks measure what they say; how fast anything is, is never asserted."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from socket import create_server
from types import ModuleType

import pytest

from bench import __main__ as bench
from bench import (
    calls,
    deliveries,
    drain,
    index,
    look,
    memory,
    pages,
    parcel_pages,
    parcels,
    reading,
    replaying,
    servers,
    startup,
    wrong,
)
from bench.load import LoadFailed, pace, saturate
from bench.table import Row, Wanted, lines
from receiver.carriers import discover
from receiver.config import endpoint_from
from receiver.recordings import read_http
from receiver.sandbox import Faults
from receiver.store import Database, Queue

MISSED = Row(figure="toy", measured=60.0, unit="ms", wanted=Wanted("measured", most=50))


@contextmanager
def _server(answers: list[bytes]) -> Iterator[int]:
    """Gives the answers in turn and then 200s, on keep-alive connections; keeps nothing."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            answer = answers.pop(0) if answers else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
            for part in (answer[:10], answer[10:-1], answer[-1:]):
                self.wfile.write(part)
                self.wfile.flush()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def test_saturate():
    """Each request is sent once and answered once, over fewer connections than there are requests."""
    with _server([b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"]) as port:
        load = saturate(port, [REQUEST] * 40, seconds=30, connections=4)

    assert {503: 1, 200: 39} == load.statuses
    assert 40 == len(load.latencies)
    assert 40 / load.seconds == load.rate


def test_pace():
    """Requests are spread over the time they were asked for, and all that were due are answered."""
    with _server([]) as port:
        load = pace(port, iter([REQUEST] * 1000), rate=200, seconds=0.5, connections=1)

    assert {200: len(load.latencies)} == load.statuses
    assert 60 < len(load.latencies) < 140
    assert 0.4 < load.seconds


def test_slow_pace():
    """However low the rate is, one request is sent: a figure of none would say nothing."""
    with _server([]) as port:
        assert {200: 1} == pace(port, iter([REQUEST] * 10), rate=5, seconds=0.01, connections=1).statuses


@pytest.mark.parametrize("read", [0, 1000])
def test_hung_up(read):
    """A server that hangs up ends the run, whether or not it had read the request; its silence is no speed."""

    def hang_up():
        with listening.accept()[0] as connection:
            if read:
                connection.recv(read)

    with create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=hang_up).start()
        with pytest.raises(LoadFailed):
            saturate(listening.getsockname()[1], [REQUEST], seconds=5, connections=1)


def test_percentile():
    """A percentile is a latency that was seen, the last one included."""
    load = deliveries.Load(latencies=[0.4, 0.1, 0.3, 0.2])

    assert [0.1, 0.3, 0.4, 0.4] == [load.percentile(share) for share in (0, 0.5, 0.99, 1)]


def test_parcels():
    """Every request proves its sender and speaks of another parcel and another order."""
    expected = parcels.recorded().expected["endpoint"]
    endpoint = endpoint_from(expected, account="toy")
    found = [
        replace(read_http(raw, received_at=parcels.recorded().request.received_at), zone=None)
        for raw in islice(parcels.requests(), 3)
    ]
    for request in found:
        endpoint.scheme.check(request, endpoint.secrets)
    shipments = [endpoint.carrier.convert(request).shipments[0] for request in found]

    assert 3 == len({shipment.key for shipment in shipments}) == len({one.tracking_number for one in shipments})
    assert [parcels.order_of(one).encode() in found[one - 1].body for one in (1, 2, 3)] == [True] * 3
    assert {str(len(request.body)) for request in found} == {found[0].headers["content-length"]}


@pytest.mark.parametrize("shape", deliveries.SHAPES[1:4], ids=lambda shape: shape.name)
def test_deliveries(shape, request):
    """The server answers, and what was accepted is in the database."""
    if shape.database == "postgres":
        request.getfixturevalue("_postgres_server")

    measured = deliveries.measured(shape, seconds=0.2)

    assert all(load.statuses[200] for load in (measured.full, measured.half))


@pytest.mark.parametrize("rival", ["bare", "inserting"])
def test_rivals(rival, request):
    """A rival answers."""
    if rival == "inserting":
        request.getfixturevalue("_postgres_server")

    assert 0 < deliveries.rate_of(rival, seconds=0.2)


@pytest.mark.parametrize(
    ("celery", "said"), [(None, "Celery is not installed"), (ModuleType("celery"), "no RabbitMQ at 127.0.0.1:9 ")]
)
def test_rival_not_here(celery, said, monkeypatch):
    """A rival whose parts are missing is named with what is missing."""
    monkeypatch.setitem(sys.modules, "celery", celery)
    monkeypatch.setattr(servers, "RABBITMQ", "amqp://guest:guest@127.0.0.1:9//")

    with pytest.raises(servers.NotHere, match=said):
        deliveries.rate_of("queueing", seconds=0.2)


def test_kept(database, sqlite_url):
    """What is kept is counted in the database itself."""
    look.fill(database, history=10)

    assert 4 == deliveries.kept_in(database.url)


def test_look(database):
    """A store is filled with as much as was asked for, and only the one shipment is due in it."""
    look.fill(database, backing_off=20, history=50)
    queue = Queue(database, worker_name="toy", lease=1)

    with database.reading() as connection:
        rows = {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            for name in ("deliveries", "updates", "shipments")
        }
    assert {"deliveries": 20, "updates": 21, "shipments": 31} == rows
    assert ["melhor-envio/due"] == [claim.id for claim in queue.claim("bench", most=100, now=look.NOW + 3599)]
    assert 21 == len(queue.claim("bench", most=100, now=look.NOW + 7200))


def test_looks(database):
    """Every kind of look finds what it should, again and again, in the same store."""
    look.fill(database, backing_off=3)

    for kind in [*look.LOOKS.values()] * 2:
        assert [3] == [len(times) for times in look.timed(kind, database, looks=3)]


def test_reading():
    """Every carrier's recordings are converted, and some of them bring a shipment."""
    for carrier in discover().values():
        requests = reading.recorded(carrier)

        assert [None] * len(requests) == [reading.decode(carrier, request) for request in requests]
        assert 0 < sum(reading.convert(carrier, request) for request in requests)


def test_startup(tmp_path):
    """The app starts with all carriers, and with one alone."""
    config = servers.configured(tmp_path, servers.sqlite_database(tmp_path))

    assert 0 < startup.seconds(config)
    assert 0 < startup.seconds(config, "melhor_envio")


def test_cpu(database, tmp_path):
    """Each command that is measured succeeds, and a whole one costs more than the list of commands."""
    look.fill(database)
    config = servers.configured(tmp_path, database.url)
    measured = [startup.cpu(config, *command) for command in startup.COMMANDS]

    assert 0 < min(measured) == measured[0]


def test_calls(tmp_path):
    """Ten webhooks of one parcel that say nothing new cost one GET, one PATCH and one read-back."""
    assert (1, 1, 1) == calls.calls_for_one_parcel(tmp_path)


def test_memory():
    """The resident memory of the process that answers is read ten times along the way."""
    found = memory.sampled(40)

    assert 10 == len(found)
    assert 10 < min(found)


def test_replaying(tmp_path):
    """All recordings written come out of the replay as expected, and its peak of memory is known."""
    found = replaying.replayed(tmp_path, 3)

    assert 3 == len((tmp_path / "3.jsonl").read_text().splitlines())
    assert 10 < found.peak


@pytest.mark.parametrize(
    ("wanted", "measured", "baseline", "told", "met"),
    [
        (Wanted("ratio", least=0.2, aim=0.35), 300.0, 1000.0, "ratio ≥ 0.2, aim 0.35", True),
        (Wanted("ratio", least=0.2), 100.0, 1000.0, "ratio ≥ 0.2", False),
        (Wanted("measured", most=50), 50.0, None, "≤ 50", True),
        (Wanted("measured", most=50), 51.0, None, "≤ 50", False),
        (Wanted("measured", least=1, most=1), 2, 10, "= 1", False),
        (Wanted("ratio", most=1.5), None, 1.0, "ratio ≤ 1.5", False),
        (None, 5.0, 1.0, "", None),
    ],
)
def test_met(wanted, measured, baseline, told, met):
    """A bound says what it wants; what was not measured does not meet it."""
    row = Row(figure="toy", measured=measured, baseline=baseline, wanted=wanted)

    assert met == row.met
    assert told == row.plain()["wanted"]


def test_lines():
    """The table has one heading, and its columns stand under each other."""
    heading, first, second = lines([MISSED, Row(figure="a longer one", measured=None, note="why not")])

    assert heading.index("measured") == first.index("60 ms") == second.index("-")
    assert heading.index("met") == first.index("NO")
    assert second.endswith("why not")


def test_main(monkeypatch, tmp_path, capsys):
    """All figures are in the table and in the file; a missed bound is an exit code only where that is asked for."""
    monkeypatch.setattr(bench, "FIGURES", {"toy": lambda **_: iter([MISSED])})
    file = tmp_path / "rows.json"

    assert 0 == bench.main(["--short", "--json", str(file)])
    assert 1 == bench.main(["--strict", "--only", "toy"])
    assert "toy" in capsys.readouterr().out
    assert [False] == [row["met"] for row in json.loads(file.read_text())["rows"]]


def test_no_postgres(monkeypatch):
    """Without PostgreSQL its figures say so, and the others are measured."""
    monkeypatch.setattr(servers, "POSTGRES", "postgresql://postgres@127.0.0.1:9/postgres")

    with pytest.raises(servers.NotHere, match="RECEIVER_TEST_POSTGRES"), servers.postgres_database():
        pass


def test_least_calls():
    """The fewest calls for a parcel are two, and more where reads and writes fail."""
    assert 2 == drain.least_calls(Faults())
    assert 4 == drain.least_calls(Faults(throttle=0.5))
    assert 2 + 4 == drain.least_calls(Faults(server_error=0.5))
    assert 3 == drain.least_calls(Faults(reset_after_applying=1.0))


def test_drain(tmp_path, monkeypatch):
    """A drain counts the calls that were made, the silences, and what came of each parcel."""
    monkeypatch.setattr(drain, "FAULTS", Faults(slow=(1.0, 0.01)))
    drained = drain.drain(tmp_path, 6)

    assert (6, 0, "", 0, 0.0) == (drained.in_step, drained.twice, drained.others, drained.pauses, drained.silent)
    assert 6 <= drained.calls <= 12
    assert drained.calls * drained.alone / drain.HANDS == drained.ideal


def test_silences():
    """Pauses that overlap are one silence."""
    silences = drain._Silences()
    for now, until in ((0.0, 1.0), (0.5, 2.0), (1.5, 1.6), (3.0, 4.0)):
        silences.note(now, until)

    assert ([(0.0, 2.0), (3.0, 4.0)], 3.0) == (silences.spans, silences.seconds)


def test_index(database: Database) -> None:
    """Every look into the filled index finds what it is to find, and all are timed in equal number."""
    index.fill(database, 30)
    for kind in index.LOOKS.values():
        assert [3] == [len(times) for times in index.timed(kind, {database: 30}, looks=3)]


def test_pages(database: Database) -> None:
    """Each page of the console answers, with rows behind it."""
    pages.fill(database, 200)
    found = pages.timed(database, looks=1)

    assert "/console/" in found
    assert all(2 == len(times) for times in found.values())


def test_parcel_pages(database, tmp_path):
    """Each page shows what it is about, from a store that is filled as for the measurement."""
    parcel_pages.fill(database, 1_000)
    client = parcel_pages.pages(database, tmp_path)

    assert all(parcel_pages.timed(client, path) > 0 for path in parcel_pages.PAGES.values())
    page = client.get("/console/parcels?state=held&reason=second_parcel").text
    assert 10 == page.count("data-row")


def test_wrong():
    """Orders and parcels of every seed are decided, and none for a wrong invoice; whole worlds end in what is true."""
    rows = list(wrong.figures(short=True))

    assert 2 * len(wrong.SEEDS) + 1 == len(rows)
    assert {True} == {row.met for row in rows}
