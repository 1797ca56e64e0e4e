"""`receiver export`: stored deliveries leave as recordings, scrubbed."""

import json

from tests.support.console import Operator, receiver
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, order, package, posted


class TestExport:
    def test_replays(self, operator_on_either, tmp_path):
        """Scrubbed, it keeps what the rules need, and comes to the same decision."""
        operator_on_either.in_step()
        file, orders = tmp_path / "export.jsonl", tmp_path / "orders.json"
        file.write_text(operator_on_either.says("export"), encoding="utf-8")
        orders.write_text(json.dumps([order("1-01", package("41001"))]), encoding="utf-8")

        (row,) = operator_on_either.tells("replay", file, "--orders", orders)

        assert row["as_expected"]
        (shipment,) = row["shipments"]
        assert ("in_step", "only_open_invoice", "TN1BR") == (
            shipment["state"],
            shipment["rule"],
            shipment["patch"]["body"]["trackingNumber"],
        )

    def test_canary(self, operator):
        """No person's data survives in fields that we do not use; on purpose, all does."""
        canaries = {
            "street": "Rua das Canárias 42",
            "phone": "+55 11 98888-7777",
            "maria@canary.example": "x",
            "to": [{"name": "Maria Canária", "document": 12345678909}],
        }
        operator.rig.post(posted(**canaries), **{"x-customer": "maria@canary.example"})

        scrubbed, raw = (json.loads(operator.says("export", *flag)) for flag in ((), ("--raw",)))

        for canary in ("Can", "98888", "canary", "Maria", "12345678909"):
            assert canary not in json.dumps(scrubbed, ensure_ascii=False)
        for canary in ("98888", "maria@canary", "12345678909"):
            assert canary in raw["http"]
        assert "exported from deliveries, scrubbed to the fields we use" == scrubbed["expected"]["source"]
        assert "exported from deliveries" == raw["expected"]["source"]

    def test_quarantined(self, operator, tmp_path):
        """What could not be read is still not, unless its fault was scrubbed away; either way it replays."""
        operator.rig.post(UNREADABLE)
        operator.rig.post(b'{"event": "order.posted", "data": {"id": "p1", "street": NaN}}')
        operator.rig.post(b"[" * 100_000)
        operator.rig.post(b"[]")  # unsigned, it would be a check of the URL
        file = tmp_path / "export.jsonl"
        file.write_text(operator.says("export"), encoding="utf-8")

        rows = operator.tells("replay", file)

        assert ["quarantined", "accepted", "quarantined", "quarantined"] == [row["outcome"] for row in rows]
        assert [True] * 4 == [row["as_expected"] for row in rows]

    def test_filters(self, operator):
        """Only those of an outcome or an endpoint."""
        operator.in_step()
        operator.rig.post(UNREADABLE)

        assert 1 == len(operator.says("export", "--outcome", "quarantined").splitlines())
        assert 2 == len(operator.says("export", "--endpoint", "melhor-envio").splitlines())

    def test_endpoint_gone(self, rig):
        """Deliveries of an endpoint that is no longer configured are told of."""
        Operator(rig).in_step()
        changed = Operator(rig, renamed=MELHOR_ENVIO)

        result = receiver("export", config=changed.config)

        assert (0, "") == (result.exit_code, result.stdout)
        assert (
            "1 delivery left out: the body was emptied, or the endpoint is not in the configuration\n" == result.stderr
        )
