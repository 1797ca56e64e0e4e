"""One line in the log for each delivery."""

import logging

import pytest

from receiver.log_context import learn
from receiver.store.counters import REJECTS
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, Rig, eventually, posted

ORDER = "1410000000001-01"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "receiver.access"]


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "receiver")


def test_delivery(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It says endpoint, outcome, status, milliseconds, delivery, shipment, order, account and client."""
    rig.post(posted(ORDER))
    rig.post(posted(ORDER))

    [(delivery)] = [row["id"] for row in rig.queries.deliveries()]
    first, second = (line.split() for line in lines(caplog))
    about = ["shipments=1", "shipment=melhor-envio/p1", f"order={ORDER}", "account=lux", "client=127.0.0.1"]
    assert ["delivery", "received:", "endpoint=melhor-envio", "outcome=accepted", "status=200"] == first[:5]
    assert 0 < float(first[5].removeprefix("ms="))
    assert [f"delivery={delivery}", *about] == first[6:]
    assert ["outcome=duplicate", f"delivery={delivery}"] == [second[3], second[6]]


def test_unreadable(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """What is not known of a delivery is a hyphen."""
    rig.post(UNREADABLE)

    [line] = lines(caplog)
    assert "outcome=quarantined status=200" in line
    assert line.endswith("shipments=0 shipment=- order=- account=lux client=127.0.0.1")


def test_nothing_of_before(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """What was learnt outside of any request does not stand in the line of the next one."""
    learn(shipment="melhor-envio/p9", order="9-01")
    rig.post(UNREADABLE)

    [line] = lines(caplog)
    assert "shipment=- order=- " in line


def test_no_personal_data(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Words that a merchant wrote where the order belongs are not logged: they may be a name."""
    rig.post(posted(f"Maria Silva {ORDER}".replace(" ", "_")))
    rig.post(posted("Maria-01", parcel="p2"))

    assert [ORDER, "-"] == [line.partition("order=")[2].partition(" ")[0] for line in lines(caplog)]
    assert "Maria" not in caplog.text


def test_refused(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A sender that is not proven has no such line: its own lines are bounded."""
    body, forged = b'{"event": "order.posted", "data": {"id": "p1"}}', {"x-me-signature": "AAAA"}
    assert 401 == rig.client.post("/webhooks/melhor-envio", data=body, headers=forged).status_code

    assert [] == lines(caplog)
    assert "authentication failed" in caplog.text


def test_check_of_the_url(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A carrier's check of the URL is one line a minute, however often it comes."""
    for _ in range(3):
        rig.client.post("/webhooks/melhor-envio", data=b"")
    rig.now += 60
    rig.client.post("/webhooks/melhor-envio", data=b"")

    said = "URL checked by the carrier: endpoint=melhor-envio method=POST status=200 client=127.0.0.1"
    assert [said] * 2 == lines(caplog)


def test_clock_set_back(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A clock that is set back keeps no line about a check out of the log."""
    for step in (0, -3_600):
        rig.now += step
        rig.client.post("/webhooks/melhor-envio", data=b"")

    assert 2 == len(lines(caplog))


def test_incomplete(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A webhook that broke off is counted each time, and has one line a minute for each endpoint. Nothing is stored."""
    rig.configure(endpoints={"melhor-envio": MELHOR_ENVIO, "other": MELHOR_ENVIO})
    for endpoint, seconds in (("melhor-envio", 0), ("melhor-envio", 59), ("other", 0), ("melhor-envio", 1)):
        rig.now += seconds
        half = rig.client.post(f"/webhooks/{endpoint}", data=b"[1", environ_overrides={"CONTENT_LENGTH": "3"})
        assert 400 == half.status_code

    rig.database.counters.flush(now=rig.now, only_if_due=False)
    eventually(lambda: 3 == counted(rig).get(("melhor-envio", "incomplete_body")))
    assert 1 == counted(rig)["other", "incomplete_body"]
    line = "webhook broke off before its end, not stored, one line a minute: endpoint={} status=400 client=127.0.0.1"
    assert [line.format(name) for name in ("melhor-envio", "other", "melhor-envio")] == lines(caplog)
    assert [] == list(rig.queries.deliveries())


def counted(rig: Rig) -> dict[tuple[str, ...], float]:
    """How many requests were not let in, by endpoint and cause."""
    totals = rig.database.counters.totals()
    return {labels: total.value for (name, labels), total in totals.items() if name == REJECTS.name}
