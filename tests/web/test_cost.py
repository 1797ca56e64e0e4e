"""What a hostile body costs."""

import json
import subprocess
import sys

from tests.support.paths import ROOT

#: CPU seconds, of one request.
MOST = 0.5


def test_every_door(tmp_path):
    """No body of up to 2 MB costs more than half a CPU second, at any door, proven or not, for any carrier."""
    command = [sys.executable, "-m", "tests.support.hostile", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    costs = json.loads(done.stdout)

    assert {} == {what: cost for what, cost in costs.items() if cost > MOST}
    assert len(costs) > 500
