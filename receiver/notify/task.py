"""Tells people, in a thread of its own: no parcel waits for a mail server."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from receiver.config import Config
from receiver.notify.channels import Channel, NotSent, open_channels
from receiver.notify.decide import NOTHING, Alert, decide, digest, last_digest, quiet_until
from receiver.notify.findings import Findings
from receiver.notify.messages import Message
from receiver.notify.store_away import StoreAway
from receiver.store import Database, StoreUnavailable
from receiver.store.notify.alerts import Alerts, Waiting
from receiver.store.notify.watches import Noted, Watches
from receiver.timing import NOTIFICATION

log = logging.getLogger("receiver.notify")

#: Seconds between two looks, of all processes together, and between two looks for messages that wait.
LOOK, _SEND = 60.0, 5.0
#: Seconds for which a process has a message to itself: longer than any channel takes.
_LEASE = 120.0
#: Seconds since another process with channels has looked, in which it may be there.
_OTHERS_TELL = 3600.0
#: Seconds for which a process that stands in for workers leaves a look to them, and a message.
_LEAVES_LOOK, _LEAVES_MESSAGE = 240.0, 60.0


class MeetsOutage(Protocol):
    """What is done where the store does not answer, and where it answers again."""

    def away(self, error: StoreUnavailable) -> None: ...

    def back(self) -> None: ...


class NotifyTask:
    """Looks for what people should be told of, and sends what waits. ``clock`` is Unix time in seconds; ``channels``
    are those of the configuration unless they are given. ``stands_in``: for workers, where none does it; then it is
    also told that none runs. ``store``: who tells that the store is away."""

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        clock: Callable[[], float],
        channels: Mapping[str, Channel] | None = None,
        stands_in: bool = False,
        store: MeetsOutage | None = None,
    ) -> None:
        self._notify, self._clock = config.notify, clock
        self.channels = open_channels(config.notify) if channels is None else dict(channels)
        self._findings, self._alerts, self._watches = (
            Findings(config, database, clock=clock, works=not stands_in),
            Alerts(database),
            Watches(database),
        )
        self._stands_in = stands_in
        self._name, self._next_look = _look_of(config, self.channels), 0.0
        self._store = store or StoreAway(self.channels, database.url, quiet=config.notify.quiet_seconds, clock=clock)

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
            if not self._next_look - LOOK <= now < self._next_look:  # it is time, or the clock was set back
                self._next_look = now + LOOK
                self._look(now)
            late = _LEAVES_MESSAGE if self._stands_in else 0.0
            while waiting := self._alerts.claim(self.channels, now=self._clock(), lease=_LEASE, late=late):
                self._send(waiting)
        except StoreUnavailable as error:
            self._store.away(error)
        else:
            self._store.back()

    def _look(self, now: float) -> None:
        notify = self._notify
        if self._stands_in:
            self._watches.note_first(Noted.EXPECTED, "worker", now=now)
        waits = LOOK * 0.9 + (_LEAVES_LOOK if self._stands_in else 0.0)
        if not self._watches.take(self._name, now=now, since=now - waits):
            return  # another process has just looked
        self._findings.prepare()
        findings, at_least = list(self._findings.all()), notify.at_least if self.channels else NOTHING
        elsewhere = self._findings.configured_elsewhere()
        is_due = bool(self.channels) and self._watches.take(
            "digest", now=now, since=last_digest(now, notify.digest_minutes, notify.zone) - 1e-3
        )
        leaves_told = self._leaves_told(now)
        calm_until = quiet_until(now, notify.quiet_hours, notify.zone)

        def choose(stored: list[Alert]) -> tuple[list[Alert], list[Message]]:
            changed, messages = decide(
                stored, findings, now=now, quiet=notify.quiet_seconds, at_least=at_least, calm_until=calm_until,
                elsewhere=elsewhere,
            )  # fmt: skip
            told = {(one["cause"], one["subject"]) for one in stored if one["is_told"]}
            if leaves_told:
                changed = [one for one in changed if (one["cause"], one["subject"]) not in told]
            present = {(one["cause"], one["subject"]): one for one in (*stored, *changed)}.values()
            # What is told at this moment is told by itself.
            lasting = [one for one in present if one["is_told"] and (one["cause"], one["subject"]) in told]
            morning = digest(lasting, at_least=at_least) if is_due else None
            return changed, [*messages, *([morning] if morning else [])]

        self._alerts.decide(choose, self.channels, now=now)

    def _leaves_told(self, now: float) -> bool:
        """Whether what people were told is left to others: this process has no channels, and another one has."""
        if self.channels:
            self._watches.note(Noted.TELLS, ["people"], now=now)
            return False
        return bool(self._watches.notes(Noted.TELLS, since=now - _OTHERS_TELL))

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


def _look_of(config: Config, channels: Iterable[str]) -> str:
    """What the looks of all processes with the same configuration are called: one of them looks at a time. Where hosts
    have different ones, each sees what the others do not."""
    silences = sorted((one.name, one.silent_after) for one in config.endpoints.values())
    seen = repr((silences, sorted(config.accounts), sorted(channels), config.notify.at_least))
    return f"look:{hashlib.sha256(seen.encode()).hexdigest()[:16]}"


def _kind(message: Mapping[str, Any]) -> tuple[str, str]:
    return message["kind"], message["cause"] or "all"
