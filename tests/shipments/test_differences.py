"""What differs between two readings: fields of a parcel, and shipments of one message."""

from datetime import UTC, datetime

from adapters import Reference, ReferenceKind, Shipment, Status
from receiver.shipments import Known, Update, fold
from receiver.shipments.differences import NOWHERE, Change, changes, shipment_changes, told, unlike

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestChanges:
    def test_fields(self):
        """A field that appears, changes or goes is a change; an equal one is none."""
        assert (Change("b", 1, 2), Change("c", None, 3), Change("a", 0, None)) == changes(
            {"a": 0, "b": 1, "d": 4}, {"b": 2, "c": 3, "d": 4}
        )

    def test_none(self):
        """Equal readings have no changes."""
        assert () == changes({"a": [1]}, {"a": [1]})


class TestUnlike:
    def test_places(self):
        """Each place that differs is named, and what stands there; equal parts are not."""
        got = {"a": [{"b": 1, "c": None}, 2], "d": {"x": 1}}

        assert [
            ("it.a[0].b", 1, 3), ("it.a[0].c", None, NOWHERE), ("it.a[2]", NOWHERE, None), ("it.d", {"x": 1}, [1]),
        ] == list(unlike("it", got, {"a": [{"b": 3}, 2, None], "d": [1]}))  # fmt: skip
        assert [] == list(unlike("it", got, got))


class TestShipments:
    def test_by_key(self):
        """Shipments are compared by their key, whatever their order."""
        first, second = {"key": "A", "status": "other"}, {"key": "B", "status": "delivered"}

        assert {"A": (Change("status", "other", "dispatched"),)} == shipment_changes(
            [first, second], [second, {"key": "A", "status": "dispatched"}]
        )

    def test_volumes(self):
        """Volumes of one key are told apart, and one that is gone is named."""
        one, two = {"key": "A", "volume": "1"}, {"key": "A", "volume": "2"}

        assert {"A volume 2": (Change("key", "A", None), Change("volume", "2", None))} == shipment_changes(
            [one, two], [one]
        )

    def test_alike(self):
        """Several shipments of one key and volume are compared in their order."""
        same, other = {"key": "A"}, {"key": "A", "status": "other"}

        assert {"A (2)": (Change("status", None, "other"),)} == shipment_changes([same, same], [same, other])


class TestTold:
    def test_parcel(self):
        """What VTEX or a person is told, without what is not known."""
        said = Shipment(
            key="k",
            status=Status.OTHER,
            happened_at=NOON,
            tracking_number="TN1",
            unknown_words=("14",),
            references=(Reference(ReferenceKind.ORDER_ID, "1-01"),),
        )

        assert {
            "status": "other",
            "unknown_word": "14",
            "tracking_number": "TN1",
            "references": ["order_id 1-01"],
        } == told(fold(Known(), [Update(shipment=said, received_at=NOON, digest="d")]))
