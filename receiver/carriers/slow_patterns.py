"""Which of a merchant's patterns takes too long on some text. ``re`` cannot be stopped from inside the process, so each
pattern is tried in a child that the kernel ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterable

from adapters._values import MAX_TEXT

#: CPU seconds for all texts together. An honest pattern takes a thousandth of it.
LIMIT = 0.5
#: Seconds until a child is given up that does not even get to work.
_PATIENCE = 60
#: What makes patterns go back and forth: long runs that end in what does not fit.
_UNITS = (*"1aAé -.,/#", "0-", "a ", "a1", "1 ", "v1-", "1-01", "aA1_", "1.", "a-")
_TEXTS = [(unit * MAX_TEXT)[: MAX_TEXT - 1] + "!" for unit in _UNITS]
_TRY = f"""
import json, re, signal, sys
pattern, texts = json.load(sys.stdin)
found = re.compile(pattern)
signal.setitimer(signal.ITIMER_PROF, {LIMIT})
for text in texts:
    found.search(text)
"""


def slow_patterns(patterns: Iterable[str]) -> list[str]:
    """Those of ``patterns`` that need more than `LIMIT` CPU seconds for hostile texts of `MAX_TEXT` characters."""
    return [pattern for pattern in dict.fromkeys(patterns) if _is_slow(pattern)]


def _is_slow(pattern: str) -> bool:
    command = [sys.executable, "-I", "-S", "-c", _TRY]
    try:
        ended = subprocess.run(  # noqa: S603  our own text; the pattern goes in as data
            command, input=json.dumps([pattern, _TEXTS]).encode(), capture_output=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return ended.returncode == -signal.SIGPROF
