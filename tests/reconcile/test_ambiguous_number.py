"""A carrier gives no tracking number, and the merchant's rule finds two in one message."""

from typing import Any

from tests.support.console import Operator, write_config
from tests.support.reconciling import fields, rest
from tests.support.rig import Rig, order, package

BODY = {
    "carrierId": "LOGMANAGER",
    "orderId": "1-01",
    "status": "collected",
    "processedAt": "2026-11-16 10:00:00",
    "ids": ["LM1", "LM2"],
}
PARCEL = "logmanager/1-01"


def finding(path: str) -> dict[str, Any]:
    """An endpoint whose rule finds the number there."""
    rule = {"path": path, "is": "tracking_number"}
    return {"logmanager": {"carrier": "logmanager", "secrets": ["logmanager-secret"], "references": [rule]}}


def test_held(operator_on_either: Operator) -> None:
    """A person hears of it, and ends it with a rule that finds one number."""
    rig = operator_on_either.rig
    rig.configure(endpoints=finding("ids[*]"))
    rig.add_order(order("1-01", package("900")))
    rig.post(BODY, endpoint="logmanager")
    rig.work()

    assert ("held", "ambiguous_number") == rest(rig, PARCEL)
    note = rig.shipment(PARCEL)["note"]
    assert "(tracking_number: LM1, LM2) To decide: receiver reprocess --accepted --endpoint logmanager" in note
    assert [] == rig.calls()

    rig.configure(endpoints=finding("ids[1]"))
    write_config(rig.folder, rig.database_url, rig.vtex_url, finding("ids[1]"))
    operator_on_either.says("reprocess", "--accepted", "--endpoint", "logmanager")
    rig.work()

    assert ("in_step", None) == rest(rig, PARCEL)
    assert "LM2" == fields(rig)["trackingNumber"]


def test_assigned(rig: Rig) -> None:
    """An order that a person names does not choose the number."""
    rig.configure(endpoints=finding("ids[*]"))
    rig.add_order(order("1-01", package("900")))
    rig.post(BODY, endpoint="logmanager")
    rig.work()
    rig.decisions.assign(PARCEL, order_id="1-01", invoice_number="900", now=rig.now)
    rig.work()

    assert ("held", "ambiguous_number") == rest(rig, PARCEL)


def test_one_of_two(rig: Rig) -> None:
    """A later message in which the rule finds one number ends it."""
    rig.configure(endpoints=finding("ids[*]"))
    rig.add_order(order("1-01", package("900")))
    rig.post(BODY, endpoint="logmanager")
    rig.work()
    rig.post({**BODY, "status": "received", "ids": ["LM2"]}, endpoint="logmanager")
    rig.work()

    assert ("in_step", "LM2") == (rest(rig, PARCEL)[0], fields(rig)["trackingNumber"])


def test_before_dispatch(rig: Rig) -> None:
    """Before the carrier has the parcel, nothing is asked of a person; and no number at all is still to come."""
    rig.configure(endpoints=finding("ids[*]"))
    rig.post({**BODY, "status": "ready_to_ship"}, endpoint="logmanager")
    rig.post({**BODY, "orderId": "2-01", "ids": []}, endpoint="logmanager")
    rig.work()

    assert ("waiting", "not_dispatched") == rest(rig, PARCEL)
    assert ("waiting", "no_tracking_number") == rest(rig, "logmanager/2-01")
