"""The log as one JSON object a line."""

import json
import logging
from pathlib import Path

import pytest

from receiver.processes.logs import JsonLines
from tests.support.configs import config, faults
from tests.support.processes import Site

log = logging.getLogger("receiver.test")


def line(text: str, *values: object, **more: object) -> dict:
    """What a record becomes."""
    record = log.makeRecord(log.name, logging.WARNING, "here", 1, text, values, more.get("exc_info"))
    record.created = 1_795_000_000.25
    written = JsonLines().format(record)
    assert "\n" not in written
    return json.loads(written)


def test_fields() -> None:
    """The phrase, the whole line, and each value under its key, numbers as numbers."""
    assert {
        "time": "2026-11-18T11:06:40.250Z",
        "level": "warning",
        "logger": "receiver.test",
        "event": "leases of a killed process released",
        "message": "leases of a killed process released: leases=3 process=a b",
        "leases": 3,
        "process": "a b",
    } == line("leases of a killed process released: leases=%d process=%s", 3, "a b")


@pytest.mark.parametrize(
    ("text", "values"), [("backlog cleared", ()), ("Booting worker with pid: %s", (7,)), ("100 % of %s", ("it",))]
)
def test_others(text: str, values: tuple) -> None:
    """A line without values, or that is not of the house, is its event as a whole."""
    found = line(text, *values) if "100" not in text else line(text.replace(" % ", " %% "), *values)

    assert found["event"] == found["message"]


def test_own_keys() -> None:
    """A value cannot take the place of what the line says of itself; a line break cannot make two lines of one."""
    found = line("odd: level=%s reason=%s", "debug", "a\nb")

    assert ("warning", "a\nb") == (found["level"], found["reason"])


def test_exception() -> None:
    """A traceback stands in its line."""
    try:
        raise ValueError("why")
    except ValueError as error:
        found = line("worker loop failed, continuing", exc_info=(type(error), error, error.__traceback__))

    assert found["exception"].endswith("ValueError: why")


def test_setting() -> None:
    """The setting is one of two words."""
    assert ("text", "json") == (config().log_format, config(receiver={"log_format": "json"}).log_format)
    assert ["receiver.log_format: must be one of text, json"] == faults(receiver={"log_format": "xml"})


@pytest.mark.parametrize("arguments", [("serve", "--log-format", "json"), ("serve",)], ids=["option", "setting"])
def test_process(tmp_path: Path, sqlite_url: str, arguments: tuple[str, ...]) -> None:
    """A process writes nothing but JSON, gunicorn's lines too, whether an option or the setting asks for it."""
    with Site(tmp_path, sqlite_url) as site:
        if len(arguments) == 1:
            site.config.write_text(site.config.read_text().replace("[receiver]", '[receiver]\nlog_format = "json"'))
        serve = site.start(*arguments)
        serve.says("worker started")
        serve.says("Listening at")
        serve.send(15)
        serve.ended()
        lines = [json.loads(text) for text in serve.log.splitlines()]

    [started] = [one for one in lines if one["event"] == "worker started"]
    assert ("info", "lux", 16) == (started["level"], started["accounts"], started["concurrency"])
