"""Returns and exchanges: such a parcel never touches the sale's invoice, unless a person says so."""

from itertools import permutations
from typing import Any

import pytest

from receiver.recordings import load
from tests.support.paths import SAMPLES
from tests.support.reconciling import FRENET, fields, learn, methods, naming, rest
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY

SALE = "1900000000005-01"
RULE = {"path": "data.service", "pattern": "(?i)reversa"}


def returning(**settings: Any) -> dict[str, Any]:
    """An endpoint that sends events, with a rule for returns."""
    return {"melhor-envio": {**MELHOR_ENVIO, "events": True, "reverse": [RULE], **settings}}


class TestMarks:
    """What makes a parcel a reverse shipment."""

    @pytest.mark.parametrize(
        "written",
        [
            *(f"TROCA-{SALE}", f"REVERSA {SALE}", f"Devolução/{SALE}", f"{SALE} rma", f"troca{SALE}"),
            *(f"Câmbio {SALE}", "RETURN 501456"),
        ],
    )
    def test_words(self, rig: Rig, written: str):
        """A known word beside an order id, in any case and with or without accents: VTEX is not even asked."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(written))
        rig.works_until(DAY)

        assert ("held", "reverse_shipment") == rest(rig)
        assert written in rig.shipment()["note"]
        assert (
            "To decide: receiver dismiss melhor-envio/p1   (or, if it is a sale: receiver assign melhor-envio/p1"
            in (rig.shipment()["note"])
        )
        assert [] == rig.calls()

    @pytest.mark.parametrize(
        ("pattern", "tags"),
        [
            (r"(\d{13}-\d{2})", [f"TROCA-{SALE}"]),
            (r"\d{13}-\d{2}", [f"pedido {SALE} (devolução)"]),
            (r"^(\d{13}-\d{2})$", [SALE, "Troca"]),
        ],
    )
    def test_words_that_a_pattern_leaves(self, rig: Rig, pattern: str, tags: list[str]):
        """A word where the rule points counts, too, if its pattern takes the order id out from beside it."""
        rig.configure(endpoints=naming("order_id", pattern))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(tags=[{"tag": tag, "url": None} for tag in tags]))
        rig.works_until(DAY)

        assert ("held", "reverse_shipment") == rest(rig)
        assert [] == rig.calls()

    def test_words_that_a_pattern_leaves_and_that_are_labels(self, rig: Rig):
        """What the merchant calls a label is none of them, wherever it stands; nor is any other word."""
        endpoint = naming("order_id", r"(\d{13}-\d{2})")["melhor-envio"]
        rig.configure(endpoints={"melhor-envio": {**endpoint, "order_id_affixes": ["Loja Troca "]}})
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(f"Loja Troca, presente: {SALE}"))
        rig.work()

        assert "TN1BR" == fields(rig, SALE)["trackingNumber"]

    @pytest.mark.parametrize(("written", "order_id"), [(f"SLR-{SALE} troca", "ORDER"), (f"troca {SALE}", SALE)])
    def test_command(self, rig: Rig, written: str, order_id: str):
        """The command names the sale's order, where the text has one of its own."""
        rig.configure(endpoints=naming("order_id"))
        rig.post(posted(written))
        rig.work()

        assert rig.shipment()["note"].endswith(
            f"(or, if it is a sale: receiver assign melhor-envio/p1 --order {order_id})"
        )

    def test_no_words(self, rig: Rig):
        """Part of a word is none, and a word elsewhere in the payload means nothing."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(SALE, service="Logística reversa"))
        rig.post(posted(f"Retrocar {SALE}", parcel="p2", number="TN2BR"))
        rig.work()

        assert "TN1BR" == fields(rig, SALE)["trackingNumber"]
        assert ("held", "unknown_order_text") == rest(rig, "melhor-envio/p2")

    def test_a_word_that_is_a_label(self, rig: Rig):
        """What the merchant calls a label is none of these words."""
        endpoint = {**naming("order_id")["melhor-envio"], "order_id_affixes": ["Loja Troca "]}
        rig.configure(endpoints={"melhor-envio": endpoint})
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(f"Loja Troca {SALE}"))
        rig.work()

        assert "TN1BR" == fields(rig, SALE)["trackingNumber"]

    @pytest.mark.parametrize("rule", [RULE, {"path": "data.is_return"}, {"path": "data.kind == 'back'"}])
    def test_rule(self, rig: Rig, rule: dict[str, str]):
        """A rule of the endpoint marks the parcel by a text, or by a plain true."""
        rig.configure(endpoints=returning(reverse=[rule]))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(SALE, service="Correios Reversa", is_return=True, kind="back"))
        rig.post(posted(SALE, parcel="p2", number="TN2BR", service="PAC", is_return=False, kind="out"))
        rig.work()

        assert ("held", "reverse_shipment") == rest(rig)
        assert ("in_step", "TN2BR") == (rest(rig, "melhor-envio/p2")[0], fields(rig, SALE)["trackingNumber"])

    @pytest.mark.parametrize(
        ("carrier", "case"),
        [
            ("delhivery", "reverse_delivered"),
            ("bluedart", "reverse_pickup"),
            ("frete_rapido", "reverse_delivered"),
            ("abbiamo", "return_order_delivered"),
        ],
    )
    def test_the_carriers_own_mark(self, rig: Rig, carrier: str, case: str):
        """A pickup from the shopper, as carriers mark it, is never written, although its order is there."""
        recording = load(SAMPLES / carrier / f"{case}.http")
        rig.now = recording.request.received_at.timestamp() + 60
        rig.configure(endpoints={"shop": recording.expected["endpoint"]}, send_on="label")
        (said,) = recording.expected["shipments"]
        named = [text for _, text in said.get("references", [])]
        rig.add_order(*(order(text, package("900")) for text in [*named, "1-01"]))
        rig.link(said["tracking_number"], "1-01")
        rig.play(recording, endpoint="shop")
        (name,) = [row["id"] for row in rig.queries.shipments()]
        rig.works_until(DAY)

        assert ("held", "reverse_shipment") == rest(rig, name)
        assert [] == methods(rig)


class TestEnds:
    """What becomes of a reverse shipment."""

    def test_any_order_of_arrival(self, rig: Rig):
        """One marked message among several marks the parcel, no matter when it comes before the first write."""
        rig.configure(endpoints=returning())
        rig.add_order(order(SALE, package("900")))
        messages = [
            posted(SALE, event="order.posted"),
            posted(SALE, event="order.posted", service="Reversa"),
            posted(SALE, event="order.delivered", at="2026-11-12T12:00:00+00:00"),
        ]
        for number, several in enumerate(permutations(messages)):
            for message in several:
                rig.post({**message, "data": {**message["data"], "id": f"p{number}", "tracking": f"TN{number}BR"}})
        rig.work()

        assert {("held", "reverse_shipment")} == {rest(rig, f"melhor-envio/p{number}") for number in range(6)}
        assert [] == methods(rig)

    def test_marked_after_the_write(self, rig: Rig):
        """What is on the invoice already is for a person, even where returns are ignored; no events follow."""
        rig.configure(endpoints=returning(reverse_shipments="ignore"))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(SALE))
        rig.work()
        before = methods(rig)
        rig.post(posted(SALE, event="order.delivered", service="Reversa"))
        rig.works_until(DAY)

        assert ("held", "reverse_shipment") == rest(rig)
        assert f"invoice 900 of order {SALE}" in rig.shipment()["note"]
        assert before == methods(rig)

    def test_ignored(self, rig: Rig):
        """Where the endpoint ignores returns no person is needed, and nothing is sent."""
        rig.configure(endpoints=returning(reverse_shipments="ignore"))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(SALE, event="order.delivered", service="Reversa"))
        rig.works_until(DAY)

        assert ("kept", "reverse_ignored") == rest(rig)
        assert [] == rig.calls()

    @pytest.mark.parametrize("reverse_shipments", ["hold", "ignore"])
    def test_assigned(self, rig: Rig, reverse_shipments: str):
        """A person's word goes before every mark."""
        rig.configure(endpoints=returning(reverse_shipments=reverse_shipments))
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(f"TROCA-{SALE}", service="Reversa"))
        rig.work()
        rig.decisions.assign("melhor-envio/p1", order_id=SALE, invoice_number=None, now=rig.now)
        rig.work()

        assert "in_step" == rest(rig)[0]
        assert "TN1BR" == fields(rig, SALE)["trackingNumber"]

    def test_linked(self, rig: Rig):
        """A link names the order of a return as well: it does not make it a sale."""
        rig.configure(endpoints=returning())
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(None, service="Reversa"))
        rig.work()
        rig.link("TN1BR", SALE)
        rig.work()

        assert ("held", "reverse_shipment") == rest(rig)
        assert [] == rig.calls()

    def test_voided(self, rig: Rig):
        """A label that was cancelled before anything happened needs no person."""
        rig.configure(endpoints=returning())
        rig.post(posted(SALE, event="order.cancelled", service="Reversa"))
        rig.work()

        assert ("cancelled", None) == rest(rig)

    def test_settings_changed(self, rig: Rig):
        """Once the settings say that it is no return, the next news writes it."""
        rig.configure(endpoints=returning())
        rig.add_order(order(SALE, package("900")))
        rig.post(posted(f"TROCA-{SALE}"))
        rig.work()
        rig.configure(endpoints=returning(order_id_affixes=["TROCA"]))
        rig.post(posted(f"TROCA-{SALE}", event="order.delivered"))
        rig.work()

        assert "TN1BR" == fields(rig, SALE)["trackingNumber"]


def test_without_a_mark(rig: Rig):
    """A label of the sale's order and invoice, where the merchant's own van has handed the sale over without a number:
    it is for a person, who is given the command."""
    rig.configure(endpoints=returning())
    rig.add_order(order(SALE, package("900", courierStatus={"status": "ok", "finished": True, "data": []})))
    rig.post(posted(SALE, event="order.delivered"))
    rig.works_until(DAY)

    assert ("held", "already_delivered") == rest(rig)
    assert f"To decide: receiver assign melhor-envio/p1 --order {SALE} --invoice 900" in rig.shipment()["note"]
    assert ["GET"] == methods(rig)

    rig.decisions.assign("melhor-envio/p1", order_id=SALE, invoice_number="900", now=rig.now)
    rig.work()
    assert "TN1BR" == fields(rig, SALE)["trackingNumber"]


def test_sale_after_all(rig: Rig):
    """Where the order gets another invoice, the parcel is decided again: it was that one's."""
    rig.configure(endpoints=returning())
    handed_over = package("900", value=5_000, courierStatus={"status": "ok", "finished": True, "data": []})
    rig.add_order(order(SALE, handed_over, status="invoiced"))
    rig.post(posted(SALE))
    rig.work()
    assert ("held", "already_delivered") == rest(rig)

    changed = order(SALE, package("901"))
    rig.add_order(changed)
    learn(rig, changed)
    rig.works_until(DAY)
    assert ("in_step", "901") == (rest(rig)[0], rig.shipment()["invoice_number"])


def test_frenet(rig: Rig):
    """The reproduction of the finding: a return label at Frenet, whose sale has no tracking."""
    rig.configure(endpoints={"frenet": FRENET})
    rig.add_order(order("1100000000017-01", package("900")))
    told = {
        "TrackingNumber": "FR1BR",
        "OrderId": "REVERSA 1100000000017-01",
        "TrackingUrl": "https://track.example/FR1BR",
        "TrackingEvents": [
            {"EventDateTime": "18/11/2026 07:00", "EventType": "9", "EventDescription": "Entregue", "EventLocation": ""}
        ],
    }
    rig.post(told, endpoint="frenet")
    rig.works_until(DAY)

    assert ["reverse_shipment"] == [row["reason"] for row in rig.queries.shipments()]
    assert [] == rig.calls()
