"""Unknown status words on their way into the store, and accepted deliveries that are read again."""

import json
from dataclasses import replace

from adapters import Ignored, Shipment, Status, Unreadable
from receiver.carriers import Carrier
from receiver.intake import Intake, Outcome
from receiver.store import Inbox
from receiver.store.intake.unknown_words import UnknownWords
from tests.support.rig import Rig, order, package, posted
from tests.support.sending import rows, serve, toy


def use(rig: Rig, carrier: Carrier) -> None:
    """Let a changed adapter answer, in the web part and in the worker."""
    endpoint = replace(rig.config.endpoints["melhor-envio"], carrier=carrier)
    rig.use(replace(rig.config, endpoints={"melhor-envio": endpoint}))


def reprocess(rig: Rig) -> Outcome:
    """Run the one stored delivery again."""
    (row,) = rows(rig)
    intake = Intake(rig.config, Inbox(rig.database), clock=lambda: rig.now)
    return intake.reprocess(rig.queries.delivery(row["id"])).outcome


def refusing(rig: Rig, refusal: Exception) -> Carrier:
    """The endpoint's adapter, but it declines everything."""

    def read(_payload, _request):
        raise refusal

    return replace(rig.config.endpoints["melhor-envio"].carrier, read=read)


class TestUnknownWords:
    def test_stored(self, rig_on_either):
        """Each word is stored once, without what no database takes, and no longer than a word is."""
        told = Shipment(key="p1", status=Status.OTHER, unknown_words=("14", "a\0b", "14", "x" * 300))
        serve(rig_on_either, toy(read=lambda _payload, _request: [told]))
        rig_on_either.post(posted())

        expected = ["14", "a\N{REPLACEMENT CHARACTER}b", "x" * 200]
        assert expected == json.loads(rows(rig_on_either)[0]["unknown_words"])
        assert set(expected) == {row["word"] for row in UnknownWords(rig_on_either.database).all()}

    def test_mended(self, rig):
        """Once the adapter knows the word, the parcel that waited for it is dispatched, and VTEX gets its number."""
        rig.add_order(order("1-01", package("900")))
        sound = rig.config.endpoints["melhor-envio"].carrier
        told = Shipment(key="p1", status=Status.OTHER, tracking_number="TN1BR", unknown_words=("14",))
        use(rig, replace(sound, read=lambda _payload, _request: [told]))
        rig.post(posted())
        rig.work()
        assert "status 14 of melhor_envio is not known here: receiver carriers unknown" == rig.shipment()["note"]

        use(rig, sound)
        assert Outcome.ACCEPTED == reprocess(rig)
        rig.work()
        assert "TN1BR" == rig.package_of("1-01", "900")["trackingNumber"]
        assert [None] == [row["unknown_words"] for row in rows(rig)]


class TestAccepted:
    def test_ignored_now(self, rig):
        """What is ignored today counts no more, whatever it said before."""
        rig.post(posted())
        rig.work()
        use(rig, refusing(rig, Ignored("a return label")))

        assert Outcome.IGNORED == reprocess(rig)
        rig.work()
        assert ("waiting", None) == (rig.shipment()["state"], rig.shipment()["tracking_number"])
        assert [("ignored", "a return label")] == [(row["outcome"], row["reason"]) for row in rows(rig)]

    def test_unreadable_now(self, rig):
        """What cannot be read any more stays as it was: the fault is the adapter's."""
        rig.post(posted())
        use(rig, refusing(rig, Unreadable("$.data", "is new to us")))
        before = rows(rig)

        assert Outcome.QUARANTINED == reprocess(rig)
        assert before == rows(rig)
