"""A real nginx with the sample's configuration before a real receiver: what passes, what waits, what is logged."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deploy.support import (
    ROOT,
    Answer,
    Nginx,
    Site,
    answer,
    free_port,
    heard,
    is_ready,
    patiently,
    saying,
    serving,
    together,
    webhook,
)

TOKEN = "s3cret-path-token"
#: An endpoint whose secret is the last part of its path.
BY_PATH = f"""
[endpoints.frenet]
secrets = ["{TOKEN}"]
auth = {{ scheme = "path" }}
"""
FRENET = b"{" + (ROOT / "tests" / "samples" / "frenet" / "posted.http").read_bytes().partition(b"{")[2]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """nginx before a `receiver web` of one process with two threads."""
    folder = tmp_path_factory.mktemp("deployed")
    with Site(folder, f"sqlite:///{folder}/receiver.db") as site:
        with site.config.open("a") as settings:
            settings.write(BY_PATH)
        port = free_port()
        web = site.start("web", "--processes", "1", "--threads", "2", "--bind", f"127.0.0.1:{port}")
        patiently(lambda: is_ready(port))
        with Nginx(folder, [f"127.0.0.1:{port}"]) as running:
            yield running
        assert [] == web.disorder


def outcome(got: Answer) -> tuple[int, str]:
    return got.status, json.loads(got.body)["outcome"]


def problem(got: Answer) -> tuple[int, str, int]:
    """What a client can rely on in an error: status, type, and the status again in its body."""
    return got.status, got.headers["content-type"], json.loads(got.body)["status"]


def test_signature_over_exact_bytes(nginx: Nginx):
    """A signed body with odd white space is proven at the receiver, and one changed byte of it is not."""
    sent = webhook(1, spacing=" \t\r\n ")
    assert (200, "accepted") == outcome(nginx.send(sent))
    assert 401 == nginx.send(sent[:-1] + b"\n").status


def test_nothing_is_changed(tmp_path: Path):
    """Path, query, body and headers reach the receiver as they were sent, also a header with an underscore; only the
    sender's address cannot be chosen by the sender."""
    target, body = "/webhooks/a%2Fb/%7e//c;d?x=%20y&&z=+", b'\x00\xff {"a" :\t1}\r\n'
    headers = "Authorization: Basic eDp5\r\nx_token: under\r\nX-Me-Signature: A+/=\r\nX-Forwarded-For: 192.0.2.1"
    start = f"POST {target} HTTP/1.1\r\nHost: hooks.example.com\r\n{headers}\r\nContent-Length: {len(body)}\r\n\r\n"
    with serving(saying(answer())) as behind, Nginx(tmp_path, [urlsplit(behind.url).netloc]) as nginx:
        assert 200 == nginx.send(start.encode() + body).status
    [got] = behind.heard
    assert ("POST", target, body) == (got.method, got.target, got.body)
    named = ("authorization", "x_token", "x-me-signature", "x-forwarded-for", "host")
    assert ["Basic eDp5", "under", "A+/=", "127.0.0.1", "hooks.example.com"] == [got.headers[name] for name in named]


def test_slow_senders(nginx: Nginx):
    """Twenty senders whose bodies dribble in hold none of the receiver's two threads; a body that arrives in the end is
    accepted."""
    with contextlib.ExitStack() as opened:
        slow = [opened.enter_context(nginx.connect()) for _ in range(20)]
        requests = [webhook(number) for number in range(100, 120)]
        for connection, request in zip(slow, requests, strict=True):
            connection.sendall(request[:-40])
        for left in range(40, 20, -1):
            for connection, request in zip(slow, requests, strict=True):
                connection.sendall(request[-left : -left + 1])
            begun = time.monotonic()
            if left % 5 == 0:
                assert 200 == nginx.post(left)
                assert time.monotonic() - begun < 5
        slow[0].sendall(requests[0][-20:])
        assert (200, "accepted") == outcome(heard(slow[0]))


def test_large_bodies(nginx: Nginx):
    """A body at the receiver's limit is read; one a little larger gets the receiver's own 413, and a much larger one
    the same from nginx, before it is sent whole."""
    largest = json.dumps({"pad": "x" * 1_999_980}).encode()
    path = f"/webhooks/frenet/{TOKEN}"  # it sends batches
    assert 422 == nginx.ask("POST", path, largest).status
    too_large = (413, "application/problem+json", 413)
    ours = nginx.ask("POST", path, b"x" * 2_000_001)
    assert too_large == problem(ours)
    assert b"detail" in ours.body
    assert too_large == problem(nginx.ask("POST", path, b"x" * 3_000_000))
    with nginx.connect() as announced:
        announced.sendall(b"POST /webhooks/melhor-envio HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n{")
        assert too_large == problem(heard(announced))


def test_the_tokens_are_not_logged(nginx: Nginx, tmp_path: Path):
    """No log of nginx holds a token of a path or a query: not of a good request, nor of a refused, a too large, a
    broken-off or a misspelt one, nor of one that finds no receiver."""
    path = f"/webhooks/frenet/{TOKEN}"
    assert (200, "accepted") == outcome(nginx.ask("POST", path, FRENET))
    assert 401 == nginx.ask("POST", f"/webhooks/frenet/{TOKEN}x", FRENET).status
    assert 413 == nginx.ask("POST", path, b"x" * 3_000_000).status
    assert 404 == nginx.ask("POST", f"/webhook/frenet/{TOKEN}", FRENET).status
    assert 404 == nginx.ask("POST", f"/webhooks/frenet?token={TOKEN}", FRENET, port=nginx.plain).status
    assert 401 == nginx.ask("POST", f"/webhooks/melhor-envio?token={TOKEN}", FRENET, x_me_signature="wrong").status
    assert 400 == nginx.send(f"POST /webhooks/frenet/{TOKEN} and more HTTP/1.1\r\n\r\n".encode()).status
    with nginx.connect() as broken:
        broken.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
    with Nginx(tmp_path, [f"127.0.0.1:{free_port()}"]) as alone:
        assert 503 == alone.ask("POST", path, FRENET).status

    logs = {**nginx.logs, **{f"alone {name}": text for name, text in alone.logs.items()}}
    assert [] == [name for name, text in logs.items() if TOKEN in text]
    assert "POST /webhooks/frenet/*** 200" in nginx.logs["access.log"]
    assert "POST /webhooks/melhor-envio 401" in nginx.logs["access.log"]
    assert "POST /webhooks/frenet/*** 503" in alone.logs["access.log"]


def test_doors(tmp_path: Path):
    """The public name leads to carriers' and systems' doors alone, however a path is written; console, metrics and the
    rest are reached at the inner address; plain HTTP leads nowhere."""
    public = ("/webhooks/frenet", "/hooks/vtex/lux", "/links/lux", "/healthz")
    inner = ("/console", "/console/", "/metrics", "/api/v1/shipments", "/readyz", "/")
    tricks = (
        *("//console", "/./console", "/webhooks/../console", "/webhooks/%2e%2e/metrics", "/webhooks"),
        *("/console/../webhooks/", "/api/v1/..%2f..%2fwebhooks/x", "/metrics/..%2flinks/lux"),
        *("/console/%2e%2e/hooks/vtex/lux", "http://hooks.example.com/console"),
    )
    with serving(saying(answer())) as behind, Nginx(tmp_path, [urlsplit(behind.url).netloc]) as nginx:
        assert dict.fromkeys((*inner, *tricks), 404) == {
            path: nginx.ask("GET", path).status for path in (*inner, *tricks)
        }
        assert [404] * 4 == [nginx.ask("GET", path, port=nginx.plain).status for path in public]
        assert [] == behind.heard
        assert [200] * 4 == [nginx.ask("GET", path).status for path in public]
        assert [200] * 6 == [nginx.ask("GET", path, port=nginx.inner).status for path in inner]
    assert [*public, *inner] == [request.target for request in behind.heard]


def test_too_many_of_one_address(tmp_path: Path):
    """What one address sends beyond the limit is answered 503 with Retry-After, by nginx alone."""
    changes = {"rate=100r/s": "rate=1r/m", "burst=400": "burst=4"}
    with serving(saying(answer())) as behind, Nginx(tmp_path, [urlsplit(behind.url).netloc], **changes) as nginx:
        got = together(4, lambda number: nginx.send(webhook(number)), range(20))
    assert 5 == [one.status for one in got].count(200) == len(behind.heard)
    refused = [one for one in got if one.status != 200]
    assert {(503, "30", "application/problem+json")} == {
        (one.status, one.headers["retry-after"], one.headers["content-type"]) for one in refused
    }


def test_no_receiver(tmp_path: Path):
    """Where no web process answers, the sender is told to come again."""
    with Nginx(tmp_path, [f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"]) as nginx:
        got = nginx.send(webhook(1))
    assert (503, "application/problem+json", 503) == problem(got)
    assert "30" == got.headers["retry-after"]
