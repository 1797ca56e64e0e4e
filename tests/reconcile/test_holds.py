"""Every hold says where it is and which command settles it; what a link holds is told once, with that link."""

import pytest

from tests.support.console import Operator
from tests.support.reconciling import rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

LINKED = {**MELHOR_ENVIO, "references": []}
DISMISS = "receiver dismiss melhor-envio/p1"


def command(rig: Rig, name: str = "melhor-envio/p1") -> str:
    """What stands behind "To decide:"."""
    note: str = rig.shipment(name)["note"]
    assert 1 == note.count(" To decide: "), note
    return note.partition(" To decide: ")[2]


class TestCommand:
    @pytest.mark.parametrize(
        ("shown", "packages", "reason", "expected"),
        [
            (
                {"status": "canceled"},
                [package("A")],
                "order_cancelled",
                f"{DISMISS}   (to write it all the same: receiver assign melhor-envio/p1 --order 1-01)",
            ),
            ({}, [package("A/1")], "unsafe_invoice_number", DISMISS),
            ({}, [package("A"), package("A", kind="Input")], "shared_invoice_number", DISMISS),
            ({}, [package("A", kind="output")], "unknown_package_type", "receiver retry melhor-envio/p1"),
            (
                {},
                [package("A", trackingNumber="THEIRS")],
                "number_differs",
                "receiver assign melhor-envio/p1 --order 1-01 --invoice A",
            ),
        ],
    )
    def test_of_an_order(self, rig: Rig, shown, packages, reason, expected):
        """What is held for the order's sake."""
        rig.add_order(order("1-01", *packages, **shown))
        rig.post(posted())
        rig.work()

        assert ("held", reason) == rest(rig)
        assert expected == command(rig)
        assert "1-01" in rig.shipment()["note"]

    def test_unsafe_order_id(self, rig: Rig):
        """An order that no one knows is for the person to name."""
        rig.configure(
            endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": [{"path": "data.tags[*].tag", "is": "order_id"}]}}
        )
        rig.post(posted("a/b"))
        rig.work()

        assert ("held", "unsafe_order_id") == rest(rig)
        assert "receiver assign melhor-envio/p1 --order ORDER" == command(rig)

    def test_refused(self, rig: Rig):
        """What VTEX refuses is tried again once the cause is gone; the place is named."""
        rig.add_order(order("1-01", package("A")))
        rig.faults(forbidden=frozenset({"1-01"}), methods=frozenset({"PATCH"}))
        rig.post(posted())
        rig.work()

        assert ("held", "vtex_refused") == rest(rig)
        assert "receiver retry melhor-envio/p1" == command(rig)
        assert " Order 1-01, invoice A. To decide:" in rig.shipment()["note"]

    def test_not_applied(self, rig: Rig):
        """So is a write that VTEX never shows."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO}, read_back_seconds=10)
        rig.add_order(order("1-01", package("A")))
        rig.faults(unapplied=1.0)
        rig.post(posted())
        rig.works_until(3_600)

        assert ("held", "not_applied") == rest(rig)
        assert "receiver retry melhor-envio/p1" == command(rig)

    def test_cancelled_after_send(self, rig: Rig):
        """What was written and then cancelled: the place where it was written is in the command."""
        rig.add_order(order("1-01", package("A")))
        rig.post(posted())
        rig.work()
        rig.post(posted(event="order.cancelled"))
        rig.work()

        assert ("held", "cancelled_after_send") == rest(rig)
        all_the_same = "receiver assign melhor-envio/p1 --order 1-01 --invoice A"
        assert f"{DISMISS}   (to write it all the same: {all_the_same})" == command(rig)

    def test_future_date(self, rig: Rig):
        """A parcel whose date is far ahead can be left; it is looked at again by itself."""
        rig.add_order(order("1-01", package("A")))
        rig.post(posted(at="2026-12-24T12:00:00+00:00"))
        rig.work()

        assert ("held", "future_date") == rest(rig)
        assert DISMISS == command(rig)

    def test_once(self, rig: Rig):
        """A hold that is found again keeps its note as it is."""
        rig.add_order(order("1-01", package("A/1")))
        rig.post(posted())
        rig.work()
        note = rig.shipment()["note"]
        for _ in range(2):
            rig.post(posted(event="order.delivered"))
            rig.later(60)
            rig.decisions.retry("melhor-envio/p1", now=rig.now)
            rig.work()

        assert note == rig.shipment()["note"]


class TestLink:
    def test_held_once(self, rig_on_either: Rig, caplog: pytest.LogCaptureFixture):
        """A parcel that a link holds is told once, and VTEX is asked once."""
        rig = rig_on_either
        rig.configure(endpoints={"melhor-envio": LINKED})
        rig.add_order(order("1-01", package("A", trackingNumber="THEIRS")))
        rig.post(posted(None))
        rig.work()
        before = len(rig.calls())

        rig.link("TN1BR", "1-01")
        rig.work()

        assert ("held", "number_differs") == rest(rig)
        assert 1 == len(rig.calls()) - before
        assert 1 == len([one for one in caplog.messages if "needs a person" in one])

    def test_shown(self, rig: Rig):
        """The story says which link led to the order, and when it was set."""
        operator = Operator(rig, **{"melhor-envio": LINKED})
        rig.add_order(order("1-01", package("A", trackingNumber="THEIRS")))
        rig.post(posted(None))
        rig.link("TN1BR", "1-01")
        rig.work()

        expected = "  linked           to 1-01 by a link of tracking_number TN1BR, set 2026-11-18T11:06:40Z"
        assert expected in operator.says("show", "TN1BR").splitlines()
        (story,) = operator.tells("show", "TN1BR")
        assert [("tracking_number", "TN1BR", "1-01")] == [
            (link["kind"], link["value"], link["order_id"]) for link in story["links"]
        ]

    def test_not_shown(self, rig: Rig):
        """A link to another order than the one that was chosen did not lead there."""
        operator = Operator(rig)
        rig.add_order(order("1-01", package("A")), order("2-01", package("B")))
        rig.post(posted())
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="A", now=rig.now)
        rig.link("TN1BR", "2-01")
        rig.work()

        assert "  linked  " not in operator.says("show", "TN1BR")
