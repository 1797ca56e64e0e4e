"""`receiver init`: a configuration to begin with."""

import re
import tomllib
from pathlib import Path

import pytest

from receiver.carriers import discover
from receiver.config import BadConfig, Config, parse
from receiver.config.starter import starter
from tests.support.console import receiver
from tests.support.paths import ROOT

#: A secret of each form that a carrier may have.
FORMS = ("user:value-of-some-length", "00ff" * 8, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
COMMENTED = re.compile(r"^# (?=\[|[a-z_]+ = )", re.MULTILINE)


def begun(folder: Path, *arguments: str) -> str:
    """What `init` wrote."""
    result = receiver("init", "luxstore", *arguments, config=folder / "receiver.toml")
    assert (0, "") == (result.exit_code, result.stderr)
    return (folder / "receiver.toml").read_text()


def read(text: str, slug: str, *, kind: str | None = None) -> Config:
    """The text, with a value for each variable."""
    schemes = [one for one in discover()[slug].auth if kind in (None, one.kind)]
    secret = next((form for form in FORMS if schemes[0].fault(form) is None), "")
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "value:of-24-letters-and-more") | {
        f"{slug.upper()}_SECRET": secret
    }
    return parse(tomllib.loads(text), path=Path("receiver.toml"), environ=environ)


@pytest.mark.parametrize("slug", discover())
def test_every_carrier(tmp_path: Path, slug: str) -> None:
    """What is written lacks the secrets that it names, and nothing else. Each commented line works once it counts."""
    text = begun(tmp_path, slug)

    with pytest.raises(BadConfig) as caught:
        parse(tomllib.loads(text), path=Path("receiver.toml"), environ={})
    assert [] == [fault for fault in caught.value.faults if not fault.endswith("is unset or empty")]
    assert slug == read(text, slug).endpoints[slug.replace("_", "-")].carrier.slug

    whole = COMMENTED.sub("", text.replace("sqlite:///var", "sqlite:///other"))
    kind = re.search(r'^auth = \{ scheme = "(\w+)"', whole, re.MULTILINE)
    endpoint = read(whole.replace("KEYS}", "SECRET}"), slug, kind=kind and kind[1]).endpoints[slug.replace("_", "-")]
    assert bool(discover()[slug].references) == bool(endpoint.references)


def test_where_the_secret_comes_from() -> None:
    """A secret that the carrier makes is copied, one of the merchant's own is made up: as the carrier's page says."""
    copied = re.compile(r"^\d\. Copy the webhook('s)? secret", re.MULTILINE)
    said = {}
    for slug, carrier in discover().items():
        text = starter("luxstore", [carrier])
        if carrier.auth[0].kind in ("header", "bearer"):
            page = (ROOT / "docs" / "carriers" / f"{slug}.md").read_text(encoding="utf-8")
            said[slug] = ("which the carrier makes: copy it from there" in text, bool(copied.search(page)))

    assert {(True, True), (False, False)} == set(said.values()), said
    assert (True, True) == said["karrio"] == said["ship24"]


def test_without_a_number(tmp_path: Path) -> None:
    """Where a carrier gives no tracking number, the rule that gives it is there and counts."""
    (rule,) = read(begun(tmp_path, "logmanager"), "logmanager").endpoints["logmanager"].references

    assert ("orderId", "tracking_number") == (rule.path, str(rule.kind))


@pytest.mark.parametrize(("slug", "own"), [("skydropx", "relationships"), ("shippo", "data.transaction")])
def test_carriers_own_ids(tmp_path: Path, slug: str, own: str) -> None:
    """A field in which the carrier writes an id of its own is not named as one for the merchant's order."""
    assert own not in begun(tmp_path, slug)
    assert own not in receiver("carriers", "page", slug).stdout


def test_several(tmp_path: Path) -> None:
    """Carriers are named with either sign, each once; the next step names what must be set; only its owner may read."""
    result = receiver("init", "luxstore", "melhor-envio", "melhor_envio", "ups", config=tmp_path / "receiver.toml")

    assert ["melhor-envio", "ups"] == re.findall(
        r"^\[endpoints\.(.+)\]", (tmp_path / "receiver.toml").read_text(), re.MULTILINE
    )
    needed = "VTEX_APP_KEY, VTEX_APP_TOKEN, MELHOR_ENVIO_SECRET, UPS_SECRET"
    assert f"next: set {needed}" == result.stdout.splitlines()[1]
    assert 0o600 == (tmp_path / "receiver.toml").stat().st_mode & 0o777


def test_there_already(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "receiver.toml").write_text("mine")

    result = receiver("init", "luxstore", "ups", config=tmp_path / "receiver.toml")

    assert (1, "mine") == (result.exit_code, (tmp_path / "receiver.toml").read_text())
    assert "is there already, and stays as it is" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("luxstore", "melhorenvio"), "'melhorenvio' is no carrier; did you mean melhor_envio? (receiver carriers …"),
        (("Lux Store", "ups"), "'Lux Store' is no name of a VTEX account (lower-case letters, digits, hyphens)"),
    ],
)  # fmt: skip
def test_unknown(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    """A name that cannot be is refused, and no file is made."""
    result = receiver("init", *arguments, config=tmp_path / "receiver.toml")

    assert (1, True) == (result.exit_code, result.stderr.startswith(why.removesuffix("…")))
    assert [] == list(tmp_path.iterdir())
