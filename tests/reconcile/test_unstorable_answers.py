"""Answers of VTEX that no database takes keep nothing from settling."""

from typing import Any

import pytest

from receiver.http import Answer
from receiver.store import Background
from receiver.vtex.answers import decipher
from receiver.vtex.client import Vtex
from tests.support.rig import Rig, order, package, posted


def test_odd_order_is_read_once(rig_on_either: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """An order with what no database takes neither stops the index nor is read for ever."""
    rig = rig_on_either
    rig.add_order(order("1-01", package("9\x00", invoiceKey="3" * 44), sequence="\ud800"))
    Background(rig.database).note_news("lux", "1-01", now=rig.now)
    rig.work()
    rig.later(600)

    assert 1 == len(rig.calls("GET"))
    assert "stumbled" not in caplog.text


class TestOddAnswers:
    """What no database takes must not keep a shipment from settling."""

    def test_binary(self, rig_on_either: Rig):
        """An error whose body is no text is told without it."""
        rig = rig_on_either

        class Garbled(Vtex):
            def get_order(self, order_id: str) -> Any:
                return decipher(Answer(400, {}, b"\x1f\x8b\x00\x00 busy"), now=rig.now)

        rig.post(posted())
        queue, reconciler = rig.hands("garbled", Garbled)
        [claim] = queue.claim("lux", most=1, now=rig.now)
        reconciler.run(claim)

        assert ("held", "vtex_rejected") == (rig.shipment()["state"], rig.shipment()["reason"])

    def test_number(self, rig_on_either: Rig, caplog: pytest.LogCaptureFixture):
        """Nor does an invoice number that cannot be one; what the log says of it can be written to a file."""
        rig = rig_on_either
        rig.add_order(order("1-01", package("9\x00", value=5_000), package("\ud800", value=5_000)))
        rig.post(posted())
        rig.work()

        assert ("held", "ambiguous_invoice") == (rig.shipment()["state"], rig.shipment()["reason"])
        assert caplog.text.encode()
