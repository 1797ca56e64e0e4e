"""A real Prometheus: it takes the rules, and scrapes a receiver of several processes, one of which is killed."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.deploy.support import DEPLOY, ROOT, Sender, Site, free_port, is_ready, needs, patiently

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


def value(port: int, query: str) -> float | None:
    """What Prometheus answers to a query of one number."""
    with urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}", timeout=10) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


@pytest.mark.slow
def test_scrape(site: Site, tmp_path: Path) -> None:
    """Prometheus scrapes with the sample's configuration; after a kill of a process no delivery is missing."""
    program, port, own = needs("prometheus"), free_port(), free_port()
    web = site.start("web", "--processes", "2", "--bind", f"127.0.0.1:{port}")
    patiently(lambda: is_ready(port))
    settings = (PROMETHEUS / "prometheus.yml").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    (tmp_path / "prometheus.yml").write_text(settings.replace("30s", "1s"))
    (tmp_path / "receiver.rules.yml").write_text((PROMETHEUS / "receiver.rules.yml").read_text())
    (tmp_path / "metrics.token").write_text(TOKEN)
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{own}"], cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        sender = Sender(f"http://127.0.0.1:{port}")
        for number in range(10):
            assert 200 == sender.post(number)
        os.kill(web.children[0], signal.SIGKILL)
        patiently(lambda: is_ready(port))
        for number in range(10, 15):
            patiently(lambda number=number: 200 == sender.post(number))

        def scraped() -> bool:
            try:
                return 15 == value(own, 'receiver_deliveries_total{outcome="accepted"}')
            except OSError:
                return False

        patiently(scraped)
        assert 1 == value(own, "receiver_store_up")
        assert 1 == value(own, 'up{job="receiver"}')
        patiently(lambda: 15 == value(own, 'receiver_shipments{state="due"}'))  # a gauge holds for seconds
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


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
