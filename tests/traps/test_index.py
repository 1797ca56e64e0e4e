"""Where each trap that carriers set is tested: by what it is about, so that nobody has to search forty files."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
INDEX = {
    "raw bytes and the trailing newline": [
        "test_traps_world.py::test_trailing_newline",
        "traps/test_shared.py::test_raw_bytes",
    ],
    "a secret in NFKD": ["test_traps_world.py::test_nfkd"],
    "a key that is shown in hex": [
        "traps/test_onfleet.py::test_key_and_hash",
        "traps/test_onfleet.py::test_secret_that_is_no_hex",
    ],
    "a signature inside the body": [
        "traps/test_lalamove.py::test_over_the_text",
        "traps/test_lalamove.py::test_signature_is_not_kept",
    ],
    "a signed path": ["traps/test_lalamove.py::test_path"],
    "a timestamp and an inner text are signed": [
        "traps/test_usps.py::test_text_inside",
        "traps/test_envia.py::test_vector",
    ],
    "a token that does not cover the body": [
        "traps/test_easyship.py::test_token",
        "traps/test_easyship.py::test_algorithm",
    ],
    "published keys that change": [
        "test_rsa.py::test_rotated",
        "test_keys.py::test_rotated",
        "test_keys.py::test_unknown_for_good",
    ],
    "words that the URL must not hold": ["traps/test_shiprocket.py::test_url_words"],
    "a success code that counts exactly": [
        "traps/test_shiprocket.py::test_only_200",
        "traps/test_fedex.py::test_success",
    ],
    "unsigned probes": [
        "test_traps_brazil.py::test_probe",
        "test_traps_brazil.py::test_unsigned_event",
        "traps/test_envia.py::test_probe",
    ],
    "GET and HEAD": ["traps/test_inpost.py::test_probe", "traps/test_ship24.py::test_probe"],
    "an echo": ["traps/test_onfleet.py::test_echo_live", "test_probes.py::test_reply"],
    "a challenge": ["traps/test_usps.py::test_challenge", "traps/test_usps.py::test_at_the_front_door"],
    "an activation that we must call": ["traps/test_dhl.py::test_activation", "traps/test_dhl.py::test_another_host"],
    "a token that the carrier fetches from us": ["test_tokens.py::test_push", "test_tokens.py::test_expiry"],
    "an envelope of Pub/Sub": [
        "traps/test_coordinadora.py::test_no_event",
        "traps/test_coordinadora.py::test_message_id",
    ],
    "JSON inside a text": ["traps/test_usps.py::test_payload_is_no_json", "test_other_formats.py::test_text"],
    "a form as the body": ["test_other_formats.py::test_fields", "test_other_formats.py::test_twice"],
    "the topic in a header only": ["traps/test_shipbob.py::test_topic_in_a_header"],
    "a bad member in a batch": ["traps/test_ship24.py::test_bad_member", "test_webhooks.py::test_a_bad_one"],
    "one parcel several times in a batch": ["traps/test_bluedart.py::test_one_write"],
    "several orders in one message": ["traps/test_borzo.py::test_one_each", "traps/test_borzo.py::test_rules_see_one"],
    "what looks like a delivery": [
        "traps/test_frete_rapido.py::test_look_alikes",
        "traps/test_envia.py::test_delivered_at_origin",
    ],
    "what looks like a dispatch": [
        "traps/test_shipbob.py::test_label_printed",
        "traps/test_bluedart.py::test_pickup_before_possession",
    ],
    "codes that need their type": [
        "test_traps_world.py::test_code_needs_its_type",
        "traps/test_bluedart.py::test_codes",
    ],
    "numbers that must stay text": ["traps/test_lalamove.py::test_long_number", "traps/test_dhl.py::test_id_as_number"],
    "impossible dates": ["traps/test_lalamove.py::test_false_z", "traps/test_fedex.py::test_pickup_without_zone"],
    "test traffic": ["traps/test_lalamove.py::test_sandbox", "traps/test_easyship.py::test_test_button"],
    "personal data": ["test_scrub.py::test_canary", "traps/test_bluedart.py::test_no_personal_data"],
    "thin notices": [
        "traps/test_shipstation_v1.py::test_to_vtex",
        "traps/test_zippin.py::test_to_vtex",
        "test_fetches.py::test_strange",
    ],
    "deadlines": ["traps/test_shared.py::test_nothing_within_the_request"],
    "tenancy": ["traps/test_shared.py::test_tenancy", "traps/test_shared.py::test_secret_of_another_merchant"],
}


@pytest.mark.parametrize("trap", INDEX)
def test_there(trap):
    """The tests that the index names exist."""
    for place in INDEX[trap]:
        file, _, name = place.partition("::")
        assert re.search(rf"^ *def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), place
