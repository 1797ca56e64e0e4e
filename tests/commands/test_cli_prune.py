"""`receiver prune`: bodies that are old enough are forgotten."""

import time

from sqlalchemy import text

from tests.support.console import receiver


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
