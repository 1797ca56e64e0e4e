"""One parcel of several orders: each order gets its tracking, its delivery and its own history."""

import time
from typing import Any

import pytest
from sqlalchemy import select

from receiver.store import Link
from receiver.store.finding.companions import Place
from receiver.store.operator.discrepancies import Discrepancies
from receiver.store.tables import updates
from tests.support.console import Operator
from tests.support.reconciling import INTELIPOST, fields, rest, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY

COMPANION = "melhor-envio/p1+2-01"
KEY_OF_950 = "35261112345678000190550010000009501123456785"


def two_orders(rig: Rig) -> None:
    rig.add_order(order("1-01", package("900")), order("2-01", package("950")))


def assigned(rig: Rig, *also: Place) -> None:
    rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number=None, also=also, now=rig.now)


class TestAssigned:
    def test_both_are_written(self, rig_on_either: Rig) -> None:
        """A person names two orders: both get the number, and each is told delivered once the parcel is."""
        rig = rig_on_either
        two_orders(rig)
        rig.post(posted(None))
        rig.work()
        assigned(rig, Place("2-01"))
        rig.work()

        assert ["TN1BR", "TN1BR"] == [fields(rig)["trackingNumber"], fields(rig, "2-01", "950")["trackingNumber"]]
        assert ["in_step", "in_step"] == [rig.shipment(name)["state"] for name in ("melhor-envio/p1", COMPANION)]

    def test_later_news(self, rig_on_either: Rig) -> None:
        """What the carrier says afterwards reaches both, in whatever order the two are worked on, and once each."""
        rig = rig_on_either
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        assigned(rig, Place("2-01"))
        rig.work()
        rig.post(posted("1-01", tracking_url="https://track.example/new", at="2026-11-11T12:00:00+00:00"))
        rig.works_until(60)

        seen = [fields(rig)["trackingUrl"], fields(rig, "2-01", "950")["trackingUrl"]]
        assert ["https://track.example/new"] * 2 == seen
        rows = rig.database.rows(select(updates.c.shipment, updates.c.folded).order_by(updates.c.shipment))
        assert [("melhor-envio/p1", 1)] * 2 + [(COMPANION, 1)] * 2 == [tuple(row.values()) for row in map(dict, rows)]

    def test_named_by_the_parcel(self, rig: Rig) -> None:
        """The tracking number still names one shipment: the parcel."""
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        assigned(rig, Place("2-01"))
        rig.work()

        assert "melhor-envio/p1" == rig.queries.find("TN1BR")

    def test_taken_back(self, rig: Rig) -> None:
        """A companion whose order is taken back rests, whatever the carrier says: it would repeat the parcel."""
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        assigned(rig, Place("2-01"))
        rig.work()
        before = len(rig.calls("PATCH"))
        rig.decisions.unassign(COMPANION, now=rig.now)
        rig.post(posted("1-01", tracking_url="https://track.example/new", at="2026-11-11T12:00:00+00:00"))
        rig.works_until(DAY)

        assert "dismissed" == rig.shipment(COMPANION)["state"]
        assert before + 1 == len(rig.calls("PATCH"))

    def test_named_others(self, rig: Rig) -> None:
        """Other orders that a person names replace the former ones, which no link brings back; a person does."""
        two_orders(rig)
        rig.add_order(order("3-01", package("970")))
        rig.post(posted("1-01"))
        rig.work()
        assigned(rig, Place("2-01"))
        rig.work()
        of = {"order_id": "1-01", "invoice_number": None, "now": rig.now}
        done = rig.decisions.assign("melhor-envio/p1", also=[Place("3-01")], **of)
        assert ((COMPANION,), ("melhor-envio/p1+3-01",)) == (done.others.ended, done.others.serving)
        rig.link("TN1BR", "1-01", also=["2-01"])
        rig.works_until(DAY)
        assert "dismissed" == rig.shipment(COMPANION)["state"]
        listed = Discrepancies(rig.database)
        assert ["2-01"] == [row["order_id"] for row in listed.left_over()]
        assert [] == list(listed.without_tracking(before=rig.now + DAY))  # each invoice is listed once

        assigned(rig, Place("2-01"))
        rig.work()
        assert "in_step" == rig.shipment(COMPANION)["state"]

    def test_none_named(self, rig: Rig) -> None:
        """A person who names no other order leaves the companions, and hears of them; their order needs none."""
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        assigned(rig, Place("2-01"))
        of = {"invoice_number": None, "now": rig.now}
        assert (COMPANION,) == rig.decisions.assign("melhor-envio/p1", order_id="1-01", **of).others.serving

        assert (COMPANION,) == rig.decisions.assign("melhor-envio/p1", order_id="2-01", **of).others.ended
        rig.works_until(DAY)
        assert ("in_step", "2-01") == (rig.shipment()["state"], rig.shipment()["order_id"])

    def test_unassigned(self, operator: Operator) -> None:
        """What a person takes back of a parcel includes the other orders, and the answer names them."""
        rig = operator.rig
        rig.add_order(order("1-01", package("900")), order("2-01"))
        rig.post(posted("1-01"))
        rig.work()
        operator.says("assign", "TN1BR", "--order", "1-01", "--also", "2-01")
        assert f"the rules decide again now; {COMPANION} ends; was written to 1-01" in operator.says(
            "unassign", "TN1BR"
        )

        rig.now = time.time() + 1  # commands live by the machine's clock
        rig.work()
        assert ("dismissed", None) == (rig.shipment(COMPANION)["state"], rig.shipment(COMPANION)["assigned_order"])

    def test_reprocessed(self, rig: Rig) -> None:
        """A delivery that is read again and says the same leaves the companion as it is."""
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        assigned(rig, Place("2-01"))
        rig.work()
        operator = Operator(rig)
        [one] = operator.tells("deliveries")
        operator.says("reprocess", one["id"])
        rig.works_until(60)

        rows = rig.database.rows(select(updates.c.shipment, updates.c.folded).order_by(updates.c.shipment))
        assert [("melhor-envio/p1", 1), (COMPANION, 1)] == [tuple(dict(row).values()) for row in rows]
        assert 2 == len(rig.calls("PATCH"))


class TestLinked:
    @pytest.mark.parametrize("before", [True, False])
    def test_several_orders(self, rig_on_either: Rig, before: bool) -> None:
        """A link may name several orders, told before the carrier's message or after it."""
        rig = rig_on_either
        two_orders(rig)
        operator = Operator(rig)
        link = ("link", "TN1BR", "1-01", "--also", "2-01")
        if before:
            assert "TN1BR belongs to order 1-01 and order 2-01; 0 shipments woken\n" == operator.says(*link)
        rig.post(posted(None))
        rig.work()
        if not before:
            assert "TN1BR belongs to order 1-01 and order 2-01; 1 shipment woken\n" == operator.says(*link)
        rig.now = time.time() + 1  # commands live by the machine's clock
        rig.works_until(60)

        assert ["TN1BR", "TN1BR"] == [fields(rig)["trackingNumber"], fields(rig, "2-01", "950")["trackingNumber"]]

    def test_told_again(self, rig: Rig) -> None:
        """The same link once more changes nothing."""
        two_orders(rig)
        operator = Operator(rig)
        operator.says("link", "TN1BR", "1-01", "--also", "2-01")
        rig.post(posted(None))
        rig.works_until(60)
        calls = len(rig.calls())

        assert "0 shipments woken" in operator.says("link", "TN1BR", "1-01", "--also", "2-01")
        rig.works_until(60)
        assert calls == len(rig.calls())

    def test_newer_word(self, rig: Rig) -> None:
        """A newer link by another name of the parcel takes no second order away if it names none, and is served instead
        if it does. What a link says of another parcel stands."""
        rig.add_order(*(order(f"{one}-01", package(f"90{one}")) for one in (1, 2, 3, 4, 5)))
        rig.link("TN1BR", "1-01", also=["2-01"])
        rig.link("TN2BR", "4-01", also=["5-01"])
        for one in (1, 2):
            rig.post(posted(None, parcel=f"p{one}", number=f"TN{one}BR"))
        rig.works_until(60)
        rig.link("melhor-envio/p1", "1-01", kind="shipment")
        rig.decisions.retry("melhor-envio/p1", now=rig.now)
        rig.works_until(60)
        others = {"melhor-envio/p1+2-01": "in_step", "melhor-envio/p2+5-01": "in_step"}
        assert others == {name: rig.shipment(name)["state"] for name in others}

        rig.link("melhor-envio/p1", "1-01", kind="shipment", also=["3-01"])
        rig.works_until(DAY)
        others |= {"melhor-envio/p1+2-01": "dismissed", "melhor-envio/p1+3-01": "in_step"}
        assert others == {name: rig.shipment(name)["state"] for name in others}

    @pytest.mark.parametrize("first", ["link", "parcel"])
    def test_another_invoice_of_that_number(self, rig: Rig, first: str) -> None:
        """Invoice numbers repeat: a parcel whose carrier names its order is not that link's, nor are the others."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("1-01", package("900")), order("3-01"))
        if first == "link":
            rig.link("900", "1-01", kind="invoice_number", also=["2-01"])
        rig.post(shipped("3-01", "900", parcel="P3", number="IP3BR"), endpoint="intelipost")
        rig.work()
        if first == "parcel":
            rig.link("900", "1-01", kind="invoice_number", also=["2-01"])
        rig.works_until(60)

        assert ["intelipost/P3"] == [row["id"] for row in rig.queries.shipments()]

    def test_recycled_number(self, rig: Rig) -> None:
        """A link told long before a parcel is first heard of is about another one, with all its orders."""
        two_orders(rig)
        rig.link("TN1BR", "1-01", also=["2-01"])
        rig.now += 100 * DAY
        rig.post(posted("1-01", at="2027-02-20T12:00:00+00:00"))
        rig.works_until(60)

        assert ["melhor-envio/p1"] == [row["id"] for row in rig.queries.shipments()]

    @pytest.mark.parametrize("assigned", [False, True])
    def test_written_before(self, rig: Rig, assigned: bool) -> None:
        """A parcel in step gets its companion by a later link, also where a person named the link's order; its own
        invoice is not written again."""
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        if assigned:
            rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number=None, now=rig.now)
            rig.work()
        rig.link("TN1BR", "1-01", also=["2-01"])
        rig.works_until(60)

        assert ["900", "950"] == [call.path.rpartition("/")[2] for call in rig.calls("PATCH")]

    def test_other_order_of_a_person(self, rig: Rig) -> None:
        """Where a person names another order than the link, its other orders are not served either."""
        two_orders(rig)
        rig.post(posted("1-01"))
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number=None, now=rig.now)
        rig.link("TN1BR", "5-01", also=["2-01"])
        rig.works_until(DAY)

        assert ["melhor-envio/p1"] == [row["id"] for row in rig.queries.shipments()]


class TestNotAPersonsWord:
    """A link that names a second order is no person's assignment: what holds any parcel holds its companion, too."""

    @pytest.fixture(autouse=True)
    def linked(self, rig: Rig) -> None:
        link = Link((("tracking_number", "TN1BR"),), "1-01", also=(Place("2-01", "950"),))
        rig.index.link("lux", [link], now=rig.now)

    def second(self, rig: Rig, **rest: Any) -> tuple[str, str | None]:
        """How the companion ends where the second order is like this."""
        shown = rest.pop("package", package("950"))
        rig.add_order(order("1-01", package("900")), order("2-01", shown, **rest))
        rig.post(posted(None))
        rig.works_until(DAY)
        row = rig.shipment(COMPANION)
        return row["state"], row["reason"]

    def test_written(self, rig: Rig) -> None:
        """Where nothing speaks against it, the second order is written."""
        assert "in_step" == self.second(rig)[0]
        assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]

    def test_cancelled(self, rig: Rig) -> None:
        """A cancelled order is written to only where a person says so."""
        assert ("held", "order_cancelled") == self.second(rig, status="canceled")
        assert None is fields(rig, "2-01", "950")["trackingNumber"]

    def test_foreign_number(self, rig: Rig) -> None:
        """A number of another system is not overwritten."""
        held = package("950", trackingNumber="OTHER9BR")
        assert ("held", "number_differs") == self.second(rig, package=held)
        assert "OTHER9BR" == fields(rig, "2-01", "950")["trackingNumber"]

        # The command to paste is about this order alone: the parcel's number would name the parcel of the first one.
        command = f"receiver assign {COMPANION} --order 2-01 --invoice 950"
        assert rig.shipment(COMPANION)["note"].endswith(f" To decide: {command}")
        rig.decisions.assign(COMPANION, order_id="2-01", invoice_number="950", now=rig.now)
        rig.works_until(DAY)
        assert {"TN1BR"} == {fields(rig, *place)["trackingNumber"] for place in (("1-01", "900"), ("2-01", "950"))}

    def test_another_seller(self, rig: Rig) -> None:
        """An order that another VTEX account invoices is not written at the marketplace."""
        seller = {"id": "shop", "fulfillmentEndpoint": "http://f.example/?an=other"}
        assert ("held", "sold_by_another_seller") == self.second(rig, sellers=[seller])
        assert None is fields(rig, "2-01", "950")["trackingNumber"]

    def test_reverse(self, rig: Rig) -> None:
        """The label of a return reaches no order."""
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "reverse": [{"path": "data.back"}]}})
        rig.post(posted(None))
        rig.work()
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.post(posted(None, back=True))
        rig.works_until(DAY)

        assert [] == rig.calls("PATCH")
        assert "reverse_shipment" == rig.shipment(COMPANION)["reason"]

    def test_person(self, rig: Rig) -> None:
        """A person who then names both orders overrules that, and no later link overrules the person."""
        self.second(rig, status="canceled")
        assigned(rig, Place("2-01", "950"))
        rig.work()
        assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]

        rig.index.link(
            "lux", [Link((("tracking_number", "TN1BR"),), "1-01", also=(Place("2-01", "951"),))], now=rig.now
        )
        assert "950" == rig.shipment(COMPANION)["assigned_invoice"]


class TestInvoiceOfTheFirstOrder:
    """The invoice that the carrier names is one of the parcel's own order: at another order it names none."""

    @pytest.fixture(autouse=True)
    def linked(self, rig: Rig) -> None:
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.link("IP1BR", "1-01", also=["2-01"])

    def second(self, rig: Rig, *packages: dict[str, Any], key: str | None = None) -> tuple[str, str | None]:
        """How the companion ends where the carrier names invoice 900, or a ``key``, and the second order has these."""
        rig.add_order(order("1-01", package("900")), order("2-01", *packages))
        named = {"invoice_key": key} if key else {"invoice_number": "900"}
        rig.post({**shipped("1-01", None), "invoice": named}, endpoint="intelipost")
        rig.works_until(DAY)
        return rest(rig, "intelipost/P1+2-01")

    def test_only_invoice(self, rig: Rig) -> None:
        """The only invoice of the other order gets the number, too."""
        assert ("in_step", None) == self.second(rig, package("950"))
        assert "IP1BR" == fields(rig, "2-01", "950")["trackingNumber"]

    def test_same_number(self, rig: Rig) -> None:
        """Numbers repeat in another series: one of several invoices that has it by chance is not chosen."""
        both = [package(number, value=5_000) for number in ("900", "950")]
        assert ("held", "ambiguous_invoice") == self.second(rig, *both)

    def test_its_key(self, rig: Rig) -> None:
        """A key is of one invoice alone: the order that has it is meant."""
        both = [package("950", value=5_000, invoiceKey=KEY_OF_950), package("951", value=5_000)]
        assert ("in_step", None) == self.second(rig, *both, key=KEY_OF_950)
        assert "IP1BR" == fields(rig, "2-01", "950")["trackingNumber"]


def test_command(operator_on_either: Operator) -> None:
    """`receiver assign --also` reads each order first, names the companion, and `show` tells whose it is."""
    operator_on_either.in_step()
    rig = operator_on_either.rig
    rig.add_order(order("2-01", package("950")))

    expected = "melhor-envio/p1: order 1-01, invoice by the rules; also melhor-envio/p1+2-01\n"
    assert expected == operator_on_either.says("assign", "TN1BR", "--order", "1-01", "--also", "2-01")
    rig.now = time.time() + 1  # commands live by the machine's clock
    rig.work()
    assert "TN1BR" == fields(rig, "2-01", "950")["trackingNumber"]
    assert "  companion of     melhor-envio/p1\n" in operator_on_either.says("show", COMPANION)
    assert "does not know order 3-01" in operator_on_either.fails(
        "assign", "TN1BR", "--order", "1-01", "--also", "3-01"
    )
