"""Slow senders of one address cannot hold all threads."""

import socket
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.processes import Sender, Site

THREADS = 4
#: A body that is too large for the loop: a thread reads it.
HEAD = b"POST /webhooks/melhor-envio HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"


def slow(url: str, address: str) -> socket.socket:
    """A connection from ``address`` whose body does not come."""
    where = urlsplit(url)
    opened = socket.create_connection((str(where.hostname), int(where.port or 0)), source_address=(address, 0))
    opened.sendall(HEAD)
    return opened


def page(url: str) -> int:
    """The status of a page of another client's."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=5)) as client:
        client.request("GET", "/healthz")
        return client.getresponse().status


def test_slow_senders(tmp_path: Path) -> None:
    """While one address holds back bodies on twice as many connections as there are threads, others are answered."""
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as site:
        running = site.start("web", "--threads", str(THREADS), "--processes", "1")
        held = [slow(running.url, "127.0.0.2") for _ in range(2 * THREADS)]

        assert 200 == page(running.url)  # a thread answers it, too

        for one in held:
            one.setblocking(False)
            try:
                early = one.recv(1)
            except BlockingIOError:
                early = None
            assert early is None, "a slow sender was cut off before the other was answered"
        for one in held:
            one.close()
        assert 200 == Sender(running.url).post(2)
