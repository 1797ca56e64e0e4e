"""An order or invoice that is not there yet: how often it is looked for, until when, and what looks at once."""

import json

import pytest
from sqlalchemy import update

from receiver.shipments import Reason
from receiver.store.tables import updates
from tests.support.reconciling import fields, naming, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR


class TestNotThere:
    """An order that VTEX does not know (yet)."""

    def test_schedule(self, rig: Rig):
        """It is asked for on a growing schedule: at most 40 GETs in 72 hours, and no try is burnt."""
        rig.configure(endpoints=naming("order_id"))
        rig.post(posted("1"))
        rig.works_until(72 * HOUR)

        assert ("awaiting_order", "order_not_found") == rest(rig)
        assert 20 < len(rig.calls()) <= 40
        assert 0 == rig.shipment()["tries"]

    @pytest.mark.parametrize("named", ["1", "1-01"])
    @pytest.mark.parametrize("there", [False, True])
    def test_forty_looks(self, rig: Rig, named: str, there: bool):
        """So it is with a webhook every hour, by order and by order group, also where only the invoice is missing."""
        rig.configure(endpoints=naming("order_id"))
        if there:
            rig.add_order(order("1-01"))
        for hour in range(72):
            rig.post(posted(named, created_at=f"2026-11-{10 + hour // 24}T{hour % 24:02}:00:00+00:00"))
            rig.works_until(HOUR)

        assert rest(rig)[0] == ("awaiting_invoice" if there else "awaiting_order")
        looks = 2 if named == "1" and not there else 1
        assert 18 * looks <= len(rig.calls("GET")) <= 40
        assert rig.calls("GET") == rig.calls()

    def test_many_names(self, rig: Rig):
        """An order that the carrier calls by several names is looked for less often: the calls count, not the looks."""
        kinds = ["order_id", "sequence", "order_group"]
        rules = [{"path": f"data.tags[{place}].tag", "is": kind} for place, kind in enumerate(kinds)]
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}})
        rig.post(posted(tags=[{"tag": name} for name in ("loja 1172452900788", "501", "7")]))
        rig.works_until(72 * HOUR)

        asked = ["loja%201172452900788", "1172452900788", "order-group/1172452900788", "seq501", "order-group/7"]
        assert asked == [call.path.partition("/orders/")[2] for call in rig.calls()[:5]]
        assert 30 < len(rig.calls("GET")) <= 40

    def test_paused_on_the_way(self, rig: Rig):
        """Who awaits an invoice knows the way to its order: no pause of the account makes it go all of it again."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01"))
        rig.post(posted("1"))
        rig.work()
        rig.faults(throttle=1.0)
        rig.later(30)
        assert ("awaiting_invoice", "account_paused") == rest(rig)

        rig.faults()
        before = len(rig.calls())
        rig.later(60)
        assert ("awaiting_invoice", "no_invoice") == rest(rig)
        assert 1 == len(rig.calls()) - before
        assert 2 == rig.shipment()["waits"]

    def test_paused_before_a_new_word(self, rig: Rig):
        """A reference that came with the pause is heard after it: it may name another order than the one awaited."""
        kinds = ["order_group", "order_id"]
        rules = [{"path": f"data.tags[{place}].tag", "is": kind} for place, kind in enumerate(kinds)]
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}})
        rig.add_order(order("1-01"), order("2-01", package("900")))
        rig.post(posted("1"))
        rig.work()
        rig.faults(throttle=1.0)
        rig.post(posted(tags=[{"tag": "1"}, {"tag": "2-01"}]))
        rig.work()
        assert ("awaiting_invoice", "account_paused") == rest(rig)

        rig.faults()
        rig.later(60)
        assert ("in_step", None) == rest(rig)
        assert "2-01" == rig.shipment()["order_id"]

    def test_own_schedule(self, rig: Rig):
        """The merchant's own schedule is kept, its last pause again and again."""
        rig.configure(await_seconds=[100, 1_000])
        begun = rig.now
        rig.post(posted())
        rig.works_until(4_000)

        assert [0, 100, 1_100, 2_100, 3_100] == [call.at - begun for call in rig.calls()]

    def test_appears(self, rig: Rig):
        """An order that appears later is found at the next look."""
        rig.post(posted())
        rig.works_until(HOUR)
        rig.add_order(order("1-01", package("900")))
        rig.works_until(HOUR)

        assert ("in_step", None) == rest(rig)

    @pytest.fixture
    def given_up(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> Rig:
        """A parcel given up because its order never appeared, which was told once."""
        rig.configure(endpoints=naming("order_id"), horizon_days=3)
        rig.post(posted("1-01"))
        rig.works_until(10 * DAY)

        assert ("gave_up", "order_not_found") == rest(rig)
        assert rig.shipment()["due_at"] is None
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert 1 == len(told)
        assert Reason.ORDER_NOT_FOUND.sentence in told[0]
        assert Reason.ORDER_NOT_FOUND.sentence in rig.shipment()["note"]
        rig.add_order(order("1-01", package("900")), order("2-01", package("900")))
        return rig

    def test_repetition(self, given_up: Rig):
        """News without a new reference does not reopen what was given up."""
        calls = len(given_up.calls())
        given_up.post(posted("1-01", event="order.delivered"))
        given_up.works_until(DAY)

        assert ("gave_up", calls) == (rest(given_up)[0], len(given_up.calls()))

    def test_retry(self, given_up: Rig):
        """A person's retry reopens it."""
        given_up.decisions.retry("melhor-envio/p1", now=given_up.now)
        given_up.work()

        assert "TN1BR" == fields(given_up)["trackingNumber"]

    def test_link(self, given_up: Rig):
        """A link reopens it."""
        given_up.link("TN1BR", "2-01")
        given_up.work()

        assert "TN1BR" == fields(given_up, "2-01")["trackingNumber"]

    def test_new_reference(self, rig: Rig):
        """News with a first reference reopens what was given up, with its whole horizon before it again."""
        rig.configure(horizon_days=3)
        rig.post(posted(None))
        rig.works_until(10 * DAY)
        assert ("gave_up", "no_reference") == rest(rig)
        assert [] == rig.calls()

        rig.post(posted())
        rig.works_until(2 * DAY)
        assert ("awaiting_order", "order_not_found") == rest(rig)
        rig.add_order(order("1-01", package("900")))
        rig.works_until(6 * HOUR)
        assert ("in_step", None) == rest(rig)

    def test_reference_while_waiting(self, rig: Rig):
        """A first reference for what waited without one begins the schedule and the horizon again."""
        rig.configure(horizon_days=3)
        rig.post(posted(None))
        rig.works_until(2.5 * DAY)
        rig.post(posted())
        rig.work()
        assert rig.now + 30 == rig.shipment()["due_at"]

        rig.works_until(2 * DAY)
        assert ("awaiting_order", "order_not_found") == rest(rig)

    def test_long_in_step(self, rig: Rig):
        """What was in step for longer than the horizon is not given up at the first trouble with its news."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted())
        rig.works_until(30 * DAY)
        rig.faults(server_error=1.0)
        rig.post(posted(tracking_url="https://track.example/new", at="2026-12-18T12:00:00+00:00"))
        rig.work()
        assert ("due", "vtex_unavailable") == rest(rig)

        rig.faults()
        rig.later(10)
        assert "https://track.example/new" == fields(rig)["trackingUrl"]


def test_unread_news_is_looked_at_again(rig: Rig) -> None:
    """News that this version cannot read keeps its shipment due: another version may read it."""
    rig.add_order(order("1-01", package("900")))
    rig.post(posted())
    rig.post(posted(event="order.delivered", at="2026-11-12T12:00:00+00:00"))
    odd = json.dumps({"key": "p1", "status": "teleported"})
    last = rig.database.rows(updates.select().order_by(updates.c.id.desc()))[0]["id"]
    rig.database.write(lambda c: c.execute(update(updates).where(updates.c.id == last).values(said=odd)))
    rig.work()

    assert ("in_step", rig.now + 3_600.0) == tuple(rig.shipment()[name] for name in ("state", "due_at"))


def test_held_date_comes_round(rig: Rig) -> None:
    """A dispatch date days ahead is held for a person, and looked at again once it has passed."""
    rig.add_order(order("1-01", package("900")))
    ahead = "2026-11-21T10:00:00+00:00"
    rig.post(posted(at=ahead))
    rig.work()
    if rig.shipment()["state"] != "held":
        pytest.fail(f"the clock of the rig has moved: {rig.shipment()}")
    rig.later(4 * DAY)

    assert "in_step" == rig.shipment()["state"]
    assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]
