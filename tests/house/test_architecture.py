"""The architecture page names what is there, and all of it."""

import re
from pathlib import Path

from receiver.cli import main
from receiver.store.tables import metadata
from tests.support.import_law import LEVELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
#: The tree: name and depth of each line.
TREE = re.findall(r"^( *)([\w./]+) {2,}\S", PAGE.split("```")[1], re.MULTILINE)


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(heading: str, *, table: int = 0) -> list[str]:
    """What stands in backticks in the first column of a section's tables, of one of them."""
    tables = re.findall(r"(?:^\|.*\n)+", section(heading), re.MULTILINE)
    return [name for line in tables[table].splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]


def test_tree() -> None:
    """Each package and module of `receiver/` stands in the tree once, and nothing else."""
    parts = [path for path in (ROOT / "receiver").iterdir() if path.name[0] not in "_."]
    here = {path.name + "/" * path.is_dir() for path in parts if path.is_dir() or path.suffix == ".py"}
    named = [name for depth, name in TREE if depth]

    assert sorted(here) == sorted(named)


def test_order() -> None:
    """The tree goes from the top down: what stands below another part may not import it."""
    level = {part: number for number, parts in enumerate(LEVELS) for part in parts}
    here = [level[name.strip("/").removesuffix(".py")] for depth, name in TREE if depth]

    assert sorted(here, reverse=True) == here


def test_top() -> None:
    """What stands beside `receiver/` in the tree exists, and every package of the wheel stands there."""
    named = [name for depth, name in TREE if not depth]

    assert [] == [name for name in named if not (ROOT / name).exists()]
    assert {"adapters/", "receiver/", "schemas/"} <= set(named)


def test_paths() -> None:
    """Every folder and Python file that the page names in backticks exists, in the checkout or in `receiver/`."""
    named = set(re.findall(r"`([\w/]+/|[\w/]+\.py)`", PAGE))

    assert [] == [
        name for name in sorted(named) if not any((home / name).exists() for home in (ROOT, ROOT / "receiver"))
    ]


def test_states() -> None:
    """Every state by which shipments can be listed has its row, and every group is made of them."""
    (state,) = [parameter for parameter in main.commands["shipments"].params if parameter.name == "state"]
    states = set(state.type.choices)

    assert states == set(first_cells("A shipment's life"))
    assert set(re.findall(r"`(\w+)`", section("A shipment's life"))) <= states | {
        "assign",
        "retry",
        "dismiss",
        "horizon_days",
    }


def test_tables() -> None:
    """Every table of the database has its row."""
    assert sorted(metadata.tables) == sorted(first_cells("What is stored"))


def test_glossary() -> None:
    """Each line has the trade's word, ours and a meaning; none of ours is explained twice."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section("Glossary").splitlines() if line]
    ours = [word for row in rows[2:] for word in row[1].split(", ")]

    assert ["trade's word", "our word", "meaning"] == rows[0]
    assert [] == [row for row in rows[2:] if len(row) != 3 or not all(row)]
    assert sorted(set(ours)) == sorted(ours)
