"""What is done again after a fix, what is given away, and what is forgotten."""

import json
import time

from sqlalchemy import text

from tests.console import Desk, receiver
from tests.rig import MELHOR_ENVIO, order, package, posted


class TestReprocess:
    def broken(self, desk):
        """Two deliveries that cannot be read, one of them by its own fault."""
        desk.rig.add_order(order("1-01", package("41001")))
        desk.rig.post(posted())
        desk.rig.post({"event": "order.posted"})
        desk.rig.database.write(
            lambda connection: connection.execute(
                text("UPDATE deliveries SET outcome = 'error' WHERE outcome = 'accepted'")
            )
        )

    def test_all(self, desk_on_either):
        """Each is run again, and what is still unreadable is counted."""
        self.broken(desk_on_either)

        lines = desk_on_either.says("reprocess").splitlines()

        assert "2 deliveries run again, 1 still to be fixed" == lines[-1]
        assert ["accepted", "quarantined"] == sorted(line.split()[1] for line in lines[:-1])
        assert "1 delivery run again, 1 still to be fixed" == desk_on_either.says("reprocess").splitlines()[-1]

    def test_outcome(self, desk):
        """Only those of an outcome, as objects."""
        self.broken(desk)

        (row,) = desk.tells("reprocess", "--outcome", "quarantined")

        assert ("quarantined", True) == (row["outcome"], row["reason"].startswith("$: lacks 'data'"))

    def test_one(self, desk):
        """One by its id."""
        self.broken(desk)
        (row,) = desk.tells("deliveries", "--outcome", "error")

        assert [{"delivery": row["id"], "outcome": "accepted", "reason": None}] == desk.tells("reprocess", row["id"])

    def test_unknown(self, desk):
        """An unknown delivery is one line; an id and a filter do not go together."""
        assert "no delivery nope" == desk.fails("reprocess", "nope")
        assert 2 == receiver("reprocess", "x", "--outcome", "error", config=desk.config).exit_code


class TestPrune:
    def test_old(self, desk_on_either):
        """Bodies past `keep_bodies_days` go; the row stays, and is said to be left out of an export."""
        desk_on_either.in_step()
        desk_on_either.rig.database.write(
            lambda connection: connection.execute(text("UPDATE deliveries SET received_at = :at"), {"at": 1.0})
        )

        assert "1 body emptied, all older than 30 days\n" == desk_on_either.says("prune")
        assert [{"emptied": 0}] == desk_on_either.tells("prune")
        assert 1 == len(desk_on_either.tells("deliveries"))
        result = receiver("export", config=desk_on_either.config)
        assert "1 delivery left out: the body was emptied" in result.stderr

    def test_young(self, desk):
        """Younger ones stay."""
        desk.rig.now = time.time()
        desk.in_step()

        assert [{"emptied": 0}] == desk.tells("prune")


class TestExport:
    def test_replays(self, desk_on_either, tmp_path):
        """Scrubbed, it keeps what the rules need, and comes to the same decision."""
        desk_on_either.in_step()
        file, orders = tmp_path / "export.jsonl", tmp_path / "orders.json"
        file.write_text(desk_on_either.says("export"), encoding="utf-8")
        orders.write_text(json.dumps([order("1-01", package("41001"))]), encoding="utf-8")

        (row,) = desk_on_either.tells("replay", file, "--orders", orders)

        assert row["as_expected"]
        (shipment,) = row["shipments"]
        assert ("in_step", "only_open_invoice", "TN1BR") == (
            shipment["state"],
            shipment["rule"],
            shipment["patch"]["body"]["trackingNumber"],
        )

    def test_canary(self, desk):
        """No person's data survives in fields that we do not use; on purpose, all does."""
        canaries = {
            "street": "Rua das Canárias 42",
            "phone": "+55 11 98888-7777",
            "maria@canary.example": "x",
            "to": [{"name": "Maria Canária", "document": 12345678909}],
        }
        desk.rig.post(posted(**canaries), **{"x-customer": "maria@canary.example"})

        scrubbed, raw = (json.loads(desk.says("export", *flag)) for flag in ((), ("--raw",)))

        for canary in ("Can", "98888", "canary", "Maria", "12345678909"):
            assert canary not in json.dumps(scrubbed, ensure_ascii=False)
        for canary in ("98888", "maria@canary", "12345678909"):
            assert canary in raw["http"]
        assert "exported from deliveries, scrubbed to the fields we use" == scrubbed["expected"]["source"]
        assert "exported from deliveries" == raw["expected"]["source"]

    def test_quarantined(self, desk, tmp_path):
        """What could not be read is still not, unless its fault was scrubbed away; either way it replays."""
        desk.rig.post({"event": "order.posted"})
        desk.rig.post(b'{"event": "order.posted", "data": {"id": "p1", "street": NaN}}')
        desk.rig.post(b"[" * 100_000)
        file = tmp_path / "export.jsonl"
        file.write_text(desk.says("export"), encoding="utf-8")

        rows = desk.tells("replay", file)

        assert ["quarantined", "accepted", "quarantined"] == [row["outcome"] for row in rows]
        assert [True, True, True] == [row["as_expected"] for row in rows]

    def test_filters(self, desk):
        """Only those of an outcome or an endpoint."""
        desk.in_step()
        desk.rig.post({"event": "order.posted"})

        assert 1 == len(desk.says("export", "--outcome", "quarantined").splitlines())
        assert 2 == len(desk.says("export", "--endpoint", "melhor-envio").splitlines())

    def test_endpoint_gone(self, rig):
        """Deliveries of an endpoint that is no longer configured are told of."""
        Desk(rig).in_step()
        changed = Desk(rig, renamed=MELHOR_ENVIO)

        result = receiver("export", config=changed.config)

        assert (0, "") == (result.exit_code, result.stdout)
        assert (
            "1 delivery left out: the body was emptied, or the endpoint is not in the configuration\n" == result.stderr
        )
