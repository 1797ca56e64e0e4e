"""The web process's loop: no sender and no disk holds up another, with a single thread."""

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters import Hmac, Request
from tests.support.processes import SECRET, Running, Sender, Site
from tests.support.rig import eventually, posted

pytestmark = pytest.mark.process
PATH = "/webhooks/melhor-envio"


@pytest.fixture
def site(tmp_path: Path):
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as site:
        yield site


def started(site: Site, *, first: str = "pass") -> Running:
    return site.start("web", "--processes", "1", "--threads", "1", first=first)


def connected(running: Running, address: str = "127.0.0.1") -> socket.socket:
    where = urlsplit(running.url)
    return socket.create_connection(
        (str(where.hostname), int(where.port or 0)), timeout=30, source_address=(address, 0)
    )


def webhook(number: int, *, chunked: bool = False, extra: str = "") -> bytes:
    """A signed webhook, byte by byte as a carrier sends it."""
    body = json.dumps(posted(f"{number}-01", parcel=f"p{number}", number=f"TN{number}BR")).encode()
    request = Request(method="POST", path=PATH, headers={}, body=body, received_at=datetime.now(UTC))
    signed = Hmac(header="x-me-signature", encoding="base64").sign(request, SECRET).headers
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {len(body)}"
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    return f"POST {PATH} HTTP/1.1\r\nhost: x\r\n{framing}\r\n{extra}{head}\r\n".encode() + sent


def answers(raw: socket.socket, many: int = 1) -> list[int]:
    """The statuses of so many answers."""
    received = b""
    while received.count(b'"outcome"') < many:
        chunk = raw.recv(65_536)
        if not chunk:
            break
        received += chunk
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def lock(site: Site) -> sqlite3.Connection:
    """Another program's transaction: until it ends nothing can be written."""
    holder = sqlite3.connect(site.folder / "receiver.db", isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    return holder


def test_while_the_disk_is_slow(site: Site) -> None:
    """Twenty deliveries on their way to the disk hold no thread: the only one answers a probe meanwhile. Then all are
    accepted."""
    web = started(site)
    url = web.url
    with ThreadPoolExecutor(20) as pool, closing(lock(site)) as holder:
        sent = [pool.submit(Sender(url).post, number) for number in range(20)]
        with closing(connected(web)) as probe:
            probe.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert probe.recv(100).startswith(b"HTTP/1.1 200")
        assert not any(one.done() for one in sent)
        holder.execute("COMMIT")
        assert [200] * 20 == [one.result(timeout=30) for one in sent]
    assert [] == web.disorder


def test_too_slow_a_disk(site: Site) -> None:
    """What is not durable in time is answered 503 on the loop, too, and accepted when it comes again."""
    web = started(site, first="receiver.store.writer.DEADLINE = 0.5")
    url = web.url
    with closing(lock(site)) as holder:
        assert 503 == Sender(url).post(1)
        holder.execute("COMMIT")
    assert eventually(lambda: 200 == Sender(url).post(1))
    assert [] == web.disorder


def test_senders_that_dribble(site: Site) -> None:
    """Ten senders with half a request each hold no thread, and are accepted once the rest has come, in pieces."""
    web = started(site)
    with ExitStack() as opened:
        slow = [opened.enter_context(closing(connected(web))) for _ in range(10)]
        for number, raw in enumerate(slow):
            raw.sendall(webhook(number)[: 40 * (number + 1)])
        assert 200 == Sender(web.url).post(100)
        for number, raw in enumerate(slow):
            rest = webhook(number)[40 * (number + 1) :]
            raw.sendall(rest[:50])
            raw.sendall(rest[50:])
            assert [200] == answers(raw)
    assert [] == web.disorder


def test_several_on_one_connection(site: Site) -> None:
    """One after the other, two sent together, and one in another framing: each has its answer, in order."""
    web = started(site)
    with closing(connected(web)) as raw:
        for number in range(2):
            raw.sendall(webhook(number))
            assert [200] == answers(raw)
        raw.sendall(webhook(2) + webhook(3))
        assert [200, 200] == answers(raw, 2)
        raw.sendall(webhook(4, chunked=True))
        assert [200] == answers(raw)
        raw.sendall(webhook(5, extra="connection: close\r\n"))
        assert [200] == answers(raw)
        assert b"" == raw.recv(100)
    assert [] == web.disorder


#: The loop sleeps until something comes: what it does not send in its turn is not sent.
SLEEPS = (
    "from receiver.processes.poller import Poller; select = Poller.select; "
    "Poller.select = lambda poller, timeout=None: select(poller, None if timeout == 1.0 else timeout)"
)


def test_answered_together(site: Site) -> None:
    """Requests that come in one piece and need no database are all answered within the turn."""
    unknown = b"POST /webhooks/unknown HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    web = started(site, first=SLEEPS)
    with closing(connected(web)) as raw:
        for many in (1, 3):  # the first one is noted in the database
            raw.sendall(unknown * many)
            received = b""
            while received.count(b"HTTP/1.1 404") < many:
                received += raw.recv(65_536)


def test_garbage(site: Site) -> None:
    """What a process has loaded is kept for good, and no look for garbage stops it for that long."""
    objects = "lambda *_: print('found', len(gc.get_objects()), 'kept', gc.get_freeze_count(), flush=True)"
    web = started(site, first=f"import gc, signal; signal.signal(signal.SIGPROF, {objects})")
    assert 200 == Sender(web.url).post(1)
    os.kill(web.children[0], signal.SIGPROF)
    found, kept = map(int, web.says(r"found (\d+) kept (\d+)").groups())
    assert 10_000 > found
    assert 50_000 < kept


def test_connections_are_shared_out(site: Site) -> None:
    """Of two processes each takes its part of the connections that are opened at one instant, once both are there."""
    web = site.start("web", "--processes", "2")
    url, children = web.url, eventually(lambda: web.children if len(web.children) == 2 else None)

    def sockets() -> list[int]:
        return [sum("socket" in opened for opened in opened_by(pid)) for pid in children]

    def smaller_share() -> int:
        before = sockets()
        with ExitStack() as opened:
            for _ in range(16):
                opened.enter_context(closing(connected(web)))
            assert 200 == Sender(url).post(1)  # by then all are taken
            return min(now - then for now, then in zip(sockets(), before, strict=True))

    assert eventually(lambda: smaller_share() >= 3)


def opened_by(pid: int) -> Iterator[str]:
    """What the process has open at this moment."""
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed since it was listed
            yield str(one.readlink())


def is_closed(raw: socket.socket) -> bool:
    raw.settimeout(0.01)
    with suppress(TimeoutError):
        return not raw.recv(1)
    return False


def test_connections_of_one_address(site: Site) -> None:
    """An address that opens as many connections as a process takes gets half of them; others are answered meanwhile.
    A connection that asks for nothing is closed, and the address may come again."""
    few = "receiver.processes.open_files.CONNECTIONS = 8"
    web = started(site, first=f"{few}; receiver.processes.web_process.ARRIVAL = 2.0")
    with ExitStack() as opened:
        silent = [opened.enter_context(closing(connected(web, "127.0.0.2"))) for _ in range(13)]
        assert 200 == Sender(web.url).post(1)
        assert 13 - 4 == sum(map(is_closed, silent))
        for one in silent:
            one.settimeout(30)
        assert {b""} == {one.recv(1) for one in silent}
        with closing(connected(web, "127.0.0.2")) as again:
            again.sendall(webhook(2))
            assert [200] == answers(again)
    assert [] == web.disorder


def test_stop_with_silent_connections(site: Site) -> None:
    """A connection that never sent a byte holds up a stop as briefly as one that is kept."""
    web = started(site, first="receiver.processes.web_process.ARRIVAL = 60.0")
    assert 200 == Sender(web.url).post(1)
    with closing(connected(web)), closing(connected(web)) as begun:
        begun.sendall(webhook(2)[:40])
        assert 200 == Sender(web.url).post(3)  # by then both are taken
        web.send(signal.SIGTERM)
        begun.sendall(webhook(2)[40:])
        assert [200] == answers(begun)
        started_at = time.monotonic()
        assert 0 == web.ended()
        assert 10 > time.monotonic() - started_at
    assert [] == web.disorder
