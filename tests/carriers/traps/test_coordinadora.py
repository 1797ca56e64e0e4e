"""The traps Coordinadora sets: an event in base64 inside a message that is redelivered until it is acknowledged."""

import base64
import json
from dataclasses import replace

import pytest

from adapters import Ignored, NotAuthentic, Status, Unreadable, coordinadora
from receiver.carriers import discover
from receiver.carriers.references import Rule, refer
from tests.support.adapter import POST, payload
from tests.support.damage import GARBLED, GONE, crash, damaged

COORDINADORA = discover()["coordinadora"]


def inner(case="at_terminal_of_origin"):
    return json.loads(base64.b64decode(payload("coordinadora", case)["message"]["data"]))


def posted(event):
    data = base64.b64encode(json.dumps(event).encode()).decode()
    body = json.dumps({"message": {"data": data, "messageId": "1"}}).encode()
    return replace(POST, body=body, zone=coordinadora.ZONE)


def told(case="at_terminal_of_origin", **changes):
    (shipment,) = COORDINADORA.convert(posted(inner(case) | changes)).shipments
    return shipment


class TestDelivery:
    def test_only_the_url(self):
        """Trap 4: Coordinadora sends no credential at all; without the secret in the URL nothing is accepted."""
        assert ["path", "query"] == [scheme.kind for scheme in coordinadora.AUTH]
        with pytest.raises(NotAuthentic):
            coordinadora.AUTH[0].check(posted(inner()), ["s"])

    def test_unreadable(self):
        """Trap 13: Pub/Sub sends again whatever gets no 2xx, so what no one can read is kept and acknowledged."""
        assert (200, 200) == (coordinadora.REPLY.success, coordinadora.REPLY.unreadable)

    def test_message_id(self):
        """Trap 21: a redelivered message bears the id it had before."""
        body = coordinadora.decode(posted(inner()))

        assert "1" == coordinadora.event_id(body, POST)
        assert coordinadora.event_id({"message": {"data": {}}}, POST) is None


class TestEnvelope:
    @pytest.mark.parametrize(
        ("body", "path"),
        [
            (b"[]", "$.message"),
            (b'{"message":null}', "$.message"),
            (b'{"message":{}}', "$.message.data"),
            (b'{"message":{"data":"%%%"}}', "$.message.data"),
            (b'{"message":{"data":"e30="}}', "$.message.data"),
        ],
    )
    def test_no_event(self, body, path):
        """Trap 26: no message, no data, no base64, no event: each is refused by its place."""
        with pytest.raises(Unreadable) as refused:
            COORDINADORA.convert(replace(POST, body=body))

        assert path == refused.value.path

    @pytest.mark.parametrize("encode", [base64.urlsafe_b64encode, base64.b64encode])
    @pytest.mark.parametrize("comment", ["¿AHÍ?>>", "¿AHÍ?>>>", "¿AHÍ?>>>>"])
    def test_alphabets(self, encode, comment):
        """Trap 26: the base64 may be URL-safe, and may lack its padding."""
        event = json.dumps(inner() | {"comment": comment}, ensure_ascii=False).encode()
        for data in (encode(event).decode(), encode(event).decode().rstrip("=")):
            body = json.dumps({"message": {"data": data}}).encode()
            (shipment,) = COORDINADORA.convert(replace(posted(inner()), body=body)).shipments
            assert [comment] == [each.description for each in shipment.events]

    def test_encode(self):
        """An exported message is in base64 again, and is read as the one that came."""
        body = coordinadora.decode(posted(inner()))

        assert body == coordinadora.decode(replace(POST, body=coordinadora.encode(body)))

    @pytest.mark.parametrize("field", list(inner("incident_during_delivery")))
    def test_damage_inside(self, field):
        """Whatever stands inside the base64, the outcome is a sound shipment or a named refusal."""
        event = inner("incident_during_delivery")

        faults = [crash(COORDINADORA, posted(damaged(event, (field,), value))) for value in (GONE, *GARBLED)]

        assert [] == [fault for fault in faults if fault]


class TestEvents:
    def test_incident(self):
        """Trap 16: an incident has a code of its own; its moment is not that of the state it names."""
        shipment = told("incident_during_delivery")

        assert (Status.EXCEPTION, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)
        assert () == shipment.unknown_words

    @pytest.mark.parametrize("state", ["1", "3", "6", "9", "77", None])
    def test_incident_elsewhere(self, state):
        """An incident never delivers, and never dates a dispatch, whatever state it names."""
        shipment = told("incident_during_delivery", codigo_estado=state)

        assert (Status.EXCEPTION, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)

    @pytest.mark.parametrize("code", ["7", "06", "606", "ENTREGADA"])
    def test_unlisted(self, code):
        """Trap 16: only the nine states of the PDF are known, to the letter; another one is named."""
        shipment = told(codigo=code)

        assert (Status.OTHER, None, None) == (shipment.status, shipment.dispatched_at, shipment.delivered_at)
        assert (code,) == shipment.unknown_words

    def test_unlisted_state(self):
        """An incident's own codes are not published, but its state is one of the nine, or is named."""
        assert ("77",) == told("incident_during_delivery", codigo_estado="77").unknown_words

    def test_at_an_office(self):
        """Trap 14: a parcel that lies at an office for the shopper is in Coordinadora's hands."""
        shipment = told(codigo="9", comment="EN PUNTO DROP")

        assert (Status.IN_TRANSIT, None) == (shipment.status, shipment.delivered_at)
        assert shipment.happened_at == shipment.dispatched_at is not None

    @pytest.mark.parametrize("case", ["delivered", "incident_during_delivery"])
    def test_given_back(self, case):
        """Trap 14: a guide that was handed back to its sender is closed as delivered, or by an incident."""
        shipment = told(case, comment="DEVUELTO AL REMITENTE")

        assert (Status.RETURNED, None) == (shipment.status, shipment.delivered_at)
        assert Status.IN_TRANSIT is told(comment="DEVUELTO AL REMITENTE", codigo="3").status

    def test_not_received_yet(self):
        """Trap 15: "a recibir por Coordinadora" is a label, and a guide they do not know is nothing."""
        shipment = told(codigo="1")

        assert (Status.ANNOUNCED, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)
        with pytest.raises(Ignored, match="does not know"):
            told(codigo="0")

    @pytest.mark.parametrize("code", ["2", "3", "4", "5", 5])
    def test_first_seen(self, code):
        """Trap 18: there is no state "collected"; the first one in Coordinadora's hands dates the dispatch."""
        assert "2026-11-10T18:20:05.100200-05:00" == told(codigo=code).dispatched_at.isoformat()


class TestValues:
    def test_zone(self):
        """Trap 23: day and time stand apart, without an offset; where no one knows the zone, the day alone stands."""
        request = replace(posted(inner()), zone=None)
        (nowhere,) = COORDINADORA.convert(request).shipments

        assert nowhere.happened_at is None
        assert "2026-11-10" == nowhere.events[0].day.isoformat()
        assert told(hora=None).happened_at is None
        assert "2026-11-10T00:00:00-05:00" == told(hora=None).dispatched_at.isoformat()
        assert told(fecha="").happened_at is None

    def test_blanks_in_the_hour(self):
        """Trap 23: some times come with blanks inside."""
        assert "2026-11-10T13:51:43.456818-05:00" == told(hora="13: 51: 43.456818").happened_at.isoformat()

    def test_reference(self):
        """Trap 27: the guide's reference is whatever the merchant wrote there; his rule says that it is the order."""
        body = coordinadora.decode(posted(inner()))
        rule = Rule.parse("message.data.referencia", "order_id", r"^(\d{13}-\d{2})$")

        assert () == told().references
        assert ["1660000000001-01"] == [one.value for one in refer(told(), body, (rule,))]
