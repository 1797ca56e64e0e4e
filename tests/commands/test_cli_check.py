"""What `receiver check` warns of."""

import re
from pathlib import Path

import pytest

from receiver.carriers.slow_patterns import slow_patterns
from tests.support.console import Operator, receiver, write_config
from tests.support.rig import MELHOR_ENVIO

LONG = "8f1d0c5b7a9e4c2d"
FRENET = {"carrier": "frenet", "auth": {"scheme": "query"}}


@pytest.fixture
def warned(tmp_path, migrated_sqlite_url):
    """The warnings for one endpoint; a function of its settings."""

    def warnings(endpoint: dict) -> list[str]:
        config = write_config(tmp_path, migrated_sqlite_url, "https://vtex.invalid", {"one": endpoint})
        said = receiver("check", config=config)
        assert 0 == said.exit_code
        return [line for line in said.stdout.splitlines() if line.startswith("! ") and "--vtex" not in line]

    return warnings


class TestSecrets:
    @pytest.mark.parametrize("secret", [LONG, f"merchant:{LONG}"])
    def test_long(self, warned, secret):
        """Sixteen random characters pass."""
        assert [] == warned({**FRENET, "secrets": [secret]})

    @pytest.mark.parametrize("secret", ["q7", LONG[:-1], "a-long-user-name:short"])
    def test_short(self, warned, secret):
        """A shorter one that the merchant made up can be guessed; it is not printed."""
        (line,) = warned({**FRENET, "secrets": [LONG, secret]})

        assert line.startswith("! endpoints.one.secrets: is shorter than 16 characters")
        assert secret not in line.split()

    def test_of_the_carrier(self, warned):
        """One that the carrier gives out is as long as it is."""
        assert [] == warned({**MELHOR_ENVIO, "secrets": ["a1b2c3"]})

    @pytest.mark.parametrize("secret", ["changeme", "Change-Me", "secret", "your-webhook-secret", "user:password123"])
    def test_placeholder(self, warned, secret):
        """A placeholder from examples is reported as a weak secret, for every scheme."""
        endpoint = MELHOR_ENVIO if ":" not in secret else FRENET

        (line,) = warned({**endpoint, "secrets": [secret]})

        assert "! endpoints.one.secrets: holds a placeholder" in line


class TestPatterns:
    @pytest.mark.parametrize("pattern", [r"(\d+-\d{2})", r"^(\S+-\d{2})$", r"\bv\d+[a-z]{2,4}-\d\d\b"])
    def test_fast(self, pattern):
        """The patterns that people write take no time."""
        assert [] == slow_patterns([pattern])

    def test_slow(self, warned):
        """One that goes back and forth is named, with its endpoint."""
        slow = r"^(\w+\s?)+-\d\d$"
        rules = [{"path": "a", "pattern": slow, "is": "order_id"}, {"path": "b", "pattern": r"\d+", "is": "sequence"}]

        (line,) = warned({**MELHOR_ENVIO, "references": rules})

        assert line.startswith(f"! endpoints.one: pattern {slow!r} may take seconds")


class TestNumbers:
    def test_none(self, warned):
        """A carrier that never gives a tracking number needs a rule that does."""
        logmanager = {"carrier": "logmanager", "auth": {"scheme": "path"}, "secrets": [LONG]}

        (line,) = warned(logmanager)

        assert line.startswith("! endpoints.one: LogManager gives no tracking number, so nothing can be written")
        assert [] == warned({**logmanager, "references": [{"path": "orderId", "is": "tracking_number"}]})


class TestBodies:
    def test_narrow(self, tmp_path, migrated_sqlite_url):
        """A limit below what a carrier is taken with by itself is named, with the endpoints; a wider one is not."""
        endpoints = {"one": MELHOR_ENVIO, "many": {"carrier": "ups", "secrets": [LONG]}}
        config = write_config(tmp_path, migrated_sqlite_url, "https://vtex.invalid", endpoints)
        written = config.read_text()

        said = {}
        for limit in (2_000_000, 262_144, 100_000):
            config.write_text(written.replace("[receiver]", f"[receiver]\nmax_body = {limit}"))
            said[limit] = [line for line in receiver("check", config=config).stdout.splitlines() if "max_body" in line]

        start, end = (
            "! receiver.max_body: {} bytes are fewer than is taken where it is not set, of ",
            ": a larger webhook",
        )
        assert [] == said[2_000_000]
        assert [start.format(262_144) + "many (2000000)"] == [line.partition(end)[0] for line in said[262_144]]
        assert [start.format(100_000) + "one (262144), many (2000000)"] == [
            line.partition(end)[0] for line in said[100_000]
        ]


class TestConnections:
    def test_room(self, tmp_path, migrated_postgres_url):
        """Where PostgreSQL has no room for one process more, both figures are named; else nothing is said."""
        config = write_config(tmp_path, migrated_postgres_url, "https://vtex.invalid", {"one": MELHOR_ENVIO})
        assert "connections" not in receiver("check", config=config).stdout
        config.write_text(config.read_text().replace("[receiver]", "[receiver]\ndatabase_connections = 5_000"))

        said = receiver("check", config=config).stdout

        assert re.search(r"! PostgreSQL has \d+ of \d+ connections open, and each process .* may open 5000: set", said)


@pytest.fixture
def mistyped(operator: Operator) -> Path:
    """A configuration whose database does not exist, nor its folder."""
    config = operator.config
    config.write_text(config.read_text().replace("receiver.db", "mistyped/receiver.db"))
    return config


class TestNoDatabase:
    """A path in the configuration where no database is: mistyped, or of a receiver that has never run."""

    @pytest.mark.parametrize("option", [[], ["--vtex"]], ids=["plain", "vtex"])
    def test_check(self, mistyped: Path, option: list[str]) -> None:
        """`check` says where none is and which command makes it, makes nothing, and can ask VTEX all the same."""
        absent = f"! the database {mistyped.parent}/mistyped/receiver.db does not exist yet: receiver serve makes it"

        said = receiver("check", *option, config=mistyped)

        assert 0 == said.exit_code, said.output
        assert absent in said.stdout
        assert "database: ready" not in said.stdout
        assert bool(option) == ("View order: allowed" in said.stdout)
        assert not (mistyped.parent / "mistyped").exists()

    @pytest.mark.parametrize("command", ["status", "shipments", "links", "reconcile"])
    def test_others(self, mistyped: Path, command: str) -> None:
        """A command that needs one ends, and makes none: an empty one would look like a receiver without work."""
        said = receiver(command, config=mistyped)

        assert (1, "") == (said.exit_code, said.stdout)
        assert "receiver.db does not exist yet: receiver serve makes it, or receiver migrate\n" in said.stderr
        assert not (mistyped.parent / "mistyped").exists()

    def test_made(self, mistyped: Path) -> None:
        """The command that it names makes it, with its folder, for the receiver's own user alone."""
        assert 0 == receiver("migrate", config=mistyped).exit_code
        assert 0o600 == (mistyped.parent / "mistyped" / "receiver.db").stat().st_mode & 0o777
        assert "database: ready" in receiver("check", config=mistyped).stdout


class TestFiles:
    def test_readable(self, tmp_path, migrated_sqlite_url):
        """A configuration or a database that others may read is named, with the command that mends it."""
        config = write_config(tmp_path, migrated_sqlite_url, "https://vtex.invalid", {"one": MELHOR_ENVIO})
        for name in ("receiver.toml", "receiver.db"):
            (tmp_path / name).chmod(0o640)

        lines = [
            line
            for line in receiver("check", config=config).stdout.splitlines()
            if line.startswith("! ") and "--vtex" not in line
        ]

        assert [
            f"! {tmp_path / name}: other users of this machine may read it; run 'chmod 600 {name}' there"
            for name in ("receiver.toml", "receiver.db")
        ] == lines
