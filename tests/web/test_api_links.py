"""``POST /api/v1/links/file``: many links from a CSV file, once for each Idempotency-Key, with a report."""

import time
from typing import Any

import pytest
from werkzeug.test import TestResponse

from receiver.operations import links as link_rules
from receiver.operations.link_files import LARGEST_FILE
from receiver.web.api import linking
from tests.support.api import ANA, VI, items, post, with_operators
from tests.support.openapi import hold
from tests.support.rig import Rig, order, package, posted

FILE = "tracking_number;order\nTN 1-BR;1-01\n--;2-01\nTN5BR;5-01\n".encode("utf-8-sig")


@pytest.fixture
def api(rig_on_either: Rig) -> Rig:
    rig_on_either.now = time.time()
    return with_operators(rig_on_either)


def send(rig: Rig, content: bytes, token: str = ANA, *, key: str | None = None, **query: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    headers |= {"Idempotency-Key": key} if key else {}
    answer = rig.client.post("/api/v1/links/file", data=content, headers=headers, query_string=query)
    hold(answer, "POST", "/links/file")
    return answer


def test_report(api):
    """Good lines are stored and wake their parcels, bad ones are told; each link has its row in the record."""
    api.add_order(order("1-01", package("A")))
    api.post(posted(None))
    api.work()

    answer = send(api, FILE, note="labels of May")

    assert (200, 2, 1, 1) == (answer.status_code, *(answer.json[name] for name in ("stored", "woken", "bad")))
    assert [{"line": 3, "column": "tracking_number", "why": "has no letter and no digit"}] == answer.json["lines"]
    assert ["TN1BR", "TN5BR"] == [one["value"] for one in items(api, "links")]
    assert {("link", "api", "ana", "labels of May")} == {
        (one["action"], one["via"], one["actor"], one["note"]) for one in items(api, "decisions", token=ANA)
    }
    api.work()
    assert "TN1BR" == api.package_of("1-01", "A")["trackingNumber"]


def test_dismissed(api):
    """The report names the parcels that a person has dismissed: a link changes nothing of them."""
    api.post(posted(None))
    api.work()
    api.decisions.dismiss("melhor-envio/p1", now=api.now)

    answer = send(api, FILE)
    assert (["melhor-envio/p1"], 0) == (answer.json["dismissed"], answer.json["woken"])


def test_again(api):
    """The same file under its key is stored once: a link that was removed since stays away. Another file is refused."""
    first = send(api, FILE, key="k1")
    post(api, "links/unlink", {"tracking_number": "TN5BR"})

    again = send(api, FILE, key="k1")

    assert (200, "true") == (again.status_code, again.headers["Idempotency-Replayed"])
    assert {**first.json, "woken": None, "dismissed": None} == again.json
    assert ["TN1BR"] == [one["value"] for one in items(api, "links")]
    assert [422, 422] == [
        send(api, FILE, key="k1", note="x").status_code,
        send(api, FILE + b"\n", key="k1").status_code,
    ]


def test_refused(api, monkeypatch):
    """What is no such file, too large, or sent by a person who may only view stores nothing."""
    for content, query, status, detail in [
        (b"parcel,order\nx,1-01\n", {}, 422, "the header must name"), (FILE, {"account": "x"}, 422, "one of lux"),
        (FILE, {"note": "x" * 1_001}, 422, "note must have"), (FILE.ljust(LARGEST_FILE + 1, b"\n"), {}, 413, ""),
    ]:  # fmt: skip
        answer = send(api, content, **query)
        assert (status, True) == (answer.status_code, detail in (answer.json.get("detail") or "")), answer.json
    assert 403 == send(api, FILE, VI).status_code
    assert link_rules.MOST == linking.MOST  # one transaction
    monkeypatch.setattr(linking, "MOST", 2)
    assert "more than 2 links" in send(api, FILE).json["detail"]
    assert ([], []) == (items(api, "links"), items(api, "decisions"))
