"""What a delivery was read by: the program's version, and a digest of the adapter and schema that read it."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import pytest
from sqlalchemy import update

from receiver.carriers import Carrier, available, discover
from receiver.intake import Intake
from receiver.intake.arrival import read_by
from receiver.store import Inbox
from receiver.store.tables import deliveries
from tests.support.console import Operator, receiver
from tests.support.rig import Rig, posted
from tests.support.sending import serve, toy

ROOT = Path(__file__).parents[2]
PROGRAM = version("carrier-webhook-receiver")
PARCEL = "melhor-envio/p1"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a carrier of the merchant's own."""
    assert 0 == receiver("carriers", "new", "my_van", "--in", tmp_path).exit_code
    return tmp_path


def loaded(folder: Path) -> Carrier:
    """The merchant's carrier as a program that starts now loads it."""
    available.cache_clear()
    return discover(folder)["my_van"]


def read_by_now(rig: Rig, stored: str | None) -> None:
    """Let the stored deliveries say that something else read them."""
    rig.database.write(lambda connection: connection.execute(update(deliveries).values(version=stored)))


@pytest.mark.parametrize("slug", ["melhor_envio", "ups"])
def test_digest(slug: str) -> None:
    """Anybody can compute it with ``cat adapters/SLUG.py schemas/SLUG.json | sha256sum``."""
    both = (ROOT / "adapters" / f"{slug}.py").read_bytes() + (ROOT / "schemas" / f"{slug}.json").read_bytes()

    assert hashlib.sha256(both).hexdigest()[:8] == discover()[slug].digest


def test_listed() -> None:
    """``receiver carriers --json`` tells it, so that stored deliveries can be compared with what is installed."""
    rows = [json.loads(line) for line in receiver("carriers", "--json").stdout.splitlines()]

    assert {slug: carrier.digest for slug, carrier in discover().items()} == {
        row["carrier"]: row["digest"] for row in rows
    }


@pytest.mark.parametrize("file", ["my_van.py", "my_van.json"])
def test_changed(own: Path, file: str) -> None:
    """A change of the module or of the schema changes the digest, for a merchant's own carrier too; back is back."""
    before, content = loaded(own).digest, (own / file).read_bytes()
    (own / file).write_bytes(content + b"\n")
    after = loaded(own).digest
    (own / file).write_bytes(content)

    assert before != after
    assert before == loaded(own).digest


class TestStored:
    """Each delivery keeps what read it."""

    def test_received(self, rig: Rig) -> None:
        """Version and digest stand with the delivery, and in the parcel's story."""
        operator, carrier = Operator(rig), discover()["melhor_envio"]
        rig.post(posted("1-01", parcel="p1", number="TN1"))

        told = f"{PROGRAM}+{carrier.digest}"
        [story] = operator.tells("show", PARCEL)
        assert [told] == [one["version"] for one in story["deliveries"]]
        assert f"accepted (authenticated by hmac; adapter melhor_envio {told}); not worked on yet" in operator.says(
            "show", PARCEL
        )

    def test_before(self, rig: Rig) -> None:
        """What release 0.1.0 stored has no digest, and what came before that has nothing."""
        operator = Operator(rig)
        rig.post(posted("1-01", parcel="p1", number="TN1"))
        read_by_now(rig, "0.1.0")
        assert "; adapter melhor_envio 0.1.0); not worked on yet" in operator.says("show", PARCEL)
        read_by_now(rig, None)
        assert "; adapter melhor_envio); not worked on yet" in operator.says("show", PARCEL)

    def test_reprocessed(self, rig: Rig) -> None:
        """After a fix of the adapter the delivery tells what read it last."""

        def fails(payload, request):
            raise RuntimeError

        broken, mended = toy(read=fails), toy()
        serve(rig, broken)
        name = rig.post(posted("1-01", parcel="p1", number="TN1")).json["delivery"]
        read_by_now(rig, "0.1.0")
        serve(rig, mended)
        Intake(rig.config, Inbox(rig.database), clock=lambda: rig.now).reprocess(rig.queries.delivery(name))

        assert read_by(mended) == rig.queries.delivery(name)["version"]
