"""From webhooks to the invoice: one parcel, few calls, the right invoice or a person."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.shipments import Reason
from tests.support.reconciling import fields, methods, naming
from tests.support.rig import MELHOR_ENVIO, NOON, Rig, order, package, posted
from tests.support.times import DAY, HOUR


class TestFewCalls:
    """Per parcel: one GET, one PATCH, one read-back."""

    @pytest.mark.parametrize("gap", [0.0, 1.0, 7.0, 60.0, DAY])
    def test_ten_webhooks(self, rig_on_either: Rig, gap: float):
        """Ten webhooks that say nothing new cost one GET, one PATCH and one read-back, however they are spread."""
        rig = rig_on_either
        rig.configure(read_back_seconds=10)
        rig.add_order(order("1-01", package("900")))

        for number in range(10):
            assert 200 == rig.post(posted(created_at=f"2026-11-09T12:00:{number:02}+00:00")).status_code
            rig.later(gap)
        rig.works_until(DAY)
        rig.post(posted(event="order.delivered", created_at="2026-11-09T13:00:00+00:00"))
        rig.works_until(DAY)

        assert ["GET", "PATCH", "GET"] == methods(rig)
        assert ["GET order", "PATCH", "GET read-back"] == [attempt["call"] for attempt in rig.attempts()]
        assert "in_step" == rig.shipment()["state"]
        assert rig.shipment()["sent"]["verified"] is True

    def test_one_body_again(self, rig: Rig):
        """The same body again is a duplicate, and no call is made for it."""
        rig.add_order(order("1-01", package("900")))

        outcomes = [rig.post(posted()).get_json()["outcome"] for _ in range(3)]
        rig.works_until(DAY)

        assert ["accepted", "duplicate", "duplicate"] == outcomes
        assert ["GET", "PATCH"] == methods(rig)

    @pytest.mark.parametrize("together", [True, False])
    def test_any_order(self, rig: Rig, together: bool):
        """Whatever order a parcel's webhooks come in, VTEX ends with the same fields."""
        told = [
            posted(event="order.generated", number=None),
            posted(at="2026-11-10T12:00:00+00:00"),
            posted(event="order.delivered", posted_at="2026-11-10T12:00:00+00:00", at="2026-11-12T12:00:00+00:00"),
        ]
        seen = []
        for turn, payloads in enumerate(itertools.permutations(told)):
            rig.add_order(order(f"{turn}-01", package("900")))
            for payload in payloads:
                data = {**payload["data"], "id": f"p{turn}", "tags": [{"tag": f"{turn}-01"}]}
                rig.post({**payload, "data": data})
                if not together:
                    rig.work()
            rig.work()
            seen.append(fields(rig, f"{turn}-01"))

        assert [seen[0]] * 6 == seen
        assert "TN1BR" == seen[0]["trackingNumber"]
        assert "2026-11-10T09:00:00-03:00" == seen[0]["dispatchedDate"]

    def test_late_news(self, rig: Rig):
        """What a later webhook adds is written; an older one that comes late changes nothing but the dispatch day."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted(tracking_url="https://track.example/new", at="2026-11-11T12:00:00+00:00"))
        rig.work()
        rig.post(posted(tracking_url="https://track.example/old", at="2026-11-10T12:00:00+00:00"))
        rig.work()

        assert "https://track.example/new" == fields(rig)["trackingUrl"]
        assert ["2026-11-11T09:00:00-03:00", "2026-11-10T09:00:00-03:00"] == [
            call.body["dispatchedDate"] for call in rig.calls("PATCH")
        ]

        rig.post(posted(tracking_url="https://track.example/newer", at="2026-11-12T12:00:00+00:00"))
        rig.work()

        assert "https://track.example/newer" == fields(rig)["trackingUrl"]
        assert "2026-11-10T09:00:00-03:00" == fields(rig)["dispatchedDate"]
        assert 3 == len(rig.calls("PATCH"))


class TestBody:
    """What the PATCH carries."""

    def test_four_keys(self, rig: Rig):
        """All four keys, and over what the package holds nothing is blanked."""
        rig.add_order(order("1-01", package("900", courier="Own fleet", trackingUrl="https://own.example")))

        rig.post(posted(tracking_url=None))
        rig.work()

        expected = {
            "trackingNumber": "TN1BR",
            "trackingUrl": "https://www.melhorrastreio.com.br/rastreio/TN1BR",
            "courier": "Own fleet",
            "dispatchedDate": "2026-11-10T09:00:00-03:00",
        }
        assert [expected] == [call.body for call in rig.calls("PATCH")]

    def test_unknown_date(self, rig: Rig):
        """An unknown dispatch date is null on the first write."""
        rig.configure(send_on="label")
        rig.add_order(order("1-01", package("900")))

        rig.post(posted(event="order.generated"))
        rig.work()

        assert [None] == [call.body["dispatchedDate"] for call in rig.calls("PATCH")]

    def test_date_ahead(self, rig: Rig):
        """A dispatch some hours ahead of us waits until it has passed; it is sent then, on the parcel's local clock."""
        rig.add_order(order("1-01", package("900")))
        at = datetime.fromtimestamp(NOON + 2 * HOUR, UTC).isoformat()

        rig.post(posted(at=at))
        rig.work()
        assert ("waiting", "dispatch_ahead") == (rig.shipment()["state"], rig.shipment()["reason"])

        rig.works_until(2 * HOUR - 1)
        assert [] == rig.calls()
        rig.works_until(1)

        assert "in_step" == rig.shipment()["state"]
        assert "2026-11-18T10:06:40-03:00" == fields(rig)["dispatchedDate"]

    def test_date_far_ahead(self, rig: Rig):
        """A dispatch more than a day ahead is for a person; once it has passed, it is sent."""
        rig.add_order(order("1-01", package("900")))

        rig.post(posted(at=datetime.fromtimestamp(NOON + 25 * HOUR, UTC).isoformat()))
        rig.work()
        assert ("held", "future_date") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert [] == rig.calls()

        rig.later(26 * HOUR)
        assert "in_step" == rig.shipment()["state"]

    def test_number_a_day_later(self, rig: Rig):
        """A number that comes a day after the parcel's id is written when it comes."""
        rig.add_order(order("1-01", package("900")))

        rig.post(posted(number=None))
        rig.works_until(DAY)
        assert ("waiting", "no_tracking_number") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert [] == rig.calls()

        rig.post(posted())
        rig.work()
        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_another_number(self, rig: Rig):
        """A parcel whose number changes has the new one on the same invoice: the old one was ours."""
        rig.add_order(order("1-01", package("900"), package("901"), value=20_000))
        rig.configure(endpoints=naming("order_id"))
        rig.post(posted())
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        rig.post(posted(number="TN2BR", at="2026-11-11T12:00:00+00:00"))
        rig.work()

        assert "TN2BR" == fields(rig)["trackingNumber"]


class TestCancelled:
    """A voided label is no parcel; a parcel that is cancelled later is for a person."""

    def test_label(self, rig: Rig):
        """A label voided before dispatch ends in peace, without a call."""
        rig.post(posted(event="order.generated"))
        rig.post(posted(event="order.cancelled"))
        rig.work()

        assert ("cancelled", None) == (rig.shipment()["state"], rig.shipment()["due_at"])
        assert [] == rig.calls()

    def test_after_send(self, rig: Rig):
        """Cancelled after its tracking was written: held, and nothing is written."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.work()
        rig.post(posted(event="order.cancelled", canceled_at="2026-11-12T12:00:00+00:00"))
        rig.work()

        assert ("held", "cancelled_after_send") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert ["GET", "PATCH"] == methods(rig)


class TestWhichInvoice:
    """The right invoice, or a person."""

    @pytest.mark.parametrize(
        ("packages", "reason", "later"),
        [
            ([], "no_invoice", order("1-01", package("901"))),
            (
                [package("900", kind="Input")],
                "only_return_invoices",
                order("1-01", package("900", kind="Input"), package("901")),
            ),
            (
                [package("901", value=4_000)],
                "partly_invoiced",
                order("1-01", package("901", value=9_990), status="invoiced"),
            ),
        ],
    )
    def test_awaits(self, rig: Rig, packages: list[dict[str, Any]], reason: str, later: dict[str, Any]):
        """An order without its invoice is asked again on a growing schedule, and written once it is there, and no other
        is to come: VTEX says so by the status, though its sum is ten cents short."""
        rig.add_order(order("1-01", *packages))
        rig.post(posted())
        rig.works_until(DAY)

        assert ("awaiting_invoice", reason) == (rig.shipment()["state"], rig.shipment()["reason"])
        assert 0 == rig.shipment()["tries"]
        asked = [call.at for call in rig.calls()]
        gaps = [after - before for before, after in itertools.pairwise(asked)]
        assert sorted(gaps) == gaps
        assert 30.0 == gaps[0]

        rig.add_order(later)
        rig.works_until(6 * HOUR)
        assert "in_step" == rig.shipment()["state"]
        assert "TN1BR" == fields(rig, number="901")["trackingNumber"]
        assert 1 == len(rig.calls("PATCH"))

    def test_two_candidates(self, rig: Rig, caplog: pytest.LogCaptureFixture):
        """Two invoices that could be the one: held, told once with its sentence, and freed by a person."""
        rig.add_order(order("1-01", package("900", value=5_000), package("901", value=5_000)))
        rig.post(posted())
        rig.works_until(DAY)
        rig.post(posted(event="order.delivered"))
        rig.works_until(DAY)

        assert ("held", "ambiguous_invoice") == (rig.shipment()["state"], rig.shipment()["reason"])
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert 1 == len(told)
        assert Reason.AMBIGUOUS_INVOICE.sentence in told[0]
        assert ["GET"] == methods(rig)

        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="901", now=rig.now)
        rig.work()
        assert ("in_step", "assigned") == (rig.shipment()["state"], rig.shipment()["rule"])
        assert "TN1BR" == fields(rig, number="901")["trackingNumber"]
        assert fields(rig, number="900")["trackingNumber"] is None

    @pytest.mark.parametrize("at", ["2026-11-10T12:00:00+00:00", None])
    def test_another_number_there(self, rig: Rig, at: str | None):
        """A number that we did not write stays until a person overwrites it, whether the dispatch date is known."""
        rig.configure(send_on="label")
        rig.add_order(order("1-01", package("900", trackingNumber="THEIRS")))
        rig.post(posted(at=at))
        rig.work()

        assert ("held", "number_differs") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert "THEIRS" == fields(rig)["trackingNumber"]

        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        assert "TN1BR" == fields(rig)["trackingNumber"]

    @pytest.mark.parametrize("number", ["55/1", "55 1", "55#1"])
    def test_unsafe_number(self, rig: Rig, number: str):
        """An invoice number that VTEX cannot take in a path goes to a person, without a PATCH."""
        rig.add_order(order("1-01", package(number)))
        rig.post(posted())
        rig.works_until(DAY)

        assert ("held", "unsafe_invoice_number") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert ["GET"] == methods(rig)

    def test_invoice_gone(self, rig: Rig):
        """An invoice that VTEX shows and then does not know awaits it again, and is written when it is back."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.on_slow = lambda _: rig.add_order(order("1-01", package("901", kind="Input")))
        rig.faults(slow=(1.0, 1.0), methods=frozenset({"GET"}))
        rig.work()

        assert ["GET", "PATCH"] == methods(rig)
        assert ("awaiting_invoice", "invoice_not_there") == (rig.shipment()["state"], rig.shipment()["reason"])

        rig.faults()
        rig.add_order(order("1-01", package("900")))
        rig.later(30)
        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_second_parcel(self, rig: Rig):
        """Two parcels of one invoice: the first is written, the second is held until a person says otherwise."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.work()
        rig.post(posted(parcel="p2", number="TN2BR"))
        rig.works_until(DAY)

        second = rig.shipment("melhor-envio/p2")
        assert ("held", "second_parcel") == (second["state"], second["reason"])
        assert "TN1BR" == fields(rig)["trackingNumber"]

        rig.decisions.assign("melhor-envio/p2", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        assert "TN2BR" == fields(rig)["trackingNumber"]

    def test_two_endpoints(self, rig: Rig):
        """Two endpoints that tell the same parcel do not fight: one PATCH, and both are in step."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "second": MELHOR_ENVIO})
        rig.add_order(order("1-01", package("900")))
        for turn in range(3):
            note = f"2026-11-09T12:00:0{turn}+00:00"
            rig.post(posted(created_at=note))
            rig.post(posted(created_at=note, tracking_url="https://other.example"), endpoint="second")
            rig.works_until(HOUR)

        assert ["in_step", "in_step"] == [row["state"] for row in rig.queries.shipments()]
        assert 1 == len(rig.calls("PATCH"))
