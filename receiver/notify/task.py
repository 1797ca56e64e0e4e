"""Tells people, in a thread of its own: no parcel waits for a mail server."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from receiver.config import Config
from receiver.notify.channels import Channel, NotSent, open_channels
from receiver.notify.decide import NOTHING, Alert, Message, decide, digest, last_digest, quiet_until
from receiver.notify.findings import Findings
from receiver.notify.store_away import StoreAway
from receiver.store import Database, StoreUnavailable
from receiver.store.alerts import Alerts, Waiting
from receiver.timing import NOTIFICATION

log = logging.getLogger("receiver.notify")

#: Seconds between two looks, of all processes together, and between two looks for messages that wait.
LOOK, _SEND = 60.0, 5.0
#: Seconds for which a process has a message to itself: longer than any channel takes.
_LEASE = 120.0


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
        self._store = StoreAway(self.channels, database.url, quiet=config.notify.quiet_seconds, clock=clock)

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
            self._store.away(error)
        else:
            self._store.back()

    def _look(self, now: float) -> None:
        notify = self._notify
        if not self._alerts.take("look", now=now, since=now - LOOK * 0.9):
            return  # another process has just looked
        self._findings.prepare()
        findings, at_least = list(self._findings.all()), notify.at_least if self.channels else NOTHING
        is_due = self._alerts.take("digest", now=now, since=last_digest(now, notify.digest_minutes, notify.zone) - 1e-3)

        calm_until = quiet_until(now, notify.quiet_hours, notify.zone)

        def choose(stored: list[Alert]) -> tuple[list[Alert], list[Message]]:
            changed, messages = decide(
                stored, findings, now=now, quiet=notify.quiet_seconds, at_least=at_least, calm_until=calm_until
            )
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


def _kind(message: Mapping[str, Any]) -> tuple[str, str]:
    return message["kind"], message["cause"] or "all"
