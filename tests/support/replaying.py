"""Recordings made for a test, and the `replay` command run over them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from receiver.recordings import Recording, from_json, load, to_json
from tests.support.console import receiver
from tests.support.paths import ROOT
from tests.support.rig import MELHOR_ENVIO, posted

SAMPLES = ROOT / "tests" / "samples"
POSTED = SAMPLES / "melhor_envio" / "posted.http"


def recording(payload: dict[str, Any] | None = None, **expected: Any) -> Recording:
    """A melhor_envio webhook that brings its endpoint's settings."""
    sample = load(POSTED)
    body = json.dumps(payload if payload is not None else posted()).encode()
    settings = {"endpoint": MELHOR_ENVIO, "received_at": "2026-11-12T12:00:00+00:00", **expected}
    changed = replace(sample, name="one", request=replace(sample.request, body=body), expected=settings)
    return from_json(to_json(changed), name="one")


def expecting(**expected: Any) -> str:
    """A line whose request is good and whose expectation may be anything."""
    return to_json(replace(recording(), expected=expected))


def lines(path: Path, *recordings: Recording | str) -> Path:
    """A JSON Lines file."""
    written = [one if isinstance(one, str) else to_json(one) for one in recordings]
    path.write_text("".join(line + "\n" for line in written), encoding="utf-8")
    return path


def replay(*arguments: object, config: Path | None = None) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the objects of ``--json``."""
    result = receiver("replay", *arguments, "--json", config=config)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]
