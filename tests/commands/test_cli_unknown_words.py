"""Unknown status words at the console, and deliveries that are read again because of them."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text

from adapters import Ignored, Shipment, Status, TrackingEvent
from receiver.carriers import discover
from receiver.store.tables import DECLINED
from tests.support.console import Operator, receiver
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

LISTED = "receiver reprocess --unknown 14 --carrier melhor_envio"


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch):
    """Replace melhor_envio's `read`, for the rig and for the commands; without one it is mended."""
    sound = discover(None)["melhor_envio"]

    def use(operator: Operator, read=None) -> None:
        monkeypatch.setitem(discover(None), "melhor_envio", replace(sound, read=read) if read else sound)
        operator.rig.configure(endpoints=operator.endpoints)

    return use


def unknown(payload, _request):
    """A parcel whose status word is not known."""
    data = payload["data"]
    said = Shipment(key=data["id"], status=Status.OTHER, tracking_number=data["tracking"], unknown_words=("14",))
    return [said]


@pytest.fixture
def waiting(operator_on_either: Operator, adapter) -> Operator:
    """One parcel that waits, because its word is not known."""
    operator_on_either.rig.add_order(order("1-01", package("41001")))
    adapter(operator_on_either, unknown)
    operator_on_either.rig.post(posted())
    operator_on_either.rig.work()
    return operator_on_either


class TestCarriersUnknown:
    def test_listed(self, waiting: Operator):
        """A word is listed with its carrier, the count, an example, and the command for after the fix."""
        (row,) = waiting.tells("carriers", "unknown")
        (delivery,) = waiting.tells("deliveries")

        assert ("melhor_envio", "14", 1, delivery["id"], LISTED) == tuple(
            row[name] for name in ("carrier", "word", "count", "delivery", "reprocess")
        )
        assert LISTED in waiting.says("carriers", "unknown")
        assert "no unknown status words\n" == waiting.says("carriers", "unknown", "--carrier", "loggi")

    def test_shown(self, waiting: Operator):
        """The parcel's story names the word, and not that the carrier does not have the parcel."""
        story = waiting.says("show", "melhor-envio/p1")

        assert "other: status 14 of melhor_envio is not known here: receiver carriers unknown" in story
        assert "The carrier does not have the parcel yet" not in story


class TestReprocessUnknown:
    def test_still_unknown(self, waiting: Operator):
        """As long as the adapter does not know the word, it stays listed."""
        lines = waiting.says("reprocess", "--unknown", "14").splitlines()

        assert [
            "1 delivery run again, 0 still to be fixed",
            "1 delivery has the word 14 still: the adapter does not know it yet",
        ] == lines[1:]
        assert 1 == len(waiting.tells("carriers", "unknown"))

    def test_mended(self, waiting: Operator, adapter):
        """After the fix the deliveries that had the word are read again, and the word is forgotten."""
        adapter(waiting)
        lines = waiting.says("reprocess", "--unknown", "14", "--carrier", "melhor_envio").splitlines()

        assert "the word 14 is forgotten: no delivery of melhor_envio has it any more" == lines[-1]
        assert [] == waiting.tells("carriers", "unknown")
        waiting.work()
        assert "TN1BR" == waiting.rig.package_of("1-01", "41001")["trackingNumber"]

    def test_dry_run(self, waiting: Operator, adapter):
        """A dry run shows the parcel before and after, and what a worker would do; nothing is stored."""
        adapter(waiting)
        (row,) = waiting.tells("reprocess", "--unknown", "14", "--dry-run")

        assert ["other", "dispatched"] == row["changes"]["status"]
        assert ["14", None] == row["changes"]["unknown_word"]
        assert "would look for its order and invoice at VTEX: nothing was written yet" == row["then"]
        assert 1 == len(waiting.tells("carriers", "unknown"))
        assert (
            "1 delivery read, 1 otherwise than before; 1 parcel would change"
            == (waiting.says("reprocess", "--unknown", "14", "--dry-run").splitlines()[-1])
        )


class TestReprocessAccepted:
    def test_dry_run(self, operator: Operator, adapter):
        """What was written is compared with what would be wanted now."""
        operator.in_step()

        def renumbered(payload, _request):
            data = payload["data"]
            return [Shipment(key=data["id"], status=Status.IN_TRANSIT, tracking_number="TN2BR")]

        adapter(operator, renumbered)
        (row,) = operator.tells("reprocess", "--accepted", "--dry-run", "--carrier", "melhor_envio")

        assert ["TN1BR", "TN2BR"] == row["changes"]["tracking_number"]
        assert "would look at invoice 41001 of order 1-01 again: number, URL, date changed" == row["then"]
        assert "in_step" == operator.rig.shipment()["state"]

    @pytest.mark.parametrize(
        ("status", "then"), [(Status.IN_TRANSIT, "its events"), (Status.DELIVERED, "its events and its delivery")]
    )
    def test_dry_run_of_events(self, rig: Rig, adapter, status: Status, then: str):
        """What VTEX would be told of events and delivery is foreseen, too; and that is what follows."""
        operator = Operator(rig, **{"melhor-envio": {**MELHOR_ENVIO, "events": True}})
        operator.in_step()
        puts = len(operator.rig.calls("PUT"))

        def scanned(payload, _request):
            (shipment,) = read(payload, _request)
            event = TrackingEvent(day=date(2026, 11, 12), description="Arrived")
            return [replace(shipment, status=status, events=(*shipment.events, event))]

        read = discover()["melhor_envio"].read
        adapter(operator, scanned)
        (row,) = operator.tells("reprocess", "--accepted", "--dry-run")
        assert f"would send {then} to invoice 41001 of order 1-01" == row["then"]

        operator.says("reprocess", "--accepted")
        operator.work()
        assert puts + 1 == len(operator.rig.calls("PUT"))
        assert (status is Status.DELIVERED) == operator.rig.calls("PUT")[-1].body["isDelivered"]

    def test_dry_run_of_a_return(self, operator: Operator, adapter):
        """A mark that the mended adapter knows is among what changes, and so is the hold that follows."""
        operator.in_step()
        read = discover()["melhor_envio"].read
        adapter(operator, lambda *given: [replace(one, reverse=True) for one in read(*given)])
        (row,) = operator.tells("reprocess", "--accepted", "--dry-run")

        assert ({"reverse": [None, True]}, "nothing is written: held, reverse_shipment") == (
            row["changes"],
            row["then"],
        )

    def test_run(self, operator: Operator, adapter):
        """Without --dry-run today's reading replaces the former one, behind live work."""
        operator.in_step()

        def ignoring(_payload, _request):
            raise Ignored("a return label")

        adapter(operator, ignoring)
        assert "1 delivery run again, 0 still to be fixed\n" == operator.says("reprocess", "--accepted")
        operator.work()

        assert ("waiting", "not_dispatched") == tuple(operator.rig.shipment()[name] for name in ("state", "reason"))

    def test_since(self, operator: Operator):
        """Only deliveries since a date."""
        operator.in_step()

        assert [] == operator.tells("reprocess", "--accepted", "--since", "2027-01-01")
        assert 1 == len(operator.tells("reprocess", "--accepted", "--since", "2026-01-01"))

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--accepted", "--outcome", "error"),
            ("--accepted", "--unknown", "14"),
            ("--unknown", "14", "--endpoint", "melhor-envio"),
            ("x", "--accepted"),
        ],
    )
    def test_what_excludes_what(self, operator: Operator, arguments):
        """Options that contradict each other are refused."""
        assert 2 == receiver("reprocess", *arguments, config=operator.config).exit_code

    def test_no_such_carrier(self, operator: Operator):
        """A carrier that is neither configured nor stored is named."""
        assert "no carrier 'nope'; there are melhor_envio" == operator.fails(
            "reprocess", "--accepted", "--carrier", "nope"
        )


class TestCount:
    def test_reasons(self, operator: Operator):
        """What was not taken is counted by carrier and reason, the last one first."""
        for number in range(2):
            operator.rig.post(posted(event="order.pending", parcel=f"p{number}"))
        operator.rig.now += 60
        operator.rig.post({"event": "order.posted", "data": 5})

        rows = operator.tells("deliveries", "--count")
        assert [("melhor_envio", "quarantined", 1), ("melhor_envio", "ignored", 2)] == [
            (row["carrier"], row["outcome"], row["count"]) for row in rows
        ]
        assert [rows[1]] == operator.tells("deliveries", "--count", "--outcome", "ignored")
        assert "no deliveries match\n" == operator.says("deliveries", "--count", "--outcome", "error")

    def test_indexed(self, operator: Operator):
        """The count reads an index of these deliveries, and not the whole table."""
        statement = f"EXPLAIN QUERY PLAN SELECT carrier, count(*) FROM deliveries WHERE {DECLINED} GROUP BY carrier"
        (step, *_) = operator.rig.database.rows(text(statement))

        assert "deliveries_declined" in step["detail"]
