"""The traps Melhor Envio, Intelipost and Frenet are known for, each met once."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from adapters import Basic, Header, Hmac, Ignored, NotAuthentic, Request, Shipment, Status, Unreadable
from receiver import carriers, recordings
from receiver.carriers.references import Rule, refer
from receiver.shipments import Known, Update, fold
from tests.support.paths import SAMPLES

CARRIERS = {
    slug: carriers.load(slug, import_module(f"adapters.{slug}")) for slug in ("melhor_envio", "intelipost", "frenet")
}

# The bytes and their signatures: printf '%s' "$body" | openssl dgst -sha256 -hmac demo-client-secret -binary | base64
SECRET = "demo-client-secret"
SIGNED = rb'{"event":"order.posted","data":{"id":"9f1c2a40","note":"\/ \u00e9","weight":1.0}}'
SIGNATURE = "F4q/fUuFSkF8MojYzL1HIIBb3Vw75tO5aTJgHCC2dbM="
SIGNATURE_IN_HEX = "178abf7d4b854a417c3288d8ccbd4720805bdd5c3be6d3b96932601c20b675b3"
SIGNATURE_WITH_NEWLINE = "7lEkonKGcpplG1ykrZJ+gIJRllWM48TerKlYXEfpQxM="


def recorded(slug: str, case: str) -> Request:
    request = recordings.load(SAMPLES / slug / f"{case}.http").request
    return replace(request, zone=CARRIERS[slug].zone)


def body_of(slug: str, case: str) -> Any:
    return json.loads(recorded(slug, case).body)


def read(slug: str, payload: Any) -> list[Shipment]:
    request = replace(recorded(slug, "delivered"), body=json.dumps(payload).encode())
    return CARRIERS[slug].convert(request).shipments


def read_one(slug: str, payload: Any) -> Shipment:
    (shipment,) = read(slug, payload)
    return shipment


def read_case(slug: str, case: str) -> Shipment:
    return read_one(slug, body_of(slug, case))


def frenet_with(**event: Any) -> Shipment:
    payload = body_of("frenet", "posted")
    payload["TrackingEvents"][0].update(event)
    return read_one("frenet", payload)


def signed(body: bytes, signature: str) -> Request:
    return replace(recorded("melhor_envio", "posted"), body=body, headers={"x-me-signature": signature})


def proves(request: Request, secret: str = SECRET, slug: str = "melhor_envio") -> bool:
    try:
        CARRIERS[slug].auth[0].check(request, [secret])
    except NotAuthentic:
        return False
    return True


class TestSignatures:
    def test_raw_bytes(self) -> None:
        """Trap 1: Melhor Envio signs the bytes it sends, which no JSON library writes again the same way."""
        rewritten = json.dumps(json.loads(SIGNED), separators=(",", ":")).encode()

        assert proves(signed(SIGNED, SIGNATURE))
        assert not proves(signed(rewritten, SIGNATURE))

    def test_trailing_newline(self) -> None:
        """Trap 1: a newline after the body is part of what was signed."""
        assert proves(signed(SIGNED + b"\n", SIGNATURE_WITH_NEWLINE))
        assert not proves(signed(SIGNED + b"\n", SIGNATURE))

    def test_base64(self) -> None:
        """Traps 3 and 5: Melhor Envio writes base64; hex under the same header is another sender's."""
        assert not proves(signed(SIGNED, SIGNATURE_IN_HEX))
        assert not proves(signed(SIGNED, SIGNATURE), "another-client-secret")

    @pytest.mark.parametrize("slug", ["intelipost", "frenet"])
    def test_body_unprotected(self, slug: str) -> None:
        """Trap 4: the secret of Intelipost and Frenet says nothing of the body it comes with."""
        request = CARRIERS[slug].auth[0].sign(recorded(slug, "delivered"), SECRET)

        assert proves(replace(request, body=b"anything"), slug=slug)

    def test_api_key_as_user_name(self) -> None:
        """Intelipost puts its API key in Basic's user name and anything in the password (echo -n … | base64)."""
        credentials = {"authorization": "Basic ZGVtby1hcGkta2V5OjEyMw=="}
        request = replace(recorded("intelipost", "shipped"), headers=credentials)

        assert proves(request, "demo-api-key", "intelipost")
        assert not proves(request, "123", "intelipost")

    def test_choices(self) -> None:
        """Trap 4: where nothing is signed, merchants may set up Basic, a header, the query or the path."""
        kinds = [" ".join(scheme.kind for scheme in carrier.auth) for carrier in CARRIERS.values()]

        assert ["hmac", "basic header header path", "header header query path"] == kinds

    def test_redaction(self) -> None:
        """Trap 6: the headers that carry a credential are known, so that they are never stored."""
        credentials = {slug: carrier.auth[0].credential_headers for slug, carrier in CARRIERS.items()}

        assert ("x-me-signature",) == credentials["melhor_envio"]
        assert ("authorization",) == credentials["intelipost"]
        assert ("x-webhook-token",) == credentials["frenet"]

    def test_underscore(self) -> None:
        """Trap 8: no header we ask for has an underscore, which nginx drops."""
        named = [
            scheme for each in CARRIERS.values() for scheme in each.auth if isinstance(scheme, Basic | Header | Hmac)
        ]

        assert not [scheme for scheme in named if any("_" in name for name in scheme.credential_headers)]


class TestRegistration:
    @pytest.mark.parametrize(
        ("method", "body"),
        [
            *(("GET", b""), ("HEAD", b""), ("POST", b""), ("POST", b"{}\n"), ("POST", b"[]"), ("POST", b"null")),
            *(("POST", b'{"event": "order.created"}'), ("POST", b'{"event": "order.created", "data": {}}')),
        ],
    )
    def test_probe(self, method: str, body: bytes) -> None:
        """Trap 9: saving a URL at Melhor Envio sends an unsigned probe that must succeed (E-WBH-0002)."""
        probe = CARRIERS["melhor_envio"].probe
        request = replace(recorded("melhor_envio", "posted"), method=method, body=body, headers={})

        assert probe is not None
        assert probe.matches(request)

    def test_unsigned_event(self) -> None:
        """Trap 9: the panel's check may be an event that names a label. It has no signature; what has one must be
        proven."""
        probe = CARRIERS["melhor_envio"].probe
        event = recorded("melhor_envio", "posted")

        assert probe is not None
        assert probe.may_be_unsigned(replace(event, headers={}))
        assert not probe.matches(replace(event, headers={}))
        assert not probe.may_be_unsigned(event)
        for body in (b"{}", b'{"event": "order.created"}'):
            assert not probe.matches(replace(event, body=body))
        for body in (b'{"data": {}}', b'["event"]', b'"event"', b"{", b'{"event": "' + b"x" * 2_000 + b'"}'):
            assert not probe.matches(replace(event, headers={}, body=body))

    @pytest.mark.parametrize("data", [[], None, {}, "absent"])
    def test_check_without_a_label(self, data: Any) -> None:
        """Trap 9: the panel's check may be a signed event without a label; it is no event, and is not quarantined."""
        payload = {"event": "order.posted"} if data == "absent" else {"event": "order.posted", "data": data}

        with pytest.raises(Ignored, match="check of the URL"):
            read("melhor_envio", payload)

    def test_success(self) -> None:
        """Trap 11: 200 suits all three; a redirect fails at Frenet."""
        assert {200} == {carrier.reply.success for carrier in CARRIERS.values()}

    def test_unreadable(self) -> None:
        """Trap 13: Melhor Envio sends again what we cannot read anyway; the others only note an error."""
        assert [200, 422, 422] == [carrier.reply.unreadable for carrier in CARRIERS.values()]


class TestEvents:
    def test_drop_off_point(self) -> None:
        """Trap 14: Frenet's 18 is a parcel left at a point, not one in the shopper's hands or on its way."""
        shipment = read_case("frenet", "at_drop_off_point")

        assert Status.ANNOUNCED == shipment.status
        assert (None, None) == (shipment.dispatched_at, shipment.delivered_at)

    def test_delivered_at_the_point(self) -> None:
        """Trap 14: the 18 of Frenet's other webhook is called delivered, and is not tracking."""
        with pytest.raises(Ignored, match="not tracking"):
            read_case("frenet", "order_data")

    def test_left_at_pegaki(self) -> None:
        """Trap 15: Melhor Envio's "received" is a parcel left at a Pegaki point, which is not posted yet."""
        shipment = read_one(
            "melhor_envio", body_of("melhor_envio", "generated_with_status_released") | {"event": "order.received"}
        )

        assert Status.ANNOUNCED == shipment.status
        assert shipment.dispatched_at is None

    @pytest.mark.parametrize("slug", list(CARRIERS))
    def test_unknown_word(self, slug: str) -> None:
        """Trap 16: a word that is on no list is "other" and is named, with everything else kept."""
        payload = body_of(slug, "delivered")
        if slug == "melhor_envio":
            payload["event"] = "order.teleported"
        elif slug == "intelipost":
            payload["history"]["shipment_order_volume_state"] = "delivered"
        else:
            payload["TrackingEvents"][0]["EventType"] = "99"
        shipment = read_one(slug, payload)

        word = {"melhor_envio": "order.teleported", "intelipost": "delivered", "frenet": "99"}[slug]
        assert (Status.OTHER, (word,)) == (shipment.status, shipment.unknown_words)
        assert shipment.delivered_at is None
        assert shipment.tracking_number
        assert () == read_case(slug, "delivered").unknown_words

    def test_event_not_status(self) -> None:
        """Trap 17: the event decides at Melhor Envio, whatever `data.status` says."""
        payload = body_of("melhor_envio", "generated_with_status_released")
        payload["data"]["status"] = "delivered"

        assert Status.ANNOUNCED == read_case("melhor_envio", "generated_with_status_released").status
        assert Status.ANNOUNCED == read_one("melhor_envio", payload).status

    def test_macro_not_micro(self) -> None:
        """Trap 17: the macro state decides at Intelipost; a micro state called ENTREGUE delivers nothing."""
        shipment = read_case("intelipost", "in_transit_with_micro_state_entregue")

        assert Status.IN_TRANSIT == shipment.status
        assert shipment.delivered_at is None

    @pytest.mark.parametrize(
        ("state", "status"), [("LABEL_CREATED", Status.ANNOUNCED), ("CANCELLED", Status.CANCELLED)]
    )
    def test_label_only(self, state: str, status: Status) -> None:
        """Trap 15: what happens to Intelipost's label is no possession, and no event for shoppers."""
        payload = body_of("intelipost", "shipped")
        payload["history"]["shipment_order_volume_state"] = state
        shipment = read_one("intelipost", payload)

        assert (status, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize("state", ["DELIVERED", "DELIVERY_FAILED", "IN_TRANSIT"])
    @pytest.mark.parametrize("field", ["name", "default_name"])
    def test_micro_state_of_a_return(self, state: str, field: str) -> None:
        """Trap 14: a micro state that says "devolvido ao remetente" makes a return of any state, in its own words."""
        payload = body_of("intelipost", "delivered")
        payload["history"]["shipment_order_volume_state"] = state
        payload["history"]["shipment_volume_micro_state"] |= {"name": "X", field: "DEVOLVIDO AO REMETENTE"}
        shipment = read_one("intelipost", payload)

        assert (Status.RETURNED, None, None) == (shipment.status, shipment.delivered_at, shipment.dispatched_at)
        assert ["DEVOLVIDO AO REMETENTE"] == [event.description for event in shipment.events]

    def test_place(self) -> None:
        """Where Intelipost names the place of an event, shoppers read it."""
        (event,) = read_case("intelipost", "in_transit_with_a_place_in_utc").events
        (nowhere,) = read_case("intelipost", "delivered").events

        assert ("Campinas", "SP") == (event.city, event.state)
        assert ("", "") == (nowhere.city, nowhere.state)

    def test_no_words(self) -> None:
        """A state without any name is no event, and still says where the parcel is."""
        payload = body_of("intelipost", "delivered")
        payload["history"] |= {"shipment_order_volume_state_localized": None, "shipment_volume_micro_state": None}
        shipment = read_one("intelipost", payload)

        assert (Status.DELIVERED, ()) == (shipment.status, shipment.events)

    @pytest.mark.parametrize("turned", [False, True])
    def test_delivered_after_a_return(self, *, turned: bool) -> None:
        """Trap 14: a delivery after a return in the same history is marked: it may be the merchant's."""
        payload = body_of("frenet", "delivered_after_return")
        if turned:
            payload[0]["TrackingEvents"].reverse()
        shipment = read_one("frenet", payload)

        assert (Status.DELIVERED, True) == (shipment.status, shipment.returned)
        assert "2025-10-20T17:30:00-03:00" == shipment.dispatched_at.isoformat()

    @pytest.mark.parametrize(
        ("words", "status"),
        [
            ("Objeto entregue ao destinatário", Status.DELIVERED),
            ("Objeto entregue ao remetente", Status.RETURNED),
            ("Objeto devolvido ao remetente", Status.RETURNED),
            ("Pedido devolvido à origem", Status.RETURNED),
        ],
    )
    def test_delivered_to_the_sender(self, words: str, status: Status) -> None:
        """Trap 14: Frenet passes the carrier's words on, and they may say to whom it was delivered."""
        shipment = frenet_with(EventType="9", EventDescription=words)

        assert status == shipment.status
        assert (status is Status.DELIVERED) == (shipment.delivered_at is not None)

    def test_unknown_shape(self) -> None:
        """A Frenet message without tracking that is not the order's data is kept as unreadable."""
        with pytest.raises(Unreadable):
            read("frenet", [{"OrderId": "1", "ShipmentId": 1}])

    def test_unknown_word_in_the_past(self) -> None:
        """Trap 16: an unknown type is named wherever it stands in Frenet's array."""
        payload = body_of("frenet", "history_in_array")
        payload[0]["TrackingEvents"][1]["EventType"] = "77"

        assert (Status.OUT_FOR_DELIVERY, ("77",)) == (
            read_one("frenet", payload).status,
            read_one("frenet", payload).unknown_words,
        )

    @pytest.mark.parametrize("case", ["in_transit_without_shipped", "to_be_delivered_without_iso_time"])
    def test_shipped_never_came(self, case: str) -> None:
        """Trap 18: Intelipost may skip SHIPPED; the first time the parcel is seen moving serves."""
        shipment = read_case("intelipost", case)

        assert shipment.status.in_possession
        assert shipment.dispatched_at == shipment.happened_at is not None

    @pytest.mark.parametrize("slug", ["intelipost", "frenet"])
    def test_delivery_is_no_dispatch(self, slug: str) -> None:
        """Trap 18: a delivery alone does not say when the carrier took the parcel."""
        shipment = read_case(slug, "delivered")

        assert shipment.dispatched_at is None
        assert shipment.delivered_at == shipment.happened_at is not None

    def test_delivery_states_the_posting(self) -> None:
        """Trap 18: Melhor Envio's delivery repeats when the parcel was posted."""
        shipment = read_case("melhor_envio", "delivered")

        assert "2025-10-03T17:05:00-03:00" == shipment.dispatched_at.isoformat()
        assert "2025-10-10T12:31:12-03:00" == shipment.delivered_at.isoformat()

    def test_volumes(self) -> None:
        """Trap 19: Intelipost sends one webhook per volume; they are one shipment, which has the first one's number."""
        received = datetime(2025, 10, 30, tzinfo=UTC)
        second, first = (read_case("intelipost", f"shipped_volume_{volume}_of_2") for volume in "21")
        updates = [Update(shipment=each, received_at=received, digest=each.volume) for each in (second, first)]

        assert {"PED-420007"} == {first.key, second.key}
        assert "IP42000007-1BR" == fold(Known(), updates).tracking_number

    def test_newest_is_not_last(self) -> None:
        """Trap 20: the array is in no promised order, so times decide what is newest and what is first."""
        payload = body_of("frenet", "history_in_array")
        turned = deepcopy(payload)
        turned[0]["TrackingEvents"].reverse()
        shipment = read_one("frenet", payload)

        assert shipment == read_one("frenet", turned)
        assert Status.OUT_FOR_DELIVERY == shipment.status
        assert "2025-10-20T17:30:00-03:00" == shipment.dispatched_at.isoformat()

    def test_event_id(self) -> None:
        """Trap 21: only Intelipost names its notifications, by the row of the volume's history."""
        ids = {
            slug: carrier.event_id(body_of(slug, "delivered"), recorded(slug, "delivered"))
            for slug, carrier in CARRIERS.items()
        }

        assert {"melhor_envio": None, "intelipost": "4200201", "frenet": None} == ids


class TestValues:
    def test_naive_time(self) -> None:
        """Trap 23: Frenet's day-first times have no offset and are Brasília's, unless the endpoint says otherwise."""
        amazon = replace(recorded("frenet", "posted"), zone=datetime.strptime("-0400", "%z").tzinfo)
        (shipment,) = CARRIERS["frenet"].convert(amazon).shipments

        assert "2025-11-10T16:48:00-03:00" == frenet_with(EventDateTime="10/11/2025 16:48").happened_at.isoformat()
        assert "2025-10-20T10:12:00-04:00" == shipment.happened_at.isoformat()

    @pytest.mark.parametrize("written", ["2025-10-20T10:12:00", "31/11/2025 10:12"])
    def test_other_format(self, written: str) -> None:
        """Trap 23: a time that is no such time is refused with its place, never guessed."""
        payload = [body_of("frenet", "posted")]
        payload[0]["TrackingEvents"][0]["EventDateTime"] = written

        with pytest.raises(Unreadable, match=r"\$\[0\]\.TrackingEvents\[0\]\.EventDateTime"):
            read("frenet", payload)

    @pytest.mark.parametrize("written", [None, "", " ", "01/01/0001 00:00"])
    def test_no_date(self, written: str | None) -> None:
        """Trap 23: an event without a date says its status and has no line; between others it stands in its place."""
        payload = body_of("frenet", "history_in_array")
        out, posted = payload[0]["TrackingEvents"]
        late = {**out, "EventDateTime": written, "EventType": "2"}
        payload[0]["TrackingEvents"] = [out, late, posted]
        between = read_one("frenet", payload)
        alone = frenet_with(EventDateTime=written, EventType="9")

        assert (Status.OUT_FOR_DELIVERY, 2) == (between.status, len(between.events))
        assert (Status.DELIVERED, None, None, ()) == (alone.status, alone.happened_at, alone.delivered_at, alone.events)

    def test_of_unknown_order(self) -> None:
        """Trap 23: with one dated event beside it, one without a date may be the older or the newer one."""
        payload = body_of("frenet", "history_in_array")
        payload[0]["TrackingEvents"][0]["EventDateTime"] = None

        with pytest.raises(Unreadable, match=r"\$\[0\]\.TrackingEvents: has an event without a date"):
            read("frenet", payload)

    def test_local_day(self) -> None:
        """Trap 23: the day of an event is the one the carrier wrote, though London is in the next one."""
        shipment = read_case("intelipost", "in_transit_without_shipped")

        assert ["2025-10-14"] == [event.day.isoformat() for event in shipment.events]
        assert ["2025-10-14"] == [
            event.day.isoformat() for event in read_case("intelipost", "in_transit_with_a_place_in_utc").events
        ]
        assert 15 == shipment.happened_at.astimezone(UTC).day

    def test_two_clocks(self) -> None:
        """Trap 23: where Intelipost's clocks disagree the written one holds; milliseconds, which are
        UTC's, serve where there is none, on the parcel's own day."""
        payload = body_of("intelipost", "shipped")
        payload["history"]["event_date"] = 0

        unwritten = read_case("intelipost", "to_be_delivered_without_iso_time")

        assert "2025-10-13T16:40:00-03:00" == read_one("intelipost", payload).happened_at.isoformat()
        assert "2025-10-17T22:30:00-03:00" == unwritten.happened_at.isoformat()
        assert ["2025-10-17"] == [event.day.isoformat() for event in unwritten.events]

    @pytest.mark.parametrize(
        ("written", "status"), [(0, Status.DISPATCHED), ("0", Status.DISPATCHED), (9, Status.DELIVERED)]
    )
    def test_type_as_number(self, written: Any, status: Status) -> None:
        """Trap 24: Frenet's EventType is text or a number, and means the same."""
        assert status == frenet_with(EventType=written).status

    def test_numbers_stay_text(self) -> None:
        """Trap 24: a ShipmentId given as number or text is one key, and an invoice number keeps its zeros."""
        payload = body_of("intelipost", "shipped")
        payload["invoice"]["invoice_number"] = "000042002"

        assert "4300001" == read_case("frenet", "posted").key
        assert "4300003" == read_case("frenet", "in_transit_type_as_number").key
        assert "000042002" in [reference.value for reference in read_one("intelipost", payload).references]

    def test_typo_is_no_duty(self) -> None:
        """Trap 25: with `ServiceDescrition`, with the right spelling or with neither, the parcel is the same."""
        typo = body_of("frenet", "posted")
        right = {"ServiceDescription" if name == "ServiceDescrition" else name: typo[name] for name in typo}
        neither = {name: typo[name] for name in typo if name != "ServiceDescrition"}

        assert read("frenet", typo) == read("frenet", right) == read("frenet", neither)

    @pytest.mark.parametrize(
        ("location", "place"),
        [
            ("Boa Vista-RR", ("Boa Vista", "RR")),
            ("Ji-Paraná-RO", ("Ji-Paraná", "RO")),
            ("Embu-Guaçu", ("Embu-Guaçu", "")),
            ("Niterói", ("Niterói", "")),
            (None, ("", "")),
        ],
    )
    def test_location(self, location: str | None, place: tuple[str, str]) -> None:
        """Cities have hyphens: the last one before a state's two letters divides, and no other."""
        (event,) = frenet_with(EventLocation=location).events

        assert place == (event.city, event.state)

    def test_wordless_event(self) -> None:
        """An event without a word is no line of history, and still says where the parcel is."""
        shipment = frenet_with(EventDescription="")

        assert (Status.DISPATCHED, ()) == (shipment.status, shipment.events)

    def test_reference_in_a_tag(self) -> None:
        """Trap 27: Melhor Envio repeats only free tags; a rule of the merchant finds the order among them."""
        rule = Rule.parse("data.tags[*].tag", "order_id", r"^(\d{13}-\d{2})$")
        payload = body_of("melhor_envio", "posted")
        payload["data"]["tags"].insert(0, {"tag": "gift", "url": ""})
        shipment = read_one("melhor_envio", payload)

        assert ["tracking_number"] == [reference.kind for reference in shipment.references]
        assert ["1410000000001-01"] == [
            reference.value for reference in refer(shipment, payload, (rule,)) if reference.kind == "order_id"
        ]

    def test_prefixed_order_number(self) -> None:
        """Trap 27: which of Intelipost's numbers is the order differs by account; a rule overrules the usual one."""
        rule = Rule.parse("order_number", "order_id", r"^PED-(\d+)$")
        payload = body_of("intelipost", "shipped_key_only")
        references = refer(read_one("intelipost", payload), payload, (rule,))

        assert ["420005"] == [reference.value for reference in references if reference.kind == "order_id"]

    def test_stray_space(self) -> None:
        """Trap 29: Melhor Envio's URLs may hold a space."""
        shipment = read_case("melhor_envio", "posted")

        assert "https: //" in body_of("melhor_envio", "posted")["data"]["tracking_url"]
        assert "https://www.melhorrastreio.com.br/rastreio/ME410000001BR" == shipment.tracking_url

    @pytest.mark.parametrize("given", [None, "", "www.melhorrastreio.com.br"])
    def test_url_of_the_code(self, given: str | None) -> None:
        """Trap 29: without a usable URL the code's public page serves; without a code there is none."""
        payload = body_of("melhor_envio", "posted")
        payload["data"] |= {"tracking": "ME 1/2", "tracking_url": given}

        assert "https://www.melhorrastreio.com.br/rastreio/ME%201%2F2" == read_one("melhor_envio", payload).tracking_url
        assert read_case("melhor_envio", "posted_without_number").tracking_url is None

    @pytest.mark.parametrize("slug", list(CARRIERS))
    def test_no_courier(self, slug: str) -> None:
        """Trap 29: none of the three says who carries the parcel; a service such as "PAC" is no carrier."""
        assert read_case(slug, "delivered").courier is None

    def test_number_comes_late(self) -> None:
        """Trap 30: a posted parcel may have no number for a day, then two; the carrier's code wins, the id stays."""
        early = body_of("melhor_envio", "posted_without_number")
        late = deepcopy(early)
        late["data"] |= {"tracking": "ME1BR", "self_tracking": "ME2BR"}

        assert read_one("melhor_envio", early).tracking_number is None
        assert "ME1BR" == read_one("melhor_envio", late).tracking_number
        assert ["ME2BR"] == [reference.value for reference in read_one("melhor_envio", late).references]
        assert "ME2510410004BR" == read_case("melhor_envio", "posted_with_own_code_only").tracking_number
        assert read_one("melhor_envio", early).key == read_one("melhor_envio", late).key

    @pytest.mark.parametrize("blank", ["", "  ", None])
    def test_blank_number(self, blank: str | None) -> None:
        """Trap 30: an empty number is no number."""
        payload = body_of("intelipost", "shipped") | {"tracking_code": blank}

        assert read_one("intelipost", payload).tracking_number is None

    def test_key_without_id(self) -> None:
        """Trap 30: a Frenet parcel without id goes by its number; without either it cannot be told apart."""
        payload = body_of("frenet", "posted") | {"ShipmentId": None}

        assert "QF430000001BR" == read_one("frenet", payload).key
        with pytest.raises(Unreadable, match=r"\$\.ShipmentId"):
            read("frenet", payload | {"TrackingNumber": " "})

    @pytest.mark.parametrize(("slug", "field"), [("melhor_envio", "id"), ("intelipost", "order_number")])
    def test_blank_key(self, slug: str, field: str) -> None:
        """Trap 30: without the carrier's own id nothing is invented."""
        payload = body_of(slug, "delivered")
        payload.get("data", payload)[field] = " "

        with pytest.raises(Unreadable, match="is blank"):
            read(slug, payload)
