"""A process that may open few files goes on: it takes fewer connections, and a failure to take one ends nothing."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.processes.test_web_process import connected
from tests.support.processes import Running, Sender, Site

pytestmark = pytest.mark.process


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as site:
        yield site


def started(site: Site, soft: int, hard: int, *, then: str = "pass") -> Running:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))"
    return site.start("serve", "--threads", "4", first=f"{limited}; {then}")


def test_all_files_are_open(site: Site) -> None:
    """Where no file can be opened the process lives on, says so in one line, and answers once others have gone."""
    web = started(site, 120, 120, then="receiver.processes.server.room_for_connections = lambda: 1000")
    url = web.url
    assert 200 == Sender(url).post(1)  # there is a child now
    [child] = web.children
    with ExitStack() as opened:
        for _ in range(200):
            opened.enter_context(closing(connected(web)))
        web.says("new connections cannot be taken now, they wait: connections=[0-9]+ reason=Too many open files")
        time.sleep(0.5)  # it tries again several times
    assert 200 == Sender(url).post(2)
    assert [child] == web.children
    assert 1 == web.log.count("new connections cannot be taken")


def test_raised(site: Site) -> None:
    """The soft limit is raised, and nothing is said of it."""
    web = started(site, 300, 4_096)
    assert 200 == Sender(web.url).post(1)
    limits = Path(f"/proc/{web.children[0]}/limits").read_text()
    assert re.search(r"Max open files +4096 +4096 ", limits)
    assert "limit of open files" not in web.log


def test_low(site: Site) -> None:
    """Where the limit stays low, fewer connections are taken than there are files: the others wait their turn."""
    web = started(site, 100, 100, then="receiver.processes.web_process.ARRIVAL = 1.0")
    url = web.url
    web.says("limit of open files is low, fewer connections are taken: limit=100 connections=50")
    with ExitStack() as opened:
        for _ in range(80):
            opened.enter_context(closing(connected(web)))
        assert 200 == Sender(url).post(1)  # once some that ask for nothing are closed
    assert "new connections cannot be taken" not in web.log
    assert [] == web.disorder
