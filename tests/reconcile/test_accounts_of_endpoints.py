"""One carrier's webhooks for two VTEX accounts: rules say whose parcel it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiver.operations.links import store_links
from receiver.sandbox import Sandbox, create_sandbox, serve
from tests.support.reconciling import rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

OUTLETS = {"path": "data.tags[*].url", "pattern": "outlet", "is": "second"}
OUTLET = [{"tag": "1-01", "url": "https://outlet.example"}]


@pytest.fixture
def second(rig: Rig) -> Iterator[Sandbox]:
    """The orders of the account ``second``; the rig's endpoint is for both accounts."""
    app = create_sandbox([], clock=lambda: rig.now)
    with serve(app) as running:
        rig.configure(
            accounts={"second": {"base_url": running.url}},
            endpoints={"melhor-envio": {**MELHOR_ENVIO, "account": "lux", "accounts": [OUTLETS]}},
        )
        yield app.extensions["sandbox"]


def patched(sandbox: Sandbox) -> list[str]:
    """The tracking numbers that were written, in their order."""
    return [call.body["trackingNumber"] for call in sandbox.calls if call.method == "PATCH"]


def test_divided(rig: Rig, second: Sandbox) -> None:
    """A parcel that the rule finds is of the rule's account, every other one of the endpoint's."""
    for orders in (rig.sandbox, second):
        orders.put(order("1-01", package("900")))
    rig.post(posted(parcel="p1", number="TN1BR"))
    rig.post(posted(parcel="p2", number="TN2BR", tags=OUTLET))
    rig.work()

    assert (["TN1BR"], ["TN2BR"]) == (patched(rig.sandbox), patched(second))
    assert ("lux", "second") == tuple(rig.shipment(f"melhor-envio/{name}")["account"] for name in ("p1", "p2"))


def test_silent_message(rig: Rig, second: Sandbox) -> None:
    """A message in which no rule finds anything leaves a parcel where it is."""
    second.put(order("1-01", package("900")))
    rig.post(posted(event="order.generated", number=None, tags=OUTLET))
    rig.work()
    rig.post(posted())
    rig.work()

    assert ["TN1BR"] == patched(second)
    assert [] == rig.calls()


@pytest.mark.parametrize("together", [False, True])
def test_told_later(rig: Rig, second: Sandbox, together: bool) -> None:
    """A parcel of which nothing was written yet goes where a later message says, and is looked for there at once."""
    second.put(order("1-01", package("900")))
    rig.post(posted())
    if not together:
        rig.work()
        assert ("awaiting_order", "order_not_found") == rest(rig)
    rig.post(posted(tags=OUTLET, created_at="2026-11-10T13:00:00+00:00"))
    rig.work()

    assert ("in_step", None) == rest(rig)
    assert ["TN1BR"] == patched(second)


def test_written(rig: Rig, second: Sandbox) -> None:
    """What was written to an order is told to that order."""
    for orders in (rig.sandbox, second):
        orders.put(order("1-01", package("900")))
    rig.post(posted())
    rig.work()
    rig.post(posted(tags=OUTLET, number="TN2BR"))
    rig.work()

    assert (["TN1BR", "TN2BR"], []) == (patched(rig.sandbox), patched(second))


def test_assigned(rig: Rig, second: Sandbox) -> None:
    """So it is with what a person assigned."""
    rig.post(posted())
    rig.work()
    rig.decisions.assign("melhor-envio/p1", order_id="2-01", invoice_number=None, now=rig.now)
    rig.post(posted(tags=OUTLET))
    rig.add_order(order("2-01", package("900")))
    rig.work()

    assert (["TN1BR"], []) == (patched(rig.sandbox), patched(second))


def test_moved_in_hands(rig: Rig, second: Sandbox) -> None:
    """A parcel that is moved while it is written stays: its invoice carries it now."""
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    queue, reconciler = rig.hands("busy")
    (claim,) = queue.claim("lux", most=1, now=rig.now)
    rig.post(posted(tags=OUTLET))
    assert "second" == rig.shipment()["account"]
    reconciler.run(claim)
    rig.work()

    assert ("in_step", "lux") == (rest(rig)[0], rig.shipment()["account"])
    assert (["TN1BR"], []) == (patched(rig.sandbox), patched(second))


def test_moved_with_an_open_end(rig: Rig, second: Sandbox) -> None:
    """So does one of which no one knows whether it was written: it is looked for where it was begun."""
    for orders in (rig.sandbox, second):
        orders.put(order("1-01", package("900")))
    rig.post(posted())
    rig.faults(reset_after_applying=1.0)
    rig.work()
    assert ("due", "vtex_unavailable") == rest(rig)
    rig.faults()
    rig.post(posted(tags=OUTLET))
    rig.later(60)

    assert ("in_step", "lux") == (rest(rig)[0], rig.shipment()["account"])
    assert (["TN1BR"], []) == (patched(rig.sandbox), patched(second))


def test_configured_elsewhere(rig: Rig, second: Sandbox) -> None:
    """An endpoint that was configured for the wrong account: what waits is looked for in the right one with its next
    message, what was written stays."""
    rig.add_order(order("1-01", package("900")))
    second.put(order("2-01", package("900")))
    for parcel, order_id in (("p1", "1-01"), ("p2", "2-01")):
        rig.post(posted(order_id, parcel=parcel))
    rig.work()
    accounts: dict[str, Any] = {"second": {"base_url": rig.config.accounts["second"].base_url}}
    rig.configure(accounts=accounts, endpoints={"melhor-envio": {**MELHOR_ENVIO, "account": "second"}})
    for parcel, order_id in (("p1", "1-01"), ("p2", "2-01")):
        rig.post(posted(order_id, parcel=parcel, event="order.delivered"))
    rig.work()

    assert ("lux", "second") == tuple(rig.shipment(f"melhor-envio/{name}")["account"] for name in ("p1", "p2"))
    assert ["TN1BR"] == patched(second)
    assert ("in_step", None) == rest(rig, "melhor-envio/p2")


def test_links_by_shipment(rig: Rig, second: Sandbox) -> None:
    """The carrier's own id names a parcel in each account that the endpoint serves."""
    told = [
        store_links(rig.index, rig.config, name, [{"shipment": "p1", "order": "1-01"}], now=rig.now)
        for name in ("lux", "second")
    ]
    assert ["stored", "stored"] == [one.status for (one,) in told]


def test_links(rig: Rig, second: Sandbox) -> None:
    """A link told in an account is for that account's parcels."""
    second.put(order("1-01", package("900")))
    rig.post(posted(None, tags=[{"tag": None, "url": "https://outlet.example"}]))
    rig.work()
    assert ("awaiting_order", "no_reference") == rest(rig)
    assert () == rig.link("TN1BR", "1-01").woken
    assert ("melhor-envio/p1",) == rig.link("TN1BR", "1-01", account="second").woken
    rig.work()

    assert ["TN1BR"] == patched(second)
