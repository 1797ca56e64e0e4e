"""``POST /api/v1/forget``: a preview, then exactly what it showed is blanked."""

import json

import pytest

from receiver.operations import forgetting
from receiver.store.keeping.forgetting import Forgetting
from tests.support.api import ANA, VI, get, items, post, with_operators
from tests.support.buyers import CANARY, two_buyers
from tests.support.rig import Rig, posted


@pytest.fixture
def api(rig_on_either: Rig) -> Rig:
    """Two parcels: the webhook of each names its own buyer."""
    rig = with_operators(rig_on_either)
    two_buyers(rig)
    return rig


def bodies(api: Rig) -> str:
    names = [one["id"] for one in items(api, "deliveries")]
    return "".join(get(api, f"deliveries/{name}/body", ANA).text for name in names)


@pytest.mark.parametrize("named", [{"order": "1-01"}, {"number": "tn-1 br"}, {"text": CANARY.upper()}])
def test_forgotten(api, named):
    """The preview counts and blanks nothing; with its token the one person's data goes, and the record names no one."""
    seen = post(api, "forget", named).json
    assert (1, ["melhor-envio/p1"]) == (seen["shipments"], seen["examples"])
    assert json.dumps(CANARY)[1:-1] in bodies(api)

    done = post(api, "forget", {**named, "token": seen["token"], "note": "letter of May"})

    assert ("forget", "data", *named, "letter of May") == tuple(
        done.json[name] for name in ("action", "kind", "subject", "note")
    )
    assert seen["rows"] == done.json["after"]
    assert (True, True) == (json.dumps(CANARY)[1:-1] not in bodies(api), "Bruno" in bodies(api))
    assert ["dismissed", "in_step"] == [api.shipment(f"melhor-envio/{name}")["state"] for name in ("p1", "p2")]
    assert not any(one in json.dumps(items(api, "decisions", token=ANA)) for one in named.values())


def test_otherwise(api):
    """Where other rows hold it by then, or none, nothing is blanked."""
    seen = post(api, "forget", {"order": "1-01"}).json
    api.post(posted("1-01", parcel="p3", number="TN3BR"))
    api.work()

    answer = post(api, "forget", {"order": "1-01", "token": seen["token"]})

    assert (409, "preview again") == (answer.status_code, answer.json["detail"][-14:-1])
    assert ([], "in_step") == (items(api, "decisions"), api.shipment()["state"])
    none = post(api, "forget", {"order": "9-01"})
    assert (200, {}, 0) == (none.status_code, none.json["rows"], none.json["shipments"])
    assert 409 == post(api, "forget", {"order": "9-01", "token": none.json["token"]}).status_code


def test_again(api, monkeypatch):
    """The same request under its key is answered with its row only where nothing of it is left."""
    body = {"text": CANARY}
    body["token"] = post(api, "forget", body).json["token"]
    with monkeypatch.context() as broken:
        broken.setattr(Forgetting, "_each", lambda *_: None)  # it is recorded, and ends before the first row
        first = post(api, "forget", body, key="k1")

    assert (200, 409) == (first.status_code, post(api, "forget", body, key="k1").status_code)

    rest = {**body, "token": post(api, "forget", {"text": CANARY}).json["token"]}
    assert 200 == post(api, "forget", rest, key="k2").status_code
    again = post(api, "forget", rest, key="k2")
    assert (200, "true", "forget") == (again.status_code, again.headers["Idempotency-Replayed"], again.json["action"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Exactly one of order, number, text"), ({"order": "1-01", "number": "TN1BR"}, "Exactly one of"),
        ({"order": "  "}, "$.order must be a text"), ({"text": "Ana"}, "$.text needs 4 characters"),
    ],
)  # fmt: skip
def test_refused(api, body, detail):
    """What names nothing, or too much, is refused; so is a person who may only view."""
    answer = post(api, "forget", body)
    assert (422, True) == (answer.status_code, detail in answer.json["detail"])
    assert 403 == post(api, "forget", {"order": "1-01"}, VI).status_code


def test_too_many(api, monkeypatch):
    """A text that stands in too many rows is refused before anything is blanked."""
    monkeypatch.setattr(forgetting, "MOST_AT_ONCE", 2)
    answer = post(api, "forget", {"text": "melhor"})
    assert (409, True) == (answer.status_code, "more than 2 rows" in answer.json["detail"])
