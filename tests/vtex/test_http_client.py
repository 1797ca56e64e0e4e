"""The wire to VTEX over real loopback connections: what is sent, what is never sent, and answers that misbehave."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from receiver.config import Account
from receiver.http import HostNotAllowed, Http
from receiver.http.transport import _Deadline
from receiver.vtex.answers import Misconfigured, NotFound, Throttled, Unanswered
from receiver.vtex.client import BadSegment, Vtex, check_place, path_segment
from tests.support.bare_server import Heard, Server, answer, saying, serving
from tests.support.vtex_contract import request_faults

BODY = {
    "trackingNumber": "TN1",
    "trackingUrl": None,
    "courier": "São João",
    "dispatchedDate": "2026-11-10T09:00:00-03:00",
}


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
        "text",
        ["", ".", "..", "a/b", "a\nb", "a\r\nHost: evil", "\x00", "\x7f", "a\u200bb", "\ud800", "9" * 201],
        ids=ascii,
    )
    def test_refused_segments(self, server, text):
        """What would lead elsewhere, or nowhere, is refused before a connection is made."""
        with pytest.raises(BadSegment):
            path_segment(text)
        for call in (
            lambda: vtex(server).get_order(text),
            lambda: vtex(server).get_order_group(text),
            lambda: vtex(server).patch_invoice(text, "900", BODY),
            lambda: vtex(server).patch_invoice("1-01", text, BODY),
        ):
            with pytest.raises(BadSegment):
                call()

        assert [] == server.heard

    @pytest.mark.parametrize(
        "place",
        [("1-01 2-01",), ("1/01",), ("",), ("1-01", "9/0"), ("1-01", ""), ("1-01", None, ["2-01", "3 01"])],
        ids=str,
    )
    def test_no_place(self, place):
        """What a person names as an order and its invoice is refused where it can be neither."""
        check_place("1-01")
        check_place("1-01", "900", ["2-01"])
        with pytest.raises(BadSegment):
            check_place(*place)

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

    def test_connection_is_kept(self, server):
        """A thread's calls to one host share a connection."""
        client = vtex(server)
        for _ in range(3):
            client.get_order("1-01")

        assert (1, 3) == (server.connections, len(server.heard))

    def test_deadline_ends_with_the_call(self):
        """A deadline that passes after its call does not cut the connection: a later call may use it."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with _Deadline(60.0) as deadline:
                deadline.watch(ours)
            deadline.end()
            ours.sendall(b"later")

            assert b"later" == theirs.recv(5)
        assert not deadline.passed

    def test_deadlines_share_a_thread(self, server):
        """A call starts no thread for its own deadline."""
        client, during = vtex(server), set[threading.Thread]()
        client.get_order("1-01")

        def talk(connection: socket.socket, _: Heard) -> None:
            during.update(threading.enumerate())
            connection.sendall(answer())

        server.talk, before = talk, set(threading.enumerate())
        client.get_order("1-01")

        assert during
        assert set() == during - before

    def test_nothing_is_sent_after_the_deadline(self, server, monkeypatch):
        """A process that was stopped between the begin of a call and its first byte sends nothing when it goes on."""
        client = vtex(server)
        client.get_order("1-01")
        moments = iter([0.0, 60.0])
        monkeypatch.setattr("receiver.http.transport._clock", lambda: next(moments))

        with pytest.raises(Unanswered, match="took too long"):
            client.patch_invoice("1-01", "900", BODY)

        assert ["GET"] == [heard.method for heard in server.heard]


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
