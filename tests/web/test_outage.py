"""While the store is away, the operator hears how long each carrier will go on trying."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters import Retries
from receiver.carriers import discover
from receiver.store import StoreUnavailable
from receiver.web.outage import Outage, time_left
from tests.support.rig import Rig
from tests.support.sending import ENDPOINTS, SECRET

UPS = discover()["ups"]


@pytest.mark.parametrize(
    ("retries", "passed", "said"),
    [
        (Retries(times=4, over=timedelta(hours=1)), 0, "repeats for another 60 min"),
        (Retries(times=4, over=timedelta(hours=1)), 3000, "repeats for another 10 min"),
        (Retries(times=4, over=timedelta(hours=1)), 3600, "has stopped repeating the first of them"),
        (Retries(times=None, over=timedelta(hours=24)), 3600, "repeats for another 23 h"),
        (Retries(times=3), 0, "repeats 3 times, over an unknown time"),
        (Retries(times=0), 0, "never repeats: what it sends now is lost"),
        (None, 0, "repeats for an unknown time"),
    ],
)
def test_time_left(retries, passed, said):
    """What is left of the time in which the carrier repeats, as far as it says."""
    assert said == time_left(replace(UPS, retries=retries), passed)


def test_told_once_a_minute(rig: Rig, caplog):
    """One line a minute, however many are refused, and one when it is over."""
    rig.configure(endpoints=ENDPOINTS)
    now = [1_000.0]
    outage, away = Outage(lambda: now[0]), StoreUnavailable("the database refuses: locked")
    ups, frenet = rig.config.endpoints["ups"], rig.config.endpoints["frenet"]

    for endpoint in (ups, ups, frenet, ups):
        outage.refused(endpoint, away)
    now[0] += 60
    outage.refused(frenet, away)
    outage.over()
    outage.over()

    first, second, last = [record.getMessage() for record in caplog.records]
    assert "ups (1 refused) never repeats: what it sends now is lost" in first
    assert "frenet (2 refused) repeats for an unknown time; ups (3 refused)" in second
    assert "deliveries stored again: refused=5 endpoints=ups, frenet" == last


def test_over_http(rig: Rig, caplog, monkeypatch):
    """A refused delivery is 503 with Retry-After, and told of; the next that is stored ends it."""
    rig.configure(endpoints=ENDPOINTS)
    headers, body = {"credential": SECRET}, b'{"trackingNumber": "1Z", "activityStatus": {"type": "I"}}'
    with monkeypatch.context() as broken:
        broken.setattr("receiver.store.writer.Writer.write_bulk", _away)
        answer = rig.client.post("/webhooks/ups", data=body, headers=headers)
    assert (503, "30") == (answer.status_code, answer.headers["Retry-After"])
    assert "ups (1 refused) never repeats" in caplog.text
    assert 200 == rig.client.post("/webhooks/ups", data=body, headers=headers).status_code
    assert "deliveries stored again: refused=1 endpoints=ups" in caplog.text


def _away(*_: object, **__: object) -> None:
    raise StoreUnavailable("the database refuses: locked")
