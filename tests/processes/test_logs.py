"""The log as one JSON object a line."""

import io
import json
import logging
from pathlib import Path

import pytest

from receiver.log_context import about, learn
from receiver.processes.logs import JsonLines, PlainLines
from tests.support.configs import config, faults
from tests.support.processes import Site
from tests.support.rig import Rig, order, package, posted

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


def test_about() -> None:
    """A line says what it is about, as far as that is known; its own values win, and an unknown one is left out."""
    with about(shipment="melhor-envio/p1", account="lux", order=None):
        learn(order="1-01")
        inner = line("call failed: account=%s delivery=%s", "outlet", "-")
    outer = line("backlog cleared")

    assert {"shipment": "melhor-envio/p1", "order": "1-01", "account": "outlet"}.items() <= inner.items()
    assert not {"delivery"} & inner.keys()
    assert not {"shipment", "order", "account"} & outer.keys()


@pytest.mark.parametrize("module", ["web", "reconcile"])
def test_known(rig: Rig, module: str) -> None:
    """Lines about a delivery, and those of the worker about its parcel, name delivery, shipment, order and account."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logging.getLogger("receiver").addHandler(handler)
    logging.getLogger("receiver").setLevel("INFO")
    try:
        rig.add_order(order("1410000000001-01", package("A", value=5_000), package("B", value=5_000)))
        rig.post(posted("1410000000001-01"))
        rig.work()
    finally:
        logging.getLogger("receiver").removeHandler(handler)
        logging.getLogger("receiver").setLevel("NOTSET")

    [delivery] = [row["id"] for row in rig.queries.deliveries()]
    lines = [json.loads(text) for text in written.getvalue().splitlines()]
    phrase = {"web": "delivery received", "reconcile": "needs a person"}[module]
    found = [one for one in lines if one["event"].startswith(phrase)]
    assert [(delivery, "melhor-envio/p1", "1410000000001-01", "lux")] == [
        tuple(one[name] for name in ("delivery", "shipment", "order", "account")) for one in found
    ]


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


def test_plain_lines() -> None:
    """Each plain line begins with its own second, in UTC, also where seconds change between lines and back."""
    record = log.makeRecord(log.name, logging.WARNING, "here", 1, "worker started: accounts=%s", ("lux",), None)
    written = []
    for record.created in (1_795_000_000.25, 1_795_000_001.0, 1_795_000_000.75):
        written.append(PlainLines().format(record).split()[0])

    assert ["2026-11-18T11:06:40Z", "2026-11-18T11:06:41Z", "2026-11-18T11:06:40Z"] == written
