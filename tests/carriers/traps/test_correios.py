"""The traps Correios sets: an unpublished body, an unpublished digest, codes with and without zeros.

The digests are openssl's: ``printf '%s' "$body" | openssl dgst -sha256 -hmac correios-demo-secret``.
"""

import json
from dataclasses import replace

import pytest

from adapters import Ignored, Status, Unreadable, correios
from receiver.carriers import discover
from tests.support.adapter import POST, proves
from tests.support.damage import GARBLED, GONE, crash, damaged

CORREIOS = discover()["correios"]
BODY = '{"codigoObjeto":"AD690000001BR","note":"\\/ ã 1.0"}'.encode()
SECRET = "correios-demo-secret"
HEX = "f0fa962b960e2239bb4f4ff1e959aa162bcf88a94a36788b731d341aff265547"
EVENT = {"codigoObjeto": "AD690000001BR", "tipoEvento": "PO-1", "dtEvento": "2026-11-10T15:42:00"}


def event(headers=None, zone=correios.ZONE, **changes):
    body = json.dumps(EVENT | changes).encode()
    (shipment,) = CORREIOS.convert(replace(POST, body=body, headers=headers or {}, zone=zone)).shipments
    return shipment


def inside(event):
    return replace(POST, body=json.dumps({"payload": json.dumps(event)}).encode(), zone=correios.ZONE)


class TestSignature:
    @pytest.mark.parametrize("written", [HEX, f"sha256={HEX}", "8PqWK5YOIjm7T0/x6VmqFivPiKlKNniLcx00Gv8mVUc="])
    def test_presumed(self, written):
        """Trap 3: SHA-256 is presumed, in hex, behind a prefix or in base64, over the bytes as they came."""
        assert proves(correios, "x-correios-signature", written, BODY, SECRET)
        assert not proves(correios, "x-correios-signature", written, BODY + b" ", SECRET)

    def test_no_open_door(self):
        """Should the presumption be wrong, nothing gets in, until the merchant puts a secret into the URL."""
        assert not proves(correios, "x-correios-signature", "00" * 20, BODY, SECRET)
        assert ["hmac", "path"] == [scheme.kind for scheme in correios.AUTH]


class TestBody:
    def test_text_inside(self):
        """Trap 26: the OpenAPI's ``payload`` is text; JSON in it is read as if it stood there."""
        (shipment,) = CORREIOS.convert(inside(EVENT)).shipments

        assert event() == shipment

    def test_names(self):
        """Each of the names that were seen in Correios' own interfaces is found, and what is blank is passed over."""
        nameless = {"codigoObjeto": "", "tipoEvento": None, "dtEvento": None}
        api = {"codObjeto": "AD690000001BR", "codigo": "PO", "tipo": "01", "dtHrCriado": "2026-11-10T15:42:00"}

        assert event() == event(**nameless, **api)

    def test_kind_in_the_header(self):
        """The kind of event is in a header too; what the signed body says comes before it."""
        assert Status.OUT_FOR_DELIVERY is event({"x-correios-hook-event": "OEC-1"}, tipoEvento=None).status
        assert Status.DISPATCHED is event({"x-correios-hook-event": "BDE-1"}).status

    def test_kind_in_two_places(self):
        """A field that tells half of the kind is completed by the other field, or gives way to the header."""
        halves = {"tipoEvento": None, "tpEvento": "OEC"}

        assert Status.OUT_FOR_DELIVERY is event(**halves, tipo="01").status
        assert Status.OUT_FOR_DELIVERY is event({"x-correios-hook-event": "OEC-1"}, **halves).status
        assert Status.OUT_FOR_DELIVERY is event({"x-correios-hook-event": "OEC-1"}, tipoEvento="Saiu").status

    @pytest.mark.parametrize("changes", [{"tipoEvento": None}, {"tipoEvento": "BDE"}, {"tipoEvento": "Entregue"}])
    @pytest.mark.parametrize(("kind", "status"), [("BDE-1", "delivered"), ("BDE-23", "returned")])
    def test_end_in_the_header_alone(self, changes, kind, status):
        """The header is not signed: a captured message with another one ends no parcel, and is kept for a person."""
        with pytest.raises(Unreadable, match=f"only x-correios-hook-event, which is not signed, says {kind}: {status}"):
            event({"x-correios-hook-event": kind}, **changes)

    def test_kind_of_the_header_alone(self):
        """Where only the header tells the kind, the same body with another kind is another event."""
        ids = [
            correios.event_id({"objeto": "AD690000001BR"}, replace(POST, headers={"x-correios-hook-event": kind}))
            for kind in ("PO-1", "OEC-1", "BDE-1", "BDE-01")
        ]

        assert 3 == len(set(ids))

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"codigoObjeto": None}, "$"),
            ({"codigoObjeto": "the parcel AD690000001BR"}, "$.codigoObjeto"),
            ({"tipoEvento": None}, "$"),
            ({"tipoEvento": "postado"}, "$.tipoEvento"),
            ({"payload": "postado"}, "$.payload"),
            ({"dtEvento": "10/11/2026 15:42"}, "$.dtEvento"),
        ],
    )
    def test_refused(self, changes, path):
        """What is in no known form is kept as unreadable with its place, never searched for something like a code."""
        with pytest.raises(Unreadable) as refused:
            event(**changes)

        assert path == refused.value.path
        assert 200 == correios.REPLY.unreadable

    @pytest.mark.parametrize("field", list(EVENT))
    def test_damage_inside(self, field):
        """Whatever stands inside the text, the outcome is a sound shipment or a named refusal."""
        faults = [crash(CORREIOS, inside(damaged(EVENT, (field,), value))) for value in (GONE, *GARBLED)]

        assert [] == [fault for fault in faults if fault]


class TestEvents:
    @pytest.mark.parametrize(
        "kind", ["BDE-1", "BDE-01", "bde-1", "BDE01", " BDI-001 ", "BDR-67", "BDE-0", "BDI-00", "BDR-0"]
    )
    def test_delivered(self, kind):
        """Trap 16: "01" and "1" are one type, and three offices close an object alike."""
        assert "2026-11-10T15:42:00-03:00" == event(tipoEvento=kind).delivered_at.isoformat()

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("BDE-23", Status.RETURNED),
            ("BDR-4", Status.RETURNED),
            ("BDE-12", Status.RETURNED),
            ("BDI-33", Status.RETURNED),
            ("BDE-36", Status.RETURNED),
            ("OEC-9", Status.RETURNED),
            ("LDE-0", Status.RETURNED),
            ("FC-47", Status.RETURNED),
            ("BDE-68", Status.IN_TRANSIT),
            ("LDI-0", Status.IN_TRANSIT),
            ("LDI-1", Status.IN_TRANSIT),
            ("BDE-22", Status.IN_TRANSIT),
            ("BDE-46", Status.IN_TRANSIT),
            ("BDE-66", Status.IN_TRANSIT),
            ("BDR-15", Status.IN_TRANSIT),
            ("FC-5", Status.IN_TRANSIT),
            ("PAR-17", Status.IN_TRANSIT),
            ("BDE-9", Status.EXCEPTION),
            ("BDE-28", Status.EXCEPTION),
            ("BDI-51", Status.EXCEPTION),
            ("BDR-80", Status.EXCEPTION),
            ("IDC-7", Status.EXCEPTION),
            ("BLQ-1", Status.EXCEPTION),
            ("BDE-14", Status.OTHER),
            ("BDR-79", Status.OTHER),
            ("CO-8", Status.OTHER),
        ],
    )
    def test_look_alikes(self, kind, status):
        """Traps 14 and 16: delivered to the sender, into a locker or at a counter is not delivered to the shopper, and
        what integrators read in two ways is "other". All of them are known."""
        shipment = event(tipoEvento=kind)

        assert (status, None, ()) == (shipment.status, shipment.delivered_at, shipment.unknown_words)

    @pytest.mark.parametrize("words", ["Objeto entregue ao remetente", "Objeto devolvido ao remetente"])
    def test_delivered_to_the_sender(self, words):
        """Trap 14: the words of a delivery may say that the sender got it."""
        shipment = event(tipoEvento="BDE-1", descricaoEvento=words)

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)

    @pytest.mark.parametrize("kind", ["BDE-99", "PO-11", "XX-1"])
    def test_unknown(self, kind):
        """Trap 16: a kind that no list has is "other" and is named."""
        shipment = event(tipoEvento=kind)

        assert (Status.OTHER, (kind,)) == (shipment.status, shipment.unknown_words)

    @pytest.mark.parametrize("kind", ["CO-2", "CO-13"])
    def test_collection_ahead(self, kind):
        """Trap 15: before the collection, or after a failed one, the store has the parcel; shoppers read nothing."""
        shipment = event(tipoEvento=kind)

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize(
        "kind", ["PO-0", "PO-1", "PO-9", "CO-1", "RO-0", "RO-1", "DO-0", "TRI-0", "OEC-0", "OEC-1"]
    )
    def test_first_seen(self, kind):
        """Trap 18: posted, collected or already on its way: the first of them dates the dispatch."""
        assert "2026-11-10T15:42:00-03:00" == event(tipoEvento=kind).dispatched_at.isoformat()

    def test_taken_back(self):
        """An event that takes back the one before it names neither; nothing is undone."""
        with pytest.raises(Ignored, match="takes back"):
            event(tipoEvento="EST-4")

    def test_zone(self):
        """Trap 23: times have no offset and are Brasília's, unless they bring one; ``criadoEm`` is no event's time."""
        assert "2026-11-10T15:42:00-04:00" == event(dtEvento="2026-11-10T15:42:00-04:00").happened_at.isoformat()
        assert "2026-11-10T22:42:00-03:00" == event(dtEvento="2026-11-11T01:42:00Z").happened_at.isoformat()
        assert event(zone=None).happened_at is None
        assert event(dtEvento=None, criadoEm="2026-11-10T15:42:00").happened_at is None

    def test_private(self):
        """Trap 31: who received the parcel stands in the details, which are not taken."""
        assert event() == event(detalhe="Recebido por: Fulana", comentario="CPF 000.000.000-00")


def test_folded_again():
    """Trap 26: what was unfolded is folded again for an export; a body without an envelope stays as it is."""
    envelope = {"payload": EVENT, "id": 1}

    assert {"payload": json.dumps(EVENT), "id": 1} == json.loads(correios.encode(envelope))
    assert EVENT == json.loads(correios.encode(EVENT))
