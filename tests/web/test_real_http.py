"""Over a real gunicorn on loopback: what only a server, sockets and several processes can show."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.sending import good

SECRET = "a-good-secret"
MAX_BODY = 100_000
CONFIG = f"""
[receiver]
database = "sqlite:///receiver.db"
max_body = {MAX_BODY}
[vtex.lux]
app_key = "key"
app_token = "token"
base_url = "http://127.0.0.1:9"
[endpoints.ups]
secrets = ["{SECRET}"]
[endpoints.by-path]
carrier = "frenet"
secrets = ["a/b c"]
auth = {{ scheme = "path" }}
"""
GOOD = json.dumps(good("ups")).encode()


class Server:
    """``python -m gunicorn wsgi:app`` with two processes, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "receiver.toml").write_text(CONFIG)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.log = (folder / "log").open("w+b")
        environ = {**os.environ, "RECEIVER_CONFIG": str(folder / "receiver.toml")}
        command = [sys.executable, "-m", "gunicorn", "-w", "2", "--threads", "4", "--no-control-socket"]
        self.process = subprocess.Popen(
            [*command, "-b", f"fd://{listening.fileno()}", "wsgi:app"], cwd=ROOT, env=environ, stdout=self.log,
            stderr=self.log, pass_fds=[listening.fileno()],
        )  # fmt: skip
        listening.close()  # requests queue on the socket from now on: no one has to wait for the start

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()

    def written(self) -> str:
        return (self.folder / "log").read_text()

    def rows(self, table: str) -> list[sqlite3.Row]:
        with contextlib.closing(sqlite3.connect(self.folder / "receiver.db")) as raw:
            raw.row_factory = sqlite3.Row
            return raw.execute(f"SELECT * FROM {table}").fetchall()

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=30)

    def post(self, body: bytes = GOOD, *, path: str = "/webhooks/ups", **headers: str) -> HTTPResponse:
        with contextlib.closing(self.connect()) as connection:
            connection.request("POST", path, body, {"credential": SECRET, **headers})
            return read(connection)

    def raw(self, *parts: bytes, half_close: bool = True) -> bytes:
        """What the server says to these bytes, until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sender:
            for part in parts:
                sender.sendall(part)
            if half_close:
                sender.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sender.recv(65_536), b""))

    def memory(self) -> int:
        """Bytes resident in the processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        pages = sum(int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children)
        return pages * os.sysconf("SC_PAGESIZE")


def read(connection: HTTPConnection) -> HTTPResponse:
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    return answer


def head(path: str = "/webhooks/ups", *headers: str) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: x", f"credential: {SECRET}", "Connection: close", *headers)
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("served"))
    try:
        assert 404 == made.post(path="/webhooks/none").status  # waits on the socket: what a test counts is there then
        yield made
    finally:
        made.stop()


def test_ready(server):
    """The server says when it is ready."""
    with contextlib.closing(server.connect()) as connection:
        connection.request("GET", "/readyz")
        answer = read(connection)

    assert (200, {"status": "ready", "paused_accounts": []}) == (answer.status, json.loads(answer.text))


def test_same_instant(server):
    """Fifty identical bodies at one instant, on as many connections to two processes: all 2xx, one effect."""
    body = json.dumps({**good("ups"), "trackingNumber": "1ZSAMEINSTANT"}).encode()
    start, answers = threading.Barrier(50), []

    def send() -> None:
        with contextlib.closing(server.connect()) as connection:
            connection.connect()
            start.wait()
            connection.request("POST", "/webhooks/ups", body, {"credential": SECRET})
            answers.append(json.loads(read(connection).text))

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {"accepted": 1, "duplicate": 49} == {
        outcome: sum(answer["outcome"] == outcome for answer in answers) for outcome in ("accepted", "duplicate")
    }
    (delivery,) = {answer["delivery"] for answer in answers}
    assert [delivery] == [row["id"] for row in server.rows("deliveries") if body == row["body"]]
    assert [1] == [row["update_count"] for row in server.rows("shipments") if row["id"] == "ups/1ZSAMEINSTANT"]


def test_keep_alive(server):
    """One connection carries many deliveries, refused ones in between."""
    with contextlib.closing(server.connect()) as connection:
        statuses = []
        for path, credential in [
            ("ups", SECRET),
            ("ups", "wrong"),
            ("nobody", SECRET),
            ("ups/x", SECRET),
            ("ups", SECRET),
        ]:
            connection.request("POST", f"/webhooks/{path}", GOOD, {"credential": credential})
            first = connection.sock
            statuses.append(read(connection).status)
            assert connection.sock is first

    assert [200, 401, 404, 404, 200] == statuses


class TestTooLarge:
    def test_declared(self, server):
        """A length over the limit is refused before a byte of the body is sent."""
        answer = server.raw(head("/webhooks/ups", f"Content-Length: {MAX_BODY + 1}"), half_close=False)

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"application/problem+json" in answer

    @pytest.mark.parametrize("more", [0, 1, 70_000])
    def test_chunked(self, server, more):
        """A chunked body is taken up to the limit and refused beyond it, never cut to fit."""
        body = GOOD.ljust(MAX_BODY + more)
        pieces = [body[start : start + 9_999] for start in range(0, len(body), 9_999)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

        answer = server.raw(head("/webhooks/ups", "Transfer-Encoding: chunked"), chunks)

        assert answer.startswith(b"HTTP/1.1 413 " if more else b"HTTP/1.1 200 ")

    def test_endless(self, server):
        """A sender that never ends is refused after about the limit, and its bytes are not piled up."""
        server.post()
        before, sent, chunk = server.memory(), 0, b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            sender.sendall(head("/webhooks/ups", "Transfer-Encoding: chunked"))
            refused = b""
            with contextlib.suppress(ConnectionError):
                while sent < 64_000_000:
                    sender.sendall(chunk)
                    sent += len(chunk)
            with contextlib.suppress(ConnectionError):
                refused = sender.recv(1_000)

        assert sent < MAX_BODY + 1_000_000  # what the kernel's buffers hold on both sides
        assert refused == b"" or refused.startswith(b"HTTP/1.1 413 ")
        assert server.memory() - before < 4_000_000

    def test_compressed(self, server):
        """A compressed body is 415."""
        answer = server.post(b"\x1f\x8b", **{"Content-Encoding": "gzip"})

        assert (415, "application/problem+json") == (answer.status, answer.headers["Content-Type"])


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param("Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(GOOD), GOOD), id="no last chunk"),
        pytest.param("Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n" % (len(GOOD), GOOD), id="no end of trailers"),
        pytest.param("Transfer-Encoding: chunked", b"%x\r\n%s" % (len(GOOD) + 9, GOOD), id="cut chunk"),
        pytest.param(f"Content-Length: {len(GOOD) + 1}", GOOD, id="one byte short"),
        pytest.param(f"Content-Length: {len(GOOD) + 1}", b"", id="nothing came"),
        pytest.param(f"Content-Length: {len(GOOD)}, 1", GOOD, id="two lengths"),
        pytest.param(f"Content-Length: -{len(GOOD)}", GOOD, id="negative length"),
    ],
)
def test_half_a_body(server, headers, body):
    """A body that did not arrive whole is never taken for a complete one, even if it reads well."""
    before = len(server.rows("deliveries"))
    answer = server.raw(head("/webhooks/ups", headers), body)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert before == len(server.rows("deliveries"))


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/webhooks/by-path/a%2Fb%20c", 200),
        ("/webhooks/by-path/%61/b%20c", 200),
        ("/webhooks/by-path/a%2Fb%20d", 401),
        ("/webhooks/by-path/%FF", 401),
        ("/webhooks/by-path", 401),
        ("/webhooks//by-path/a%2Fb%20c", 404),
        ("/webhooks/../by-path/a%2Fb%20c", 404),
    ],
)
def test_token_on_the_wire(server, target, status):
    """A token in the path counts however it was encoded, and is stored under no spelling."""
    body = json.dumps({**good("frenet"), "note": target}).encode()
    answer = server.post(body, path=target)

    assert status == answer.status
    assert {"/webhooks/by-path", "/webhooks/by-path/[redacted]", "/webhooks/ups"} >= {
        row["target"] for table in ("deliveries", "rejects") for row in server.rows(table)
    }


def test_header_bytes(server):
    """Bytes beyond ASCII in headers, and a credential sent twice, are a plain 401."""
    for line in (b"credential: \xff\xfe\x80", b"credential: x\r\ncredential: y", b"credential:"):
        request = (
            b"POST /webhooks/ups HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n%s\r\n\r\n{}" % line
        )
        assert server.raw(request).startswith(b"HTTP/1.1 401 ")


def test_log(server):
    """After all of the above the log has no traceback and no credential."""
    written = server.written()

    assert "Traceback" not in written
    assert SECRET not in written
    assert "a/b c" not in written


def test_refused_unheard(server):
    """A sender whose proof stands in the head is refused before its body comes; a short body may be a check."""
    unproven = head("/webhooks/ups", f"Content-Length: {MAX_BODY}").replace(SECRET.encode(), b"another-secret")

    assert server.raw(unproven, half_close=False).startswith(b"HTTP/1.1 401 ")
    assert server.raw(head("/webhooks/ups", f"Content-Length: {MAX_BODY}"), b"x").startswith(b"HTTP/1.1 400 ")
