"""Several volumes on one invoice that end differently: VTEX is told that all are delivered or none, and a person hears
where the rest may never come."""

import itertools
from typing import Any

import pytest

from tests.support.frenet_events import prepared, tell
from tests.support.reconciling import INTELIPOST, NAMELESS, rest, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR

PARCEL = "intelipost/P1"
DOUBTED, IN_STEP = ("held", "delivery_doubted"), ("in_step", None)
BACK, LOST = ("DELIVERY_FAILED", "Devolvido ao remetente"), ("DELIVERY_FAILED", "Extravio")


@pytest.fixture
def two(rig: Rig) -> Rig:
    """A shipment of two volumes that are on their way, with their events."""
    rig.configure(endpoints={"intelipost": {**INTELIPOST, "events": True}})
    rig.add_order(order("A-01", package("900")))
    for volume in "12":
        say(rig, volume, "SHIPPED", day=10)
    assert IN_STEP == rest(rig, PARCEL)
    return rig


def say(
    rig: Rig, volume: str | None, state: str, text: str = "Ocorrência", *, day: int, endpoint: str = "intelipost"
) -> None:
    """Intelipost's word of one volume; ``None``: it does not say of which."""
    history: dict[str, Any] = {
        "shipment_order_volume_state": state,
        "event_date_iso": f"2026-11-{day}T12:00:00-03:00",
        "shipment_volume_micro_state": {"name": text},
    }
    body = {**shipped("A-01", "900", number=f"IP{volume}BR"), "history": history, "volume_number": volume}
    rig.post(body if volume else {**body, "tracking_code": None}, endpoint=endpoint)
    rig.works_until(HOUR)


def delivered(rig: Rig) -> set[bool]:
    """What VTEX was told of the delivery."""
    return {call.body["isDelivered"] for call in rig.calls("PUT")}


class TestAstray:
    @pytest.mark.parametrize("end", [BACK, LOST])
    @pytest.mark.parametrize("turn", list(itertools.permutations([0, 1])))
    def test_a_part(self, two: Rig, end: tuple[str, str], turn: tuple[int, ...]):
        """A volume that turned back or was lost, while the other one was delivered: held, whichever came first; VTEX
        gets the events, and no delivery."""
        ends = [("1", "DELIVERED", "Entregue", 12), ("2", *end, 13)]
        for volume, state, text, day in (ends[index] for index in turn):
            say(two, volume, state, text, day=day)

        assert DOUBTED == rest(two, PARCEL)
        assert {False} == delivered(two)
        assert {"Ocorrência", "Entregue", end[1]} == {one["description"] for one in two.calls("PUT")[-1].body["events"]}
        note = two.shipment(PARCEL)["note"]
        assert "VTEX was not told that it is delivered; the carrier says that a part was delivered, and that" in note
        assert "volume 2 of IP1BR turned back or is in trouble" in note

    def test_found(self, two: Rig):
        """A volume that is on its way again, and then delivered: the hold ends by itself."""
        states = []
        for volume, (state, text) in (
            ("2", LOST),
            ("1", ("DELIVERED", "Entregue")),
            ("2", ("IN_TRANSIT", "Localizado")),
            ("2", ("DELIVERED", "Entregue")),
        ):
            say(two, volume, state, text, day=12 + len(states))
            states.append(rest(two, PARCEL))

        assert [IN_STEP, DOUBTED, IN_STEP, IN_STEP] == states
        assert two.calls("PUT")[-1].body["isDelivered"]

    def test_never_heard_of(self, two: Rig):
        """The carrier says nothing more of one volume, a week after the other one was delivered: a person hears,
        without a call. Once it is delivered as well, VTEX is told."""
        say(two, "1", "DELIVERED", "Entregue", day=12)
        calls = len(two.calls())
        two.works_until(6 * DAY)
        assert IN_STEP == rest(two, PARCEL)
        two.works_until(2 * DAY)

        assert (DOUBTED, calls) == (rest(two, PARCEL), len(two.calls()))
        note = two.shipment(PARCEL)["note"]
        assert "a part was delivered, and nothing has been heard of volume 2 of IP1BR since 2026-11-18T" in note
        assert "receiver dismiss intelipost/P1" in note
        say(two, "2", "DELIVERED", "Entregue", day=20)
        assert (IN_STEP, True) == (rest(two, PARCEL), two.calls("PUT")[-1].body["isDelivered"])

    def test_dismissed(self, two: Rig):
        """A person who has corrected the order dismisses it, and nothing more is sent."""
        say(two, "1", "DELIVERED", day=12)
        say(two, "2", *BACK, day=13)
        calls = len(two.calls())
        two.decisions.dismiss(PARCEL, now=two.now)
        say(two, "2", *BACK, day=14)

        assert ("dismissed", None) == rest(two, PARCEL)
        assert calls == len(two.calls())

    def test_all_back(self, two: Rig):
        """Where all turn back, VTEX shows their events, and there is nothing to decide."""
        for volume in "12":
            say(two, volume, *BACK, day=12)

        assert (IN_STEP, {False}) == (rest(two, PARCEL), delivered(two))

    def test_parcels_that_are_joined(self, rig: Rig):
        """The same of two parcels that share an invoice: the one whose number was written first is held."""
        prepared(rig, second_parcel="join")
        for parcel in (1, 2):
            tell(rig, "Objeto postado", kind="0", parcel=parcel, number=f"TN{parcel}")
            rig.works_until(HOUR)
        tell(rig, "Objeto entregue", kind="9", parcel=1, number="TN1")
        rig.works_until(HOUR)
        assert (IN_STEP, IN_STEP) == (rest(rig, "frenet/1"), rest(rig, "frenet/2"))

        tell(rig, "Objeto extraviado", kind="4", parcel=2, number="TN2")
        rig.works_until(DAY)
        held = [name for name in ("frenet/1", "frenet/2") if rest(rig, name) == DOUBTED]
        assert 1 == len(held)
        assert "that TN2 turned back or is in trouble" in rig.shipment(held[0])["note"]
        assert {False} == delivered(rig)


class TestUnnamed:
    """A message that names none of several volumes may be about any."""

    def test_delivery(self, two: Rig):
        """A delivery of it is not told, and a person hears; the deliveries of the volumes end the hold."""
        say(two, None, "DELIVERED", "Entregue", day=12)
        assert (DOUBTED, {False}) == (rest(two, PARCEL), delivered(two))
        said = "the carrier does not say which volume was delivered or turned back: it may be"
        assert f"{said} volume 1 of IP1BR, volume 2 of IP1BR" in two.shipment(PARCEL)["note"]

        for volume in "12":
            say(two, volume, "DELIVERED", "Entregue", day=13)
        assert IN_STEP == rest(two, PARCEL)
        assert two.calls("PUT")[-1].body["isDelivered"]

    def test_return(self, two: Rig):
        """A return of it, while one was delivered, too."""
        say(two, None, *BACK, day=12)
        assert IN_STEP == rest(two, PARCEL)

        say(two, "1", "DELIVERED", "Entregue", day=13)
        assert (DOUBTED, {False}) == (rest(two, PARCEL), delivered(two))
        assert "turned back: it may be volume 2 of IP1BR" in two.shipment(PARCEL)["note"]


class TestToldByTwo:
    """A gateway tells a shipment of two volumes, and the carrier tells the second one by its number alone."""

    @pytest.fixture
    def both(self, rig: Rig) -> Rig:
        self.configure(rig)
        rig.add_order(order("A-01", package("900")))
        return rig

    @staticmethod
    def configure(rig: Rig, **of_gateway: Any) -> None:
        rig.configure(
            endpoints={
                "intelipost": {**INTELIPOST, "events": True, **of_gateway},
                "melhor-envio": {**NAMELESS, "events": True},
            }
        )

    @staticmethod
    def gateway(rig: Rig) -> None:
        for volume in "12":
            say(rig, volume, "SHIPPED", day=10)

    @staticmethod
    def carrier(rig: Rig, event: str = "order.posted", at: str = "2026-11-10T18:00:00+00:00") -> None:
        rig.post(posted(None, number="ip2-br", event=event, at=at))
        rig.works_until(HOUR)

    @pytest.mark.parametrize("first", ["gateway", "carrier"])
    def test_order(self, both: Rig, first: str):
        """Our own rows know the order of the second number, which VTEX does not show: it is the same shipment."""
        for step in sorted([self.gateway, self.carrier], key=lambda step: step.__name__ != first):
            step(both)

        assert [IN_STEP, IN_STEP] == [rest(both, PARCEL), rest(both)]
        assert ("A-01", "900") == (both.shipment()["order_id"], both.shipment()["invoice_number"])
        assert ["IP1BR"] == list({call.body["trackingNumber"] for call in both.calls("PATCH")})
        assert both.shipment()["note"].endswith(f"is told by {PARCEL}")

    @pytest.mark.parametrize(("typed", "is_told"), [("IP1BR", True), ("ip-1 BR", True), ("TYPED", False)])
    def test_the_owner_gave_way(self, both: Rig, typed: str, *, is_told: bool):
        """A person has put the other volume's number in place of the carrier's, whose shipment is kept: the gateway's
        tells the delivery of both. Under another parcel's number nothing is told. The kept one's note stays
        true: it is about its own number."""
        carrier = {**MELHOR_ENVIO, "events": True}
        both.configure(endpoints={"intelipost": {**INTELIPOST, "events": True}, "melhor-envio": carrier})
        both.post(posted("A-01", number="IP2BR"))
        both.works_until(HOUR)
        for volume in "21":
            say(both, volume, "SHIPPED", day=10)
        both.package_of("A-01", "900")["trackingNumber"] = typed
        both.post(posted("A-01", number="IP2BR", event="order.delivered", at="2026-11-12T18:00:00+00:00"))
        for volume in "12":
            say(both, volume, "DELIVERED", "Entregue", day=13)

        assert ("kept", "number_changed") == rest(both)
        assert is_told is (True in delivered(both))
        assert both.shipment()["note"].endswith(" delivered; VTEX was not told so of IP2BR.")

    @pytest.mark.parametrize("events", [True, False])
    def test_delivery(self, both: Rig, events: bool):
        """The carrier's delivery of its volume is that of one: it is told once the other one is delivered, also where
        the gateway's endpoint sends no events."""
        self.configure(both, events=events)
        self.gateway(both)
        self.carrier(both)
        self.carrier(both, "order.delivered", "2026-11-12T18:00:00+00:00")
        assert True not in delivered(both)

        say(both, "1", "DELIVERED", "Entregue", day=13)
        assert True in delivered(both)

    @pytest.mark.parametrize("name", ["a-gateway", "z-gateway"])
    @pytest.mark.parametrize("policy", ["nameless", "join"])
    def test_each_volume_by_the_carrier(self, both: Rig, name: str, policy: str):
        """The carrier tells each volume as a parcel of its own, and may name the order: its two deliveries are that of
        the whole, whatever the endpoints are called, also where the gateway tells but the labels."""
        joins = {**MELHOR_ENVIO, "events": True, "second_parcel": "join"}
        carrier = joins if policy == "join" else {**NAMELESS, "events": True}
        both.configure(endpoints={name: {**INTELIPOST, "events": False}, "melhor-envio": carrier})
        if policy == "join":
            self.volumes(both, "order.posted")
        for volume in "12":
            say(both, volume, "SHIPPED", day=10, endpoint=name)
        if policy == "nameless":
            self.volumes(both, "order.posted")

        assert [False, True] == self.volumes(both, "order.delivered", day=12)
        assert [IN_STEP] * 3 == [rest(both, one) for one in (f"{name}/P1", "melhor-envio/p1", "melhor-envio/p2")]

    @staticmethod
    def volumes(rig: Rig, event: str, day: int = 10) -> list[bool]:
        """The carrier's word of both, as two parcels; after each, whether VTEX was told of the delivery."""
        told = []
        for volume in "12":
            at = f"2026-11-{day}T18:00:00+00:00"
            rig.post(posted("A-01", parcel=f"p{volume}", number=f"IP{volume}BR", event=event, at=at))
            rig.works_until(HOUR)
            told.append(True in delivered(rig))
        return told

    @pytest.mark.parametrize("end", [BACK, LOST])
    def test_the_doubtful_one_is_dismissed(self, both: Rig, end: tuple[str, str]):
        """A person dismisses the held shipment with the lost volume: the carrier's own word of the other volume is no
        delivery of the whole, and is held as well. Found and delivered, it is told."""
        self.gateway(both)
        self.carrier(both)
        say(both, "1", *end, day=12)
        self.carrier(both, "order.delivered", "2026-11-12T18:00:00+00:00")
        assert DOUBTED == rest(both, PARCEL)

        both.decisions.dismiss(PARCEL, now=both.now)
        both.works_until(DAY)
        assert (DOUBTED, {False}) == (rest(both), delivered(both))

        say(both, "1", "DELIVERED", "Entregue", day=14)
        assert [IN_STEP if end == LOST else DOUBTED] == [rest(both)]
        assert (end == LOST) is (True in delivered(both))

    @pytest.mark.parametrize("silent", ["dismissed", "events"])
    @pytest.mark.parametrize("end", [("DELIVERED", "Entregue"), LOST])
    def test_the_rest_comes_later(self, both: Rig, silent: str, end: tuple[str, str]):
        """The end of the volume that the gateway alone tells is the last word: the carrier's shipment tells the
        delivery then, or is held, also where the gateway's own tells VTEX nothing."""
        self.configure(both, events=silent != "events")
        self.gateway(both)
        self.carrier(both)
        if silent == "dismissed":
            both.decisions.dismiss(PARCEL, now=both.now)
        self.carrier(both, "order.delivered", "2026-11-12T18:00:00+00:00")
        assert (IN_STEP, {False}) == (rest(both), delivered(both))

        say(both, "1", *end, day=14)
        is_lost = end == LOST
        assert (DOUBTED if is_lost else IN_STEP, not is_lost) == (rest(both), True in delivered(both))

    @pytest.mark.parametrize("end", [("DELIVERED", "Entregue"), LOST])
    def test_the_gateway_is_held_unwritten(self, rig_on_either: Rig, end: tuple[str, str]):
        """The gateway's shipment is written nowhere, since a person is to name its invoice: the volume that it alone
        knows counts all the same, and its end is the last word."""
        rig = rig_on_either
        rig.configure(endpoints={"intelipost": INTELIPOST, "melhor-envio": {**MELHOR_ENVIO, "events": True}})
        rig.add_order(order("A-01", package("901")))
        self.gateway(rig)
        rig.post(posted("A-01", number="ip2-br"))
        rig.works_until(HOUR)
        assert [("held", "named_invoice_missing"), IN_STEP] == [rest(rig, PARCEL), rest(rig)]
        rig.post(posted("A-01", number="ip2-br", event="order.delivered", at="2026-11-12T18:00:00+00:00"))
        rig.works_until(HOUR)
        assert (IN_STEP, False) == (rest(rig), True in delivered(rig))

        say(rig, "1", *end, day=14)
        is_lost = end == LOST
        assert (DOUBTED if is_lost else IN_STEP, not is_lost) == (rest(rig), True in delivered(rig))

    @pytest.mark.parametrize("number", ["IP1BR", "JOINED"])
    def test_joined(self, both: Rig, number: str):
        """A number among those of several parcels that share the invoice leads there, too."""
        joins = {"events": True, "second_parcel": "join"}
        shop, carrier = {**MELHOR_ENVIO, **joins}, {**NAMELESS, "events": True}
        both.configure(endpoints={"intelipost": {**INTELIPOST, **joins}, "shop": shop, "melhor-envio": carrier})
        self.gateway(both)
        both.post(posted("A-01", parcel="p2", number="JOINED"), endpoint="shop")
        both.works_until(HOUR)
        both.post(posted(None, number=number))
        both.works_until(HOUR)

        assert IN_STEP == rest(both)
        assert "JOINED;IP1BR" == both.package_of("A-01", "900")["trackingNumber"]

    def test_another_parcel(self, both: Rig):
        """A number of two shipments with two orders leads to none: a person is asked."""
        both.add_order(order("B-01", package("901")))
        self.gateway(both)
        body = shipped("B-01", "901", parcel="P2", number="IP2BR")
        both.post(body, endpoint="intelipost")
        both.works_until(HOUR)
        self.carrier(both)

        assert ("held", "ambiguous_order") == rest(both)

    def test_corrected(self, both: Rig):
        """A shipment whose number a person has replaced at VTEX leads no other one to its order."""
        self.gateway(both)
        both.package_of("A-01", "900")["trackingNumber"] = "TYPED"
        self.carrier(both)

        assert ("awaiting_order", "no_reference") == rest(both)

    def test_dismissed(self, both: Rig):
        """A shipment that a person has dismissed leads no other one to its order."""
        self.gateway(both)
        both.decisions.dismiss(PARCEL, now=both.now)
        self.carrier(both)

        assert ("awaiting_order", "no_reference") == rest(both)
