"""`receiver record`: what an endpoint receives becomes recordings that may be committed."""

import json
import subprocess
from pathlib import Path

import pytest

from receiver.recordings import load
from receiver.recordings.replay import Replay
from tests.support.console import Operator, receiver, receiver_process
from tests.support.rig import MELHOR_ENVIO, UNREADABLE, Rig, posted

RULE = {"path": "data.note", "is": "order_id", "pattern": "order (\\S+)"}


@pytest.fixture
def operator(rig: Rig) -> Operator:
    return Operator(rig, **{"melhor-envio": {**MELHOR_ENVIO, "references": [RULE], "unreadable": 422}})


def recorded(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.http"))


class TestRecord:
    def test_committable(self, operator, tmp_path):
        """A recording of what came: without personal data or credential, with its outcome, and it replays."""
        body = posted()
        body["data"] |= {"to": {"name": "CANARY Silva"}, "note": "CANARY order 1-01"}
        operator.rig.post(body)
        folder = tmp_path / "recordings"

        said = receiver("record", "melhor-envio", "--past", "--next", 1, "--to", folder, config=operator.config)

        (file,) = recorded(folder)
        assert (0, f"{file}\n") == (said.exit_code, said.stdout)
        assert file.parent.name == "melhor_envio"
        assert file.stem.startswith("dispatched_")
        assert b"CANARY" not in file.read_bytes()
        assert b"rig-secret" not in file.read_bytes() + file.with_suffix(".expected.json").read_bytes()
        recording = load(file)
        assert recording.expected["source"].startswith("captured and scrubbed, 20")
        assert [RULE] == recording.expected["endpoint"]["references"]
        assert () == Replay().dry(recording).differences

    def test_every_outcome(self, operator, tmp_path):
        """What is ignored or cannot be read is recorded as that."""
        operator.rig.post({"event": "order.pending", "data": {"id": "x"}})
        operator.rig.post(UNREADABLE)

        receiver("record", "melhor-envio", "--past", "--next", 2, "--to", tmp_path / "r", config=operator.config)

        told = {file.stem.partition("_")[0]: load(file) for file in recorded(tmp_path / "r")}
        assert {"ignored", "quarantined"} == set(told)
        assert "the label went back to the cart" == told["ignored"].expected["ignored"]
        assert {"status": 422, "outcome": "quarantined"} == told["quarantined"].expected["reply"]
        assert [()] * 2 == [Replay().dry(one).differences for one in told.values()]

    def test_next(self, operator, tmp_path):
        """Without --past it begins with what comes; a running receiver notices nothing."""
        operator.rig.post(posted())
        recorder = receiver_process(
            "record",
            "melhor-envio",
            "--next",
            1,
            "--to",
            tmp_path / "r",
            config=operator.config,
            popen=subprocess.Popen,
        )
        assert recorder.stderr is not None
        assert "recording what arrives" in recorder.stderr.readline()
        operator.rig.now = operator.rig.now + 10**9  # later than any real clock at which the recorder began
        operator.rig.post({**posted(), "event": "order.delivered"})

        out, _ = recorder.communicate(timeout=20)

        assert 0 == recorder.returncode
        assert [f"{file}" for file in recorded(tmp_path / "r")] == out.splitlines()
        assert (
            "delivered"
            == json.loads(recorded(tmp_path / "r")[0].with_suffix(".expected.json").read_text())["shipments"][0][
                "status"
            ]
        )

    def test_time_is_up(self, operator, tmp_path):
        """It ends by itself when nothing comes; an unknown endpoint ends it at once."""
        said = receiver("record", "melhor-envio", "--minutes", 0, "--to", tmp_path / "r", config=operator.config)

        assert (0, "0 recordings written") == (said.exit_code, said.stderr.splitlines()[-1])
        assert "no endpoint 'nobody'; there are melhor-envio" == operator.fails("record", "nobody")
