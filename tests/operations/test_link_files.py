"""A database that fails in the middle of a file of links: a person is told what was stored, a repeat is harmless."""

import json
from collections.abc import Iterator
from io import BytesIO

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from receiver.operations.links import MOST
from tests.support.api import ANA, with_operators
from tests.support.broken_disk import failing
from tests.support.clerk import Clerk
from tests.support.console import receiver, write_config
from tests.support.rig import MELHOR_ENVIO, Rig, eventually

#: A bad line in the first bite, and two bites more.
LINES = ["--,1-01", *(f"TN{number}BR,1-01" for number in range(1, 2 * MOST + 10))]
FIRST = MOST + 2  # of the second bite, below the header
FILE = "\n".join(["tracking_number,order", *LINES, ""]).encode()


@pytest.fixture
def broken(rig: Rig) -> Iterator[Rig]:
    """The second bite of the file cannot be stored."""
    with_operators(rig)
    with failing(rig, "INSERT ON links", when=f"NEW.value = 'TN{MOST + 500}BR'"):
        yield rig


def stored(rig: Rig) -> int:
    return len(list(rig.index.links()))


def test_command(broken: Rig) -> None:
    """The command names the line from which on nothing is known to be stored, and how many were; its exit code is 1."""
    path = broken.folder / "links.csv"
    path.write_bytes(FILE)
    config = write_config(broken.folder, broken.database_url, broken.vtex_url, {"melhor-envio": MELHOR_ENVIO})

    said = receiver("link", "--csv", path, config=config)
    bad, stopped, summary = said.stdout.splitlines()

    assert (1, "line 2: tracking_number: has no letter and no digit") == (said.exit_code, bad)
    assert stopped.startswith(f"line {FIRST}: from here on nothing is known to be stored (")
    assert f"{MOST - 1} links stored, 0 shipments woken, 1 bad line" == summary
    assert MOST - 1 == stored(broken)
    last = json.loads(receiver("link", "--csv", path, "--json", config=config).stdout.splitlines()[-1])
    assert {"stored": MOST - 1, "woken": 0, "bad": 1, "dismissed": [], "stopped_at": FIRST} == last


def upload(clerk: Clerk, content: bytes) -> TestResponse:
    return clerk.send("/links", "/links/file", file=FileStorage(BytesIO(content), "links.csv"))


@pytest.mark.parametrize(
    ("language", "said"), [("en", "From line"), ("pt", "A partir da linha"), ("es", "Desde la línea")]
)
def test_console(broken: Rig, language: str, said: str) -> None:
    """The console says the same in the person's language, with the bad lines so far, although it cannot store."""
    answer = upload(Clerk(broken, language=language), FILE)
    number = {"en": f"{FIRST:,}", "pt": f"{FIRST:,}".replace(",", "."), "es": f"{FIRST:,}".replace(",", "\u202f")}

    assert (503, True) == (answer.status_code, f"{said} {number[language]}" in answer.text)
    assert (1, MOST - 1) == (answer.text.count('<td class="many">'), stored(broken))


def test_again(rig: Rig) -> None:
    """The same file, once more when the database is well, stores the rest; what stood stays as it was."""
    clerk = Clerk(with_operators(rig))
    with failing(rig, "INSERT ON links", when=f"NEW.value = 'TN{MOST + 500}BR'"):
        assert 503 == upload(clerk, FILE).status_code

    def well() -> TestResponse | None:
        answer = upload(clerk, FILE)
        return answer if answer.status_code == 200 else None

    answer = eventually(well)
    assert len(LINES) - 1 == stored(rig)
    assert f"{len(LINES) - 1:,} links stored." in answer.text
    assert {"1-01"} == {row["order_id"] for row in rig.index.links()}


def test_api(rig: Rig) -> None:
    """The API's file is one bite: it is answered 503, and nothing of it is stored."""
    with_operators(rig)
    headers = {"Authorization": f"Bearer {ANA}", "Content-Type": "text/csv"}
    with failing(rig, "INSERT ON links", when="NEW.value = 'TN500BR'"):
        answer = rig.client.post("/api/v1/links/file", data=b"\n".join(FILE.split(b"\n")[:MOST]), headers=headers)

    assert (503, True, 0) == (answer.status_code, "Retry-After" in answer.headers, stored(rig))
