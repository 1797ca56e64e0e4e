"""The traps that Onfleet sets, one sentence each.

The digests were computed with ``openssl dgst -sha512 -mac HMAC -macopt hexkey:…``.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from adapters import Ignored, Status, Unreadable, onfleet
from receiver.carriers.references import Rule, refer
from receiver.carriers.schemas import validator
from tests.support.adapter import POST, payload, proves, read_one

KEY = "0f34de0034de0034de0034de0034de0034de0034de0034de0034de0034de00aa"
BODY = rb'{"triggerId":3,"data":{"task":{"pickupTask":false,"notes":"caf\u00e9","lat":33.80}}}'
PROOF = (
    "dcde4cd3d78b54474e917065c3eaf88abbd5ca8d481134752ea177040540c7f6"
    "62d1ff1a3d4df6501463e591ac0cef2e7f2bde179b38b25fea2dd5edfdb6ab60"
)
WITH_THE_TEXT_AS_KEY = (
    "c42e9485ecfc284ea5b574a14d599a8122a526b4edd1b973e0702ebb745fe23d"
    "2f715420e11c09e23f6988112fe79eca005ceb754544821f8ebccd722b7d7541"
)
WITH_SHA_256 = "2176d3f7bbf2b78373e8e31f897355f798a6d9fe8e333e118962f95023d25429"


def task(case="started", **changes):
    body = payload("onfleet", case)
    body["data"]["task"] |= changes.pop("task", {})
    return body | changes


class TestSignature:
    def test_raw_bytes(self):
        """Trap 1: the bytes are signed; what a JSON library writes again is another body."""
        assert proves(onfleet, "x-onfleet-signature", PROOF, BODY, KEY)
        assert not proves(onfleet, "x-onfleet-signature", PROOF, BODY.replace(b"33.80", b"33.8"), KEY)

    @pytest.mark.parametrize("wrong", [WITH_THE_TEXT_AS_KEY, WITH_SHA_256])
    def test_key_and_hash(self, wrong):
        """Traps 3 and 7: the secret is hex of the key's bytes, and the hash is SHA-512, whatever catalogues say."""
        assert not proves(onfleet, "x-onfleet-signature", wrong, BODY, KEY)

    def test_secret_that_is_no_hex(self):
        """Trap 3: a secret that is not written in hex is a fault of the configuration, not of every request."""
        assert onfleet.AUTH[0].fault("onfleet-secret")
        assert onfleet.AUTH[0].fault(KEY) is None


class TestRegistration:
    def test_echo(self):
        """Trap 9: creating a webhook asks with GET for its own random text."""
        asked = replace(POST, method="GET", query="check=a34b1c")

        assert onfleet.PROBE.matches(asked)
        assert "a34b1c" == onfleet.PROBE.answer(asked)
        assert not onfleet.PROBE.matches(replace(POST, query="check=a34b1c"))

    def test_echo_live(self, rig):
        """Trap 9: through the front door, exactly that text comes back, with 200."""
        rig.configure(endpoints={"onfleet": {"secrets": [KEY]}})
        answer = rig.client.get("/webhooks/onfleet?check=a34b1c")

        assert (200, b"a34b1c") == (answer.status_code, answer.data)

    def test_always_200(self):
        """Traps 11 and 13: anything but 200 comes again for a day and may disable the webhook."""
        assert (200, 200) == (onfleet.REPLY.success, onfleet.REPLY.unreadable)


class TestTriggers:
    @pytest.mark.parametrize("case", ["started", "completed", "failed"])
    def test_pickup_task(self, case):
        """Trap 14: a pick-up task that starts or ends brings nothing to the shopper."""
        with pytest.raises(Ignored, match="pick-up"):
            onfleet.read(task(case, task={"pickupTask": True}), POST)

    def test_which_of_the_two(self):
        """Trap 14: a task that does not say whether it is a pick-up is not to be read."""
        unsaid = task("completed")
        del unsaid["data"]["task"]["pickupTask"]

        with pytest.raises(Exception, match="pickupTask"):
            validator("onfleet")(unsaid)

    def test_completed_but_failed(self):
        """Trap 14: a completion whose details deny success is no delivery."""
        shipment = read_one(onfleet, task("completed", task={"completionDetails": {"success": False, "time": 1}}))

        assert (Status.EXCEPTION, None, ()) == (shipment.status, shipment.delivered_at, shipment.events)

    @pytest.mark.parametrize(
        ("trigger", "expected"),
        [
            (6, Status.ANNOUNCED),
            (9, Status.ANNOUNCED),
            (10, Status.ANNOUNCED),
            (12, Status.EXCEPTION),
            (4, Status.EXCEPTION),
        ],
    )
    def test_no_possession(self, trigger, expected):
        """Trap 15: created, assigned, late or failed: none of it says that the courier has the parcel."""
        shipment = read_one(onfleet, task(triggerId=trigger))

        assert (expected, None, ()) == (shipment.status, shipment.dispatched_at, shipment.events)

    @pytest.mark.parametrize("trigger", [5, 7, 13, 17, 25, 30])
    def test_other_triggers(self, trigger):
        """Trap 16: proofs that arrive later, workers, messages, routes and predictions are no steps."""
        with pytest.raises(Ignored, match=f"trigger {trigger} "):
            onfleet.read({"triggerId": trigger}, POST)

    @pytest.mark.parametrize("trigger", [11, 21, 99])
    def test_unknown_trigger(self, trigger):
        """Trap 25: a trigger on no list is kept and refused by its number."""
        with pytest.raises(Unreadable, match=f"is {trigger}"):
            onfleet.read({"triggerId": trigger}, POST)

    @pytest.mark.parametrize("trigger", [1, 2])
    def test_start_never_came(self, trigger):
        """Trap 18: each trigger is a webhook of its own; a courier who is close has set out."""
        shipment = read_one(onfleet, task("arrival_first_heard", triggerId=trigger))

        assert shipment.happened_at == shipment.dispatched_at is not None

    def test_completed_alone(self):
        """Trap 18: a completion dates the dispatch only where it repeats when the courier set out."""
        started = {"events": [{"name": "start", "time": 1795018305000}, {"name": "end", "time": None}], "success": True}
        shipment = read_one(onfleet, task("completed", task={"completionDetails": started}))

        assert read_one(onfleet, task("completed")).dispatched_at is None
        assert "2026-11-18T16:11:45+00:00" == shipment.dispatched_at.isoformat()
        assert Status.DELIVERED == shipment.status

    def test_failed_after_the_start(self):
        """Trap 18: a failed task whose courier set out was dispatched."""
        started = {"events": [{"name": "start", "time": 1795018305000}], "success": False}
        shipment = read_one(onfleet, task("failed", task={"completionDetails": started}))

        assert (Status.EXCEPTION, "2026-11-18T16:11:45+00:00") == (shipment.status, shipment.dispatched_at.isoformat())


class TestValues:
    @pytest.mark.parametrize("time", [1795018305000, 1795018305, "1795018305000"])
    def test_milliseconds(self, time):
        """Trap 23: milliseconds are the rule, seconds were seen in integrators' tests; their size tells them apart."""
        assert "2026-11-18T16:11:45+00:00" == read_one(onfleet, task(time=time)).dispatched_at.isoformat()

    def test_time_of_completion(self):
        """Trap 23: the delivery has a time of its own, else the trigger's serves."""
        own, other = (
            read_one(onfleet, task("completed")),
            read_one(onfleet, task("completed", task={"completionDetails": None})),
        )

        assert "2026-11-18T16:45:00+00:00" == own.delivered_at.isoformat()
        assert "2026-11-18T16:45:05+00:00" == other.delivered_at.isoformat()

    @pytest.mark.parametrize(("zone", "expected"), [(None, 19), (ZoneInfo("America/Los_Angeles"), 18)])
    def test_day(self, zone, expected):
        """Trap 23: a Unix time has no local day; the endpoint's zone gives it one."""
        (event,) = read_one(onfleet, task(time=1795060805000), zone=zone).events

        assert expected == event.day.day

    def test_reference_in_metadata(self):
        """Trap 27: the order is where the merchant put it; a rule picks it out of the metadata by its name."""
        rule = Rule.parse("data.task.metadata[?name=='orderId'].value", "order_id")
        shipment = read_one(onfleet, task())

        assert () == shipment.references
        assert ["1934000000001-01"] == [one.value for one in refer(shipment, task(), (rule,))]

    def test_courier(self):
        """Trap 29: Onfleet is software; the fleet is the merchant's own, and only the merchant can name it."""
        assert read_one(onfleet, task()).courier is None

    def test_no_personal_data(self):
        """Trap 31: the recipient, the worker and the street are not kept."""
        kept = repr(read_one(onfleet, task("completed")))

        assert not [word for word in ("Shopper", "Sample Courier", "Example Street", "+1555") if word in kept]
