"""What README and docs say is what the program does."""

import re
import tomllib

import pytest

from receiver.carriers import discover
from receiver.carriers.pages import with_table
from receiver.cli import main
from receiver.config import parse
from receiver.shipments import Kind, Reason
from receiver.vtex.rules import RULES
from tests.support.pages import rows, shell, spans
from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
FINDING = (ROOT / "docs" / "finding-the-invoice.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
PLACEHOLDER = re.compile(r"\$\{(?!file:)([^}]+)\}")
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"\breceiver ([a-z]+)\b")


def parsed(text: str) -> dict:
    """TOML, with a value for each variable it takes from the environment."""
    environ = dict.fromkeys(PLACEHOLDER.findall(text), "user:value-of-24-letters-and-more")
    config = parse(tomllib.loads(text), path=ROOT / "receiver.toml", environ=environ)
    return dict(config.endpoints)


def test_carriers():
    """The table of carriers is what `discover` finds, in the words of `receiver carriers`."""
    assert README == with_table(README, discover().values())
    assert list(discover()) == [re.findall(r"`(\w+)`", one[0])[0] for one in rows(README, "Carriers")]


def test_toml():
    """The configuration to begin with works as it stands."""
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)

    assert ["melhor-envio"] == list(parsed(block))


def test_example():
    """Every setting of the example is one."""
    text = (ROOT / "receiver.example.toml").read_text(encoding="utf-8")

    assert parsed(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands(page):
    """Every `receiver …` that a page shows exists."""
    text = page.read_text(encoding="utf-8")
    code = "\n".join([*shell(text), *spans(text)])

    assert not set(COMMAND.findall(code)) - set(main.commands)


def test_command_table():
    """The table of commands names every command, and nothing else."""
    named = [span.split()[0] for cells in rows(OPERATING, "Commands") for span in spans(cells[0])]

    assert sorted(main.commands) == sorted(named)


def test_options():
    """The options that the table of commands names exist."""
    for cells in rows(OPERATING, "Commands"):
        name = spans(cells[0])[0].split()[0]
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert not set(re.findall(r"--[a-z-]+", spans(cells[0])[0])) - known, name


@pytest.mark.parametrize("page", [README, OPERATING], ids=["README.md", "operating.md"])
def test_examples(page):
    """Every line that a page shows after `receiver` is one that the command takes."""
    shown = [line.split() for line in shell(page) if line.startswith("receiver ")]
    for _, name, *arguments in shown:
        main.commands[name].make_context(name, arguments)


def _of(kind: Kind) -> dict[str, str]:
    return {reason.value: reason.sentence for reason in Reason if reason.kind is kind}


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("The invoice", RULES),
        ("Why a shipment is held", _of(Kind.HELD)),
        ("Why an invoice is kept", _of(Kind.KEPT)),
        ("Why a shipment waits", _of(Kind.WAITING)),
    ],
)
def test_finding(heading, expected):
    """Rules and reasons stand in the page as the program says them, in its order."""
    assert [[f"`{name}`", meaning] for name, meaning in expected.items()] == rows(FINDING, heading)


def test_states():
    """The table of states has every state by which shipments can be listed."""
    (state,) = [parameter for parameter in main.commands["shipments"].params if parameter.name == "state"]
    named = [span for cells in rows(OPERATING, "A shipment's states") for span in spans(cells[0])]

    assert sorted(state.type.choices) == sorted(named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page):
    """Relative links lead somewhere."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [] == [target for target in targets if not (page.parent / target).exists()]
