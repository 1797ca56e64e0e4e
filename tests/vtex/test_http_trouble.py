"""Answers that come late, broken, endless or not at all: whether a write was applied is then unknown."""

import gzip
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from receiver.config import Account
from receiver.http import Http, NoAnswer
from receiver.vtex.answers import Unanswered, VtexError
from receiver.vtex.client import Vtex
from tests.support.bare_server import Heard, Server, answer, saying, serving


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
        """No one listens."""
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

    def test_earlier_deadline(self):
        """A call that must end before those that were begun earlier is cut in time."""
        with serving(saying(answer())) as server:
            Http([server.url], total=60.0).call("GET", server.url, headers={})
            server.talk = drip(HEAD + b"Connection: close\r\n\r\n", b" ")
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
        """The client tells it in VTEX's terms: whether a write was applied is unknown. A carrier's silence is none."""
        with serving(lambda *_: None) as server:
            lux = Account(name="lux", base_url=server.url, app_key="k", app_tokens=("t", "older"))
            client = Vtex(lux, Http([server.url], read=0.05), clock=lambda: 0.0)
            with pytest.raises(Unanswered):
                client.patch_invoice("1-01", "900", {"trackingNumber": "TN1"})
            assert not issubclass(NoAnswer, VtexError)

            assert ["PATCH"] == [heard.method for heard in server.heard]

    def test_unreachable(self):
        """A host that does not take the connection: its queue is full, and it stays silent."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(3)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}"
            with pytest.raises(NoAnswer, match=r"^no connection in time$"):
                Http([url], connect=0.1).call("GET", url, headers={})
            with pytest.raises(NoAnswer, match=r"^the answer took too long$|^no connection in time$"):
                Http([url], total=0.1).call("GET", url, headers={})
            for one in waiting:
                one.close()

    def test_garbled_compression(self):
        """What says it is compressed and is not has no words of its own, but a name."""
        with serving(saying(answer("200 OK", b"{}", "Content-Encoding: gzip"))) as server:
            assert "ContentDecodingError" == self.why(server)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for the loopback address that no one has signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    if not shutil.which("openssl"):
        pytest.skip("no openssl command to make a certificate with")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -keyout key.pem -out own.pem"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *subject], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "own.pem", certificate / "key.pem")
    return context


class TestTls:
    def test_unknown_certificate(self, tls):
        """A key is not sent to a host that cannot prove its name."""
        with serving(saying(answer()), tls=tls) as server:
            assert "the TLS handshake failed" == TestNoAnswer.why(server)
            assert [] == server.heard

    def test_endless(self, tls, certificate):
        """The deadline holds under TLS too, and the thread's next call is well."""
        with serving(drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "), tls=tls) as server:
            http = Http([server.url], total=0.3)
            http._transport._session().verify = str(certificate / "own.pem")
            with pytest.raises(NoAnswer, match=r"^the answer took too long$"):
                http.call("GET", server.url, headers={})
            server.talk = saying(answer(body=b'"well"'))

            assert b'"well"' == http.call("GET", server.url, headers={}).body
