"""`make run`: the main job, shown; and nothing of it stays behind."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import requests

from receiver.demo import OWN_INVOICE, OWN_ORDER, DemoFailed, free_bind
from receiver.recordings import walk
from tests.support.console import receiver, receiver_process
from tests.support.paths import ROOT

SAMPLES = ROOT / "tests" / "samples"
#: The first and the last are of one parcel; the others give the worker time in between.
TWICE = ("delivered", "not_handed_over", "not_picked_up", "picked_up_late_in_the_evening")


def group_of(pid: int) -> list[int]:
    """The processes whose parent, or parent's parent, is this one."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    return [child for child, parent in parents.items() if pid in (parent, parents.get(parent))]


def alive(pids: list[int]) -> list[int]:
    """Those that still run; one that only waits to be noted as dead does not."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split() for line in listed.splitlines())
    return [pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")]


class Reader:
    """A process's standard output, line by line, and the processes it started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: Queue[str | None] = Queue()
        self.seen: list[str] = []
        self.children: list[int] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def until(self, pattern: str) -> re.Match[str]:
        """The first line from here on that fits."""
        while (line := self.lines.get(timeout=90)) is not None:
            self.seen.append(line)
            if found := re.search(pattern, line):
                self.children = self.children or group_of(self.process.pid)
                return found
        raise AssertionError(f"no line fits {pattern}:\n{''.join(self.seen)}")

    def end(self) -> int:
        """The exit code, once everything is read."""
        self._thread.join(60)
        while (line := self.lines.get(timeout=1)) is not None:
            self.seen.append(line)
        return self.process.wait(60)

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)


@pytest.fixture
def started() -> Iterator[list[Reader]]:
    """Whatever a test starts is gone after it."""
    readers: list[Reader] = []
    yield readers
    for reader in readers:
        reader.process.kill()
        for pid in alive(reader.children):
            os.kill(pid, signal.SIGKILL)
        reader.process.stdout.close()
        reader.process.wait()


def demo(started: list[Reader], *arguments: object, **options: Any) -> Reader:
    options = {"stderr": subprocess.STDOUT, "start_new_session": True, **options}
    process = receiver_process("demo", "--bind", free_bind("127.0.0.1:0"), *arguments, **options)
    started.append(Reader(process))
    return started[-1]


def samples(folder: Path, *names: str) -> Path:
    """A copy of some recordings."""
    for name in names:
        for file in (f"{name}.http", f"{name}.expected.json"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SAMPLES / file, folder / file)
    return folder


def test_once(started, tmp_path):
    """Recordings end as expected, the table has each of them, and nothing stays behind. That all of them do is shown by
    ``make run ARGS=--once``, which `.ci/run` calls."""
    folder = samples(tmp_path, "melhor_envio/posted", "ups/voided", "ups/delivered_v2")
    shown = demo(started, "--once", "--samples", folder, popen=subprocess.Popen)
    shown.until(r"^posting \d+ recordings")

    assert 0 == shown.end(), "".join(shown.seen)

    said = "".join(shown.seen)
    recordings = [one for one in walk(folder) if "endpoint" in one.expected]
    for one in recordings:
        assert f"\n{'/'.join(Path(one.name).with_suffix('').parts[-2:])} " in said
    many = f"{len(recordings)} recordings of 2 carriers"
    assert f"{many}: {len(recordings)} ended as expected, 0 not;" in shown.seen[-1]
    assert re.search(
        r"melhor_envio/posted +200 accepted +in_step +1410000000001-01 / 41001 +only_open_invoice +ME410000001BR · ",
        said,
    )
    assert shown.children
    assert [] == alive(shown.children)


def test_written_twice(started, tmp_path):
    """A parcel whose second recording corrects the first one's date is found by its number then: as expected."""
    folder = samples(tmp_path, *(f"chazki/{name}" for name in TWICE))

    shown = demo(started, "--once", "--samples", folder)

    assert 0 == shown.end(), "".join(shown.seen)
    assert f"{len(TWICE)} ended as expected, 0 not;" in shown.seen[-1]


def test_difference(started, tmp_path):
    """A recording that ends otherwise than expected is named, and the exit code tells."""
    folder = samples(tmp_path, "frenet/posted", "ups/delivered_v2")
    file = folder / "frenet" / "posted.expected.json"
    expected = json.loads(file.read_text())
    expected["patch"]["body"]["courier"] = "Somebody else"
    expected["rule"] = "link"
    file.write_text(json.dumps(expected))

    shown = demo(started, "--once", "--samples", folder)

    assert 1 == shown.end()
    assert "✗ frenet/posted: rule only_open_invoice, expected link\n" in shown.seen
    assert "✗ frenet/posted: VTEX holds courier Frenet, expected Somebody else\n" in shown.seen
    assert "2 recordings of 2 carriers: 1 ended as expected, 1 not; 1 of them show on a VTEX invoice.\n" in shown.seen


def test_curl(started, tmp_path):
    """The lines it prints work as they stand, what comes of them is told, and Ctrl-C ends everything."""
    shown = demo(started, "--samples", samples(tmp_path, "ups/voided"))
    shown.until(r"^Send one yourself")
    lines = [shown.until(r"^curl ").string, shown.until(r"^  -d ").string]

    answer = subprocess.run("".join(lines), shell=True, capture_output=True, text=True, timeout=30)

    assert '"outcome": "accepted", "shipments": 1' in answer.stdout, answer.stderr
    console = shown.until(r"^Console: (\S+)   Token: (\S+)$")
    with requests.Session() as browser:
        login = browser.get(console.group(1), timeout=30)
        [token] = re.findall(r'name="form_token" value="(\w+)"', login.text)
        overview = browser.post(login.url, {"form_token": token, "token": console.group(2)}, timeout=30)
    assert (200, f"{console.group(1)}/") == (overview.status_code, overview.url)
    told = shown.until(rf"invoice {OWN_INVOICE} of {OWN_ORDER} has (\S+) · Frenet, by only_open_invoice")
    assert "QB500000001BR" == told.group(1)
    shown.process.send_signal(signal.SIGINT)
    assert 0 == shown.end()
    assert "stopped\n" == shown.seen[-1]
    assert "Traceback" not in "".join(shown.seen)
    assert shown.children
    assert [] == alive(shown.children)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end(started, tmp_path, number):
    """A closed terminal and a plain kill leave no receiver behind; ended early, it has shown nothing."""
    shown = demo(started, "--once", "--samples", samples(tmp_path, "ups/voided", "ups/manifest_dp"))
    shown.until(r"^posting")
    shown.process.send_signal(number)

    assert shown.end() in (0, 1)
    assert [] == alive(shown.children)


def test_narrow(tmp_path):
    """A terminal that has no room for the table gets lines that are not cut, and sees how far the posting is."""
    controller, terminal = os.openpty()
    process = receiver_process(
        *("demo", "--once", "--bind", free_bind("127.0.0.1:0"), "--samples", samples(tmp_path, "frenet/posted")),
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    said = b""
    with contextlib.suppress(OSError):  # how a terminal tells that no one writes any more
        while piece := os.read(controller, 65_536):
            said += piece
    os.close(controller)

    assert 0 == process.wait(60), process.communicate()
    process.communicate()
    assert (
        "frenet/posted: 200 accepted, in_step\r\n"
        "    1430000000001-01 / 43001, by only_open_invoice\r\n"
        "    QF430000001BR · Frenet · dispatched 2025-10-20T10:12:00-03:00\r\n"
    ) in said.decode()
    assert re.search("waiting for the last of them .*1/1", said.decode())


class TestSamples:
    def test_bad_recording(self, tmp_path):
        """A file that is no recording is one line."""
        (tmp_path / "bad.http").write_text("nothing")

        result = receiver("demo", "--once", "--samples", tmp_path)

        assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
        assert "bad.http" in result.stderr

    def test_bad_settings(self, tmp_path):
        """Endpoint settings that cannot be are one line."""
        file = samples(tmp_path, "ups/voided") / "ups" / "voided.expected.json"
        expected = json.loads(file.read_text())
        file.write_text(json.dumps({**expected, "endpoint": {"carrier": "nobody", "secrets": ["s"]}}))

        result = receiver("demo", "--once", "--samples", tmp_path)

        assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
        assert "'nobody' is no carrier" in result.stderr

    def test_none(self, tmp_path):
        """An empty folder is one line."""
        assert "no recordings under" in receiver("demo", "--once", "--samples", tmp_path).stderr


def test_free_bind():
    """A port that is taken is passed over for another of the same host; a host that is not ours is told."""
    taken = free_bind("127.0.0.1:0")
    host, _, port = taken.rpartition(":")
    with socket.create_server((host, int(port))):
        other = free_bind(taken)
    assert "127.0.0.1" == other.rpartition(":")[0]
    assert taken != other
    assert int(port) < 32_768, "systems give out ports from there on, and one may be taken before we listen"
    with pytest.raises(DemoFailed, match=r"no port is free on 192\.0\.2\.1"):
        free_bind("192.0.2.1:80")
