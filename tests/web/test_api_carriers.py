"""The API about carriers and accounts: the table of carriers, unknown words read again, and the check of a key."""

import time
from dataclasses import replace

import pytest

from adapters import Shipment, Status
from receiver.carriers import discover
from receiver.operations import order_check
from receiver.store.work.accounts import Accounts
from receiver.web.api import deciding
from tests.support.api import ANA, VI, items, post, with_operators
from tests.support.rig import Rig, eventually, order, package, posted

CHECK, AGAIN = "accounts/lux/check", "unknown-words/reprocess"
WORD = {"word": "14 'x", "carrier": "melhor_envio"}


def unknown(payload, _request):
    """A parcel whose status word is not known."""
    data = payload["data"]
    return [Shipment(key=data["id"], status=Status.OTHER, tracking_number=data["tracking"], unknown_words=("14 'x",))]


@pytest.fixture
def api(rig_on_either: Rig) -> Rig:
    rig_on_either.now = time.time()
    return with_operators(rig_on_either)


@pytest.fixture
def mend(api: Rig, monkeypatch: pytest.MonkeyPatch):
    """Three deliveries had a word that the adapter did not know; a call mends it."""
    sound = discover(None)["melhor_envio"]
    monkeypatch.setitem(discover(None), "melhor_envio", replace(sound, read=unknown))
    with_operators(api)
    for number in range(3):
        api.post(posted(parcel=f"p{number}"))

    def now() -> None:
        monkeypatch.setitem(discover(None), "melhor_envio", sound)
        with_operators(api)

    return now


class TestCarriers:
    def test_listed(self, api, mend):
        """An endpoint with its carrier's quality, when it was heard, how long it repeats, and its unknown words."""
        (one,) = items(api, "carriers")

        assert {
            "name": "melhor-envio", "carrier": "melhor_envio", "carrier_name": "Melhor Envio", "accounts": ["lux"],
            "quality": "published", "today": 3, "is_silent": False, "retries": {"times": 4, "seconds": 3_600.0},
        }.items() <= one.items()  # fmt: skip
        assert (True, True) == (one["last_at"].endswith("Z"), one["words"]["known"] > 5)
        (word,) = one["unknown_words"]
        assert (WORD["word"], 3) == (word["word"], word["count"])
        assert word["delivery"] in {row["id"] for row in items(api, "deliveries")}
        assert word["reprocess"].startswith("receiver reprocess --unknown ")

    def test_never_heard(self, api):
        """Before the first delivery there is no time, and no word."""
        (one,) = items(api, "carriers")
        assert (None, 0, []) == (one["last_at"], one["today"], one["unknown_words"])

    def test_probed(self, api):
        """A carrier's test of the address is told, and is no delivery."""
        assert items(api, "carriers")[0]["probed_at"] is None
        api.client.get("/webhooks/melhor-envio")
        api.database.counters.flush(now=api.now, only_if_due=False)
        eventually(lambda: items(api, "carriers")[0]["probed_at"])  # it is written beside the request
        (one,) = items(api, "carriers")
        assert (True, None) == (one["probed_at"].endswith("Z"), one["last_at"])


class TestWords:
    def test_read_again(self, api, mend, monkeypatch):
        """After the fix they are read again, so many at once, each with its row; the word goes with the last one."""
        monkeypatch.setattr(deciding, "AT_ONCE", 2)
        mend()

        first = post(api, AGAIN, WORD)

        assert {**WORD, "read": 2, "unreadable": 0, "left": 1} == first.json
        assert 0 == post(api, AGAIN, WORD).json["left"]
        assert [] == items(api, "unknown-words")
        assert 3 == len(items(api, "decisions", action="reprocess"))
        assert 404 == post(api, AGAIN, WORD).status_code

    def test_once(self, api, mend, monkeypatch):
        """A repeated request reads none, and tells how many have the word now."""
        monkeypatch.setattr(deciding, "AT_ONCE", 2)
        mend()
        post(api, AGAIN, WORD, key="k1")

        again = post(api, AGAIN, WORD, key="k1")

        assert ({**WORD, "read": None, "unreadable": None, "left": 1}, "true") == (
            again.json, again.headers["Idempotency-Replayed"]
        )  # fmt: skip
        assert 2 == len(items(api, "decisions", action="reprocess"))
        assert [422, 403] == [post(api, AGAIN, {"word": "x"}).status_code, post(api, AGAIN, WORD, VI).status_code]


class TestAccounts:
    def test_failures(self, api):
        """An account has its pace and the calls that went wrong last; VTEX's words are for people who may decide."""
        api.add_order(order("1-01", package("41001")))
        api.faults(forbidden=frozenset({"1-01"}))
        api.post(posted())
        api.work()

        (ana,), (vi,) = (items(api, "accounts", token=one) for one in (ANA, VI))

        assert (1_000_000, 1, False) == tuple(ana[name] for name in ("requests_per_minute", "app_tokens", "has_hook"))
        assert ("GET order", "1-01") == (ana["failures"][0]["call"], ana["failures"][0]["order_id"])
        assert (True, None) == ("HTTP 403" in ana["failures"][0]["answer"], vi["failures"][0]["answer"])
        assert "token" not in str(ana).replace("app_tokens", "")

    def test_pause(self, api):
        """A pause tells how it ends."""
        assert items(api, "accounts")[0]["own_fault"] is None
        Accounts(api.database).pause("lux", until=4e9, reason="HTTP 401", own_fault=True, now=api.now)
        assert items(api, "accounts")[0]["own_fault"] is True


class TestCheck:
    def test_reads(self, api):
        """VTEX is asked what the key may do, by reads alone; nothing is recorded."""
        found = post(api, CHECK)

        assert (200, True) == (found.status_code, found.json["is_fine"])
        assert ("app key and token", True, True) == tuple(
            found.json["access"][0][name] for name in ("what", "allowed", "needed")
        )
        assert {"GET"} == {call.method for call in api.calls()}
        assert [] == items(api, "decisions")

    def test_refused(self, api, monkeypatch):
        """Not for a person who may only view, no account, a pause of VTEX's, or while many are looked up."""
        assert [403, 404] == [post(api, *of).status_code for of in ((CHECK, None, VI), ("accounts/luxe/check",))]
        Accounts(api.database).pause("lux", until=4e9, reason="HTTP 503", own_fault=False, now=api.now)
        answer = post(api, CHECK)
        assert (409, True) == (answer.status_code, "VTEX wants no calls now" in answer.json["detail"])
        monkeypatch.setattr(order_check._LOOKUPS, "acquire", lambda **_: False)
        assert 503 == post(api, CHECK).status_code
        assert [] == api.calls()
