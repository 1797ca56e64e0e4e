"""Webhooks that no endpoint takes: answered 404 or 405, counted, warned of hourly with the likely name."""

import logging
from collections import Counter

import pytest

from receiver.intake import unknown_routes
from receiver.store.intake import unknown_routes as store
from receiver.store.notify.conditions import Conditions
from tests.support.console import Operator
from tests.support.rig import MELHOR_ENVIO, Rig, posted
from tests.support.sending import SECRET, outcome

FRENET = {"carrier": "frenet", "secrets": [SECRET]}


def seen(rig: Rig) -> list[tuple[str, str, int]]:
    return [(row["endpoint"], row["reason"], row["count"]) for row in rig.queries.rejects()]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("melhorenvio", "no endpoint has this name; did you mean melhor-envio?"),
        ("Melhor_Envio", "no endpoint has this name; did you mean melhor-envio?"),
        ("dhl", "no endpoint is configured for dhl: add [endpoints.dhl]"),
        ("uber-direct", "no endpoint is configured for uber_direct: add [endpoints.uber-direct]"),
        ("frenet", "no endpoint has this name; did you mean outlet?"),
        ("wp-admin", "no endpoint has this name"),
    ],
)
def test_name(rig_on_either: Rig, name: str, reason: str) -> None:
    """A wrong name is recorded with the endpoint that is probably meant, by its name or by its carrier."""
    rig_on_either.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "outlet": FRENET})

    assert 404 == rig_on_either.client.post(f"/webhooks/{name}", data=b"{}").status_code
    assert [(name, reason, 1)] == seen(rig_on_either)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        *((f"{one}/melhor-envio", f"{one}/melhor-envio") for one in ("/webhook", "/api/webhooks", "/Webhooks", "")),
        ("/webhooks//Melhor_Envio/hush", "/webhooks//Melhor_Envio/[redacted]"),
        ("/rig-secret/melhor-envio/", "/[redacted]/melhor-envio/[redacted]"),
    ],
)
def test_address(rig_on_either: Rig, path: str, target: str) -> None:
    """A wrong address that holds an endpoint's name is recorded, and told people."""
    assert 404 == rig_on_either.client.post(f"{path}?key=hush", data=b"{}").status_code
    assert [("melhor-envio", "the endpoint's address is /webhooks/melhor-envio", 1)] == seen(rig_on_either)
    assert [target] == [row["target"] for row in rig_on_either.queries.rejects()]
    told = Conditions(rig_on_either.database).unknown_routes(since=rig_on_either.now - 1)
    assert ["melhor-envio"] == [group.subject for group in told]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/wp-login.php",
        "/webhook/wp-login.php",
        "/links/melhor",
        "/console/parcels/x/y/z",
        "/api/v1/shipments/melhor-envio",
    ],
)
def test_address_of_a_scanner(rig: Rig, path: str) -> None:
    """A path without any endpoint's name costs nothing."""
    rig.client.post(path)

    assert [] == seen(rig)


TOKEN = "link-token-of-24-letters-and-more"


@pytest.mark.parametrize(
    ("path", "route", "reason"),
    [
        ("/links/luxx", "links/luxx", "no account has this name; did you mean lux?"),
        ("/hooks/vtex/Lux", "hooks/vtex/Lux", "no account has this name; did you mean lux?"),
        ("/links/oldstore", "links/oldstore", "no account has this name"),
        ("/links/lux/", "links/lux", "the address is /links/lux"),
        ("/hooks/lux", "hooks/vtex/lux", "the address is /hooks/vtex/lux"),
    ],
)
def test_account(rig_on_either: Rig, path: str, route: str, reason: str) -> None:
    """Links, and VTEX's hook, at a wrong address are recorded, and people are told where an account is meant."""
    rig_on_either.configure(account={"hook_secrets": [SECRET], "link_tokens": [TOKEN]})

    assert 404 == rig_on_either.client.post(path, data=b"{}").status_code
    assert [(route, reason, 1)] == seen(rig_on_either)
    assert [path] == [row["target"] for row in rig_on_either.queries.rejects()]
    told = Conditions(rig_on_either.database).unknown_routes(since=rig_on_either.now - 1)
    expected = [] if "oldstore" in path else [f"{'links' if 'links' in path else 'hooks/vtex'}/lux"]
    assert expected == [group.subject for group in told]


def test_account_takes_none(rig: Rig) -> None:
    """An account without the setting is recorded with it; a name that is no account's costs nothing then."""
    rig.client.post("/hooks/vtex/lux")
    rig.client.post("/links/lux")
    rig.client.post("/links/oldstore")

    assert {
        ("hooks/vtex/lux", "account lux has no hook_secrets: add them to [vtex.lux]", 1),
        ("links/lux", "account lux has no link_tokens: add them to [vtex.lux]", 1),
    } == set(seen(rig))


def test_account_secret(rig: Rig) -> None:
    """A token in the place of the account's name is blanked."""
    rig.configure(account={"link_tokens": [TOKEN]})
    rig.client.post(f"/links/{TOKEN}")

    assert ["/links/[redacted]"] == [row["target"] for row in rig.queries.rejects()]


def test_account_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner that asks for ever new accounts hides none that is nearly right, and is not stored without end."""
    monkeypatch.setattr(unknown_routes, "MOST_NAMES", 2)
    rig.configure(account={"link_tokens": [TOKEN]})
    for number in range(10):
        rig.client.post(f"/links/scan-{number}")
    rig.client.post("/links/luxx")

    assert 3 == len(seen(rig))
    assert "links/luxx" in {name for name, *_ in seen(rig)}


def test_method(rig: Rig) -> None:
    """A wrong method is recorded, and answered 405 as before."""
    assert 405 == rig.client.patch("/webhooks/melhor-envio").status_code
    assert [("melhor-envio", "the endpoint does not take PATCH", 1)] == seen(rig)


def test_unread(rig: Rig) -> None:
    """A body that is too large or compressed is refused unread, and recorded: its carrier may not send it again."""
    rig.configure(max_body=2_000)
    statuses = [
        rig.client.post("/webhooks/melhor-envio", data=b"x" * 2_001).status_code,
        rig.client.post("/webhooks/melhor-envio", data=b"x", headers={"Content-Encoding": "gzip"}).status_code,
    ]
    reasons = {reason for _, reason, _ in seen(rig)}

    assert [413, 415] == statuses
    assert reasons == {
        "the body is larger than max_body, and was refused unread",
        "the body is compressed (Content-Encoding), and was refused unread",
    }
    assert ["melhor-envio"] == [group.subject for group in Conditions(rig.database).unknown_routes(since=rig.now - 1)]


def test_token(rig: Rig) -> None:
    """What stands behind a name may be a secret: it is blanked."""
    rig.client.post("/webhooks/melhor-envio/hush-hush")
    rig.client.post("/webhooks/other/hush-hush?key=hush-hush")

    assert {"/webhooks/melhor-envio/[redacted]", "/webhooks/other/[redacted]"} == {
        row["target"] for row in rig.queries.rejects()
    }


def test_secret_as_name(rig: Rig) -> None:
    """A secret in the place of a name is blanked, too."""
    rig.client.post("/webhooks/rig-secret")

    assert "rig-secret" not in str(rig.queries.rejects())


def test_warned_hourly(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The log warns of a name once an hour, and each request is counted, at the latest a minute later."""
    with caplog.at_level(logging.WARNING, "receiver"):
        for seconds in (0, 1, 1, 70, 3600):
            rig.now += seconds
            rig.client.post("/webhooks/melhorenvio")

    phrase = "webhook that no endpoint takes, see receiver rejects: name=melhorenvio method=POST reason="
    assert [f"{phrase}no endpoint has this name; did you mean melhor-envio?"] * 2 == caplog.messages
    assert [5] == [count for *_, count in seen(rig)]


def test_several_processes(rig_on_either: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Several processes warn once together."""
    with caplog.at_level(logging.WARNING, "receiver"):
        for _ in range(3):
            rig_on_either.use(rig_on_either.config)  # a web process of its own
            rig_on_either.now += 1
            rig_on_either.client.post("/webhooks/melhorenvio")

    assert 1 == len(caplog.messages)
    assert [3] == [count for *_, count in seen(rig_on_either)]


def test_bounded_in_process(rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A scanner that asks for ever new names is counted, not stored."""
    monkeypatch.setattr(unknown_routes, "MOST_NAMES", 2)
    with caplog.at_level(logging.WARNING, "receiver"):
        for number in range(10):
            rig.client.post(f"/webhooks/scan-{number}")
        rig.now += 3600
        rig.client.post("/webhooks/scan-0")

    assert 2 == len(seen(rig))
    assert "webhooks to unknown addresses not recorded, too many names: requests=8" in caplog.messages


def test_clock_set_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set back gives a new hour: what a scanner used up before hides no other name."""
    monkeypatch.setattr(unknown_routes, "MOST_NAMES", 2)
    for number in range(3):
        rig.client.post(f"/webhooks/scan-{number}")
    rig.now -= 7_200
    rig.client.post("/webhooks/wp-admin")

    assert "wp-admin" in {name for name, *_ in seen(rig)}


def test_counted_after_a_clock_step(rig: Rig) -> None:
    """What is asked for again after a small step back is counted at once, not after the step is made up for."""
    for step in (0, 1_800, -900):
        rig.now += step
        rig.client.post("/webhooks/melhorenvio")

    assert [3] == [count for *_, count in seen(rig)]


def test_scanner_hides_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many names a scanner asks for: one that is nearly an endpoint's, and a wrong method or path of an
    endpoint, have room of their own, which is bounded, too."""
    monkeypatch.setattr(unknown_routes, "MOST_NAMES", 3)
    for number in range(10):
        rig.client.post(f"/webhooks/scan-{number}")
    rig.client.post("/webhooks/melhorenvio")
    rig.client.patch("/webhooks/melhor-envio")
    rig.client.post("/webhooks/melhor-envio/more")
    rig.client.post("/webhooks/melhor-envios")

    meant = {"melhor-envio": 2, "melhorenvio": 1, "melhor-envios": 1}
    assert {**meant, "scan-0": 1, "scan-1": 1, "scan-2": 1} == Counter(name for name, *_ in seen(rig))

    monkeypatch.setattr(store, "MOST_ROUTES", 5)
    rig.now += 3_600
    rig.client.post("/webhooks/scan-11")
    assert {**meant, "scan-11": 1} == Counter(name for name, *_ in seen(rig))


def test_bounded_in_store(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store keeps so many names, those met last."""
    monkeypatch.setattr(store, "MOST_ROUTES", 2)
    for number in range(4):
        rig.now += 1
        rig.client.post(f"/webhooks/scan-{number}")

    assert ["scan-3", "scan-2"] == [name for name, *_ in seen(rig)]


@pytest.mark.parametrize("written", ["melhor-envio", "melhor_envio"])
@pytest.mark.parametrize("configured", ["melhor-envio", "melhor_envio"])
def test_one_sign(rig: Rig, written: str, configured: str) -> None:
    """``-`` and ``_`` in an endpoint's name are the same to the router."""
    rig.configure(endpoints={configured: MELHOR_ENVIO})
    rig.post(posted(), endpoint=configured)
    signed = rig.queries.deliveries()

    assert [configured] == [row["endpoint"] for row in signed]
    forged = {"x-me-signature": "AAAA"}
    assert 401 == rig.client.post(f"/webhooks/{written}", json=posted(), headers=forged).status_code


def test_exact_name_wins(rig: Rig) -> None:
    """Where both spellings are configured each is itself, and a third one is neither."""
    rig.configure(endpoints={"me-a-b": MELHOR_ENVIO, "me_a_b": {**MELHOR_ENVIO, "secrets": ["another-secret"]}})

    for name in ("me-a-b", "me_a_b"):
        assert (200, "accepted") == outcome(rig.post(posted(parcel=name), endpoint=name))
    assert 404 == rig.client.post("/webhooks/me-a_b").status_code
    assert ["me-a-b", "me_a_b"] == [row["endpoint"] for row in rig.queries.deliveries()]


def test_listed(operator: Operator) -> None:
    """`receiver rejects` shows them."""
    operator.rig.client.post("/webhooks/melhorenvio")

    [row] = operator.tells("rejects")
    assert ("melhorenvio", 1, "POST") == (row["endpoint"], row["count"], row["method"])
    assert "did you mean melhor-envio?" in operator.says("rejects")
