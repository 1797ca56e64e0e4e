"""Reasons, notes and evidence that people are shown are true."""

import pytest

from receiver.operations.story import story
from receiver.web.console.pages._timeline import timeline
from tests.support.console import receiver, write_config
from tests.support.frenet_parcels import prepared, rests
from tests.support.frenet_parcels import tell as tell_frenet
from tests.support.reconciling import fields, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR


class TestExplained:
    """What people are told is so."""

    def test_stale_choice(self, rig: Rig):
        """What is shown as order and invoice belongs together, and to the rule beside it."""
        rig.add_order(order("1-01", package("900")), order("2-01"))
        rig.post(posted())
        rig.work()
        rig.link("TN1BR", "2-01")
        rig.work()
        row = rig.shipment()
        assert ("awaiting_invoice", "2-01") == (row["state"], row["order_id"])

        assert (None, None, None) == (row["invoice_number"], row["rule"], row["evidence"])

    @pytest.mark.parametrize("by", ["link", "assign"])
    def test_who_named_it(self, rig: Rig, by: str):
        """An invoice that a link or a person named was not named by the carrier."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        if by == "link":
            rig.link("TN1BR", "1-01", "901")
        else:
            rig.work()
            rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="901", now=rig.now)
        rig.work()
        assert ("held", "named_invoice_missing") == rest(rig)

        who = "a link" if by == "link" else "a person"
        assert f"({who} names 901; order 1-01 has 900)" in rig.shipment()["note"]

    def test_assigned_by_order_alone(self, rig: Rig):
        """`number_differs` says that receiver assign overwrites: it does, also with the order alone where that has one
        invoice; or says that the invoice must be named."""
        rig.add_order(order("1-01", package("900", trackingNumber="THEIRS")))
        rig.post(posted())
        rig.work()
        assert ("held", "number_differs") == rest(rig)
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number=None, now=rig.now)
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"] or "--invoice" in rig.shipment()["note"]

    def test_own_number_is_ours(self, rig: Rig):
        """A number that we wrote is not called one that we did not write, once a person has named the order."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number=None, now=rig.now)
        rig.post(posted(number="TN2BR", at="2026-11-11T12:00:00+00:00"))
        rig.work()

        assert ("in_step", "TN2BR") == (rest(rig)[0], fields(rig)["trackingNumber"])

    def test_number_borne_twice(self, rig: Rig):
        """A number that a return bears, too, cannot be written by anybody: the reason does not send people to assign,
        which is held for the same reason again."""
        rig.add_order(order("1-01", package("900"), package("900", kind="Input")))
        rig.post(posted())
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number="900", now=rig.now)
        rig.work()
        assert "held" == rest(rig)[0]

        assert "Name one: receiver assign" not in rig.shipment()["note"]

    def test_date_never_sent(self, rig: Rig):
        """Where VTEX had everything already and nothing was sent, no date is told as one that it has."""
        shown = {"trackingNumber": "TN1BR", "trackingUrl": "https://track.example/TN1BR", "courier": "Melhor Envio"}
        rig.add_order(order("1-01", package("900", **shown)))
        rig.post(posted())
        rig.work()
        assert [] == rig.calls("PATCH")

        assert None is rig.shipment()["sent"]["dispatchedDate"]

    def test_owner_without_a_number(self, rig: Rig):
        """A place whose owner has yet to say what it wrote is not told as ``None``."""
        prepared(rig)
        rig.faults(server_error=1.0, methods=frozenset({"PATCH"}))
        tell_frenet(rig, 1)
        rig.work()
        tell_frenet(rig, 2)
        rig.works_until(HOUR)
        assert ("held", "second_parcel") == rests(rig, 2)

        assert "None" not in rig.shipment("frenet/2")["note"]


@pytest.mark.parametrize("then", ["corrected", "forgotten"])
def test_link_that_led(rig: Rig, then: str):
    """A write that a link led tells the link, also where the link was corrected or forgotten since."""
    rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
    rig.link("TN1BR", "1-01")
    rig.post(posted(None))
    rig.work()
    if then == "corrected":
        rig.link("TN1BR", "2-01")
    else:
        assert rig.index.unlink("lux", "tracking_number", "TN1BR", now=rig.now)
    rig.works_until(60)

    writes = [(one["order_id"], one["evidence"]["linked_by"]) for one in rig.attempts() if one["call"] == "PATCH"]
    both = [("1-01", "tracking_number TN1BR"), ("2-01", "tracking_number TN1BR")]
    assert (both if then == "corrected" else both[:1]) == writes
    config = write_config(rig.folder, rig.database_url, rig.vtex_url, {"melhor-envio": MELHOR_ENVIO})
    said = receiver("show", "melhor-envio/p1", config=config).stdout
    assert "PATCH  1-01, invoice 900  by only_open_invoice  linked by tracking_number TN1BR" in said
    (entry,) = [
        one
        for one in timeline(story(rig.database, "melhor-envio/p1", now=rig.now), {})
        if one.values.get("order") == "1-01" and one.fields
    ]
    assert {"parcel.field_linked": "tracking_number TN1BR"} == entry.fields
