"""The traps Frete Rápido sets: hundreds of codes, look-alikes of a delivery, and dates that may be missing."""

from dataclasses import replace

import pytest

from adapters import ReferenceKind, Status, frete_rapido
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload, read_one
from tests.support.rig import order, package


def occurrence(**changes):
    return read_one(frete_rapido, payload("frete_rapido", "collected") | changes, zone=frete_rapido.ZONE)


class TestDelivery:
    def test_body_is_not_protected(self):
        """Trap 4: nothing is signed; a token, Basic, a header of the merchant's, or the URL proves the sender."""
        request = frete_rapido.AUTH[0].sign(replace(POST, body=b"{}"), "s")

        frete_rapido.AUTH[0].check(replace(request, body=b"anything"), ["s"])
        assert ["bearer", "basic", "header", "path"] == [scheme.kind for scheme in frete_rapido.AUTH]

    def test_unreadable(self):
        """Traps 11 and 13: only 200 ends the twelve tries, and a 4xx repeats what cannot be read."""
        assert (200, 200) == (frete_rapido.REPLY.success, frete_rapido.REPLY.unreadable)


def test_volumes(rig):
    """Each volume has occurrences and a code of its own: the first one's code is sent and stays, and the freight is
    delivered once all are."""
    rig.configure(endpoints={"frete-rapido": {"carrier": "frete_rapido", "secrets": ["s"], "events": True}})
    rig.add_order(order("1-01", package("900")))

    def post(code: int, box: str | None, day: int) -> list[bool]:
        of = {"id_frete": "FR1", "numero_pedido": "1-01", "codigo": code, "nome": "x", "rastreio": box}
        rig.post({**of, "data_ocorrencia": f"2026-11-{day} 10:00:00"}, endpoint="frete-rapido")
        rig.works_until(900)
        return [call.body["isDelivered"] for call in rig.calls("PUT")]

    assert [False] == post(15, "AA000000001BR", 1)
    post(15, "AA000000002BR", 2)
    post(2, None, 3)
    *_, before = post(3, "AA000000001BR", 4)
    *told, at_last = post(3, "AA000000002BR", 5)

    assert (False, True) == (before, at_last)
    assert {False} == set(told)
    assert ["AA000000001BR"] == [call.body["trackingNumber"] for call in rig.calls("PATCH")]


class TestEvents:
    @pytest.mark.parametrize("code", [309, 312, 314, 340])
    def test_reverse(self, code):
        """Trap 14: "Pedido entregue - Reversa" is a delivery to the store; the freight itself is marked as a return."""
        shipment = occurrence(codigo=code, nome="Pedido entregue - Reversa")

        assert (True, Status.RETURNED, None) == (shipment.reverse, shipment.status, shipment.delivered_at)
        assert not occurrence(codigo=7).reverse

    @pytest.mark.parametrize("code", [7, 22, 104, 114, 115, 215, 306, 316])
    def test_return(self, code):
        """Trap 14: a return that the carrier or the shopper began is one from its first word on."""
        shipment = occurrence(codigo=code)

        assert (Status.RETURNED, None, None) == (shipment.status, shipment.delivered_at, shipment.dispatched_at)

    def test_delivered_to_the_sender(self):
        """Trap 14: the carrier's own words may say that the delivery was the store's."""
        shipment = occurrence(codigo=3, nome="Objeto devolvido ao remetente")

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    @pytest.mark.parametrize("code", [140, 239, 269, 285, 348, 11, 201])
    def test_look_alikes(self, code):
        """Trap 14: at a pick-up point, "finished" and "in part" are not delivered."""
        shipment = occurrence(codigo=code, nome="Entregue")

        assert Status.DELIVERED is not shipment.status
        assert shipment.delivered_at is None

    @pytest.mark.parametrize("code", [3, 146, 258, 270, 271])
    def test_delivered(self, code):
        """The codes that say it was handed over."""
        assert "2026-11-05T16:20:11-03:00" == occurrence(codigo=code).delivered_at.isoformat()

    @pytest.mark.parametrize("code", [0, 1, 145, 187, 275])
    def test_before_the_pickup(self, code):
        """Trap 15: contracted, labelled, "on the way to collect": the carrier does not have it."""
        shipment = occurrence(codigo=code)

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            (15, Status.DISPATCHED),
            (191, Status.DISPATCHED),
            (194, Status.DISPATCHED),
            (238, Status.DISPATCHED),
            (2, Status.IN_TRANSIT),
            (308, Status.IN_TRANSIT),
            (152, Status.IN_TRANSIT),
            (232, Status.IN_TRANSIT),
            (342, Status.IN_TRANSIT),
            (17, Status.OUT_FOR_DELIVERY),
        ],
    )
    def test_first_seen(self, code, status):
        """Trap 18: whichever code of possession comes first dates the dispatch."""
        shipment = occurrence(codigo=code)

        assert status is shipment.status
        assert "2026-11-05T16:20:11-03:00" == shipment.dispatched_at.isoformat()

    def test_delivery_is_no_dispatch(self):
        """Trap 18: a delivery, or a return, does not say when the carrier took the parcel."""
        assert [None, None] == [occurrence(codigo=code).dispatched_at for code in (3, 7)]

    @pytest.mark.parametrize(
        ("code", "status"), [(189, Status.CANCELLED), (262, Status.EXCEPTION), (18, Status.EXCEPTION)]
    )
    def test_troubles(self, code, status):
        """A trouble does not say where the parcel is, and a cancelled collection voids the label."""
        shipment = occurrence(codigo=code)

        assert (status, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)

    def test_unknown(self):
        """Trap 16: a code outside the catalogue is "other" and named, and the rest is kept."""
        shipment = occurrence(codigo=999)

        assert (Status.OTHER, "16200000000001") == (shipment.status, shipment.tracking_number)
        assert ("999",) == shipment.unknown_words

    @pytest.mark.parametrize("code", [11, 201, 269, 285])
    def test_known_and_meaningless(self, code):
        """Trap 16: a code whose name leaves a doubt is known, and is "other"."""
        shipment = occurrence(codigo=code)

        assert (Status.OTHER, ()) == (shipment.status, shipment.unknown_words)


class TestValues:
    def test_no_time(self):
        """Trap 21: the time may be null; then nothing is dated, not even by the time of the update."""
        shipment = occurrence(data_ocorrencia=None)

        assert (None, None, ()) == (shipment.happened_at, shipment.dispatched_at, shipment.events)

    def test_no_name(self):
        """An occurrence without a name is no event, and still says where the parcel is."""
        shipment = occurrence(nome=None)

        assert (Status.DISPATCHED, ()) == (shipment.status, shipment.events)

    def test_zone(self):
        """Trap 23: times have no offset; the endpoint's zone overrules Brasília's, and without any there is no time."""
        body = payload("frete_rapido", "collected")

        assert "2026-11-05T16:20:00-03:00" == occurrence(data_ocorrencia="2026-11-05 16:20").happened_at.isoformat()
        assert read_one(frete_rapido, body).happened_at is None

    @pytest.mark.parametrize("code", [15, "15", " 15 "])
    def test_code_as_text(self, code):
        """Trap 24: a code is a number or its digits."""
        assert Status.DISPATCHED is occurrence(codigo=code).status

    def test_number(self):
        """Trap 29: without the carrier's code, or with a URL in its place, the freight's id serves, as on the page."""
        assert "16200000000001" == occurrence().tracking_number
        assert "FR261105D6201" == occurrence(rastreio=None).tracking_number
        assert "FR261105D6201" == occurrence(rastreio="https://ondeestameupedido.com.br/FR1").tracking_number
        assert "https://ondeestameupedido.com.br/FR261105D6201" == occurrence().tracking_url

    def test_own_number(self):
        """Trap 30: Frete Rápido's own id is a number of the parcel, too, besides the carrier's code."""
        numbers = [one.value for one in occurrence().references if one.kind is ReferenceKind.TRACKING_NUMBER]
        alone = [one.kind for one in occurrence(rastreio=None).references]

        assert ["FR261105D6201"] == numbers
        assert ReferenceKind.TRACKING_NUMBER not in alone

    def test_private(self):
        """Trap 31: the free text, the proofs and the metadata, which may name the shopper, are not taken."""
        shipment = occurrence(mensagem="Recebido por Fulana", metadados=[{"chave": "cpf", "valor": "00000000000"}])

        assert occurrence() == shipment

    def test_references(self):
        """Trap 27: where the merchant writes the order into the metadata, a rule finds it there."""
        body = payload("frete_rapido", "collected")
        body["metadados"] = [{"chave": "cpf", "valor": "0"}, {"chave": "vtex", "valor": "1620000000001-01"}]
        rule = Rule.parse("metadados[?chave=='vtex'].valor", "order_id")
        shipment = read_one(frete_rapido, body | {"numero_pedido": "ERP-1"}, zone=frete_rapido.ZONE)
        orders = [one.value for one in refer(shipment, body, (rule,)) if one.kind is ReferenceKind.ORDER_ID]

        assert ["1620000000001-01"] == orders

    def test_series_of_one_invoice(self):
        """With two invoices the series may be either's."""
        kinds = [
            one.kind for one in read_one(frete_rapido, payload("frete_rapido", "two_invoices_of_one_order")).references
        ]

        assert ReferenceKind.INVOICE_SERIES not in kinds
        assert 2 == kinds.count(ReferenceKind.INVOICE_KEY)
