"""The traps that Pickit sets."""

import json

import pytest

from adapters import Ignored, ReferenceKind, Status, Unreadable, pickit
from receiver import carriers
from receiver.config import parse
from receiver.intake.redaction import REDACTED, Redaction
from tests.support.adapter import POST, proves, read_one
from tests.support.paths import SAMPLES

STATUSES = {
    Status.ANNOUNCED: "pending labelCreated inRetailer inDropOffPoint availableForDrop availableForDropRetailer "
    "availableForDropPoint courier",
    Status.CANCELLED: "cancelled canceledOnPickit",
    Status.IN_TRANSIT: "crossdock pointDistribution inPikcitPoint inPickitPoint point availableForCollect notDelivery",
    Status.OUT_FOR_DELIVERY: "delivery deliveryLastMile",
    Status.DELIVERED: "delivered",
    Status.RETURNED: "returnToSender returnedToSender refundRetailer refund availableForCollectDOPoint",
    Status.EXCEPTION: "lost expired error",
    Status.OTHER: "retired inRetired free waiting restored ended",
}
WORDS = [(status, word) for status, words in STATUSES.items() for word in words.split()]


def of_store(**changes) -> dict:
    return {"trakingOrder": "1860000000001-01", "status": "courier", **changes}


def of_api(tag: str | None, sub: str | None = None, **changes) -> dict:
    state = {"tag": tag, "subState": {"tag": sub} if sub else None}
    return {"token": "t", "pickitCode": "PKT1", "state": state, "order": "1860000000001-01", "points": [], **changes}


class TestProof:
    def test_appkey(self):
        """Trap 4: the key is the store's own and says nothing of the body; a secret URL may be chosen instead."""
        assert proves(pickit, "appkey", "s", b"anything", "s")
        assert ["header", "header", "query", "path"] == [scheme.kind for scheme in pickit.AUTH]

    def test_token_in_the_body(self):
        """Trap 6: the token in the API's form is blanked before anything is stored."""
        raw = {"vtex": {"store": {"app_key": "k", "app_token": "t"}}, "endpoints": {"pickit": {"secrets": ["s"]}}}
        kept = Redaction(parse(raw, path=SAMPLES, environ={}).endpoints["pickit"]).body(
            json.dumps(of_api("x")).encode()
        )
        assert REDACTED == json.loads(kept)["token"]


class TestStatus:
    @pytest.mark.parametrize(("expected", "word"), WORDS)
    def test_words(self, expected, word):
        """Traps 14 to 16: a point is no delivery, a drop-off no dispatch, and "retired" might be either."""
        for shipment in (read_one(pickit, of_store(status=word)), read_one(pickit, of_api(word))):
            assert (expected, ()) == (shipment.status, shipment.unknown_words)

    def test_unknown(self):
        """Trap 16: words that no list has are named, those of the state and of the substate."""
        assert ("teleported",) == read_one(pickit, of_store(status="teleported")).unknown_words
        assert ("a", "b") == read_one(pickit, of_api("a", "b")).unknown_words

    @pytest.mark.parametrize(
        ("tag", "sub", "expected"),
        [
            ("courier", "refundRetailer", Status.RETURNED),
            ("courier", "homeDistribution", Status.IN_TRANSIT),
            ("courier", "free", Status.DISPATCHED),
            ("courier", "teleported", Status.ANNOUNCED),
            ("crossdock", "free", Status.IN_TRANSIT),
            ("inDropOffPoint", "availableForCollectDOPoint", Status.RETURNED),
            ("point", "availableForCollect", Status.IN_TRANSIT),
            ("point", "delivered", Status.IN_TRANSIT),
            ("delivered", "returnedToSenderRetailer", Status.RETURNED),
            ("inDropOffPoint", "availableForDropDropoff", Status.ANNOUNCED),
            (None, "deliveryLastMile", Status.OUT_FOR_DELIVERY),
        ],
    )
    def test_substate(self, tag, sub, expected):
        """Trap 17: the substate tells more than the state, except that it never makes a delivery."""
        assert expected is read_one(pickit, of_api(tag, sub)).status

    @pytest.mark.parametrize("word", pickit.PAYMENT)
    def test_payment(self, word):
        """What is said of the label's payment is none of the parcel's."""
        with pytest.raises(Ignored, match="payment"):
            pickit.read(of_store(status=word), POST)


class TestValues:
    def test_no_date(self):
        """Trap 23: no form brings a date, and none is made up."""
        for said in (read_one(pickit, of_store(status="delivered")), read_one(pickit, of_api("courier"))):
            assert (None, None, None) == (said.happened_at, said.dispatched_at, said.delivered_at)

    def test_two_forms(self):
        """Traps 25 and 30: Pickit's code is key and number where it is sent; a store's form has only the order."""
        store, api = read_one(pickit, of_store()), read_one(pickit, of_api("courier"))
        assert ("1860000000001-01", None) == (store.key, store.tracking_number)
        assert ("PKT1", "PKT1") == (api.key, api.tracking_number)
        assert (ReferenceKind.ORDER_ID, "1860000000001-01") == (store.references[0].kind, api.references[0].value)

    def test_order_as_number(self):
        """Trap 24: WooCommerce's orders are numbers; they stay text."""
        assert "186" == read_one(pickit, of_store(trakingOrder=186)).key

    @pytest.mark.parametrize("body", [of_store(trakingOrder=" "), of_api("courier", pickitCode="", trakingOrder=None)])
    def test_blank(self, body):
        """Trap 30: a parcel without any name is refused."""
        with pytest.raises(Unreadable, match=r"\$\.trakingOrder"):
            pickit.read(body, POST)

    @pytest.mark.parametrize(
        "body", [{"trakingOrder": "1"}, {"pickitCode": "1"}, {"trackingOrder": "1", "status": "x"}]
    )
    def test_neither_form(self, body):
        """Trap 25: the typo is the name; the right spelling is no form of Pickit's."""
        with pytest.raises(Unreadable):
            carriers.load("pickit", pickit).check(body)
