"""A process that is forked is what `subprocess.Popen` starts."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import Forked

#: Where there is none, an interpreter sets one for the programs that it starts.
LOCALE = {"LC_ALL": "C.UTF-8"}
#: Says all that a process is given.
FACTS = """
import gc, json, os, signal, sys, time
signals = [str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)]
streams = [
    (one.encoding, one.errors, one.isatty(), one.fileno(), one.writable() and (one.line_buffering, one.write_through))
    for one in (sys.stdin, sys.stdout, sys.stderr)
]
print(json.dumps({
    "arguments": sys.argv, "environment": dict(os.environ), "folder": os.getcwd(), "name": __name__,
    "parent": os.getppid(), "leads": os.getsid(0) == os.getpid(), "zone": time.tzname, "open": os.listdir("/dev/fd"),
    "signals": signals, "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "streams": streams,
    "collects": (gc.isenabled(), gc.get_threshold()), "read": sys.stdin.read(),
}))
"""


def facts(popen: type[subprocess.Popen], folder: Path, **options: Any) -> dict[str, Any]:
    process = popen(
        [sys.executable, "-c", FACTS, "an", "argument"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    said, error = process.communicate("a line\n", timeout=60)
    assert (0, "") == (process.returncode, error)
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.parametrize(
    ("env", "own_session"), [({"TZ": "Asia/Tokyo"}, False), ({"PYTHONUNBUFFERED": "1"}, False), ({}, True)]
)
def test_same(tmp_path, env, own_session):
    """It is given the same: arguments, environment, folder, parent, session, time zone, streams and signals."""
    options = {"env": {**LOCALE, **env}, "start_new_session": own_session}

    assert facts(subprocess.Popen, tmp_path, **options) == facts(Forked, tmp_path, **options)


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(3)",
        "1 / 0",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "import atexit, threading; atexit.register(print, 'at exit'); threading.Timer(0.1, print, ['thread']).start()",
    ],
)
def test_end(program):
    """It ends as a process does: with its exit code or its signal, after its threads, with all that it said."""
    ends = []
    for popen in (subprocess.Popen, Forked):
        process = popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said, error = process.communicate(timeout=60)
        ends.append((process.returncode, said, error.splitlines()[-1:]))

    assert ends[0] == ends[1]


def test_killed():
    """A signal reaches it, and its end is this process's to wait for."""
    process = Forked([sys.executable, "-c", "import time; time.sleep(60)"])
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)

    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)

    assert -signal.SIGKILL == process.returncode
    assert used.ru_maxrss > 0
