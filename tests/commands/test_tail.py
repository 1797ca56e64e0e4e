"""`receiver tail`: deliveries, and what becomes of them, as it happens."""

import json
import signal
import subprocess
import time
from typing import Any, Self

import pytest

from tests.support.console import Operator, receiver_process
from tests.support.rig import eventually, order, package, posted


class Tail:
    """The command in a process of its own, until Ctrl-C, or the end of the ``with`` block where a test fails."""

    def __init__(self, operator: Operator, *arguments: object, **options: Any) -> None:
        self._output = operator.rig.folder / "tail.txt"
        with self._output.open("w") as output:
            self._process = receiver_process("tail", *arguments, config=operator.config, stdout=output, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:  # it waits, and closes what was open
            process.kill()

    def says(self, *parts: str) -> list[str]:
        """The lines, once one has every part."""
        eventually(lambda: any(all(part in line for part in parts) for line in self.lines))
        return self.lines

    @property
    def lines(self) -> list[str]:
        return self._output.read_text().splitlines()

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; its exit code, and what it said on stderr."""
        self._process.send_signal(signal.SIGINT)
        _, error = self._process.communicate(timeout=60)
        return self._process.returncode, error


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_follows(operator_on_either: Operator, as_json: bool) -> None:
    """Earlier deliveries, then each as it comes and each change of its parcel, once; Ctrl-C ends it without a word."""
    operator, rig = operator_on_either, operator_on_either.rig
    rig.add_order(order("1-01", package("41001")), order("2-01", package("41002")))
    rig.now = time.time()
    rig.post(posted())
    options = {} if as_json else {"popen": subprocess.Popen}
    with Tail(operator, *(("--json",) if as_json else ()), **options) as tail:
        tail.says("melhor-envio/p1", "accepted")

        rig.now = time.time()
        rig.post(posted("2-01", parcel="p2", number="TN2BR"))
        tail.says("melhor-envio/p2", "accepted")
        rig.now = time.time()
        rig.work()
        lines = tail.says("melhor-envio/p2", "in_step", "41002")

        assert (0, "") == tail.interrupt()

    if as_json:
        rows = [json.loads(line) for line in lines]
        assert [["melhor-envio/p1"], ["melhor-envio/p2"]] == [
            row["shipments"] for row in rows if row["what"] == "delivery"
        ]
    else:
        assert 2 == sum("accepted" in line for line in lines)
        assert 1 == sum("→  melhor-envio/p2  in_step  TN2BR  order 2-01  invoice 41002" in line for line in lines)


def test_unknown_endpoint(operator: Operator) -> None:
    """An endpoint that is not configured is a typing error."""
    assert "no endpoint 'nope'; there are melhor-envio" == operator.fails("tail", "nope")
