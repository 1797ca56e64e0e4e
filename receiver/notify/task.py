"""Tells people, in a thread of its own: no parcel waits for a mail server."""

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from receiver.config import Config
from receiver.notify.causes import Cause, Finding
from receiver.notify.channels import Channel, NotSent, open_channels
from receiver.notify.decide import NOTHING, Alert, Message, decide, digest, last_digest
from receiver.notify.findings import Findings
from receiver.store import Database, StoreUnavailable, new_id
from receiver.store.alerts import Alerts, Waiting
from receiver.timing import NOTIFICATION

log = logging.getLogger("receiver.notify")

#: Seconds between two looks, of all processes together, and between two looks for messages that wait.
LOOK, _SEND = 60.0, 5.0
#: Seconds for which a process has a message to itself: longer than any channel takes.
_LEASE = 120.0
#: Seconds for which the store must be away before that is told, without it.
_AWAY = 60.0


class NotifyTask:
    """Looks for what people should be told of, and sends what waits. ``clock`` is Unix time in seconds; ``channels``
    are those of the configuration unless they are given."""

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        clock: Callable[[], float],
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self._notify, self._clock = config.notify, clock
        self.channels = open_channels(config.notify) if channels is None else dict(channels)
        self._findings, self._alerts = Findings(config, database, clock=clock), Alerts(database)
        self._next_look = 0.0
        self._away_since: float | None = None
        self._away_told = False

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop. Where there are no channels, what lasts is kept for the console, and nothing is told."""
        while not stopping.is_set():
            try:
                self.run_once()
            except Exception:
                log.exception("notifications failed, trying again")
            stopping.wait(_SEND)

    def run_once(self) -> None:
        """A look, if it is time for one, and everything that is due."""
        try:
            now = self._clock()
            if now >= self._next_look:
                self._next_look = now + LOOK
                self._look(now)
            while (waiting := self._alerts.claim(now=self._clock(), lease=_LEASE)) is not None:
                self._send(waiting)
        except StoreUnavailable as error:
            self._store_away(error)
        else:
            self._store_back()

    def _look(self, now: float) -> None:
        notify = self._notify
        if not self._alerts.take("look", now=now, since=now - LOOK * 0.9):
            return  # another process has just looked
        self._findings.prepare()
        findings, at_least = list(self._findings.all()), notify.at_least if self.channels else NOTHING
        is_due = self._alerts.take("digest", now=now, since=last_digest(now, notify.digest_minutes, notify.zone) - 1e-3)

        def choose(stored: list[Alert]) -> tuple[list[Alert], list[Message]]:
            changed, messages = decide(stored, findings, now=now, quiet=notify.quiet_seconds, at_least=at_least)
            present = {(one["cause"], one["subject"]): one for one in (*stored, *changed)}.values()
            # What began at this moment has just been told by itself.
            lasting = [one for one in present if one["is_told"] and one["opened_at"] < now]
            morning = digest(lasting, at_least=at_least) if is_due else None
            return changed, [*messages, *([morning] if morning else [])]

        self._alerts.decide(choose, self.channels, now=now)

    def _send(self, one: Waiting) -> None:
        now, channel = self._clock(), self.channels.get(one.channel)
        if channel is None:
            self._alerts.failed(one, "the channel is not configured any more", due_at=None)
            return
        try:
            channel.send(one.id, one.message, at=now)
        except NotSent as error:
            tries = one.tries + 1
            is_last = NOTIFICATION.tries is not None and tries >= NOTIFICATION.tries
            due_at = None if is_last else now + NOTIFICATION.seconds(tries)
            self._alerts.failed(one, str(error), due_at=due_at)
            if tries == 1 or is_last:
                log.error(
                    "notification not sent: channel=%s reason=%s next=%s",
                    one.channel, error, "given up" if is_last else "tried again, see receiver notify list",
                )  # fmt: skip
        else:
            self._alerts.sent(one, now=now)
            log.info("notification sent: channel=%s kind=%s cause=%s", one.channel, *_kind(one.message))

    def _store_away(self, error: StoreUnavailable) -> None:
        """Told from memory, once by each process: what is stored elsewhere cannot be read now."""
        now = self._clock()
        self._away_since = now if self._away_since is None else self._away_since
        if self._away_told or now < self._away_since + _AWAY:
            return
        self._away_told = True
        self._send_directly("opened", (str(error),), self._away_since)

    def _store_back(self) -> None:
        if self._away_told and self._away_since is not None:
            self._send_directly("resolved", (), self._away_since)
        self._away_since, self._away_told = None, False

    def _send_directly(self, kind: str, lines: tuple[str, ...], since: float) -> None:
        finding = Finding(cause=Cause.STORE_AWAY, subject=socket.gethostname(), lines=lines)
        message = {
            "kind": kind,
            "cause": finding.cause.value,
            "subject": finding.subject,
            "severity": finding.cause.severity.value,
            "title": f"{finding.subject}: {finding.title}",
            "lines": list(lines),
            "command": finding.command,
            "count": 1,
            "since": since,
        }
        for name, reason in send_now(self.channels, message, at=self._clock()).items():
            if reason is not None:
                log.error("notification not sent: channel=%s reason=%s next=none, the store is away", name, reason)


def send_now(channels: Mapping[str, Channel], message: Mapping[str, Any], *, at: float) -> dict[str, str | None]:
    """Send a message over each channel at once; by channel, why it was not sent, ``None`` where it was."""
    found: dict[str, str | None] = {}
    for name, channel in channels.items():
        try:
            channel.send(new_id(), message, at=at)
        except NotSent as error:
            found[name] = str(error)
        else:
            found[name] = None
    return found


def _kind(message: Mapping[str, Any]) -> tuple[str, str]:
    return message["kind"], message["cause"] or "all"
