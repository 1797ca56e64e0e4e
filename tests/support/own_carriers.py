"""The folder that ``--own-carriers`` names; `test_every_carrier` then holds its carriers to the house rules."""

from pathlib import Path

folder: Path | None = None
