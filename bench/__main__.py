"""``python -m bench [--short] [--only NAME] [--json FILE] [--strict]``: every figure beside its baseline."""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from bench import calls, deliveries, drain, index, look, memory, pages, parcel_pages, reading, replaying, startup, wrong
from bench.table import Row, lines

FIGURES = {
    "deliveries": deliveries.figures,
    "look": look.figures,
    "index": index.figures,
    "read": reading.figures,
    "start": startup.figures,
    "calls": calls.figures,
    "memory": memory.figures,
    "pages": pages.figures,
    "parcel pages": parcel_pages.figures,
    "replay": replaying.figures,
    "drain": drain.figures,
    "wrong": wrong.figures,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table; the exit code is 1 only with ``--strict`` and a bound that was missed."""
    options = _options(arguments)
    begun = time.monotonic()
    rows: list[Row] = []
    for name in options.only or FIGURES:
        print(f"measuring: {name} …", file=sys.stderr, flush=True)
        rows += FIGURES[name](short=options.short)
    print("\n".join(lines(rows)))
    machine = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"\n{machine}; measured in {time.monotonic() - begun:.0f} s{', in the short form' * options.short}")
    if options.json:
        plain = {"machine": machine, "short": options.short, "rows": [row.plain() for row in rows]}
        options.json.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    return int(options.strict and any(row.met is False for row in rows))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure every figure beside its baseline.")
    parser.add_argument("--short", action="store_true", help="less of everything: a minute or two, and coarser")
    parser.add_argument("--only", action="append", choices=FIGURES, help="one figure; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file as well")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a wanted bound is missed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
