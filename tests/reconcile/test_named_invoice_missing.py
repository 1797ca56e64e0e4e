"""A complete order without the invoice that the carrier names: a person is asked at once, and the order's change heals
it without one."""

from typing import Any

import pytest

from tests.support.reconciling import INTELIPOST, learn, methods, rest, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY
from tests.support.vtex_hook import SECRET, event
from tests.support.vtex_hook import tell as tell_hook

KEY = "35261111111111000191550010123456781234567890"


@pytest.fixture
def told(rig: Rig) -> Rig:
    """A carrier that names number, series and key of the invoice."""
    rules = [
        {"path": "data.invoice", "is": "invoice_number"},
        {"path": "data.series", "is": "invoice_series"},
        {"path": "data.key", "is": "invoice_key"},
    ]
    endpoint = {**MELHOR_ENVIO, "references": [*MELHOR_ENVIO["references"], *rules]}
    rig.configure(endpoints={"melhor-envio": endpoint}, account={"hook_secrets": [SECRET]})
    return rig


@pytest.mark.parametrize(
    ("stored", "said", "expected"),
    [
        ("12345-1", {"invoice": "12345", "series": "1"}, ("in_step", None, "number_and_series")),
        ("12345-1", {"invoice": "12345"}, ("held", "named_invoice_missing", None)),
        ("6584634/09", {"invoice": "6584634", "series": "9"}, ("held", "unsafe_invoice_number", None)),
        (KEY, {"invoice": "12345678", "key": KEY}, ("in_step", None, "invoice_key")),
        ("DFG-v7731485plzv-01", {"invoice": "DFG-V7731485PLZV-01"}, ("in_step", None, "invoice_number_case")),
    ],
)
def test_how_the_number_is_stored(told: Rig, stored: str, said: dict[str, str], expected: tuple[str | None, ...]):
    """The only invoice of a complete order, however its number is stored: taken or held at once, never waited for."""
    told.add_order(order("1-01", package(stored)))
    told.post(posted(**said))
    told.work()

    assert expected == tuple(told.shipment()[name] for name in ("state", "reason", "rule"))


@pytest.fixture
def missing(rig: Rig) -> Rig:
    """A parcel of invoice 901, where the complete order has 900 and 902."""
    endpoint = {**INTELIPOST, "secrets": ["user:secret"]}
    rig.configure(endpoints={"intelipost": endpoint}, account={"hook_secrets": [SECRET]})
    rig.add_order(order("A-01", package("900", value=4_000), package("902", value=6_000)))
    rig.post(shipped("A-01", "901"), endpoint="intelipost")
    rig.work()
    return rig


def test_held_at_once(missing: Rig):
    """The note names what was named and what is there, and the command to paste."""
    note = missing.shipment("intelipost/P1")["note"]

    assert ("held", "named_invoice_missing") == rest(missing, "intelipost/P1")
    assert "(the carrier names 901; order A-01 has 900, 902)" in note
    assert note.endswith("To decide: receiver assign intelipost/P1 --order A-01 --invoice 900   (or 902)")
    missing.works_until(2 * DAY)
    assert ["GET"] == methods(missing)


@pytest.mark.parametrize("woken", ["the hook", "the index"])
def test_healed(missing: Rig, woken: str):
    """Once the order shows that invoice it is written, without a person."""
    changed = order("A-01", *(package(number, value=4_000) for number in ("900", "901", "902")))
    missing.add_order(changed)
    _wake(missing, woken, changed)

    assert "in_step" == rest(missing, "intelipost/P1")[0]
    assert ["901"] == [call.invoice for call in missing.calls("PATCH")]


@pytest.mark.parametrize("woken", ["the hook", "the index"])
def test_reposted_under_a_safe_number(rig: Rig, woken: str):
    """An invoice whose number VTEX fails on is posted again under another one: the parcel of its key finds it."""
    rules = [*MELHOR_ENVIO["references"], {"path": "data.key", "is": "invoice_key"}]
    rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}}, account={"hook_secrets": [SECRET]})
    rig.add_order(order("A-01", package("90 1", invoiceKey=KEY)))
    rig.post(posted("A-01", key=KEY))
    rig.work()
    assert ("held", "unsafe_invoice_number") == rest(rig)
    assert "post the invoice again under a number without it" in rig.shipment()["note"]

    changed = order("A-01", package("901", invoiceKey=KEY))
    rig.add_order(changed)
    _wake(rig, woken, changed)

    assert "in_step" == rest(rig)[0]


def test_still_missing(missing: Rig):
    """A change of the order that does not bring it looks once and holds again."""
    for _ in range(3):
        tell_hook(missing, event("A-01"))
        missing.works_until(DAY)

    assert ("held", "named_invoice_missing") == rest(missing, "intelipost/P1")
    assert [] == missing.calls("PATCH")


def test_replaced(rig: Rig):
    """A replaced order gets nothing; the note says where its parcel belongs."""
    rig.add_order(order("1-01", package("900"), status="replaced"))
    rig.post(posted())
    rig.work()

    assert ("held", "order_cancelled") == rest(rig)
    assert "order 1-01 is replaced: VTEX has made a new order; assign that one" in rig.shipment()["note"]


@pytest.mark.parametrize(("value", "invoiced"), [(10_000, 9_990), (10_000, 0), (0, 0)])
def test_sums_that_are_off(rig: Rig, value: int, invoiced: int):
    """VTEX's own word that no invoice is to come counts for more than its sums."""
    rig.add_order(order("1-01", package("900", value=invoiced), value=value, status="invoiced"))
    rig.post(posted())
    rig.work()

    assert ("in_step", "only_open_invoice") == (rig.shipment()["state"], rig.shipment()["rule"])


@pytest.mark.parametrize("kind", [None, "output"])
def test_unknown_type(rig: Rig, kind: str | None):
    """A package that is neither an invoice nor a return is for a person."""
    rig.add_order(order("1-01", package("900", type=kind)))
    rig.post(posted())
    rig.work()

    assert ("held", "unknown_package_type") == rest(rig)
    assert f"900 of type {kind or 'null'}" in rig.shipment()["note"]


def _wake(rig: Rig, woken: str, changed: dict[str, Any]) -> None:
    if woken == "the hook":
        tell_hook(rig, event("A-01"))
    else:
        learn(rig, changed)
    rig.works_until(DAY)
