"""Which order a parcel belongs to: by the carrier's word, by a link, by a person, by what other orders taught."""

from typing import Any

import pytest

from receiver.shipments import Reason
from receiver.vtex.order_facts import index_facts
from receiver.vtex.orders import read_order
from tests.support.reconciling import INTELIPOST, TAGS, UPS, fields, learn, methods, naming, rest, scanned, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY, HOUR

KEY = "35261112345678000195550010000009001123456789"


class TestReferences:
    """What the carrier calls the order."""

    def test_group(self, rig: Rig):
        """An order id without its suffix leads through the order group to the one order of the purchase."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01", package("900")))
        rig.post(posted("1"))
        rig.work()

        assert ("in_step", None) == rest(rig)
        assert ["GET order", "GET order group", "GET order", "PATCH"] == [one["call"] for one in rig.attempts()]

    def test_group_of_two(self, rig: Rig):
        """A purchase with two orders is for a person."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01", package("900")), order("1-02", package("901")))
        rig.post(posted("1"))
        rig.work()
        assert ("held", "ambiguous_order") == rest(rig)

        assert "To decide: receiver assign melhor-envio/p1 --order 1-01   (or 1-02)" in rig.shipment()["note"]

        rig.decisions.assign("melhor-envio/p1", order_id="1-02", invoice_number=None, now=rig.now)
        rig.work()
        assert "TN1BR" == fields(rig, "1-02", "901")["trackingNumber"]

    @pytest.mark.parametrize(
        ("tags", "found"),
        [(["1", KEY], "1-02"), (["1"], None), (["1", "35" + KEY[2:25] + "000000777" + KEY[34:]], None)],
        ids=["key", "nothing", "another key"],
    )
    def test_group_and_key(self, rig: Rig, tags: list[str], found: str | None):
        """Of a purchase's orders the key decides, where it is on the invoice of one of them only."""
        rules = [
            {"path": TAGS, "is": "order_id", "pattern": r"^(\d)$"},
            {"path": TAGS, "is": "invoice_key", "pattern": r"(\d{44})"},
        ]
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}})
        rig.add_order(order("1-01", package("900")), order("1-02", package("901", invoiceKey=KEY)))
        rig.post(posted(tags=[{"tag": tag} for tag in tags]))
        rig.work()

        assert found == rig.shipment()["order_id"]
        assert found or ("held", "ambiguous_order") == rest(rig)

    def test_group_and_tracking(self, rig: Rig):
        """So does the number that is on an invoice of one of them already."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01", package("900")), order("1-02", package("901", trackingNumber="TN1BR")))
        rig.post(posted("1"))
        rig.work()

        assert ("1-02", "tracking_number") == (rig.shipment()["order_id"], rig.shipment()["rule"])

    def test_group_and_suffix(self, rig: Rig):
        """A suffix behind another sign names its order, also where that is cancelled and the other one is not."""
        rig.configure(endpoints=naming("order_id"))
        first, second = (f"1172452900788-0{place}" for place in (1, 2))
        rig.add_order(order(first, package("900")), order(second, package("901"), status="canceled"))
        rig.post(posted("1172452900788 / 02"))
        rig.work()

        assert ("held", "order_cancelled", second) == (*rest(rig), rig.shipment()["order_id"])
        assert [] == rig.calls("PATCH")

    @pytest.mark.parametrize("status", ["canceled", "replaced"])
    def test_group_with_a_cancelled_order(self, rig: Rig, status: str):
        """An order that is not delivered any more is none of several."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01", package("900"), status=status), order("1-02", package("901")))
        rig.post(posted("1"))
        rig.work()

        assert "TN1BR" == fields(rig, "1-02", "901")["trackingNumber"]

    def test_group_decided_later(self, rig: Rig):
        """What is held for several orders is decided once one of them shows the parcel's invoice."""
        rules = [
            {"path": TAGS, "is": "order_id", "pattern": r"^(\d)$"},
            {"path": TAGS, "is": "invoice_key", "pattern": r"(\d{44})"},
        ]
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}})
        rig.add_order(order("1-01", status="handling"), order("1-02", status="handling"))
        rig.post(posted(tags=[{"tag": "1"}, {"tag": KEY}]))
        rig.work()
        assert ("held", "ambiguous_order") == rest(rig)

        invoiced = order("1-02", package("901", invoiceKey=KEY))
        rig.add_order(invoiced)
        learn(rig, invoiced)
        rig.work()
        assert "TN1BR" == fields(rig, "1-02", "901")["trackingNumber"]

    @pytest.mark.parametrize(
        "written", ["v5195004lux", "V5195004LUX", "VTEX-v5195004lux", "v5195004lux-01", "Pedido V5195004LUX-01"]
    )
    def test_ruled_group(self, rig: Rig, written: str):
        """A rule says that the field holds order groups: capitals and labels are not VTEX's there, either, and a whole
        id is one. What comes before its order is decided when the order is heard of."""
        rig.configure(endpoints=naming("order_group"))
        rig.post(posted(written))
        rig.work()
        assert ("awaiting_order", "order_not_found") == rest(rig)

        there = order("v5195004lux-01", package("900"))
        rig.add_order(there)
        learn(rig, there)
        rig.work()
        assert "TN1BR" == fields(rig, "v5195004lux-01")["trackingNumber"]

    @pytest.mark.parametrize("kind", ["order_id", "order_group"])
    @pytest.mark.parametrize(
        ("written", "reason", "said"),
        [
            (
                "1900000000005-01, 1900000000006-01",
                "ambiguous_order",
                "receiver assign melhor-envio/p1 --order 1900000000005-01   (or 1900000000006-01)",
            ),
            ("lote 1900000000005", "unknown_order_text", 'order_id_affixes = ["lote"]'),
        ],
    )
    def test_unclear(self, rig: Rig, kind: str, written: str, reason: str, said: str):
        """A text of two ids, or with unknown words, is for a person at once: nothing that comes could decide it."""
        rig.configure(endpoints=naming(kind))
        rig.add_order(order("1900000000005-01", package("900")), order("1900000000006-01", package("901")))
        rig.post(posted(written))
        rig.work()

        assert ("held", reason) == rest(rig)
        assert said in rig.shipment()["note"]

    def test_suffix(self, rig: Rig):
        """An order id with its suffix is never looked up as a group."""
        rig.add_order(order("1-02", package("900"), orderGroup="1-01"))
        rig.post(posted("1-01"))
        rig.work()

        assert ("awaiting_order", "order_not_found") == rest(rig)
        assert 1 == len(rig.calls())

    @pytest.mark.parametrize(
        ("written", "order_id"),
        [
            ("VTEX-1172452900788-01", "1172452900788-01"),
            ("#1172452900788-01", "1172452900788-01"),
            ("loja1172452900788-01/2", "1172452900788-01"),
            ("Pedido 1172452900788", "1172452900788-01"),
            ("lux_v502556llux-01", "v502556llux-01"),
            ("loja v502556llux", "v502556llux-01"),
        ],
    )
    def test_prefix(self, rig: Rig, written: str, order_id: str):
        """What a gateway puts around an order id is taken off it, if VTEX does not know the order by the whole."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order(order_id, package("900")))
        rig.post(posted(written))
        rig.work()

        assert ("in_step", None) == rest(rig)
        assert "TN1BR" == fields(rig, order_id)["trackingNumber"]

    @pytest.mark.parametrize(
        "written",
        [
            *("SLR-1172452900788-01", "1172452900788-011"),
            *("35261111724529007880195550010000009001123456", "21172452900788-01", "1172452900788-01a"),
        ],
    )
    def test_no_prefix(self, rig: Rig, written: str):
        """Another store's order is another order, and what only resembles an id names none."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1172452900788-01", package("900")))
        rig.post(posted(written))
        rig.work()

        assert ("awaiting_order", "order_not_found") == rest(rig)

    def test_capitals(self, rig: Rig):
        """VTEX stores the letters of its own ids in lower case; the carrier may not."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("v5195004lux-01", package("900")))
        rig.post(posted("V5195004LUX-01"))
        rig.work()

        assert ("in_step", "v5195004lux-01") == (rest(rig)[0], rig.shipment()["order_id"])

    def test_unknown_text(self, rig: Rig):
        """Letters around an order id may mean a return: the parcel is held with the text, the setting and the
        command; once the setting says that they mean nothing, it is written."""
        endpoints = naming("order_id")
        rig.configure(endpoints=endpoints)
        rig.add_order(order("1900000000005-01", package("900")))
        rig.post(posted("ACME-1900000000005-01"))
        rig.work()

        assert ("held", "unknown_order_text") == rest(rig)
        assert ["GET"] == methods(rig)
        assert 'set order_id_affixes = ["acme"]' in rig.shipment()["note"]
        assert "To decide: receiver assign melhor-envio/p1 --order 1900000000005-01" in rig.shipment()["note"]

        rig.configure(endpoints={"melhor-envio": {**endpoints["melhor-envio"], "order_id_affixes": ["ACME-"]}})
        rig.decisions.retry("melhor-envio/p1", now=rig.now)
        rig.work()
        assert "TN1BR" == fields(rig, "1900000000005-01")["trackingNumber"]

    def test_unknown_text_of_an_order(self, rig: Rig):
        """What looked like a text around an id may be the id of an order that VTEX makes later."""
        rig.configure(endpoints=naming("order_id"))
        rig.post(posted("ACME-1900000000005-01"))
        rig.work()
        rig.add_order(order("ACME-1900000000005-01", package("900")))
        assert 1 == rig.index.wake("lux", [("order_id", "ACME-1900000000005-01")], now=rig.now)
        rig.work()

        assert "TN1BR" == fields(rig, "ACME-1900000000005-01")["trackingNumber"]

    def test_prefixed_and_whole(self, rig: Rig):
        """The whole is asked for first: a prefix may well be part of the id. And one order in two spellings is one."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("X-1172452900788-01", package("900")), order("1172452900788-01", package("900")))
        rig.post(posted("X-1172452900788-01"))
        rig.post(posted(parcel="p2", number="TN2BR", tags=[{"tag": "1172452900788-01"}, {"tag": "#1172452900788-01"}]))
        rig.work()

        assert "X-1172452900788-01" == rig.shipment()["order_id"]
        assert "1172452900788-01" == rig.shipment("melhor-envio/p2")["order_id"]

    def test_prefixed_and_woken(self, rig: Rig):
        """VTEX's word about the order wakes who waits for it under the longer name."""
        rig.configure(endpoints=naming("order_id"))
        rig.post(posted("VTEX-1172452900788-01"))
        rig.work()
        rig.add_order(order("1172452900788-01", package("900")))
        assert 1 == rig.index.wake("lux", [("order_id", "1172452900788-01")], now=rig.now)
        rig.work()

        assert ("in_step", None) == rest(rig)

    @pytest.mark.parametrize("written", ["#501456", "Pedido 501456", "501456/1"])
    def test_sequence_with_labels(self, rig: Rig, written: str):
        """Signs and labels around a sequence say nothing; so it is found, whichever comes first."""
        rig.configure(endpoints=naming("sequence"))
        rig.post(posted(written))
        rig.work()
        there = order("1-01", package("900"), sequence="501456")
        rig.add_order(there)
        learn(rig, there)
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    @pytest.mark.parametrize("written", ["501", "seq501"])
    def test_sequence(self, rig: Rig, written: str):
        """The sequence of an order names it, written with ``seq`` or without."""
        rig.configure(endpoints=naming("sequence"))
        rig.add_order(order("1-01", package("900"), sequence="501"))
        rig.post(posted(written))
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    @pytest.mark.parametrize("written", ["501456", "Pedido 501456", "#501456/1"])
    @pytest.mark.parametrize(
        ("shown", "state"),
        [({"trackingNumber": "TN1BR"}, "in_step"), ({"trackingNumber": "tn1-br"}, "in_step"), ({}, "held")],
        ids=["tracking", "notation", "nothing"],
    )
    def test_bare_sequence(self, rig: Rig, written: str, shown: dict[str, str], state: str):
        """Digits as short as a sequence, where an order id should be, lead to an order only where something else of
        the parcel is on it."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01", package("900", **shown), sequence="501456"))
        rig.post(posted(written))
        rig.work()

        assert state == rest(rig)[0]
        if state == "held":
            note = rig.shipment()["note"]
            assert 'add [[endpoints.melhor-envio.references]] with path = "data.tags[*].tag", is = "sequence"' in note
            assert "To decide: receiver assign melhor-envio/p1 --order 1-01" in note
            assert [] == rig.calls("PATCH")

    @pytest.mark.parametrize(
        ("number", "state"), [("000900", ("in_step", None)), ("7", ("held", "unconfirmed_sequence"))]
    )
    def test_bare_sequence_and_invoice(self, rig: Rig, number: str, state: tuple[str, str | None]):
        """The invoice number that the carrier names must be on the order."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("1-01", package("900"), sequence="501456"))
        rig.post(shipped("501456", number), endpoint="intelipost")
        rig.work()

        assert state == rest(rig, "intelipost/P1")

    def test_bare_sequence_before_its_invoice(self, rig: Rig):
        """While the order's invoice is not there, the parcel that names it waits, and the order's change wakes it."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("1-01", sequence="501456", status="handling"))
        rig.post(shipped("501456", "900"), endpoint="intelipost")
        rig.work()
        assert ("awaiting_order", "invoice_not_there") == rest(rig, "intelipost/P1")

        rig.add_order(order("1-01", package("900"), sequence="501456"))
        assert 1 == rig.index.wake("lux", [("order_id", "1-01")], now=rig.now)
        rig.work()
        assert "IP1BR" == fields(rig)["trackingNumber"]

    def test_ruled_sequence(self, rig: Rig):
        """A rule that says that the field holds sequences decides by itself."""
        rules = [{"path": TAGS, "is": kind} for kind in ("order_id", "sequence")]
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}})
        rig.add_order(order("1-01", package("900"), sequence="501456"))
        rig.post(posted("501456"))
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_bare_sequence_without_rules(self, rig: Rig):
        """The rule that would end the hold names the fields that the carrier is known to use."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        rig.add_order(order("1-01", package("900"), sequence="501456"))
        rig.post(shipped("501456", None), endpoint="intelipost")
        rig.work()

        assert ("held", "unconfirmed_sequence") == rest(rig, "intelipost/P1")
        assert "sales_order_number or order_number" in rig.shipment("intelipost/P1")["note"]

    def test_two_names(self, rig: Rig):
        """Two different order ids are for a person."""
        rig.configure(endpoints=naming("order_id"))
        rig.add_order(order("1-01", package("900")), order("2-01", package("900")))
        rig.post(posted(tags=[{"tag": "1-01"}, {"tag": "2-01"}]))
        rig.work()

        assert ("held", "ambiguous_reference") == rest(rig)
        assert [] == rig.calls()

    @pytest.mark.parametrize("written", [".", "..", "x" * 201])
    def test_unsafe_id(self, rig: Rig, written: str):
        """What cannot stand in a URL is never asked for: held, not tried for ever."""
        rig.configure(endpoints=naming("order_id"))
        rig.post(posted(written))
        rig.work()

        assert ("held", "unsafe_order_id") == rest(rig)
        assert [] == rig.calls()
        assert ["not sent"] == [attempt["outcome"] for attempt in rig.attempts()]

    def test_slashes(self, rig: Rig):
        """Carriers that write their own number with a slash are no refusal of VTEX's: the account is not paused."""
        rig.configure(endpoints=naming("order_id"))
        for number in range(4):
            rig.post(posted(f"PED/{number}", parcel=f"p{number}", number=f"TN{number}BR"))
        rig.work()

        assert ["unsafe_order_id"] * 4 == [row["reason"] for row in rig.queries.shipments()]
        assert [] == rig.queries.paused_accounts(now=rig.now)

    def test_slashes_and_a_key(self, rig: Rig):
        """What VTEX cannot be asked for is like what it does not know: the invoice's key may still lead there."""
        rules = [
            {"path": "data.tags[*].tag", "is": "order_id", "pattern": "(PED.+)"},
            {"path": "data.tags[*].tag", "is": "invoice_key", "pattern": r"(\d{44})"},
        ]
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": rules}})
        known = order("1-01", package("900", invoiceKey=KEY))
        rig.add_order(known)
        rig.index.learn("lux", index_facts(read_order(known)), now=rig.now)
        rig.post(posted(tags=[{"tag": "PED/1"}, {"tag": KEY}]))
        rig.work()

        assert ("in_step", None) == rest(rig)
        assert "TN1BR" == fields(rig)["trackingNumber"]


class TestLinks:
    """What someone said beforehand, or when asked."""

    def test_rules_found_none(self, rig: Rig):
        """Where the endpoint has rules, they are named that found no order, and not the carrier's usual fields."""
        for endpoint in ("with", "without"):
            rules = MELHOR_ENVIO["references"] if endpoint == "with" else []
            rig.configure(endpoints={endpoint: {**MELHOR_ENVIO, "references": rules}})
            rig.post(posted("Maria's"), endpoint=endpoint)
            rig.work()

            said = {
                "with": "the endpoint's rules found none in data.tags[*].tag",
                "without": "melhor_envio may carry it in data.tags[*].tag",
            }[endpoint]
            assert f"{Reason.NO_REFERENCE.sentence} ({said})" == rig.shipment(f"{endpoint}/p1")["note"]

    @pytest.mark.parametrize("invoice", [None, "901"])
    def test_frees(self, rig: Rig, invoice: str | None):
        """Without a reference a parcel asks nothing of VTEX; a link frees it, with an invoice or without."""
        others = [package("902", value=10_000)] if invoice else []
        rig.add_order(order("1-01", package("901"), *others, value=20_000 if invoice else 10_000))
        rig.post(posted(None))
        rig.works_until(DAY)
        assert ("awaiting_order", "no_reference") == rest(rig)
        assert [] == rig.calls()

        assert 1 == len(rig.link("TN1BR", "1-01", invoice).woken)
        rig.work()
        assert ("in_step", "link" if invoice else "only_open_invoice") == (rest(rig)[0], rig.shipment()["rule"])
        assert "TN1BR" == fields(rig, number="901")["trackingNumber"]

    def test_ahead(self, rig: Rig):
        """A link sent ahead is used at the first webhook, and goes before the carrier's own reference."""
        rig.add_order(order("1-01", package("900")), order("2-01", package("900")))
        rig.link("TN1BR", "2-01")
        rig.post(posted("1-01"))
        rig.work()

        assert "TN1BR" == fields(rig, "2-01")["trackingNumber"]

    def test_assigned(self, rig: Rig):
        """A person's word goes before a link."""
        rig.add_order(order("1-01", package("900")))
        rig.link("TN1BR", "9-01")
        rig.post(posted(None))
        rig.work()
        assert ("awaiting_order", "order_not_found") == rest(rig)

        rig.decisions.assign("melhor-envio/p1", order_id="1-01", invoice_number=None, now=rig.now)
        rig.work()
        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_recycled(self, rig: Rig):
        """A number that comes back after a delivery and sixty days is another parcel: it reaches the order of the
        newer link."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.link("1Z1", "1-01")
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.later(DAY)
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.later(70 * DAY)
        rig.link("1Z1", "2-01")
        rig.later(HOUR)
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()

        assert ("in_step", 2, "2-01") == tuple(
            rig.shipment("ups/1Z1")[name] for name in ("state", "generation", "order_id")
        )
        assert ["1Z1", "1Z1"] == [fields(rig)["trackingNumber"], fields(rig, "2-01", "950")["trackingNumber"]]
        assert ["1-01", "2-01"] == [call.order for call in rig.calls("PATCH")]

    def test_recycled_before_its_link(self, rig: Rig):
        """The link of the parcel before is not the new parcel's: it awaits its own."""
        rig.configure(endpoints={"ups": UPS})
        rig.add_order(order("1-01", package("900")), order("2-01", package("950")))
        rig.link("1Z1", "1-01")
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        rig.post(scanned("1Z1", rig.now, kind="D", code="FS"), endpoint="ups")
        rig.later(70 * DAY)
        rig.post(scanned("1Z1", rig.now), endpoint="ups")
        rig.work()
        assert ("awaiting_order", "no_reference") == rest(rig, "ups/1Z1")

        rig.link("1Z1", "2-01")
        rig.work()
        assert "1Z1" == fields(rig, "2-01", "950")["trackingNumber"]


class TestIndex:
    """What other orders taught."""

    def endpoints(self) -> dict[str, Any]:
        return {"melhor-envio": MELHOR_ENVIO, "keys": naming("invoice_key")["melhor-envio"]}

    def test_key(self, rig: Rig):
        """A parcel that carries only an invoice key reaches the order that another parcel's GET has shown."""
        rig.configure(endpoints=self.endpoints())
        rig.add_order(order("1-01", package("900", value=5_000), package("901", value=5_000, invoiceKey=KEY)))
        rig.post(posted(KEY, parcel="p2", number="TN2BR"), endpoint="keys")
        rig.work()
        assert ("awaiting_order", "no_reference") == rest(rig, "keys/p2")
        assert [] == rig.calls()

        rig.post(posted())
        rig.works_until(HOUR)

        assert ("held", "ambiguous_invoice") == rest(rig)
        assert ("in_step", None) == rest(rig, "keys/p2")
        assert ["TN2BR", None] == [fields(rig, number=number)["trackingNumber"] for number in ("901", "900")]

    def test_no_link(self, rig: Rig):
        """What an order taught is no link: the carrier's own word about a parcel goes before it."""
        rig.add_order(order("1-01", package("900", trackingNumber="TN1BR")), order("2-01", package("900")))
        rig.post(posted("1-01", parcel="p2", number="TN2BR"))
        rig.work()
        rig.post(posted("2-01"))
        rig.work()

        assert "TN1BR" == fields(rig, "2-01")["trackingNumber"]

    def test_two_orders(self, rig: Rig):
        """A key that two orders bear is for a person."""
        key = "35251011222333000181550010000009001002940630"
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "numbers": naming("invoice_key")["melhor-envio"]})
        rig.add_order(*(order(name, package("900", invoiceKey=key)) for name in ("1-01", "2-01")))
        rig.post(posted("1-01"))
        rig.post(posted("2-01", parcel="p2", number="TN2BR"))
        rig.work()
        rig.post(posted(key, parcel="p3", number="TN3BR"), endpoint="numbers")
        rig.work()

        assert ("held", "ambiguous_order") == rest(rig, "numbers/p3")
        assert 2 == methods(rig).count("PATCH")

    def test_series_and_number(self, rig: Rig):
        """Number and series, which an order's key has taught, name the order; the bare number does not."""
        rules = [{"path": "data.tags[0].tag", "is": "invoice_number"}]
        carrier = {"carrier": "intelipost", "secrets": ["user:secret"]}
        numbers = {"carrier": "melhor_envio", "secrets": ["s"], "references": rules}
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "numbers": numbers, "intelipost": carrier})
        rig.add_order(order("1-01", package("900", invoiceKey=KEY)))
        rig.post(posted())
        rig.work()
        rig.post(posted("900", parcel="p2", number="TN2BR"), endpoint="numbers")
        told = shipped(None, "000900")
        told["invoice"]["invoice_series"] = "001"
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert ("awaiting_order", "no_reference") == rest(rig, "numbers/p2")
        assert "1-01" == rig.shipment("intelipost/P1")["order_id"]

    def test_series_and_number_of_an_order_that_is_gone(self, rig: Rig):
        """An order that was read once and that VTEX does not know any more is waited for."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        learn(rig, order("1-01", package("900", invoiceKey=KEY)))
        told = shipped(None, "900")
        told["invoice"]["invoice_series"] = "1"
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert ("awaiting_order", "order_not_found") == rest(rig, "intelipost/P1")

    def test_series_and_number_beside_an_order(self, rig: Rig):
        """They do not lead to another order than the one that the carrier names, which may come yet."""
        rig.configure(endpoints={"intelipost": INTELIPOST})
        one = order("1-01", package("900", invoiceKey=KEY))
        rig.add_order(one)
        learn(rig, one)
        told = shipped("5-01", "900")
        told["invoice"]["invoice_series"] = "1"
        rig.post(told, endpoint="intelipost")
        rig.work()

        assert ("awaiting_order", "order_not_found") == rest(rig, "intelipost/P1")
        assert [] == rig.calls("PATCH")

    def test_unique_numbers(self, rig: Rig):
        """Where the merchant says that his numbers are unique, a bare one names its order; borne twice, it is held."""
        rules = [{"path": "data.tags[0].tag", "is": "invoice_number"}]
        numbers = {"carrier": "melhor_envio", "secrets": ["s"], "references": rules, "invoice_numbers": "unique"}
        repeat = {**numbers, "invoice_numbers": "repeat"}
        rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "numbers": numbers, "repeat": repeat})
        rig.add_order(order("1-01", package("900", value=5_000), package("901", value=5_000)))
        rig.add_order(order("2-01", package("901", value=10_000)))
        for parcel, number in (("1-01", "TN1BR"), ("2-01", "TN2BR")):
            rig.post(posted(parcel, parcel=f"p{parcel}", number=number))
        rig.work()
        for number in ("900", "901"):
            rig.post(posted(number, parcel=number, number=f"TN{number}BR"), endpoint="numbers")
        rig.work()

        assert "1-01" == rig.shipment("numbers/900")["order_id"]
        assert ("900", "invoice_number") == tuple(
            rig.shipment("numbers/900")[name] for name in ("invoice_number", "rule")
        )
        assert ("held", "ambiguous_order") == rest(rig, "numbers/901")

        rig.post(posted("900", number="TN3BR"), endpoint="repeat")
        rig.work()
        assert ("awaiting_order", "no_reference") == rest(rig, "repeat/p1")
        said = 'invoice number 900 is known of 1-01; invoice_numbers = "unique" lets it decide'
        assert f"{Reason.NO_REFERENCE.sentence} ({said})" == rig.shipment("repeat/p1")["note"]

    def test_woken_at_once(self, rig_on_either: Rig):
        """An order that is read for one parcel wakes at once those that wait for its key."""
        rig = rig_on_either
        rig.configure(endpoints=self.endpoints())
        rig.add_order(order("1-01", package("900", value=5_000), package("901", value=5_000, invoiceKey=KEY)))
        rig.post(posted(KEY, parcel="p2", number="TN2BR"), endpoint="keys")
        rig.work()
        rig.post(posted())
        rig.work()

        assert "TN2BR" == fields(rig, number="901")["trackingNumber"]

    def test_recycled_number_of_an_old_invoice(self, rig: Rig):
        """A number that a year-old invoice bears, learnt only now, is another parcel's."""
        old = package("900", trackingNumber="TN1BR", issuanceDate="2025-11-10T12:00:00Z")
        rig.add_order(order("1-01", old))
        rig.post(posted(parcel="p2", number="TN2BR"))
        rig.work()
        rig.post(posted(None))
        rig.work()

        assert ("awaiting_order", "no_reference") == rest(rig)


class TestLinksByOtherNames:
    """A link by the carrier's own id, or by an invoice."""

    def test_shipment(self, rig: Rig):
        """The carrier's own id of the parcel, told before its first webhook."""
        rig.add_order(order("1-01", package("900")))
        rig.link("melhor-envio/p1", "1-01", kind="shipment")
        rig.post(posted(None))
        rig.work()

        assert "TN1BR" == fields(rig)["trackingNumber"]

    @pytest.mark.parametrize(
        ("kind", "told", "said"),
        [("invoice_number", "900", "000900"), ("invoice_key", KEY, KEY), ("invoice_key", KEY, f"NFe{KEY}")],
    )
    def test_invoice(self, rig: Rig, kind: str, told: str, said: str):
        """An invoice's number decides with the link's word; it wakes the parcel that waited for it."""
        rig.configure(endpoints=naming(kind))
        rig.add_order(order("1-01", package("900", invoiceKey=KEY)))
        rig.post(posted(said))
        rig.work()
        assert ("awaiting_order", "no_reference") == rest(rig)

        rig.link(told, "1-01", kind=kind)
        rig.work()
        assert "TN1BR" == fields(rig)["trackingNumber"]

    def test_two_words(self, rig: Rig):
        """Links that name two orders for one parcel are for a person."""
        rig.link("melhor-envio/p1", "1-01", kind="shipment")
        rig.link("TN1BR", "2-01")
        rig.post(posted(None))
        rig.work()

        assert ("held", "ambiguous_order") == rest(rig)
        assert [] == rig.calls()

    @pytest.mark.parametrize("named", ["tracking_number", "shipment"])
    def test_one_names_the_invoice(self, rig: Rig, named: str):
        """Of two links of one order, one names the invoice: it counts for both."""
        rig.configure(endpoints={"melhor-envio": {**MELHOR_ENVIO, "references": []}})
        rig.add_order(order("1-01", package("900"), package("901"), value=20_000))
        for kind, value in (("tracking_number", "TN1BR"), ("shipment", "melhor-envio/p1")):
            rig.link(value, "1-01", "901" if kind == named else None, kind=kind)
        rig.post(posted(None))
        rig.work()

        assert "TN1BR" == fields(rig, "1-01", "901")["trackingNumber"]

    def test_two_invoices(self, rig: Rig):
        """So are links that name two invoices of one order."""
        rig.link("melhor-envio/p1", "1-01", "900", kind="shipment")
        rig.link("TN1BR", "1-01", "901")
        rig.post(posted(None))
        rig.work()

        assert ("held", "ambiguous_invoice") == rest(rig)

    def test_after_unlink(self, rig: Rig):
        """A link that was taken back tells nothing."""
        rig.link("TN1BR", "1-01")
        rig.index.unlink("lux", "tracking_number", "TN1BR", now=rig.now)
        rig.post(posted(None))
        rig.work()

        assert ("awaiting_order", "no_reference") == rest(rig)
