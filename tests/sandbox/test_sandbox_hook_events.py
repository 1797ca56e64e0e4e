"""The events of the stand-in's order hook: twice, late, out of order, repeated, and its silence."""

from typing import Any

import pytest

from receiver.http import Http
from receiver.sandbox.hook import KEPT, SILENT, TRIES
from receiver.vtex.answers import Rejected
from receiver.vtex.client import Vtex
from receiver.vtex.hook import configuration
from tests.support.listener import Listener
from tests.support.rig import Rig, order
from tests.support.times import HOUR

SECRET = "s3cr3t-of-the-hook"


def vtex(rig: Rig, key: str = "key") -> Vtex:
    rig.configure(account={"hook_secrets": [SECRET], "app_key": key})
    return Vtex(rig.config.accounts["lux"], Http([rig.vtex_url]), clock=lambda: rig.now)


def hooks(rig: Rig) -> Any:
    return rig.sandbox_app.extensions["hooks"]


class TestStandIn:
    """The stand-in's own side of it."""

    @pytest.fixture
    def heard(self, rig: Rig, listener: tuple[Listener, str]) -> Listener:
        vtex(rig).set_hook(configuration(listener[1], "s"))
        listener[0].got.clear()
        return listener[0]

    def events(self, heard: Listener) -> list[str]:
        return [f"{event['OrderId']} {event['State']}" for event, _ in heard.got]

    def test_troubles(self, rig: Rig, heard: Listener):
        """Twice, cut short, beside the filter, late and the newest first."""
        rig.faults(hook_trouble=frozenset({"twice", "bare", "unfiltered", "disorder"}))
        rig.add_order(order("1-01", status="canceled"), order("2-01"))
        assert [] == heard.got
        rig.now += 60
        hooks(rig).deliver()

        assert ["2-01 handling", "2-01 handling", "1-01 canceled", "1-01 canceled"] == self.events(heard)
        assert {"Domain", "OrderId", "State", "LastChange", "Origin"} == set(heard.got[0][0])

    def test_tries(self, rig: Rig, heard: Listener):
        """What is not answered 200 comes again, ever later, and is dropped in the end."""
        heard.status = 500
        rig.add_order(order("1-01"))
        began, times = rig.now, [rig.now]
        while rig.now < began + 2 * KEPT:
            rig.now += HOUR / 4
            before = len(heard.got)
            hooks(rig).deliver()
            times += [rig.now] * (len(heard.got) - before)

        assert 20 < len(times) <= TRIES + 1
        assert times[-1] - began <= KEPT

    def test_silence(self, rig: Rig, heard: Listener):
        """Three days without an event delete it; an event in between begins them again."""
        rig.now += SILENT - 1
        rig.add_order(order("1-01"))
        rig.now += SILENT - 1
        vtex(rig).get_hook()
        rig.now += 1
        rig.add_order(order("1-01"))

        assert 1 == len(heard.got)
        assert {} == hooks(rig).configs

    def test_one_a_key(self, rig: Rig, listener: tuple[Listener, str]):
        """A key has one hook, the last; another key has its own."""
        for key, path in (("key", ""), ("key", "?second"), ("other", "?other")):
            vtex(rig, key).set_hook(configuration(f"{listener[1]}{path}", "s"))

        assert {"key": f"{listener[1]}?second", "other": f"{listener[1]}?other"} == {
            key: config["hook"]["url"] for key, config in hooks(rig).configs.items()
        }

    def test_two_filters(self, rig: Rig, listener: tuple[Listener, str]):
        """Statuses and an expression exclude each other: 409."""
        mixed = {**configuration(listener[1], "s"), "filter": {"status": [], "disableSingleFire": True}}
        with pytest.raises(Rejected) as refused:
            vtex(rig).set_hook(mixed)

        assert 409 == refused.value.status
