"""The traps Easyship sets, and the choices its adapter makes."""

from dataclasses import replace

import pytest

from adapters import Ignored, Reference, ReferenceKind, Status, Unreadable
from receiver.carriers import discover
from tests.support.parcels import body_of, proves, read, reader, recorded

shipment = reader("easyship", "shipped")

# Made by hand: base64url of {"alg":"HS256"} and of the claims, a dot between them, and
# printf '%s' "$both" | openssl dgst -sha256 -hmac webh_demo5240secret -binary, in base64url
SECRET = "webh_demo5240secret"
CLAIMS = "eyJlYXN5c2hpcF9jb21wYW55X2lkIjoiNTI0MDAwMDAtZGVtby1jb21wYW55In0"
TOKEN = f"eyJhbGciOiJIUzI1NiJ9.{CLAIMS}.GjmTuOAZLCQWqRXSJj2DDxyU8eOu9O0Up3HrdAgJvus"
UNSIGNED = f"eyJhbGciOiJub25lIn0.{CLAIMS}."


def carries(token: str, secret: str = SECRET, scheme: int = 0, body: bytes = b"{}") -> bool:
    headers = {"x-easyship-signature": token}
    return proves("easyship", replace(recorded("easyship", "shipped"), headers=headers, body=body), secret, scheme)


class TestProof:
    def test_token(self) -> None:
        """Trap 4: the token proves the sender, whatever the body says."""
        assert carries(TOKEN)
        assert carries(TOKEN, body=b"anything")
        assert not carries(TOKEN, secret="webh_another")

    def test_algorithm(self) -> None:
        """A token that says it needs no signature is none."""
        assert not carries(UNSIGNED)
        assert not carries(UNSIGNED + "GjmTuOAZLCQWqRXSJj2DDxyU8eOu9O0Up3HrdAgJvus")

    def test_version_1(self) -> None:
        """Trap 7: of version 1.0 the documentation says that the secret itself is the signature."""
        assert carries(SECRET, scheme=1)
        assert not carries(SECRET, scheme=0)
        assert not carries(TOKEN, scheme=1)


class TestEvents:
    @pytest.mark.parametrize(
        ("words", "status"),
        [
            ("Delivery Expected (End of Updates)", Status.OTHER),
            ("delivered", Status.OTHER),
            ("To be returned", Status.EXCEPTION),
            ("Shipped (No Tracking Provided)", Status.DISPATCHED),
            ("In Transit to Consolidation Center", Status.IN_TRANSIT),
            ("No Recent Tracking Updates", Status.OTHER),
            ("Uncancelled", Status.OTHER),
            ("Returned To Sender", Status.RETURNED),
            ("Handed Over to Courier", Status.DISPATCHED),
            ("Label Printed", Status.ANNOUNCED),
            ("Cancelled by Company", Status.CANCELLED),
            (None, Status.OTHER),
        ],
    )
    def test_look_alikes(self, words: str | None, status: Status) -> None:
        """Traps 14 and 16: statuses are words for people; only the exact ones count."""
        assert status == shipment(tracking_status__status=words).status

    def test_unknown_words(self) -> None:
        """An unknown word is named; a known one without a meaning is not."""
        assert ("Teleported",) == shipment(tracking_status__status="Teleported").unknown_words
        assert () == shipment(tracking_status__status="Uncancelled").unknown_words

    def test_returned_in_a_checkpoint(self) -> None:
        """Trap 14: a checkpoint in which the parcel goes back settles the delivery that follows it."""
        back = [{"message": "Arrived"}, {"message": "Returned to sender", "location": "Lisbon"}]
        changes = {"tracking_status__status": "Delivered", "tracking_status__checkpoints": back}

        assert Status.RETURNED == shipment(**changes).status
        assert Status.DELIVERED == shipment(**changes | {"tracking_status__checkpoints": back[:1]}).status
        assert Status.DELIVERED == shipment(**changes | {"tracking_status__checkpoints": {}}).status

    def test_unknown_event(self) -> None:
        """Trap 25: an event that Easyship does not describe is kept and refused by name."""
        with pytest.raises(Unreadable, match=r"shipment\.teleported"):
            shipment(event_type="shipment.teleported")

    def test_no_dates(self) -> None:
        """Trap 23: no event has a date, and the hour of arrival is not the hour of the dispatch."""
        delivered = reader("easyship", "delivered")()

        assert Status.DELIVERED == delivered.status
        assert (None, None, None) == (delivered.happened_at, delivered.dispatched_at, delivered.delivered_at)

    @pytest.mark.parametrize("block", ["data", "tracking_status", "label", "shipment"])
    def test_block(self, block: str) -> None:
        """Trap 25: the same part of the body has another name in each version."""
        payload = body_of("easyship", "shipped")
        payload[block] = payload.pop("tracking_status")

        assert [shipment()] == read("easyship", payload, "shipped")

    def test_no_block(self) -> None:
        """Without that part there is nothing to read."""
        with pytest.raises(Unreadable, match=r"\$\.data"):
            shipment(tracking_status=None)

    def test_label(self) -> None:
        """Trap 15: a label is an announcement, and a failed one not even that."""
        label = reader("easyship", "label_created")

        assert Status.ANNOUNCED == label().status
        with pytest.raises(Ignored, match="no label"):
            label(label__status="failed")
        with pytest.raises(Unreadable, match=r"\$\.label\.status"):
            label(label__status="teleported")

    def test_test_button(self) -> None:
        """Trap 32: the dashboard's test says "Delivered" of a shipment that does not exist."""
        with pytest.raises(Ignored, match="test"):
            shipment(resource_id="ESTEST00000")

    @pytest.mark.parametrize("event", ["credit.balance.low", "shipment.warehouse.state.updated", "batch.finished"])
    def test_other_events(self, event: str) -> None:
        """What is said of accounts, batches and warehouses is no parcel's status."""
        with pytest.raises(Ignored, match=event):
            shipment(event_type=event)


class TestValues:
    def test_order(self) -> None:
        """Trap 27: the platform's order number is the order of the shop the parcel was sold in."""
        own = Reference(ReferenceKind.TRACKING_NUMBER, shipment().key)

        assert (Reference(ReferenceKind.ORDER_ID, "1524000000001-01"), own) == shipment().references
        assert (own,) == shipment(tracking_status__platform_order_number=None).references

    def test_no_courier(self) -> None:
        """Trap 29: no field names the courier."""
        assert shipment().courier is None

    def test_switched_off(self) -> None:
        """Trap 13: thirty refusals switch the webhook off, so what cannot be read is kept and answered 200."""
        assert 200 == discover()["easyship"].reply.unreadable
