"""`receiver prune`: bodies that are old enough are forgotten."""

import time

from sqlalchemy import text

from tests.support.console import receiver


class TestPrune:
    def test_old(self, operator_on_either):
        """Bodies past `keep_bodies_days` go; the row stays, and is said to be left out of an export."""
        operator_on_either.in_step()
        operator_on_either.rig.database.write(
            lambda connection: connection.execute(text("UPDATE deliveries SET received_at = :at"), {"at": 1.0})
        )

        assert (
            "1 body emptied, all older than 30 days; 0 rows deleted, older than 400 days\n"
            == operator_on_either.says("prune")
        )
        assert [{"emptied": 0, "deleted": 0}] == operator_on_either.tells("prune")
        assert 1 == len(operator_on_either.tells("deliveries"))
        result = receiver("export", config=operator_on_either.config)
        assert "1 delivery left out: the body was emptied" in result.stderr

    def test_young(self, operator):
        """Younger ones stay."""
        operator.rig.now = time.time()
        operator.in_step()

        assert [{"emptied": 0, "deleted": 0}] == operator.tells("prune")
