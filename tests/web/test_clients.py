"""Whose address a request has: a trusted proxy names it, and no other may. Who fails too often is only counted."""

import json
from ipaddress import ip_network

import pytest

from receiver.web.clients import client_of, one_client
from receiver.web.webhooks import MOST_UNPROVEN
from tests.support.rig import MELHOR_ENVIO, Rig, eventually, posted
from tests.support.sending import good, rows

TRUSTED = tuple(map(ip_network, ("127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32", "::ffff:172.16.0.0/112")))
FOUND = {
    "no proxy": ("203.0.113.9", "", "203.0.113.9"),
    "a proxy": ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
    "two proxies": ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
    "forged before the proxy": ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
    "forged without a proxy": ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
    "a proxy that says nothing": ("10.0.0.1", "", "10.0.0.1"),
    "nonsense": ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
    "all are proxies": ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    "IPv6": ("2001:db8::1", "2a00::9", "2a00::9"),
    "an IPv6 socket": ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
    "an IPv6 socket on this machine": ("::ffff:127.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
    "a mapped client": ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
    "a mapped network": ("172.16.0.9", "203.0.113.9", "203.0.113.9"),
    "outside of the mapped network": ("172.17.0.9", "203.0.113.9", "172.17.0.9"),
    "a port": ("10.0.0.1", "203.0.113.9:4711, 10.0.0.2:80", "203.0.113.9"),
    "IPv6 and a port": ("10.0.0.1", "[2a00::9]:443", "2a00::9"),
    "IPv6 in brackets": ("10.0.0.1", "[2a00::9]", "2a00::9"),
    "more than a port": ("10.0.0.1", "203.0.113.9, 203.0.113.9:80:80", "10.0.0.1"),
    "a file": ("", "203.0.113.9", ""),
}


@pytest.mark.parametrize(("peer", "forwarded", "client"), FOUND.values(), ids=FOUND)
def test_client(peer: str, forwarded: str, client: str) -> None:
    """The first address from the right that is no trusted proxy's."""
    assert client == client_of(peer, forwarded, TRUSTED)


def test_rejects_and_access_lines(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Both say who came, by the proxy on this machine."""
    caplog.set_level("INFO")
    refused(rig, "203.0.113.9", 1)
    rig.post(posted(), **{"x-forwarded-for": "203.0.113.7"})

    assert "203.0.113.9" == json.loads(rows(rig, "rejects")[0]["headers"])["client"]
    assert any("authentication failed" in line and "client=203.0.113.9" in line for line in caplog.messages)
    assert any("delivery received" in line and line.endswith("client=203.0.113.7") for line in caplog.messages)


def test_told_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The log says once that a peer sends the header and is no trusted proxy: what it names is not used."""
    for peer in ("127.0.0.1", "203.0.113.1", "203.0.113.2"):
        headers = {"X-Forwarded-For": "203.0.113.9"}
        rig.client.get("/healthz", headers=headers, environ_overrides={"REMOTE_ADDR": peer})

    told = [line for line in caplog.messages if "X-Forwarded-For" in line]
    assert ["X-Forwarded-For not used, the peer is not in trusted_proxies: peer=203.0.113.1"] == told


def refused(rig: Rig, address: str, times: int) -> list[int]:
    """The statuses of unsigned requests from an address."""
    headers = {"X-Forwarded-For": address, "X-Me-Signature": "wrong"}
    return [rig.client.post("/webhooks/melhor-envio", data=b"[]", headers=headers).status_code for _ in range(times)]


def test_too_often(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """After too many in a minute what an address cannot prove is only counted, and hears 429. A right proof enters all
    the same: a carrier that shares the address may never send it again."""
    assert [401] * MOST_UNPROVEN == refused(rig, "203.0.113.9", MOST_UNPROVEN)
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Me-Signature": "wrong"}
    answer = rig.client.post("/webhooks/melhor-envio", data=b"[]", headers=headers)
    assert (429, "application/problem+json") == (answer.status_code, answer.mimetype)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert [429] * 2 == refused(rig, "203.0.113.9", 2)

    assert 200 == rig.post(posted(), **{"x-forwarded-for": "203.0.113.9"}).status_code
    assert MOST_UNPROVEN >= len(rows(rig, "rejects"))
    assert 1 == sum("authentication failures only counted" in line for line in caplog.messages)
    [counted] = [key for key in counted_rejects(rig) if key[1] == "too_many"]
    assert ("melhor-envio", "too_many") == counted
    assert 3 == counted_rejects(rig)[counted]


def counted_rejects(rig: Rig) -> dict[tuple[str, ...], float]:
    """How many requests were not let in, by endpoint and cause."""
    rig.database.counters.flush(now=rig.now, only_if_due=False)
    eventually(lambda: any("too_many" in row["labels"] for row in rows(rig, "counters")))
    totals = rig.database.counters.totals()
    return {labels: total.value for (name, labels), total in totals.items() if name == "receiver_rejects_total"}


def test_told_after_a_clock_step(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A clock that is set back does not keep the log silent about a flood."""
    for step in (0, -3_600):
        rig.now += step
        assert 429 == refused(rig, "203.0.113.9", MOST_UNPROVEN + 1)[-1]

    assert 2 == sum("authentication failures only counted" in line for line in caplog.messages)


def test_forgets(rig: Rig) -> None:
    """A minute later an address is heard again, whatever it sent before."""
    assert [401] * MOST_UNPROVEN + [429] == refused(rig, "203.0.113.9", MOST_UNPROVEN + 1)
    rig.now += 60
    assert [401] == refused(rig, "203.0.113.9", 1)


def test_proven_by_its_head(rig: Rig) -> None:
    """The same where no part of the body is the proof: an unproven long body is refused unread, a proven one enters."""
    rig.configure(endpoints={"frenet": {"carrier": "frenet", "secrets": ["a-long-enough-token"]}})

    def sent(token: str, body: bytes) -> int:
        headers = {"X-Forwarded-For": "203.0.113.9", "content-type": "application/json", "x-webhook-token": token}
        return rig.client.post("/webhooks/frenet", data=body, headers=headers).status_code

    body = json.dumps(good("frenet")).encode()
    assert [401] * MOST_UNPROVEN == [sent("wrong", body) for _ in range(MOST_UNPROVEN)]
    assert [429, 429] == [sent("wrong", body), sent("wrong", body + b" " * 9_000)]
    assert [200, 200] == [sent("a-long-enough-token", body), sent("a-long-enough-token", body + b" " * 9_000)]


def test_proven_before(rig: Rig) -> None:
    """An address that proved itself never waits: others may share it, and its old messages may have an old secret."""
    assert 200 == rig.post(posted(), **{"x-forwarded-for": "203.0.113.9"}).status_code
    assert [401] * (MOST_UNPROVEN + 1) == refused(rig, "203.0.113.9", MOST_UNPROVEN + 1)
    assert 200 == rig.post(posted(number="TN2BR"), **{"x-forwarded-for": "203.0.113.9"}).status_code


def test_flood_of_many(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood from many addresses: each has one try, and then strangers are only counted. A right proof enters from any
    address, and another endpoint notices nothing."""
    monkeypatch.setattr("receiver.web.webhooks.MOST_OF_ALL", 6)
    monkeypatch.setattr("receiver.web.webhooks.MOST_STRANGERS", 5)
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "other": MELHOR_ENVIO})
    assert 200 == rig.post(posted(), **{"x-forwarded-for": "203.0.113.9"}).status_code

    assert [401] * 6 == [*refused(rig, "198.51.100.1", 3), *refused(rig, "198.51.100.2", 3)]
    assert [401, 429] * 3 == [status for last in (3, 4, 5) for status in refused(rig, f"198.51.100.{last}", 2)]
    assert [429] == refused(rig, "198.51.100.6", 1)

    assert 200 == rig.post(posted(number="TN2BR"), **{"x-forwarded-for": "203.0.113.9"}).status_code
    assert 200 == rig.post(posted(), endpoint="other", **{"x-forwarded-for": "198.51.100.6"}).status_code
    assert 200 == rig.post(posted(number="TN3BR"), **{"x-forwarded-for": "198.51.100.6"}).status_code


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2a00:1:2:3::1", "2a00:1:2:3:4:5:6:7", True),
        ("2a00:1:2:3::1", "2a00:1:2:4::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
        ("no:address", "no:address", True),
    ],
)
def test_one_client(one: str, other: str, same: bool) -> None:
    """A client has one address, or of IPv6 all of its network."""
    assert same == (one_client(one) == one_client(other))
