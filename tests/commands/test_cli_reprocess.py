"""`receiver reprocess`: stored deliveries are read again after a fix."""

from sqlalchemy import text

from tests.support.console import receiver
from tests.support.rig import order, package, posted


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
