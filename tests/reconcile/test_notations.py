"""A parcel's number in whatever notation: at VTEX, in a link, in the index, and under an alias of the carrier."""

import pytest

from receiver.operations.links import LinkResult, store_links
from receiver.store.operator.listed import Listed
from receiver.store.operator.shipment_filter import ShipmentFilter
from tests.support.reconciling import INTELIPOST, NAMELESS, fields, learn, methods, rest, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted

#: An invoice without a date teaches no tracking number.
DATED = {"issuanceDate": "2026-11-10T12:00:00Z"}
NUMBER, OWN = "LGI-ME26110042BR", "ME26110042BR"
HALF = {"value": 5_000}


class TestAtVtex:
    def test_alias_on_another_invoice(self, rig: Rig):
        """Melhor Envio names its own code, too: an invoice that shows it is the parcel's, and the number there
        stays. The open invoice beside it is not touched."""
        rig.add_order(order("1-01", package("503", trackingNumber=OWN, **HALF), package("504", **HALF)))
        rig.post(posted(number=NUMBER, self_tracking=OWN))
        rig.work()

        assert [("1-01", "503", OWN)] == [
            (call.order, call.invoice, call.body["trackingNumber"]) for call in rig.calls("PATCH")
        ]
        assert ("in_step", "tracking_number") == (rig.shipment()["state"], rig.shipment()["rule"])
        assert [NUMBER, OWN] == sorted(rig.shipment()["evidence"]["carrier_tracking_numbers"])

    @pytest.mark.parametrize(
        "shown", ["QS 123 456 789 BR", "qs123456789br", "QS-123.456.789-BR", "qs\u2011123456789br"]
    )
    def test_notation(self, rig: Rig, shown: str):
        """What VTEX shows in its own notation is the parcel's number: no PATCH, and the other invoice stays free."""
        url, courier = "https://track.example/QS123456789BR", "Melhor Envio"
        there = package("503", trackingNumber=shown, trackingUrl=url, courier=courier, **HALF)
        rig.add_order(order("1-01", there, package("504", **HALF)))
        rig.post(posted(number="QS123456789BR"))
        rig.work()

        assert ["GET"] == methods(rig)
        assert ("in_step", "tracking_number", shown) == (
            *(rig.shipment()[name] for name in ("state", "rule")),
            rig.shipment()["sent"]["trackingNumber"],
        )

    def test_foreign_number_beside(self, rig: Rig):
        """An open invoice beside one with a number that is not ours is not taken: nothing names it."""
        rig.add_order(order("1-01", package("503", trackingNumber="QS1BR", **HALF), package("504", **HALF)))
        rig.post(posted(number="QS2BR"))
        rig.work()

        assert ("held", "ambiguous_invoice") == rest(rig)
        assert "receiver assign melhor-envio/p1 --order 1-01 --invoice 503   (or 504)" in rig.shipment()["note"]
        assert ["GET"] == methods(rig)

    def test_number_of_separators(self, rig: Rig):
        """A number without a letter or a digit is no one's number."""
        rig.add_order(order("1-01", package("503", trackingNumber="- -")))
        rig.post(posted(number="-"))
        rig.work()

        assert ("held", "number_differs") == rest(rig)


class TestTwoEndpoints:
    """A gateway tells a parcel by its partner's number and its own; the partner tells it by its own alone."""

    @pytest.mark.parametrize("policy", ["hold", "first", "latest", "join"])
    @pytest.mark.parametrize("first", ["gateway", "partner"])
    def test_one_parcel(self, rig: Rig, policy: str, first: str):
        """It is one parcel, whichever comes first: its invoice is written once, and the open one beside it is not
        touched, although no two parcels share an invoice."""
        endpoint = {**MELHOR_ENVIO, "second_parcel": policy, "one_parcel_per_invoice": True}
        rig.configure(endpoints={"gateway": endpoint, "partner": endpoint})
        rig.add_order(order("1-01", package("503", **HALF), package("504", **HALF)))
        told = {"gateway": {"number": NUMBER, "self_tracking": OWN}, "partner": {"number": OWN.lower()}}
        second = "partner" if first == "gateway" else "gateway"
        rig.post(posted(parcel=first, **told[first]), endpoint=first)
        rig.work()
        rig.decisions.assign(f"{first}/{first}", order_id="1-01", invoice_number="503", now=rig.now)
        rig.work()
        rig.post(posted(parcel=second, at="2026-11-11T12:00:00+00:00", **told[second]), endpoint=second)
        rig.work()

        assert [("503", told[first]["number"])] == [
            (call.invoice, call.body["trackingNumber"]) for call in rig.calls("PATCH")
        ]
        row = rig.shipment(f"{second}/{second}")
        assert ("in_step", None, "503") == (row["state"], row["reason"], row["invoice_number"])
        assert f"the same parcel is told by {first}/{first}" == row["note"]

    def test_number_of_the_whole(self, rig: Rig):
        """Two boxes whose messages name one number of the whole are two parcels."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted(parcel="p1", number="BOX1BR", self_tracking="ALLBR"))
        rig.post(posted(parcel="p2", number="BOX2BR", self_tracking="ALLBR"))
        rig.work()

        assert 1 == len(rig.calls("PATCH"))
        assert {"in_step", "held"} == {rest(rig, f"melhor-envio/{name}")[0] for name in ("p1", "p2")}


class TestFound:
    """By links, by what orders taught, and by people."""

    @pytest.mark.parametrize("told", ["qs 1-BR", "QS1BR"])
    @pytest.mark.parametrize("first", ["the link", "the parcel"])
    def test_link(self, rig: Rig, told: str, first: str):
        """A link finds its parcel, and a parcel its link, in any notation."""
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        rig.add_order(order("1-01", package("900")))
        steps = [lambda: send_link(rig, told), lambda: rig.post(posted(None, number="Qs.1 br"))]
        for step in steps if first == "the link" else reversed(steps):
            step()
            rig.work()

        assert "Qs.1 br" == fields(rig)["trackingNumber"]

    def test_old_link(self, rig: Rig):
        """A link that an earlier version stored as it was told is found in that notation, and gives way to a newer one
        in another."""
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("901")))
        rig.link("Qs.1 br", "2-01")
        rig.post(posted(None, number="Qs.1 br"))
        rig.work()
        assert "2-01" == rig.shipment()["order_id"]

        rig.now += 1
        send_link(rig, "QS1BR")
        rig.work()

        assert ("in_step", "1-01") == (rig.shipment()["state"], rig.shipment()["order_id"])
        assert rig.index.unlink("lux", "tracking_number", "Qs.1 br", now=rig.now)
        assert [] == list(rig.index.links())

    def test_link_without_a_number(self, rig: Rig):
        """A link by a number of separators alone is refused: it would name nothing."""
        told = send_link(rig, " - ")

        assert ("rejected", "$.tracking_number") == (told.status, told.path)

    @pytest.mark.parametrize("first", ["the order", "the parcel"])
    def test_index(self, rig: Rig, first: str):
        """A number that an order taught names the order of a parcel in another notation, whichever came first."""
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        taught = order("1-01", package("900", trackingNumber="qs 1-BR", trackingUrl="https://own.example", **DATED))
        rig.add_order(taught)
        steps = [lambda: learn(rig, taught), lambda: rig.post(posted(None, number="QS1BR"))]
        for step in steps if first == "the order" else reversed(steps):
            step()
            rig.work()

        assert ("in_step", "1-01") == (rig.shipment()["state"], rig.shipment()["order_id"])
        assert "qs 1-BR" == rig.package_of("1-01", "900")["trackingNumber"]

    def test_alias_in_the_index(self, rig: Rig):
        """So does an alias of the parcel."""
        rig.configure(endpoints={"melhor-envio": NAMELESS})
        taught = order("1-01", package("900", trackingNumber=OWN.lower(), **DATED))
        rig.add_order(taught)
        learn(rig, taught)
        rig.post(posted(None, number=NUMBER, self_tracking=OWN))
        rig.work()

        assert ("in_step", "1-01") == (rig.shipment()["state"], rig.shipment()["order_id"])

    def test_people(self, rig: Rig):
        """A person finds a parcel by its number in any notation, at rest, too."""
        rig.add_order(order("1-01", package("900")))
        rig.post(posted(number="QS 1-BR"))
        rig.work()

        assert ["melhor-envio/p1"] * 2 == [rig.queries.find(name) for name in ("qs1br", "QS 1-BR")]
        listed = Listed(rig.database).shipments(ShipmentFilter(number="qs.1.br"))
        assert ["melhor-envio/p1"] == [row["id"] for row in listed]


class TestSeveralVolumes:
    def test_second_volume_first(self, rig: Rig):
        """The number told once stays: volume 2 heard of before volume 1 is one mail for the shopper."""
        rig.configure(endpoints={"intelipost": {**INTELIPOST, "secrets": ["user:secret"]}})
        rig.add_order(order("A-01", package("900")))
        for volume in ("2", "1"):
            told = shipped("A-01", "900", number=f"VOL{volume}BR")
            rig.post({**told, "volume_number": volume}, endpoint="intelipost")
            rig.work()

        assert ["VOL2BR"] == [call.body["trackingNumber"] for call in rig.calls("PATCH")]
        assert "in_step" == rest(rig, "intelipost/P1")[0]


class TestPage:
    def test_volatile_query(self, rig: Rig):
        """Five webhooks whose page differs in its query alone are one PATCH; another page is a second one."""
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO})
        rig.add_order(order("1-01", package("900")))
        for stamp in range(5):
            rig.post(posted(tracking_url=f"https://track.example/TN1BR?ts={stamp}"))
            rig.work()
        assert ["https://track.example/TN1BR?ts=0"] == [call.body["trackingUrl"] for call in rig.calls("PATCH")]

        rig.post(posted(tracking_url="https://track.example/parcels/TN1BR", at="2026-11-10T12:00:01+00:00"))
        rig.work()
        assert 2 == len(rig.calls("PATCH"))


def send_link(rig: Rig, number: str) -> LinkResult:
    """Tell a link to order 1-01 as the merchant's own system does."""
    (told,) = store_links(rig.index, rig.config, "lux", [{"tracking_number": number, "order": "1-01"}], now=rig.now)
    return told
