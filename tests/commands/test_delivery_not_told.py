"""`receiver reconcile`: parcels that their carriers delivered, and of which VTEX was not told so."""

import time
from typing import Any

import pytest

from tests.support.console import Operator
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR

TELLING = {**MELHOR_ENVIO, "events": True}
LONG_AGO = "2024-01-10T12:00:00+00:00"


def operator_of(rig: Rig, **changes: Any) -> Operator:
    """An operator to whom all of this happened thirty hours ago; the command's clock is the real one."""
    operator = Operator(rig, **{"melhor-envio": {**TELLING, **changes}})
    rig.now = time.time() - 30 * HOUR
    return operator


def not_told(operator: Operator, *options: str) -> list[dict[str, Any]]:
    return [row for row in operator.tells("reconcile", *options) if row["gap"] == "delivery_not_told"]


def delivered(rig: Rig, parcel: str = "p1", number: str | None = "TN1BR") -> None:
    rig.post(posted("1-01", parcel=parcel, number=number, event="order.delivered", at=LONG_AGO))
    rig.work()


class TestListed:
    @pytest.fixture
    def edited(self, rig_on_either: Rig) -> Operator:
        """A parcel whose number a person has changed at VTEX; it was delivered then."""
        operator = operator_of(rig_on_either)
        operator.in_step()
        rig_on_either.package_of("1-01", "41001")["trackingNumber"] = "TYPED"
        delivered(rig_on_either)
        return operator

    def test_changed_by_a_person(self, edited: Operator):
        """The delivery under a number that a person typed is not told, and is listed."""
        (row,) = not_told(edited)

        assert ("melhor-envio/p1", "TN1BR", "kept") == (row["shipment"], row["tracking_number"], row["state"])
        assert ("lux", "1-01", "41001", []) == tuple(
            row[name] for name in ("account", "order_id", "invoice_number", "undelivered")
        )
        assert row["note"].startswith("the carrier reports TN1BR delivered, and VTEX was not told; ")
        assert any(row["note"] in line for line in edited.says("reconcile").splitlines())

    def test_how_long_ago(self, edited: Operator):
        """It counts from the carrier's message, not from the parcel's first."""
        assert [] == not_told(edited, "--older-than", "31")

    def test_just_now(self, rig_on_either: Rig):
        operator = operator_of(rig_on_either)
        operator.in_step()
        rig_on_either.package_of("1-01", "41001")["trackingNumber"] = "TYPED"
        rig_on_either.now += 29 * HOUR
        delivered(rig_on_either)

        assert [0, 1] == [len(not_told(operator, "--older-than", hours)) for hours in ("24", "0.5")]

    def test_dismissed(self, edited: Operator):
        """A person who has corrected the order says so."""
        edited.says("dismiss", "melhor-envio/p1")

        assert [] == not_told(edited)

    def test_another_one_under_way(self, rig_on_either: Rig):
        """Three parcels share an invoice, and two are delivered: the third one is named, also after a person dismissed
        it."""
        rig = rig_on_either
        operator = operator_of(rig, second_parcel="join")
        rig.add_order(order("1-01", package("41001")))
        for number in "123":
            rig.post(posted("1-01", parcel=f"p{number}", number=f"TN{number}BR"))
            rig.work()
        delivered(rig)
        delivered(rig, "p3", "TN3BR")
        rows = not_told(operator)
        operator.says("dismiss", "melhor-envio/p2")
        rows += not_told(operator)

        both = [("melhor-envio/p1", "TN1BR"), ("melhor-envio/p3", "TN3BR")]
        assert both * 2 == [(row["shipment"], row["tracking_number"]) for row in rows]
        assert [["melhor-envio/p2"]] * 4 == [row["undelivered"] for row in rows]
        said = "the carrier reports TN1BR delivered, and VTEX was not told; not delivered, as far as we know: "
        assert rows[0]["note"].startswith(f"{said}melhor-envio/p2")

    def test_taken_off(self, rig_on_either: Rig):
        """An invoice that VTEX no longer shows is listed where none has taken its place."""
        rig = rig_on_either
        operator = operator_of(rig)
        operator.in_step()
        rig.add_order(order("1-01", package("41001", trackingNumber="TYPED"), package("41002")))
        delivered(rig)
        rig.post(posted("1-01", parcel="p2", number="TN2BR"))
        operator.says("assign", "TN2BR", "--order", "1-01", "--invoice", "41002")
        operator.work()
        rig.now += 60
        rig.add_order(order("1-01", package("41002", trackingNumber="TN2BR")))
        delivered(rig, "p2", "TN2BR")

        last = rig.calls("PUT")[-1]
        assert ("41002", True) == (last.invoice, last.body["isDelivered"])
        assert ["melhor-envio/p1"] == [row["shipment"] for row in not_told(operator)]

    def test_another_parcels_invoice(self, rig_on_either: Rig):
        """A lost parcel was sent again, and its invoice stays the first one's: the delivery of the second is told for
        neither."""
        operator = operator_of(rig_on_either, second_parcel="first")
        operator.in_step()
        rig_on_either.post(posted("1-01", parcel="p2", number="TN2BR"))
        rig_on_either.work()
        delivered(rig_on_either, "p2", "TN2BR")
        (row,) = not_told(operator)
        delivered(rig_on_either)

        assert ("melhor-envio/p2", "kept", "other_parcel") == (row["shipment"], row["state"], row["reason"])
        assert ["melhor-envio/p1"] == row["undelivered"]
        assert [] == not_told(operator)


class TestNotListed:
    def test_told(self, rig_on_either: Rig):
        operator = operator_of(rig_on_either)
        operator.in_step()
        delivered(rig_on_either)

        assert rig_on_either.calls("PUT")[-1].body["isDelivered"]
        assert [] == not_told(operator, "--older-than", "0")

    def test_told_for_another(self, rig_on_either: Rig):
        """What VTEX was told of the invoice counts, no matter for which shipment: another endpoint tells the same
        parcel."""
        rig = rig_on_either
        operator = Operator(rig, **{"melhor-envio": TELLING, "agency": TELLING})
        rig.now = time.time() - 30 * HOUR
        operator.in_step()
        rig.post(posted(), endpoint="agency")
        rig.work()
        for endpoint in ("agency", "melhor-envio"):
            rig.post(posted(event="order.delivered", at=LONG_AGO), endpoint=endpoint)
            rig.work()

        assert [True] == [call.body["isDelivered"] for call in rig.calls("PUT") if call.body["isDelivered"]]
        assert [] == not_told(operator)

    def test_made_again(self, rig_on_either: Rig):
        """The shop makes the invoice again under another number: it is told under that one, for another parcel."""
        rig = rig_on_either
        operator = operator_of(rig)
        operator.in_step()
        rig.package_of("1-01", "41001")["trackingNumber"] = "TYPED"
        delivered(rig)
        rig.now += 60
        rig.add_order(order("1-01", package("41002")))
        rig.post(posted("1-01", parcel="p2", number="TN2BR"))
        rig.work()
        before = not_told(operator)
        delivered(rig, "p2", "TN2BR")

        assert ["melhor-envio/p1"] == [row["shipment"] for row in before]
        assert "41002" == rig.calls("PUT")[-1].invoice
        assert [] == not_told(operator)

    def test_no_events(self, rig_on_either: Rig):
        """An endpoint that sends no events tells no delivery."""
        operator = operator_of(rig_on_either, events=False)
        operator.in_step()
        delivered(rig_on_either)

        assert [] == not_told(operator)

    def test_return(self, rig_on_either: Rig):
        """A parcel that turns out to be a return is delivered to the shop."""
        operator = operator_of(rig_on_either, reverse=[{"path": "data.service", "pattern": "Reversa"}])
        operator.in_step()
        rig_on_either.post(posted("1-01", event="order.delivered", at=LONG_AGO, service="Reversa"))
        rig_on_either.work()

        assert "reverse_shipment" == rig_on_either.shipment()["reason"]
        assert [] == not_told(operator)


def told_by_volume(state: str, text: str, at: str) -> dict[str, Any]:
    """An Intelipost payload."""
    return {
        "history": {
            "shipment_order_volume_state": state,
            "provider_message": text,
            "shipment_volume_micro_state": {"name": text},
            "event_date_iso": at,
        },
        "order_number": "p1",
        "sales_order_number": "1-01",
        "tracking_code": "TN1BR",
        "volume_number": "1",
    }


def test_turned_back(rig: Rig) -> None:
    """A delivery after a way back may be one to the sender: the list says so."""
    operator = Operator(rig, volumes={"carrier": "intelipost", "secrets": ["user:secret"]})
    rig.now = time.time() - 30 * HOUR
    rig.add_order(order("1-01", package("41001")))
    rig.post(told_by_volume("SHIPPED", "posted", "2024-01-10T12:00:00+00:00"), endpoint="volumes")
    rig.work()
    rig.package_of("1-01", "41001")["trackingNumber"] = "TYPED"
    back = [
        ("DELIVERY_FAILED", "Devolvido ao remetente", "2024-01-11T12:00:00+00:00"),
        ("DELIVERED", "delivered", "2024-01-12T12:00:00+00:00"),
    ]
    for said in back:
        rig.post(told_by_volume(*said), endpoint="volumes")
    rig.work()

    notes = [row["note"] for row in not_told(operator)]
    assert notes == [one for one in notes if "TN1BR delivered, after it had turned back: perhaps to its sender" in one]
    assert notes
