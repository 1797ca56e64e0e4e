"""PURE: which findings are told, and when.

Each is told once when it begins and once when it is over, and not again before the quiet period has passed. What lasts
is repeated in the digest of the morning.
"""

from collections.abc import Container, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from receiver.notify.causes import Finding, Severity
from receiver.notify.messages import Message, message

#: An alert as it is stored.
Alert = dict[str, Any]
#: In place of a severity: nothing is told.
NOTHING = "nothing"


def decide(
    stored: Iterable[Alert],
    findings: Iterable[Finding],
    *,
    now: float,
    quiet: float,
    at_least: str,
    calm_until: float | None = None,
    elsewhere: Container[str] = (),
) -> tuple[list[Alert], list[Message]]:
    """The alerts that changed, and the messages that follow.

    ``calm_until``: quiet hours last until then. What begins and is not critical waits for their end, and is not told if
    it is over by then; an end waits in its message's ``due_at``.

    ``now`` is Unix time, ``quiet`` are the seconds between two messages about one cause and subject. Findings less
    severe than ``at_least`` are stored, and not told; `NOTHING` tells none. ``elsewhere`` are subjects that another
    process looks after: it tells their end, too.
    """
    former = {(one["cause"], one["subject"]): one for one in stored}
    changed: list[Alert] = []
    messages: list[Message] = []
    for finding in findings:
        alert = _present(former.pop((finding.cause.value, finding.subject), None), finding, now)
        kind = _kind(alert, finding, now=now, quiet=quiet)
        if kind is not None and _matters(alert, at_least) and not _waits(alert, calm_until):
            alert = {**alert, "is_told": 1, "told_at": now, "told_count": alert["count"]}
            messages.append(_of_alert(kind, alert))
        changed.append(alert)
    for alert in former.values():
        if alert["resolved_at"] is None and alert["subject"] not in elsewhere:
            over = {**alert, "resolved_at": now, "is_told": 0}
            changed.append(over)
            if alert["is_told"]:
                waits = {"due_at": calm_until} if _waits(over, calm_until) else {}
                messages.append(_of_alert("resolved", over) | waits)
    return changed, messages


def digest(stored: Iterable[Alert], *, at_least: str) -> Message | None:
    """One message about everything that lasts; ``None`` where nothing does."""
    lasting = [one for one in stored if one["resolved_at"] is None and _matters(one, at_least)]
    if not lasting:
        return None
    severe = any(one["severity"] == Severity.CRITICAL for one in lasting)
    return message(
        "digest",
        Severity.CRITICAL.value if severe else Severity.WARNING.value,
        f"{len(lasting)} {'matter lasts' if len(lasting) == 1 else 'matters last'}",
        lines=[f"{one['title']}: {one['command']}" for one in lasting],
        count=len(lasting),
        since=min(one["opened_at"] for one in lasting),
    )


def last_digest(now: float, minutes: int, zone: ZoneInfo) -> float:
    """When the latest digest was due, so many minutes after midnight in the zone; Unix time."""
    local = datetime.fromtimestamp(now, zone)
    due = local.replace(hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0)
    return (due if due <= local else due - timedelta(days=1)).timestamp()


def quiet_until(now: float, span: tuple[int, int] | None, zone: ZoneInfo) -> float | None:
    """When the quiet hours end in which ``now`` lies; ``None``: it lies in none. ``span`` has their begin and their end
    in minutes after midnight in the zone."""
    if span is None:
        return None
    began, ended = (last_digest(now, minutes, zone) for minutes in span)
    if began <= ended:
        return None
    local = datetime.fromtimestamp(began, zone)
    end = local.replace(hour=span[1] // 60, minute=span[1] % 60)
    return (end if end > local else end + timedelta(days=1)).timestamp()


def _of_alert(kind: str, alert: Alert) -> Message:
    told = {name: alert[name] for name in ("cause", "lines", "command", "count")}
    return message(kind, alert["severity"], alert["title"], about=alert["subject"], since=alert["opened_at"], **told)


def _present(former: Alert | None, finding: Finding, now: float) -> dict[str, Any]:
    """The alert of a finding, begun now unless it lasts."""
    lasts = former is not None and former["resolved_at"] is None
    return {
        "cause": finding.cause.value,
        "subject": finding.subject,
        "severity": finding.cause.severity.value,
        "title": finding.title,
        "lines": list(finding.lines),
        "command": finding.command,
        "count": finding.count,
        "opened_at": former["opened_at"] if former is not None and lasts else now,
        "resolved_at": None,
        "is_told": former["is_told"] if former is not None and lasts else 0,
        "told_at": former["told_at"] if former is not None else None,
        # Of fewer than were told, each further one is news.
        "told_count": min(former["told_count"], finding.count) if former is not None else 0,
    }


def _kind(alert: Alert, finding: Finding, *, now: float, quiet: float) -> str | None:
    """Which message is due about a finding, if any."""
    is_quiet = alert["told_at"] is not None and now < alert["told_at"] + quiet
    if is_quiet or now < alert["opened_at"] + finding.must_last:
        return None
    if not alert["is_told"]:
        return "opened"
    return "more" if alert["count"] > alert["told_count"] else None


def _waits(alert: Alert, calm_until: float | None) -> bool:
    return calm_until is not None and alert["severity"] != Severity.CRITICAL


def _matters(alert: Alert, at_least: str) -> bool:
    return at_least == Severity.WARNING or at_least == alert["severity"]
