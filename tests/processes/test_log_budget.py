"""What gunicorn says, as lines of our log."""

import logging

from gunicorn.config import Config

from receiver.processes.gunicorn_log import GunicornLog


def test_malformed_requests(caplog, monkeypatch):
    """A flood of malformed requests costs a few lines a second, and one that counts the others."""
    now = 100.0
    monkeypatch.setattr("receiver.processes.web_process.time.monotonic", lambda: now)
    log = GunicornLog(Config())
    with caplog.at_level(logging.WARNING):
        for _ in range(800):
            log.warning("Invalid request from ip=%s: %s", "203.0.113.9", "Invalid HTTP Version")
        now += 1
        log.warning("Invalid request from ip=%s: %s", "203.0.113.9", "Invalid HTTP Version")

    assert 7 == len(caplog.records)
    assert "messages not logged, too many in one second: messages=795" == caplog.records[5].getMessage()
