"""Where each trap that carriers set is tested: by what it is about, so that no one has to search forty files."""

import re

import pytest

from tests.support.paths import TESTS

INDEX = {
    "raw bytes and the trailing newline": [
        "test_traps_world.py::test_trailing_newline",
        "test_shared_traps.py::test_raw_bytes",
    ],
    "a secret in NFKD": ["test_traps_world.py::test_nfkd"],
    "a key that is shown in hex": ["test_onfleet.py::test_key_and_hash", "test_onfleet.py::test_secret_that_is_no_hex"],
    "a signature inside the body": [
        "test_lalamove.py::test_over_the_text",
        "test_lalamove.py::test_signature_is_not_kept",
    ],
    "a signed path": ["test_lalamove.py::test_path"],
    "a timestamp and an inner text are signed": ["test_usps.py::test_text_inside", "test_envia.py::test_vector"],
    "a token that does not cover the body": ["test_easyship.py::test_token", "test_easyship.py::test_algorithm"],
    "published keys that change": [
        "test_rsa.py::test_rotated",
        "test_published_keys.py::test_rotated",
        "test_published_keys.py::test_unknown_for_good",
    ],
    "words that the URL must not hold": ["test_shiprocket.py::test_url_words"],
    "a success code that counts exactly": ["test_shiprocket.py::test_only_200", "test_fedex.py::test_success"],
    "unsigned probes": [
        "test_traps_brazil.py::test_probe",
        "test_traps_brazil.py::test_unsigned_event",
        "test_envia.py::test_probe",
    ],
    "GET and HEAD": ["test_inpost.py::test_probe", "test_ship24.py::test_probe"],
    "an echo": ["test_onfleet.py::test_echo_live", "test_probes.py::test_reply"],
    "a challenge": ["test_usps.py::test_challenge", "test_usps.py::test_at_the_front_door"],
    "an activation that we must call": ["test_dhl.py::test_activation", "test_dhl.py::test_another_host"],
    "a token that the carrier fetches from us": ["test_tokens.py::test_push", "test_tokens.py::test_expiry"],
    "an envelope of Pub/Sub": ["test_coordinadora.py::test_no_event", "test_coordinadora.py::test_message_id"],
    "JSON inside a text": ["test_usps.py::test_payload_is_no_json", "test_body_formats.py::test_text"],
    "a form as the body": ["test_body_formats.py::test_fields", "test_body_formats.py::test_twice"],
    "the topic in a header only": ["test_shipbob.py::test_topic_in_a_header"],
    "a bad member in a batch": ["test_ship24.py::test_bad_member", "test_webhooks.py::test_a_bad_one"],
    "one parcel several times in a batch": ["test_bluedart.py::test_one_write"],
    "several orders in one message": ["test_borzo.py::test_one_each", "test_borzo.py::test_rules_see_one"],
    "what looks like a delivery": ["test_frete_rapido.py::test_look_alikes", "test_envia.py::test_delivered_at_origin"],
    "what looks like a dispatch": [
        "test_shipbob.py::test_label_printed",
        "test_bluedart.py::test_pickup_before_possession",
    ],
    "codes that need their type": ["test_traps_world.py::test_code_needs_its_type", "test_bluedart.py::test_codes"],
    "numbers that must stay text": ["test_lalamove.py::test_long_number", "test_dhl.py::test_id_as_number"],
    "impossible dates": ["test_lalamove.py::test_false_z", "test_fedex.py::test_pickup_without_zone"],
    "test traffic": ["test_lalamove.py::test_sandbox", "test_easyship.py::test_test_button"],
    "personal data": ["test_scrub.py::test_canary", "test_bluedart.py::test_no_personal_data"],
    "thin notices": [
        "test_shipstation_v1.py::test_to_vtex",
        "test_zippin.py::test_to_vtex",
        "test_fetches.py::test_strange",
    ],
    "deadlines": ["test_shared_traps.py::test_nothing_within_the_request"],
    "tenancy": ["test_shared_traps.py::test_tenancy", "test_shared_traps.py::test_secret_of_another_merchant"],
}


@pytest.mark.parametrize("trap", INDEX)
def test_there(trap):
    """The tests that the index names exist."""
    for place in INDEX[trap]:
        file, _, name = place.partition("::")
        [path] = TESTS.rglob(file)
        assert re.search(rf"^ *def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE), place
