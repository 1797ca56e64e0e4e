"""Reload and upgrade as the page describes them, under a stream of webhooks: none of them is refused."""

import contextlib
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.support import Nginx, Running, Site, free_port, is_ready, patiently

#: Requests of one address that the sample lets through; the stream comes from one.
UNLIMITED = {"rate=100r/s": "rate=10000r/s"}


class Stream:
    """Three senders that post webhooks through nginx, each a parcel of its own, until the end of the block."""

    def __init__(self, site: Site, nginx: Nginx) -> None:
        self._site, self._nginx = site, nginx
        self._ended = threading.Event()
        self.statuses: dict[int, int] = {}

    @contextlib.contextmanager
    def flowing(self) -> Iterator[None]:
        self._site.add_orders(range(1, 1000))
        senders = [threading.Thread(target=self._send, args=(first,)) for first in (1, 2, 3)]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            self._ended.set()
            for sender in senders:
                sender.join()

    def more(self) -> None:
        """Waits until some more were answered."""
        so_far = len(self.statuses)
        patiently(lambda: len(self.statuses) > so_far + 6)

    @property
    def refused(self) -> dict[int, int]:
        return {number: status for number, status in self.statuses.items() if status != 200}

    def _send(self, number: int) -> None:
        while not self._ended.wait(0.15) and number < 1000:
            self.statuses[number] = self._nginx.post(number)
            number += 3


def is_reloaded(process: Running) -> bool:
    """A new child listens, and the former one has ended."""
    return [1, 2] == [process.log.count("Worker exiting"), process.log.count("Booting worker")]


def test_reload_and_upgrade(tmp_path: Path, sqlite_url: str):
    """Two processes behind nginx, one of which works beside, are reloaded and then replaced one after the other: every
    webhook meanwhile is accepted, and worked on once. A reload refuses none even for a moment."""
    with Site(tmp_path, sqlite_url) as site:
        ports = [free_port(), free_port()]

        def start(port: int) -> Running:
            several = [] if port == ports[0] else ["--processes", "1"]
            started = site.start("web" if several else "serve", *several, "--bind", f"127.0.0.1:{port}")
            patiently(lambda: is_ready(port))
            return started

        running = [start(port) for port in ports]
        with Nginx(tmp_path, [f"127.0.0.1:{port}" for port in ports], **UNLIMITED) as nginx:
            stream = Stream(site, nginx)
            with stream.flowing():
                stream.more()
                for one in running:
                    one.send(signal.SIGHUP)
                patiently(lambda: all(map(is_reloaded, running)))
                stream.more()
                reloaded = nginx.logs["access.log"]
                for old, port in zip(running, ports, strict=True):
                    old.send(signal.SIGTERM)
                    patiently(lambda: old.process.poll() is not None)  # noqa: B023  called at once
                    stream.more()
                    start(port)
            upgraded = nginx.logs["access.log"]
        assert {} == stream.refused
        assert set(ports) == {int(port) for port in re.findall(r"via=127\.0\.0\.1:(\d+) ", reloaded)}
        assert "," not in reloaded  # no one was sent from one process to the other
        assert ", " in upgraded
        assert patiently(lambda: site.all_in_step(len(stream.statuses)))
        assert site.written_once(stream.statuses)
        assert [0, 0] == [one.process.returncode for one in running]
        assert [] == [line for one in site.running for line in one.disorder]
