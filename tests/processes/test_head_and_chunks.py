"""What a head or a chunked body costs a real process, before and after the proof."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.processes.test_web_process import answers, connected, webhook
from tests.support.processes import Running, Site

pytestmark = pytest.mark.process
#: CPU seconds, of one request: as `tests/web/test_cost.py` says of bodies.
MOST = 0.5
SHORT = b"1\r\na\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n%s\r\n"
MANY = SHORT * 330_000 + b"0\r\n\r\n"
#: A value as long as gunicorn takes, as often as it does.
_LONG = 8_000


def headed(path: str, name: str, unit: str) -> bytes:
    value = (unit * (_LONG // len(unit)))[:_LONG]
    head = f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    return (head + f"{name}: {value}\r\n" * 60 + "\r\n").encode()


MORE = """
[endpoints.frenet]
secrets = ["first-secret"]
[operators.ana]
token = "ana-token-0123456789abcdefghij"
"""
REQUESTS = {
    "signed over the body": CHUNKED % (b"/webhooks/melhor-envio", b"") + MANY,
    "proven by the head": CHUNKED % (b"/webhooks/frenet", b"") + MANY,
    "proven by the head, with its proof": CHUNKED % (b"/webhooks/frenet", b"x-webhook-token: first-secret\r\n") + MANY,
    "no endpoint": CHUNKED % (b"/webhooks/none", b"") + MANY,
    "no door": CHUNKED % (b"/healthz", b"") + MANY,
    "links": CHUNKED % (b"/links/lux", b"") + MANY,
    "many languages": headed("/console/login", "accept-language", "a;q=.1,"),
    "many proxies": headed("/healthz", "x-forwarded-for", "::1,"),
    "more headers than are taken": b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 100 + b"\r\n",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("site")
    with Site(folder, f"sqlite:///{folder}/receiver.db") as site:
        site.config.write_text(site.config.read_text() + MORE)
        running = site.start("web", "--processes", "1")
        assert [200] == _sent(running, webhook(1, chunked=True))
        yield running


def _sent(running: Running, content: bytes) -> list[int]:
    with closing(connected(running)) as raw:
        with suppress(OSError):  # it was answered and closed before the end
            raw.sendall(content)
        return _statuses(raw)


def _statuses(raw: socket.socket) -> list[int]:
    try:
        return answers(raw)
    except OSError:
        return []


def cpu(pid: int) -> float:
    """The CPU seconds that a process has taken."""
    taken = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(taken[11]) + int(taken[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("content", REQUESTS.values(), ids=REQUESTS)
def test_cost(web: Running, content: bytes) -> None:
    """No request costs more than half a CPU second, in however many pieces its body comes, however long its head."""
    [child] = web.children
    before = cpu(child)
    _sent(web, content)

    assert MOST > cpu(child) - before


def test_short_chunks(web: Running) -> None:
    """A webhook in chunks of two bytes is taken all the same: only very many of them are refused."""
    head, _, body = webhook(2, chunked=True).partition(b"\r\n\r\n")
    content = body.split(b"\r\n")[1]
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(two), two) for two in (content[n : n + 2] for n in range(0, len(content), 2))
    )
    assert [200] == _sent(web, head + b"\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert [400] == _sent(web, CHUNKED % (b"/webhooks/melhor-envio", b"") + SHORT * 6_000 + b"0\r\n\r\n")
