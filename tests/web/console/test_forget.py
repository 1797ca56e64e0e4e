"""Forgetting in the console: seen first, then blanked as it was seen, and recorded without what was named."""

import json
import re

import pytest
from sqlalchemy import text

from receiver.commands.forgetting import _WORDS
from receiver.operations import forgetting
from receiver.operations.order_check import lookup
from receiver.store.keeping.kept import KEPT
from tests.support.api import VI
from tests.support.buyers import CANARY, two_buyers
from tests.support.clerk import Clerk, form
from tests.support.rig import Rig, posted

ASK, DO = "/forget/preview", "/forget/do"


@pytest.fixture
def told(site: Rig) -> Rig:
    """Two parcels: the webhook of each names its own buyer."""
    two_buyers(site)
    return site


def bodies(site: Rig) -> str:
    rows = site.database.rows(text("SELECT body FROM deliveries"))
    return " ".join(bytes(row["body"] or b"").decode() for row in rows)


def decisions(site: Rig) -> list[dict[str, object]]:
    return [dict(row) for row in site.database.rows(text("SELECT * FROM decisions"))]


@pytest.mark.parametrize(("named", "value"), [("order", "1-01"), ("number", "tn-1 br"), ("text", CANARY.upper())])
def test_forgotten(told, named, value):
    """A preview counts each kind and blanks nothing; then the one person's data go, and the record does not name it."""
    ana = Clerk(told)
    seen = ana.send("/forget", ASK, named=named, value=value)
    rows = {what: int(many) for many, what in re.findall(r'<b class="count">(\d+)</b></td><td>([^<]+)', seen.text)}
    assert (200, 1, 1) == (seen.status_code, rows["webhook, with its body"], rows["parcel"])
    assert (True, True) == ("melhor-envio/p1" in seen.text, f"{sum(rows.values())} rows would be blanked" in seen.text)
    assert json.dumps(CANARY)[1:-1] in bodies(told)

    done = ana.post(DO, {**form(seen.text, f"/console{DO}"), "note": "letter of May"})
    page = ana.page(done.location.removeprefix("/console"))

    assert (303, True) == (done.status_code, "rows were blanked." in page)
    assert (True, False) == ("Bruno" in bodies(told), json.dumps(CANARY)[1:-1] in bodies(told))
    assert ["dismissed", "in_step"] == [told.shipment(f"melhor-envio/{name}")["state"] for name in ("p1", "p2")]
    [row] = decisions(told)
    assert ("ana", "console", "forget", named, "letter of May") == tuple(
        row[name] for name in ("actor", "via", "action", "subject", "note")
    )
    assert value not in f"{row}{done.location}{ana.cookie('receiver_flash')}"


def test_otherwise(told):
    """Where other rows hold it by then, nothing is blanked and the preview is shown again, with the note; where none
    do, the page says so."""
    ana = Clerk(told)
    seen = form(ana.send("/forget", ASK, named="order", value="1-01").text, f"/console{DO}")
    told.post(posted("1-01", parcel="p3", number="TN3BR"))
    told.work()

    again = ana.post(DO, {**seen, "note": "letter of May"})
    assert (409, True) == (again.status_code, "Other rows hold it than you saw." in again.text)
    assert 'value="letter of May"' in again.text
    assert ([], "in_step") == (decisions(told), told.shipment()["state"])

    assert "Nothing of it is here." in ana.send("/forget", ASK, named="order", value="9-01").text
    assert 409 == ana.post(DO, {**seen, "value": "9-01"}).status_code


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"named": "text", "value": "Ana"}, 422, "A text needs 4 characters or more"), ({"value": " "}, 400, ""),
        ({"named": "buyer"}, 400, ""), ({"value": "x" * 201}, 400, ""), ({"value": "a\tb"}, 400, ""),
    ],
)  # fmt: skip
def test_refused(told, ana, fields, status, said):
    """What names nothing, or almost everything, is not looked for."""
    answer = ana.send("/forget", ASK, **{"named": "order", "value": "1-01", **fields})
    assert (status, True, False) == (answer.status_code, said in answer.text, f'action="/console{DO}"' in answer.text)


def test_too_many(told, ana, monkeypatch):
    """What stands in too many rows is not blanked here; nor is anything while others look something up."""
    seen = form(ana.send("/forget", ASK, named="order", value="1-01").text, f"/console{DO}")
    monkeypatch.setattr(forgetting, "MOST_AT_ONCE", 2)
    answer = ana.send("/forget", ASK, named="order", value="1-01")
    assert (409, True) == (answer.status_code, "rows hold it. Name less" in answer.text)

    with lookup(), lookup(), lookup(), lookup():
        for busy in (ana.send("/forget", ASK, named="order", value="1-01"), ana.post(DO, seen)):
            assert (503, True) == (busy.status_code, "Others are looking something up" in busy.text)
    assert [] == decisions(told)


def test_from_a_parcel(told, ana):
    """A parcel's page leads to what its order left; without an order, to what the parcel itself left."""
    seen = ana.send("/parcels/melhor-envio/p1", ASK)
    assert (200, "1-01") == (seen.status_code, form(seen.text, f"/console{DO}")["value"])

    told.post(posted(None, parcel="p4", number="TN4BR"))
    told.work()
    seen = ana.send("/parcels/melhor-envio/p4", ASK)
    assert "melhor-envio/p4" == form(seen.text, f"/console{DO}")["value"]
    assert "melhor-envio/p4" in seen.text


def test_view(told):
    """Who may only view has no such page, neither in the navigation nor behind its address."""
    vi = Clerk(told, VI)
    assert (False, 403) == ("/console/forget" in vi.page("/"), vi.get("/forget").status_code)


def test_kinds():
    """The command counts every table that is searched, as the console does."""
    assert {table.name for table, kept in KEPT.items() if kept.searched} == set(_WORDS)
