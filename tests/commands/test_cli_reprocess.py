"""`receiver reprocess`: stored deliveries are read again after a fix."""

from sqlalchemy import text

from tests.support.console import receiver
from tests.support.rig import order, package, posted


class TestReprocess:
    def broken(self, operator):
        """Two deliveries that cannot be read, one of them by its own fault."""
        operator.rig.add_order(order("1-01", package("41001")))
        operator.rig.post(posted())
        operator.rig.post({"event": "order.posted", "data": 5})
        operator.rig.database.write(
            lambda connection: connection.execute(
                text("UPDATE deliveries SET outcome = 'error' WHERE outcome = 'accepted'")
            )
        )

    def test_all(self, operator_on_either):
        """Each is run again, and what is still unreadable is counted."""
        self.broken(operator_on_either)

        lines = operator_on_either.says("reprocess").splitlines()

        assert "2 deliveries run again, 1 still to be fixed" == lines[-1]
        assert ["accepted", "quarantined"] == sorted(line.split()[1] for line in lines[:-1])
        assert "1 delivery run again, 1 still to be fixed" == operator_on_either.says("reprocess").splitlines()[-1]

    def test_outcome(self, operator):
        """Only those of an outcome, as objects."""
        self.broken(operator)

        (row,) = operator.tells("reprocess", "--outcome", "quarantined")

        assert ("quarantined", True) == (row["outcome"], row["reason"].startswith("$.data: "))

    def test_one(self, operator):
        """One by its id."""
        self.broken(operator)
        (row,) = operator.tells("deliveries", "--outcome", "error")

        assert [{"delivery": row["id"], "outcome": "accepted", "reason": None}] == operator.tells(
            "reprocess", row["id"]
        )

    def test_unknown(self, operator):
        """An unknown delivery is one line; an id and a filter do not go together."""
        assert "no delivery nope" == operator.fails("reprocess", "nope")
        assert 2 == receiver("reprocess", "x", "--outcome", "error", config=operator.config).exit_code
