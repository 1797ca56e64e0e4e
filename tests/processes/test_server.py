"""The long-running processes as people start them, under real signals: nothing that was answered 2xx is lost."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from receiver.config import load
from receiver.processes import working
from receiver.store import NotMigrated, migrate
from tests.support.processes import Sender, Site, together
from tests.support.rig import eventually

#: For how many seconds senders try. And what one waits for its 503 at most, also on a busy machine: how long that is at
#: its best, a run of `storm` holds.
TRIES, MOST = 4.5, 20.0
LOCK = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
raw.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path: Path, sqlite_url: str) -> Iterator[Site]:
    """A machine with SQLite."""
    with Site(tmp_path, sqlite_url) as made:
        yield made


@pytest.fixture
def machines(tmp_path: Path, postgres_url: str) -> Iterator[Site]:
    """Machines that share a PostgreSQL which no one has migrated."""
    with Site(tmp_path, postgres_url, lease=5) as made:
        yield made


@contextlib.contextmanager
def locked(machine: Site) -> Iterator[None]:
    """Another program has the SQLite file to itself."""
    file = machine.database.removeprefix("sqlite:///")
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert "locked\n" == other.stdout.readline()
        yield
        other.communicate()


def get(url: str, path: str, **headers: str) -> int:
    with contextlib.closing(HTTPConnection(urlsplit(url).netloc, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def test_told_to_stop(machine: Site):
    """Told to stop in the middle of calls, by SIGTERM or Ctrl-C, `serve` lets them end, begins nothing new, says
    nothing alarming and ends with 0; the next one does the rest."""
    machine.add_orders(range(1, 61))
    for number, parcels in ((signal.SIGTERM, range(1, 31)), (signal.SIGINT, range(31, 61))):
        machine.hold_writes()
        serve = machine.start("serve", popen=subprocess.Popen)
        assert 200 == get(serve.url, "/readyz")
        assert [200] * 30 == together(4, Sender(serve.url).post, parcels)
        assert machine.held.wait(20)

        serve.send(number)
        serve.says("told to stop")
        machine.let_go()

        assert 0 == serve.ended()
        assert [] == serve.disorder
        assert not machine.all_in_step(parcels[-1])
    last = machine.start("serve")
    assert eventually(lambda: machine.all_in_step(60))
    assert machine.written_once(range(1, 61))
    assert "leases of a killed process released" not in last.log


def test_told_to_stop_with_a_sender_waiting(machine: Site):
    """A webhook that is being stored when the end is asked for is stored and answered before the database closes."""
    serve = machine.start("serve")
    sender = Sender(serve.url)
    serve.says("worker started")
    with ThreadPoolExecutor(1) as pool:
        with locked(machine):
            answer = pool.submit(sender.post, 1)
            eventually(lambda: sender.connected)
            serve.send(signal.SIGTERM)
            serve.says("told to stop")
        assert 200 == answer.result()
    assert 0 == serve.ended()
    assert ["melhor-envio/p1"] == [row["id"] for row in machine.queries.shipments()]
    assert [] == serve.disorder


def test_killed(machine: Site):
    """Killed with its PATCHes under way, `serve` has a successor that gives their leases back and finds them applied:
    at once, though the lease is a minute, and without a second PATCH."""
    machine.add_orders(range(1, 16))
    serve = machine.start("serve")
    serve.says("worker started")

    def killed(parcels: range, kill: Callable[[], None]) -> None:
        machine.hold_writes()
        assert [200] * 5 == together(1, Sender(serve.url).post, parcels)
        assert eventually(lambda: machine.written_once(parcels))
        kill()
        machine.let_go()

    killed(range(1, 6), serve.kill_child)
    assert eventually(lambda: machine.all_in_step(5))

    serve.send(signal.SIGHUP)
    serve.says("(?s)(worker started.*){3}")
    eventually(lambda: 1 == len(serve.children))
    killed(range(6, 11), serve.kill_child)
    assert eventually(lambda: machine.all_in_step(10))

    killed(range(11, 16), serve.kill)
    again = machine.start("serve")
    assert eventually(lambda: machine.all_in_step(15))

    assert machine.written_once(range(1, 16))
    assert [2, 1] == [one.log.count("leases of a killed process released: leases=5") for one in (serve, again)]
    assert [] == serve.disorder + again.disorder


def test_killed_again_and_again(machine: Site):
    """Five times kill -9 under fire: every webhook that was answered 2xx is kept, and its invoice is written once."""
    machine.add_orders(range(1, 4001))
    serve = machine.start("serve")
    serve.says("worker started")
    accepted: list[int] = []
    numbers, stop, url = iter(range(1, 4001)), threading.Event(), serve.url

    def fire() -> None:
        sender = Sender(url)
        while not stop.is_set():
            number = next(numbers)
            if sender.post(number) == 200:
                accepted.append(number)

    with ThreadPoolExecutor(4) as pool:
        firing = [pool.submit(fire) for _ in range(4)]
        for _ in range(5):
            so_far = len(accepted)
            eventually(lambda so_far=so_far: len(accepted) >= so_far + 10)
            serve.kill_child()
        stop.set()
    for one in firing:
        one.result()

    known = {row["id"] for row in machine.queries.shipments()}
    assert set() == {f"melhor-envio/p{number}" for number in accepted} - known
    assert eventually(lambda: machine.all_in_step(len(known)))
    assert machine.written_once(accepted)
    assert 0 == sum(len(machine.written(number)) > 1 for number in range(1, 4001))
    assert [] == serve.disorder


def test_two_on_one_file(machine: Site):
    """A second `serve` on the same file takes nothing from the first, which is in the middle of a call."""
    machine.add_orders(range(1, 5))
    machine.hold_writes()
    first = machine.start("serve")
    assert [200] * 4 == together(1, Sender(first.url).post, range(1, 5))
    assert eventually(lambda: machine.written_once(range(1, 5)))
    second = machine.start("serve")
    second.says("worker started")
    assert 200 == get(second.url, "/readyz")
    machine.let_go()

    assert eventually(lambda: machine.all_in_step(4))
    assert machine.written_once(range(1, 5))
    assert "leases of a killed process released" not in second.log
    assert "lease was lost" not in first.log


def test_work_beside(machine: Site):
    """`work` beside `serve` on one SQLite file: both work, under 300 webhooks at once, and no shipment is written
    twice."""
    machine.add_orders(range(1, 301))
    serve, work = machine.start("serve"), machine.start("work")
    work.says("worker started")
    assert [200] * 300 == together(16, Sender(serve.url).post, range(1, 301))
    assert eventually(lambda: machine.all_in_step(300))
    assert machine.written_once(range(1, 301))
    assert "tracking written" in serve.log
    assert "tracking written" in work.log
    work.send(signal.SIGTERM)
    work.says("told to stop")
    work.send(signal.SIGTERM)
    assert 0 == work.ended()
    assert [] == serve.disorder + work.disorder


def test_reload(machine: Site):
    """After SIGHUP the changed configuration is in force in `web` and `work`, and no request was dropped; a faulty one
    is reported, with its faults, and changes nothing."""
    machine.add_orders([1, 2])
    web = machine.start("web", popen=subprocess.Popen)
    work = machine.start("work", "--hands", "3", popen=subprocess.Popen)
    work.says("worker started: concurrency=3")
    former, now = Sender(web.url), Sender(web.url, secret="second-secret")
    added = Sender(web.url, secret="second-secret", endpoint="added")
    assert [200, 401, 404] == [former.post(1), now.post(1), added.post(2)]

    machine.configure(secret="second-secret", endpoints=("melhor-envio", "added"))
    heard: set[int] = set()
    web.send(signal.SIGHUP)
    work.send(signal.SIGHUP)

    def changed() -> bool:
        statuses = [sender.post(number) for sender, number in ((former, 1), (now, 1), (added, 2))]
        heard.update(statuses)
        return [401, 200, 200] == statuses

    assert eventually(changed)
    assert {200, 401, 404} >= heard
    work.says("(?s)concurrency=3.*concurrency=3")
    eventually(lambda: 2 == len(web.children))
    good = machine.config.read_text()
    for faulty, faults in (
        (good.replace("lease = 60", "lease = 0\nconcurrency = 0"), "lease.*concurrency"),
        (good.replace(machine.database, "sqlite:////dev/null/receiver.db"), "/dev/null/receiver.db"),
    ):
        machine.config.write_text(faulty)
        for one in (web, work):
            one.send(signal.SIGHUP)
            one.says(f"the former one stays in force: faults=.*{faults}")
        eventually(lambda: 2 == len(web.children))
    assert [401, 200, 200] == [former.post(1), now.post(1), added.post(2)]
    assert eventually(lambda: machine.all_in_step(2))
    assert [] == web.disorder + work.disorder


def test_locked_by_another(machine: Site):
    """While another program locks the file, every sender hears 503 with Retry-After in time; a child that dies
    meanwhile waits for the store; afterwards everything goes on, and nothing that was answered 2xx is missing."""
    machine.add_orders(range(1, 9))
    serve = machine.start("serve")
    serve.says("worker started")
    url = serve.url

    def refused(number: int) -> list[tuple[int, str | None, bool]]:
        sender, heard, ends = Sender(url), [], time.monotonic() + TRIES
        while time.monotonic() < ends:
            begun = time.monotonic()
            status = sender.post(number)
            heard.append((status, sender.answer.headers["Retry-After"], time.monotonic() - begun < MOST))
        return heard

    with locked(machine):
        assert {(503, "30", True)} == {one for heard in together(8, refused, range(1, 9)) for one in heard}
        serve.kill_child()
        serve.says("store unavailable at start, trying again")
    assert [200] * 8 == together(8, Sender(url).post, range(1, 9))
    assert eventually(lambda: machine.all_in_step(8))
    assert machine.written_once(range(1, 9))


def test_faulty(machine: Site):
    """A faulty configuration ends the start with 1 and every fault, and nothing else."""
    machine.config.write_text('[receiver]\nconcurrency = 0\n[vtex.lux]\napp_key = "${NOT_SET}"\n[endpoints.nobody]\n')
    for started in [machine.start(command) for command in ("serve", "web", "work")]:
        assert 1 == started.ended()
        for fault in ("concurrency", "NOT_SET", "app_token", "'nobody' is no carrier"):
            assert fault in started.log
        assert "Traceback" not in started.log


def test_address_is_taken(machine: Site):
    """Where someone listens already, the start ends with 1 and one line."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        serve = machine.start("serve", "--bind", bind)
        assert 1 == serve.ended()
    assert f"cannot listen at {bind}: Address already in use\n" == serve.log


def test_what_cannot_be_parsed(machine: Site):
    """A malformed request is logged, in UTC, without its words, which may be a secret; no header changes the path, and
    no one can control the server but by signals."""
    serve = machine.start("serve")
    address = urlsplit(serve.url)
    for request in (
        b"POST /webhooks/frenet/s3cret with a space HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nAuthorization s3cret\r\n\r\n",
        b"POST / HTTP/1.1\r\nX-Token : s3cret\r\n\r\n",
        b"POST / HTTP/1.1\r\nX-Token: a\r\n s3cret\r\n\r\n",
    ):
        with socket.create_connection((address.hostname or "", address.port or 0)) as raw:
            raw.sendall(request)
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert 4 == len(re.findall("Invalid request from ip=127.0.0.1", serve.log))
    assert "s3cret" not in serve.log
    assert [] == serve.disorder
    assert 404 == get(serve.url, "/nowhere/healthz", SCRIPT_NAME="/nowhere")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(serve.log.split()[0])) < timedelta(hours=1)
    assert [] == list(machine.folder.glob("*.ctl"))


def test_senders_that_fall_silent(machine: Site):
    """Sixteen senders that fall silent in the middle of a request hold up the others for a moment only, and one whose
    body came too slowly is told that it is not whole."""
    serve = machine.start("serve", first="receiver.processes.web_process.ARRIVAL = 1.0")
    address = urlsplit(serve.url)
    serve.says("worker started")
    with contextlib.ExitStack() as silent:
        for half in (
            b"POST /webhooks/melhor",
            b"POST /webhooks/melhor-envio HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        ) * 8:
            raw = silent.enter_context(socket.create_connection((address.hostname or "", address.port or 0)))
            raw.sendall(half)
        assert 200 == get(serve.url, "/healthz")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert [] == serve.disorder


def test_refused_before_it_is_sent(machine: Site):
    """A body that is refused before it is sent is taken nevertheless: a proxy that still sends sees the answer."""
    serve = machine.start("web")
    address = urlsplit(serve.url)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)  # what is sent was taken, but for a little
        raw.settimeout(20)
        raw.connect((address.hostname or "", address.port or 0))
        raw.sendall(b"POST /webhooks/melhor-envio HTTP/1.1\r\nHost: x\r\nContent-Length: 2000001\r\n\r\n")
        assert raw.recv(10).startswith(b"HTTP/1.1 4")
        raw.sendall(b"x" * 2_000_001)
        while raw.recv(1_000):
            pass
    assert [] == serve.disorder


def test_senders_that_do_not_close(machine: Site):
    """Forty senders that keep their end of a closed connection open do not hold up the others."""
    serve = machine.start("web")
    address = urlsplit(serve.url)
    with contextlib.ExitStack() as opened:
        for _ in range(40):
            raw = opened.enter_context(socket.create_connection((address.hostname or "", address.port or 0)))
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert 200 == get(serve.url, "/healthz")  # within 20 s
    assert [] == serve.disorder


def test_not_migrated(machines: Site):
    """On PostgreSQL nothing starts before `receiver migrate`, and one line says so."""
    for started in [machines.start(command) for command in ("serve", "web", "work")]:
        assert 1 == started.ended()
        assert 1 == len(started.log.splitlines())
        assert "receiver migrate" in started.log


def test_signals_after_work(machines: Site):
    """The caller of `work` has its signals back when it is refused: programs that it starts would inherit them."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(NotMigrated):
        working.work(machines.config, load(machines.config))
    assert former == signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_worker_killed_on_postgres(machines: Site):
    """Web processes and two workers on PostgreSQL; one worker is killed with its PATCHes under way: the other has
    everything in step soon after the lease, and each invoice was written once."""
    machines.add_orders(range(1, 51))
    migrate(machines.database)
    web, *work = machines.start("web", "--processes", "2"), machines.start("work"), machines.start("work")
    for one in work:
        one.says("worker started")
    machines.hold_writes()
    sender = Sender(web.url)

    def four(number: int) -> list[int]:
        return [sender.post(number, created_at=f"2024-01-0{day}T00:00:00+00:00") for day in range(1, 5)]

    assert [[200] * 4] * 50 == together(8, four, range(1, 51))
    # On a busy machine the first calls have timed out before the last ones begin, and others take their places.
    assert eventually(lambda: 32 <= sum(len(machines.written(number)) for number in range(1, 51)))
    work[0].kill()
    machines.let_go()

    assert eventually(lambda: machines.all_in_step(50))
    assert machines.written_once(range(1, 51))
    assert [] == web.disorder + work[0].disorder + work[1].disorder
