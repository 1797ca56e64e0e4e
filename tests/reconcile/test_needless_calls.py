"""Nothing is told or asked twice without need."""

from tests.support.frenet_events import called
from tests.support.frenet_parcels import prepared
from tests.support.frenet_parcels import tell as tell_frenet
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import HOUR


class TestRepeated:
    """Nothing is told or asked twice without need."""

    def test_link_in_another_writing(self, rig: Rig):
        """A link that names the invoice where the parcel is already, in another writing, tells VTEX nothing again."""
        prepared(rig, events=True)
        tell_frenet(rig, 1)
        rig.works_until(HOUR)
        before = called(rig).count("PUT")
        rig.link("TN1", "A-01", "0900")
        rig.works_until(HOUR)

        assert (1, 1) == (before, called(rig).count("PUT"))

    def test_assigned_where_it_is(self, rig: Rig):
        """So is it with a person who names what is already so."""
        prepared(rig, events=True)
        tell_frenet(rig, 1)
        rig.works_until(HOUR)
        rig.decisions.assign("frenet/1", order_id="A-01", invoice_number="900", now=rig.now)
        rig.works_until(HOUR)

        assert 1 == called(rig).count("PUT")

    def test_date_unknown(self, rig: Rig):
        """Where nothing is written because the date is unknown, ten webhooks do not cost ten looks."""
        rig.add_order(order("1-01", package("900", trackingNumber="TN1BR")))
        for turn in range(10):
            rig.post(posted(at=None, created_at=f"2026-11-09T12:00:{turn:02}+00:00"))
            rig.work()

        assert ([], 1) == (rig.calls("PATCH"), len(rig.calls("GET")))

    def test_two_endpoints(self, rig: Rig):
        """Nor do ten webhooks of a parcel that another endpoint tells already."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "second": MELHOR_ENVIO})
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.work()
        for turn in range(10):
            told = posted(tracking_url="https://other.example", created_at=f"2026-11-09T12:00:{turn:02}+00:00")
            rig.post(told, endpoint="second")
            rig.work()

        assert len(rig.calls("GET")) <= 2
