"""The wire to VTEX over real loopback connections: what is sent, what is never sent, and answers that misbehave."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from receiver.config import Account
from receiver.http import HostNotAllowed, Http
from receiver.vtex.answers import Misconfigured, NoAnswer, NotFound, Throttled
from receiver.vtex.client import BadSegment, Vtex, segment
from tests.vtex_contract import request_faults

BODY = {
    "trackingNumber": "TN1",
    "trackingUrl": None,
    "courier": "São João",
    "dispatchedDate": "2026-11-10T09:00:00-03:00",
}


@dataclass
class Heard:
    """One request as its bytes came in: the request line's target, headers in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A bare socket server on loopback; ``talk`` has the connection and the request, and may do as it likes."""

    talk: Callable[[socket.socket, Heard], None]
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as incoming:
            while line := incoming.readline():
                method, target, _ = line.decode().split(" ")
                headers = {}
                while (line := incoming.readline().decode("latin-1").strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = incoming.read(int(headers.get("content-length", 0)))
                self.heard.append(Heard(method, target, headers, body))
                self.talk(connection, self.heard[-1])

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def serving(talk: Callable[[socket.socket, Heard], None]) -> Iterator[Server]:
    server = Server(talk)
    try:
        yield server
    finally:
        server.close()


def answer(status: str = "200 OK", body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def saying(*answers: bytes) -> Callable[[socket.socket, Heard], None]:
    """The answers in turn, the last one for ever."""
    left = list(answers)
    return lambda connection, _: connection.sendall(left.pop(0) if len(left) > 1 else left[0])


def account(url: str, *tokens: str) -> Account:
    return Account(name="lux", base_url=url, app_key="vtexappkey-lux", app_tokens=tokens or ("secret",))


def vtex(server: Server, *tokens: str) -> Vtex:
    return Vtex(account(server.url, *tokens), Http([server.url]), clock=lambda: 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(saying(answer())) as made:
        yield made


class TestCalls:
    def test_get_order(self, server):
        """The path, the key and its token, and the two headers that VTEX's reference sends with every call."""
        vtex(server).get_order("1-01")
        (heard,) = server.heard

        assert ("GET", "/api/oms/pvt/orders/1-01", b"") == (heard.method, heard.target, heard.body)
        assert {
            "accept": "application/json",
            "content-type": "application/json",
            "x-vtex-api-appkey": "vtexappkey-lux",
            "x-vtex-api-apptoken": "secret",
        }.items() <= heard.headers.items()

    def test_patch(self, server):
        """The body is JSON as VTEX documents it, and its headers are the same."""
        vtex(server).patch_invoice("1-01", "000030711", BODY)
        (heard,) = server.heard

        assert ("PATCH", "/api/oms/pvt/orders/1-01/invoice/000030711") == (heard.method, heard.target)
        assert json.loads(heard.body) == BODY
        assert [] == request_faults(heard.method, heard.target, json.loads(heard.body))
        assert "application/json" == heard.headers["content-type"]

    def test_group(self, server):
        """A purchase's orders have a path of their own."""
        vtex(server).get_order_group("1")

        assert "/api/oms/pvt/orders/order-group/1" == server.heard[0].target

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("000030711", "000030711"),
            ("v502556llux-01", "v502556llux-01"),
            ("a/b", "a%2Fb"),
            ("é", "%C3%A9"),
            ("%2F", "%252F"),
            ("%2e%2e", "%252e%252e"),
            ("a b", "a%20b"),
            ("a?b#c;d&e=f+g", "a%3Fb%23c%3Bd%26e%3Df%2Bg"),
            ("...", "..."),
            ("~a.b_c-d", "~a.b_c-d"),
            ("9" * 200, "9" * 200),
        ],
    )
    def test_segments(self, server, text, expected):
        """Ids are opaque: whatever is in one arrives as one segment, encoded once, and nothing is changed in it."""
        vtex(server).get_order(text)
        vtex(server).patch_invoice(text, text, BODY)

        assert [f"/api/oms/pvt/orders/{expected}", f"/api/oms/pvt/orders/{expected}/invoice/{expected}"] == [
            heard.target for heard in server.heard
        ]

    @pytest.mark.parametrize(
        "text", ["", ".", "..", "a\nb", "a\r\nHost: evil", "\x00", "\x7f", "a\u200bb", "\ud800", "9" * 201], ids=ascii
    )
    def test_refused_segments(self, server, text):
        """What would lead elsewhere, or nowhere, is refused before a connection is made."""
        with pytest.raises(BadSegment):
            segment(text)
        for call in (
            lambda: vtex(server).get_order(text),
            lambda: vtex(server).get_order_group(text),
            lambda: vtex(server).patch_invoice(text, "900", BODY),
            lambda: vtex(server).patch_invoice("1-01", text, BODY),
        ):
            with pytest.raises(BadSegment):
                call()

        assert [] == server.heard

    def test_answers(self):
        """JSON is handed over, and an empty body of a success is nothing."""
        with serving(saying(answer(body=b'{"receipt": "r"}'), answer(body=b""))) as server:
            assert {"receipt": "r"} == vtex(server).patch_invoice("1-01", "900", BODY)
            assert None is vtex(server).patch_invoice("1-01", "900", BODY)

    def test_retry_after_date(self):
        """A date in Retry-After is measured by the caller's clock."""
        late = answer("429 Too Many", b"", "Retry-After: Thu, 01 Jan 1970 00:02:00 GMT")
        with serving(saying(late)) as server, pytest.raises(Throttled) as caught:
            vtex(server).get_order("1-01")

        assert 120.0 == caught.value.pause

    def test_deadline_ends_with_the_call(self, server):
        """Nothing is left behind that could cut a later call of the same connection."""
        vtex(server).get_order("1-01")
        timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
        for timer in timers:
            timer.join(5)

        assert not any(timer.is_alive() for timer in timers)


class TestTokens:
    @staticmethod
    def accepting(token: str, then: bytes) -> Callable[[socket.socket, Heard], None]:
        def talk(connection: socket.socket, heard: Heard) -> None:
            accepted = heard.headers["x-vtex-api-apptoken"] == token
            connection.sendall(then if accepted else answer("401 Unauthorized"))

        return talk

    @pytest.mark.parametrize("then", [answer(), answer("404 Not Found"), answer("429 Slow")])
    def test_second_token(self, then):
        """During a rotation the other token is tried, and the one that is accepted is remembered."""
        with serving(self.accepting("old", then)) as server:
            client = vtex(server, "new", "old")
            for _ in range(3):
                with suppress(NotFound, Throttled):
                    client.get_order("1-01")

            assert ["new", "old", "old", "old"] == [heard.headers["x-vtex-api-apptoken"] for heard in server.heard]

    def test_back_again(self):
        """When the remembered one ends, the first is tried again."""
        with serving(self.accepting("old", answer())) as server:
            client = vtex(server, "new", "old")
            client.get_order("1-01")
            server.talk = self.accepting("new", answer())
            client.get_order("1-01")

            assert ["new", "old", "old", "new"] == [heard.headers["x-vtex-api-apptoken"] for heard in server.heard]

    def test_none_accepted(self):
        """Each is tried once, the newest first; then it is the configuration's fault."""
        with serving(saying(answer("401 Unauthorized"))) as server:
            client = vtex(server, "a", "b", "c")
            for _ in range(2):
                with pytest.raises(Misconfigured):
                    client.get_order("1-01")

            assert [*"abcabc"] == [heard.headers["x-vtex-api-apptoken"] for heard in server.heard]


class TestHosts:
    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    def test_redirects(self, status):
        """No redirect is followed: keys go to the configured host only."""
        with serving(saying(answer())) as elsewhere:
            redirect = answer(status, b"", f"Location: {elsewhere.url}/login")
            with serving(saying(redirect)) as server, pytest.raises(Misconfigured):
                vtex(server).get_order("1-01")

            assert [1, 0] == [len(server.heard), len(elsewhere.heard)]

    def test_host_outside_the_configuration(self, server):
        """Another host, port or scheme than the configured is refused before a connection is made."""
        http = Http(["https://lux.example", "http://127.0.0.1:1"])
        for url in (server.url, "http://lux.example/", "https://lux.example:444/", "https://lux.example.evil.example/"):
            with pytest.raises(HostNotAllowed):
                http.call("GET", url, headers={})

        assert [] == server.heard

    def test_environment(self, server, monkeypatch, tmp_path):
        """Neither a proxy nor a netrc of the machine's has a say."""
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password secret\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        vtex(server).get_order("1-01")

        assert "authorization" not in server.heard[0].headers

    def test_cookies(self):
        """Cookies are not kept: a call stands alone."""
        with serving(saying(answer("200 OK", b"{}", "Set-Cookie: session=1; Path=/"))) as server:
            client = vtex(server)
            client.get_order("1-01")
            client.get_order("1-01")

            assert ["cookie" in heard.headers for heard in server.heard] == [False, False]


def drip(head: bytes, drop: bytes) -> Callable[[socket.socket, Heard], None]:
    """An answer that never ends, and never falls silent either."""

    def talk(connection: socket.socket, _: Heard) -> None:
        connection.sendall(head)
        with suppress(OSError):
            while True:
                connection.sendall(drop)
                time.sleep(0.005)  # only paces the sender; nothing waits for it

    return talk


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class TestNoAnswer:
    @staticmethod
    def why(server: Server, method: str = "GET", **limits: Any) -> str:
        with pytest.raises(NoAnswer) as caught:
            Http([server.url], **limits).call(method, server.url, headers={})
        return str(caught.value)

    def test_refused(self):
        """Nobody listens."""
        with serving(saying(answer())) as server:
            pass

        assert "the connection failed or was closed" == self.why(server)

    @pytest.mark.parametrize("method", ["GET", "PATCH"])
    def test_closed(self, method):
        """The connection ends without an answer; a write is not sent again behind the caller's back."""

        def hang_up(connection: socket.socket, _: Heard) -> None:
            connection.shutdown(socket.SHUT_RDWR)

        with serving(hang_up) as server:
            assert "the connection failed or was closed" == self.why(server, method)
            assert 1 == len(server.heard)

    def test_silence(self):
        """No word comes within the read timeout."""
        with serving(lambda *_: None) as server:
            assert "no answer in time" == self.why(server, read=0.05)

    @pytest.mark.parametrize(
        ("head", "drop"),
        [
            (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
            (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
            (HEAD + b"Connection: close\r\n\r\n", b" "),
            (HEAD + b"X-Endless: ", b"x"),
            (b"HTTP/1.1 200 ", b"x"),
        ],
        ids=["length", "chunks", "until closed", "header", "status line"],
    )
    def test_endless(self, head, drop):
        """An answer that drips on for ever, in its head or its body, ends at the total deadline."""
        with serving(drip(head, drop)) as server:
            begun = time.monotonic()
            assert "the answer took too long" == self.why(server, total=0.2)

        assert time.monotonic() - begun < 5

    @pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2\r\n"])
    def test_cut_short(self, framing):
        """An answer that breaks off is no answer, even if what came of it could be read."""

        def talk(connection: socket.socket, _: Heard) -> None:
            connection.sendall(HEAD + framing + b"{}")
            connection.shutdown(socket.SHUT_RDWR)

        with serving(talk) as server:
            assert "the answer broke off" == self.why(server)

    def test_oversized(self):
        """More than the limit is not taken in, also where it is sent compressed."""
        with serving(saying(answer(body=b" " * 101))) as server:
            assert "the answer is larger than 100 bytes" == self.why(server, most=100)
            assert b" " * 101 == Http([server.url], most=101).call("GET", server.url, headers={}).body
        packed = answer("200 OK", gzip.compress(b" " * 1_000_000), "Content-Encoding: gzip")
        with serving(saying(packed)) as server:
            assert "the answer is larger than 999999 bytes" == self.why(server, most=999_999)

    def test_the_next_call_is_not_harmed(self):
        """After a call that was cut, the same thread's next one has a connection of its own."""
        with serving(drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b" ")) as server:
            http = Http([server.url], total=0.2)
            with pytest.raises(NoAnswer):
                http.call("GET", server.url, headers={})
            server.talk = saying(answer(body=b'"well"'))

            assert b'"well"' == http.call("GET", server.url, headers={}).body

    def test_patch_without_an_answer(self):
        """The client passes it on as it is: whether the write was applied is unknown."""
        with serving(lambda *_: None) as server:
            client = Vtex(account(server.url), Http([server.url], read=0.05), clock=lambda: 0.0)
            with pytest.raises(NoAnswer):
                client.patch_invoice("1-01", "900", BODY)

            assert ["PATCH"] == [heard.method for heard in server.heard]


def test_threads():
    """Many threads use one client at once, each with a connection and a deadline of its own."""

    def echo(connection: socket.socket, heard: Heard) -> None:
        connection.sendall(answer(body=json.dumps(heard.target).encode()))

    with serving(echo) as server:
        client, results = vtex(server), dict[str, Any]()

        def work(name: str) -> None:
            for turn in range(10):
                results[f"{name}-{turn}"] = client.get_order(f"{name}-{turn}")

        threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {f"{n}-{turn}": f"/api/oms/pvt/orders/{n}-{turn}" for n in range(8) for turn in range(10)} == results
