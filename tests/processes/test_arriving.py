"""Which requests the loop takes, and when they are whole."""

import socket
import time

import pytest

from receiver.processes.arriving import MOST, Arriving, ClientSocket, Progress

HEAD = b"POST /webhooks/ups HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"", Progress.MORE),
        (b"POS", Progress.MORE),
        (HEAD, Progress.MORE),
        (HEAD + b"Content-Length: 3\r\n\r\nab", Progress.MORE),
        (HEAD + b"Content-Length: 3\r\n\r\nabc", Progress.WHOLE),
        (HEAD + b"CONTENT-LENGTH:3\r\n\r\nabc", Progress.WHOLE),
        (HEAD + b"Content-Length: 3\r\n\r\nabcPOST /webhooks/", Progress.WHOLE),
        (HEAD + b"Content-Length: 0\r\n\r\n", Progress.WHOLE),
        (HEAD + b"\r\n", Progress.OTHER),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", Progress.OTHER),
        (HEAD + b"Content-Length: +3\r\n\r\nabc", Progress.OTHER),
        (HEAD + b"Content-Length : 3\r\n\r\nabc", Progress.OTHER),
        (HEAD + b"Content-Length: \xb2\r\n\r\nabc", Progress.OTHER),
        (HEAD + b"Content-Length: 99999999999999\r\n\r\n", Progress.OTHER),
        (HEAD + b"Content-Length: %d\r\n\r\n" % MOST, Progress.OTHER),
        (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", Progress.OTHER),
        (HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", Progress.OTHER),
        (HEAD + b"Content-Length: 3\r\nUpgrade: h2c\r\n\r\nabc", Progress.OTHER),
        (HEAD + b"X: " + b"y" * 20_000, Progress.OTHER),
        (b"GET /webhooks/ups HTTP/1.1\r\n", Progress.OTHER),
        (b"POST /console/login HTTP/1.1\r\n", Progress.OTHER),
        (b"\x16\x03\x01", Progress.OTHER),
    ],
)
def test_progress(received: bytes, expected: Progress) -> None:
    """A webhook of a known and moderate length is the loop's as soon as its last byte is there; nothing else is."""
    assert expected is Arriving().add(received)


@pytest.mark.parametrize("pieces", [1, 7])
def test_in_pieces(pieces: int) -> None:
    """However it is cut, it is whole with its last byte and not before, and where its end lies is looked for once."""
    request = HEAD + b"X: y\r\n" * 9 + b"Content-Length: 30\r\n\r\n" + b"z" * 30
    arriving = Arriving()
    came = [arriving.add(request[at : at + pieces]) for at in range(0, len(request), pieces)]
    assert [Progress.MORE] * (len(came) - 1) + [Progress.WHOLE] == came
    assert request == arriving.content


def test_dribbled() -> None:
    """A large head and a body that comes byte by byte cost no more than their bytes: 50,000 pieces within a second."""
    arriving = Arriving()
    arriving.add(HEAD + b"a:\r\n" * 3_000 + b"Content-Length: 50000\r\n\r\n")
    began = time.process_time()
    assert {Progress.MORE} == {arriving.add(b"z") for _ in range(49_999)}
    assert 1.0 > time.process_time() - began


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    client = ClientSocket.of(ours)
    client.setblocking(False)
    yield client, theirs
    client.close()
    theirs.close()


def test_no_call_waits_on_the_loop(pair) -> None:
    """On the loop there is nothing more to read. An answer is sent as a whole, and one that is not taken ends the
    connection."""
    client, theirs = pair
    theirs.sendall(b"more")
    client.on_loop = True
    client.setblocking(True)
    client.settimeout(60.0)
    assert 0.0 == client.gettimeout()

    assert b"" == client.recv(10)
    client.sendall(b"an ")
    client.sendall(b"answer")
    assert client.send_answer()
    assert b"an answer" == theirs.recv(100)
    client.sendall(b"x" * 10_000_000)
    assert not client.send_answer()
    client.sendall(b"x")
    assert not client.send_answer()


def test_off_the_loop(pair) -> None:
    """A thread has a socket like any other."""
    client, theirs = pair
    theirs.sendall(b"more")
    client.setblocking(True)
    assert client.gettimeout() is None
    assert b"more" == client.recv(10)
