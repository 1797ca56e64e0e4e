"""A real Prometheus: it takes the rules, and scrapes a receiver of several processes, one of which is killed."""

import contextlib
import json
import math
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from receiver.sandbox.faults import Faults
from tests.deploy.support import DEPLOY, ROOT, Sender, Site, free_port, is_ready, needs, order, package, patiently

TOKEN = "a-token-of-prometheus"
PROMETHEUS = DEPLOY / "prometheus"
NAMES = re.compile(r"\breceiver_[a-z_]+")


def known() -> set[str]:
    """Every name that a query may use."""
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^\| `(receiver_\w+)", page, re.MULTILINE))
    return names | {f"{name}_bucket" for name in names if name.endswith("seconds")}


def test_rules() -> None:
    """Prometheus takes the rules, and they strike when they should and not before."""
    promtool = needs("promtool")
    for arguments in (("check", "rules", "receiver.rules.yml"), ("test", "rules", "receiver.rules.test.yml")):
        done = subprocess.run([promtool, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr


def test_names() -> None:
    """Rules and board ask for metrics that there are."""
    expressions = re.findall(r"expr: (.*(?:\n          \S.*)*)", (PROMETHEUS / "receiver.rules.yml").read_text())
    board = json.loads((DEPLOY / "grafana" / "receiver.json").read_text())
    expressions += [target["expr"] for panel in board["panels"] for target in panel["targets"]]

    assert set() == {name for text in expressions for name in NAMES.findall(text)} - known()


def test_board() -> None:
    """Panels do not overlap, and each has a title and an id of its own."""
    panels = json.loads((DEPLOY / "grafana" / "receiver.json").read_text())["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(cells)) == len(cells)
    assert len(panels) == len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as made:
        with made.config.open("a") as settings:
            settings.write(f'[metrics]\ntoken = "{TOKEN}"\n')
        yield made


@contextlib.contextmanager
def prometheus(folder: Path, receiver: int) -> Iterator[int]:
    """A real Prometheus with the sample's own files, which scrapes the receiver at that port; its own port."""
    program, own = needs("prometheus"), free_port()
    settings = (PROMETHEUS / "prometheus.yml").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{receiver}")
    (folder / "prometheus.yml").write_text(settings.replace("30s", "1s"))
    (folder / "receiver.rules.yml").write_text((PROMETHEUS / "receiver.rules.yml").read_text())
    (folder / "metrics.token").write_text(TOKEN)
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{own}"], cwd=folder, stdout=log, stderr=log
        )
    try:
        yield own
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def asked(port: int, path: str) -> Any:
    """What Prometheus' API answers; nothing while it starts."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]
    except HTTPError as error:
        if error.code != 503:  # a query that is none
            raise
    except OSError:
        pass
    return None


def value(port: int, query: str) -> float | None:
    """What Prometheus answers to a query of one number."""
    found = asked(port, f"query?query={quote(query)}")
    return float(found["result"][0]["value"][1]) if found and found["result"] else None


def is_answered(port: int, query: str) -> bool:
    """Whether a query returns data, and a number in each row."""
    found = asked(port, f"query?query={quote(query)}")
    rows = found["result"] if found else []
    return bool(rows) and all(math.isfinite(float(row["value"][1])) for row in rows)


@pytest.mark.slow
def test_scrape(site: Site, tmp_path: Path) -> None:
    """Prometheus scrapes with the sample's configuration; after a kill of a process no delivery is missing."""
    port = free_port()
    web = site.start("web", "--processes", "2", "--bind", f"127.0.0.1:{port}")
    patiently(lambda: is_ready(port))
    with prometheus(tmp_path, port) as own:
        sender = Sender(f"http://127.0.0.1:{port}")
        for number in range(10):
            assert 200 == sender.post(number)
        os.kill(web.children[0], signal.SIGKILL)
        patiently(lambda: is_ready(port))
        for number in range(10, 15):
            patiently(lambda number=number: 200 == sender.post(number))

        patiently(lambda: 15 == value(own, 'receiver_deliveries_total{outcome="accepted"}'))
        assert 1 == value(own, "receiver_store_up")
        assert 1 == value(own, 'up{job="receiver"}')
        patiently(lambda: 15 == value(own, 'receiver_shipments{state="due"}'))  # a gauge holds for seconds


@pytest.mark.slow
def test_queries(site: Site, tmp_path: Path) -> None:
    """Every query of the board and of the rules returns data from a receiver at work: of a rule, what it compares."""
    port = free_port()
    site.sandbox.put(order("1-01", package("A", value=5_000), package("B", value=5_000)))  # held
    site.sandbox.faults = Faults(broken=frozenset({"2-01"}))
    site.start("serve", "--bind", f"127.0.0.1:{port}")
    patiently(lambda: is_ready(port))
    sender = Sender(f"http://127.0.0.1:{port}")
    board = json.loads((DEPLOY / "grafana" / "receiver.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    with prometheus(tmp_path, port) as own:
        patiently(lambda: 0 == value(own, 'receiver_deliveries_total{outcome="quarantined"}'))
        rules = [rule for group in asked(own, "rules")["groups"] for rule in group["rules"]]
        queries += [re.sub(r" (==|>) [\d.* ]+$", "", rule["query"]) for rule in rules]
        assert 12 <= len(rules)

        numbers, left = iter(range(2, 10_000)), list(queries)

        def work() -> bool:
            """Whether all is answered, while the receiver is at work."""
            assert [200] * 3 == [sender.post(1), sender.post(next(numbers)), sender.post(next(numbers), id=None)]
            left[:] = [one for one in left if not is_answered(own, one.replace("$__rate_interval", "30s"))]
            return not left

        with contextlib.suppress(AssertionError):
            patiently(work)
        assert [] == left
        patiently(lambda: {"ok"} == {r["health"] for group in asked(own, "rules")["groups"] for r in group["rules"]})
        patiently(
            lambda: (
                "firing"
                in {
                    r["state"]
                    for g in asked(own, "rules")["groups"]
                    for r in g["rules"]
                    if r["name"] == "ReceiverUnreadable"
                }
            )
        )


def test_own_address(site: Site) -> None:
    """A worker alone serves the metrics at an address of its own."""
    port = free_port()
    site.config.write_text(site.config.read_text().replace(f'token = "{TOKEN}"', f'bind = "127.0.0.1:{port}"'))
    site.start("work").says("worker started")

    def answered() -> str:
        try:
            with urlopen(Request(f"http://127.0.0.1:{port}/metrics"), timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    assert "receiver_store_up 1.0" in patiently(answered)
