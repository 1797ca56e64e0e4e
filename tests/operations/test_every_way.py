"""Every decision can be taken in all three ways, and leaves the same record: who, from where, what, and why."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage

from receiver.operations.decisions import Decisions
from receiver.store import DecisionRecord, Queue
from receiver.web.console.pages.decisions import ACTIONS
from tests.support.api import ANA, held, post, with_operators
from tests.support.clerk import Clerk, form
from tests.support.console import receiver, write_config
from tests.support.rig import MELHOR_ENVIO, Rig, order, package

NOTE = "the buyer wrote"
P1, PARCEL, SHIPMENT = "melhor-envio/p1", "/parcels/melhor-envio/p1", "shipments/melhor-envio/p1"
BULK = "/parcels/bulk"
LINK = {"tracking_number": "TN9BR", "order": "9-01"}
CSV = b"tracking_number,order\nTN9BR,9-01\n"


class Ana:
    """Ana, who may decide, with the same note in each of the three ways. A parcel is held before her."""

    def __init__(self, rig: Rig) -> None:
        self.rig = with_operators(rig)
        self.rig.now = time.time()
        held(self.rig)
        self.rig.now += 1  # a decision about many is about what does not change any more
        self.rig.add_order(order("2-01", package("41002")))
        self._clerk = Clerk(self.rig)
        self._config = write_config(rig.folder, rig.database_url, rig.vtex_url, {"melhor-envio": MELHOR_ENVIO})

    @property
    def delivery(self) -> str:
        return str(next(iter(self.rig.queries.delivery_ids(["accepted"]))))

    def types(self, *arguments: str) -> None:
        """At the command line."""
        said = receiver(*arguments, "--by", "ana", "--note", NOTE, config=self._config)
        assert 0 == said.exit_code, said.output

    def calls(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        """By the API."""
        answer = post(self.rig, path, {**(body or {}), "note": NOTE})
        assert 200 == answer.status_code, answer.text

    def calls_as_seen(self, path: str, body: Mapping[str, Any]) -> None:
        """By the API: a preview, then the same with its token."""
        self.calls(path, {**body, "token": post(self.rig, path, body).json["token"]})

    def clicks(self, page: str, action: str, /, **fields: Any) -> None:
        """In the console: the form that the page shows for it, with its note."""
        self._sends(self._clerk.page(page), action, fields)

    def clicks_as_seen(self, page: str, ask: str, act: str, **fields: Any) -> None:
        """In the console: a preview, then the form that stands in it."""
        self._sends(self._clerk.send(page, ask, **fields).text, act, {})

    def _sends(self, shown: str, action: str, fields: Mapping[str, Any]) -> None:
        hidden = form(shown, f"/console{action}")
        assert 'name="note"' in shown.split(f'action="/console{action}"')[1].split("</form>", maxsplit=1)[0]
        answer = self._clerk.post(action, {**hidden, **fields, "note": NOTE})
        assert answer.status_code in (200, 303), answer.text


def nothing(_ana: Ana) -> None:
    pass


def assigned(ana: Ana) -> None:
    ana.rig.decisions.assign(P1, order_id="1-01", invoice_number="A", now=ana.rig.now)


def linked(ana: Ana) -> None:
    ana.rig.link("TN9BR", "9-01")


def paused(ana: Ana) -> None:
    accounts = Queue(ana.rig.database, worker_name="x", lease=1.0).accounts
    accounts.pause("lux", until=ana.rig.now + 600, reason="HTTP 401", own_fault=True, now=ana.rig.now)


def typed_file(ana: Ana) -> None:
    path = ana.rig.folder / "links.csv"
    path.write_bytes(CSV)
    ana.types("link", "--csv", str(path))


def called_file(ana: Ana) -> None:
    headers = {"Authorization": f"Bearer {ANA}", "Content-Type": "text/csv"}
    answer = ana.rig.client.post(f"/api/v1/links/file?note={NOTE}", data=CSV, headers=headers)
    assert 200 == answer.status_code, answer.text


@dataclass(frozen=True, kw_only=True)
class Case:
    """A decision in three ways. ``method`` is that of `Decisions`; ``before``: what must be so first."""

    method: str
    action: str
    subject: str
    types: Callable[[Ana], None]
    calls: Callable[[Ana], None]
    clicks: Callable[[Ana], None]
    before: Callable[[Ana], None] = nothing


CASES = {
    "assign": Case(
        method="assign", action="assign", subject=P1,
        types=lambda ana: ana.types("assign", P1, "--order", "1-01", "--invoice", "B"),
        calls=lambda ana: ana.calls(f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B"}),
        clicks=lambda ana: ana.clicks(f"{PARCEL}?order=1-01&invoice=B&choose=1", f"{PARCEL}/assign"),
    ),
    "also to another order": Case(
        method="assign", action="assign", subject=P1,
        types=lambda ana: ana.types("assign", P1, "--order", "1-01", "--invoice", "B", "--also", "2-01"),
        calls=lambda ana: ana.calls(f"{SHIPMENT}/assign", {"order": "1-01", "invoice": "B", "also": "2-01"}),
        clicks=lambda ana: ana.clicks(f"{PARCEL}?order=1-01&invoice=B&also=2-01&choose=1", f"{PARCEL}/assign"),
    ),
    "unassign": Case(
        method="unassign", action="unassign", subject=P1, before=assigned,
        types=lambda ana: ana.types("unassign", P1),
        calls=lambda ana: ana.calls(f"{SHIPMENT}/unassign"),
        clicks=lambda ana: ana.clicks(PARCEL, f"{PARCEL}/decide", action="unassign"),
    ),
    "retry": Case(
        method="retry", action="retry", subject=P1,
        types=lambda ana: ana.types("retry", P1),
        calls=lambda ana: ana.calls(f"{SHIPMENT}/retry"),
        clicks=lambda ana: ana.clicks(PARCEL, f"{PARCEL}/decide", action="retry"),
    ),
    "dismiss": Case(
        method="dismiss", action="dismiss", subject=P1,
        types=lambda ana: ana.types("dismiss", P1),
        calls=lambda ana: ana.calls(f"{SHIPMENT}/dismiss"),
        clicks=lambda ana: ana.clicks(PARCEL, f"{PARCEL}/decide", action="dismiss"),
    ),
    "retry many": Case(
        method="decide_all", action="retry", subject=P1,
        types=lambda ana: ana.types("retry", "--state", "held"),
        calls=lambda ana: ana.calls_as_seen("shipments/bulk", {"action": "retry", "state": "held"}),
        clicks=lambda ana: ana.clicks(f"{BULK}?action=retry&state=held", BULK),
    ),
    "dismiss many": Case(
        method="decide_all", action="dismiss", subject=P1,
        types=lambda ana: ana.types("dismiss", "--state", "held"),
        calls=lambda ana: ana.calls_as_seen("shipments/bulk", {"action": "dismiss", "state": "held"}),
        clicks=lambda ana: ana.clicks(f"{BULK}?action=dismiss&state=held", BULK),
    ),
    "resume an account": Case(
        method="resume", action="resume", subject="lux", before=paused,
        types=lambda ana: ana.types("resume"),
        calls=lambda ana: ana.calls("accounts/lux/resume"),
        clicks=lambda ana: ana.clicks("/accounts", "/accounts/lux/resume"),
    ),
    "reprocess": Case(
        method="reprocess", action="reprocess", subject="",
        types=lambda ana: ana.types("reprocess", ana.delivery),
        calls=lambda ana: ana.calls(f"deliveries/{ana.delivery}/reprocess"),
        clicks=lambda ana: ana.clicks(f"/deliveries/{ana.delivery}", f"/deliveries/{ana.delivery}/reprocess"),
    ),
    "link": Case(
        method="link", action="link", subject="lux/tracking_number/TN9BR",
        types=lambda ana: ana.types("link", *LINK.values()),
        calls=lambda ana: ana.calls("links", LINK),
        clicks=lambda ana: ana.clicks("/links", "/links/add", kind="tracking_number", number="TN9BR", order="9-01"),
    ),
    "links of a file": Case(
        method="link_all", action="link", subject="lux/tracking_number/TN9BR",
        types=typed_file, calls=called_file,
        clicks=lambda ana: ana.clicks("/links", "/links/file", file=FileStorage(BytesIO(CSV), "links.csv")),
    ),
    "unlink": Case(
        method="unlink", action="unlink", subject="lux/tracking_number/TN9BR", before=linked,
        types=lambda ana: ana.types("unlink", "TN9BR"),
        calls=lambda ana: ana.calls("links/unlink", {"tracking_number": "TN9BR"}),
        clicks=lambda ana: ana.clicks("/links", "/links/remove"),
    ),
    "forget": Case(
        method="forget", action="forget", subject="order",
        types=lambda ana: ana.types("forget", "--order", "1-01"),
        calls=lambda ana: ana.calls_as_seen("forget", {"order": "1-01"}),
        clicks=lambda ana: ana.clicks_as_seen("/forget", "/forget/preview", "/forget/do", named="order", value="1-01"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", ["command line", "api", "console"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_recorded(rig: Rig, case: Case, way: str) -> None:
    """In each way the decision is taken, and its row says who, from where, what, about what and why."""
    ana = Ana(rig)
    case.before(ana)

    {"command line": case.types, "api": case.calls, "console": case.clicks}[way](ana)

    [row] = DecisionRecord(rig.database).latest()
    assert ("ana", way, case.action, case.subject or ana.delivery, NOTE) == tuple(
        row[name] for name in ("actor", "via", "action", "subject", "note")
    )


def test_complete() -> None:
    """No decision that the program knows is missing from the table above."""
    methods = {name for name, one in vars(Decisions).items() if callable(one) and not name.startswith("_")}

    assert methods == {case.method for case in CASES.values()}
    assert set(ACTIONS) == {case.action for case in CASES.values()}
