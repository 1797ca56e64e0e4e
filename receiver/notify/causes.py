"""PURE: what people are told of, how bad each is, and what is to be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """How soon a person should look."""

    WARNING = "warning"
    CRITICAL = "critical"


class Cause(StrEnum):
    """Why a person is needed. Each has a severity, a sentence, and the command that shows more or ends it."""

    _severity: Severity
    _sentence: str
    _command: str

    def __new__(cls, value: str, severity: Severity, sentence: str, command: str) -> Self:
        self = str.__new__(cls, value)
        self._value_ = value
        self._severity, self._sentence, self._command = severity, sentence, command
        return self

    HELD = ("held", Severity.WARNING, "{count} held, account {subject}", "receiver shipments --state held")
    GAVE_UP = ("gave_up", Severity.WARNING, "{count} given up, account {subject}", "receiver shipments --state gave_up")
    UNREADABLE = (
        "unreadable",
        Severity.WARNING,
        "{count} that cannot be read, endpoint {subject}",
        "receiver deliveries --count; after a fix: receiver reprocess",
    )
    UNKNOWN_WORD = (
        "unknown_word",
        Severity.WARNING,
        "{count} that the adapter of {subject} does not know",
        "receiver carriers unknown",
    )
    UNKNOWN_ADDRESS = (
        "unknown_address",
        Severity.WARNING,
        "{count} that no endpoint takes, probably meant for {subject}",
        "receiver rejects says why; correct the address at the sender, or the endpoint here",
    )
    NOT_PROVEN = (
        "not_proven",
        Severity.WARNING,
        "{count} refused at endpoint {subject}, and no delivery was accepted since",
        "receiver rejects --endpoint {subject}; correct the secret here, or at the carrier",
    )
    PARTLY_REFUSED = (
        "partly_refused",
        Severity.WARNING,
        "requests of endpoint {subject} are refused again and again, while others are accepted",
        "receiver rejects --endpoint {subject}; does one of several senders have an old secret?",
    )
    HOOK_REFUSED = (
        "hook_refused",
        Severity.WARNING,
        "{count} of VTEX's order hook refused, account {subject}: new invoices are found hours later",
        "receiver hook status --account {subject}; receiver hook install writes today's hook_secrets to VTEX",
    )
    LINKS_REFUSED = (
        "links_refused",
        Severity.WARNING,
        "{count} at /links/{subject} refused, and no link was taken since",
        "receiver rejects --account {subject}; correct the bearer token there, or link_tokens here",
    )
    KEYS_AWAY = (
        "keys_away",
        Severity.WARNING,
        "the carrier's keys cannot be fetched, deliveries of endpoint {subject} are refused",
        "does this host reach that address? receiver rejects --endpoint {subject}",
    )
    FETCH_HELD = (
        "fetch_held",
        Severity.WARNING,
        "{count} at the carrier failed, endpoint {subject}",
        "receiver fetches --endpoint {subject}; correct fetch_credentials, then: receiver reprocess DELIVERY",
    )
    NOTHING_WRITTEN = (
        "nothing_written",
        Severity.WARNING,
        "endpoint {subject} is heard, and no parcel reaches its invoice: {count} waiting for long",
        "receiver shipments --endpoint {subject}; each reason says what is missing: a rule, an account, an invoice",
    )
    ENDPOINT_GONE = (
        "endpoint_gone",
        Severity.WARNING,
        "{count} unfinished, and endpoint {subject} is in no configuration: nothing is written for it",
        "receiver shipments --endpoint {subject}; configure it again, or: receiver dismiss --endpoint {subject}",
    )
    ACCOUNT_PAUSED = (
        "account_paused",
        Severity.CRITICAL,
        "VTEX account {subject} is paused",
        "receiver check --vtex; after a correction: receiver resume {subject}",
    )
    NO_ANSWER = (
        "no_answer",
        Severity.WARNING,
        "{count} without an answer of VTEX after ten tries, account {subject}",
        "receiver check --vtex; does this host reach VTEX? receiver shipments --reason vtex_unavailable",
    )
    ORDER_UNREAD = (
        "order_unread",
        Severity.WARNING,
        "{count} not be read for the index, account {subject}: its parcels may not be found by number or key",
        "receiver check --vtex; see the log for the reason; receiver link where a parcel waits for one of them",
    )
    ORDER_HOOK = (
        "order_hook",
        Severity.WARNING,
        "VTEX's order hook of account {subject} is not ours any more: new invoices are found hours later",
        "receiver hook status --account {subject}; receiver hook install, or receiver hook remove",
    )
    BACKLOG = ("backlog", Severity.CRITICAL, "shipments have waited too long for a worker", "receiver check")
    SILENT = (
        "silent",
        Severity.WARNING,
        "endpoint {subject} has had no delivery for unusually long",
        "receiver rejects; is the webhook still registered at the carrier?",
    )
    ACCOUNT_SILENT = (
        "account_silent",
        Severity.CRITICAL,
        "no endpoint of account {subject} has had a delivery for unusually long",
        "does the internet reach this receiver? a holiday looks the same; receiver status, receiver rejects",
    )
    NEVER_HEARD = (
        "never_heard",
        Severity.WARNING,
        "endpoint {subject} has never had a delivery",
        "register the webhook at the carrier, as its page in docs/carriers says; receiver rejects",
    )
    CLOCK = (
        "clock",
        Severity.WARNING,
        "the clock of {subject} differs from VTEX's",
        "set the clock by NTP: leases and dates depend on it",
    )
    CLOCK_SET_BACK = (
        "clock_set_back",
        Severity.WARNING,
        "the clock of {subject} was set back",
        "what was due is due again, and nothing is lost; set the clock by NTP, so that it does not happen again",
    )
    NO_WORKER = (
        "no_worker",
        Severity.CRITICAL,
        "no worker runs: deliveries are stored, and nothing is written to VTEX",
        "start receiver work, or receiver serve; receiver status",
    )
    CHANNEL_FAILS = (
        "channel_fails",
        Severity.WARNING,
        "messages to people do not get through channel {subject}",
        "receiver notify list; after a correction: receiver notify test",
    )
    STORE_AWAY = (
        "store_away",
        Severity.CRITICAL,
        "deliveries cannot be stored, the database does not answer or refuses",
        "see the log for the reason, and for how long each carrier goes on trying",
    )

    @property
    def severity(self) -> Severity:
        return self._severity

    @property
    def sentence(self) -> str:
        """With ``{subject}`` and ``{count}`` to fill in."""
        return self._sentence

    @property
    def command(self) -> str:
        """With ``{subject}`` to fill in."""
        return self._command

    @property
    def must_last(self) -> float:
        """The seconds for which it must last before it is told: what is often over by itself is told late."""
        return MUST_LAST.get(self, 0.0)


#: What is counted, for causes whose sentence says how many.
_NOUNS: Mapping[Cause, tuple[str, str]] = {
    Cause.HELD: ("shipment is", "shipments are"),
    Cause.GAVE_UP: ("shipment is", "shipments are"),
    Cause.UNREADABLE: ("delivery", "deliveries"),
    Cause.UNKNOWN_WORD: ("status word", "status words"),
    Cause.UNKNOWN_ADDRESS: ("kind of request comes", "kinds of requests come"),
    Cause.NOT_PROVEN: ("request was", "requests were"),
    Cause.HOOK_REFUSED: ("event was", "events were"),
    Cause.LINKS_REFUSED: ("request was", "requests were"),
    Cause.FETCH_HELD: ("fetch", "fetches"),
    Cause.NOTHING_WRITTEN: ("parcel is", "parcels are"),
    Cause.ENDPOINT_GONE: ("shipment is", "shipments are"),
    Cause.NO_ANSWER: ("shipment is", "shipments are"),
    Cause.ORDER_UNREAD: ("order can", "orders can"),
}


#: Seconds that these must last before they are told: another host with another configuration may be starting, a mail
#: server is started again within minutes, and a stranger's request that is refused is no series.
MUST_LAST: Mapping[str, float] = {Cause.ENDPOINT_GONE: 60.0, Cause.CHANNEL_FAILS: 900.0, Cause.PARTLY_REFUSED: 86_400.0}


def has_lasted(alert: Mapping[str, Any], *, now: float) -> bool:
    """Whether an alert that was noted at ``opened_at`` is one by now. Times are Unix time in seconds."""
    return bool(now >= alert["opened_at"] + MUST_LAST.get(alert["cause"], 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A cause that is there now. ``subject`` is the account, endpoint, carrier or host that it is about; ``lines`` are
    examples; ``wait``: seconds that this one must last before it is told, if not as long as its cause."""

    cause: Cause
    subject: str
    count: int = 1
    lines: tuple[str, ...] = ()
    wait: float = 0.0

    @property
    def must_last(self) -> float:
        """The seconds for which it must last before it is told."""
        return self.wait or self.cause.must_last

    @property
    def title(self) -> str:
        """What happened, in one line."""
        one, several = _NOUNS.get(self.cause, ("", ""))
        many = f"{self.count} {one if self.count == 1 else several}"
        return self.cause.sentence.format(subject=self.subject, count=many)

    @property
    def command(self) -> str:
        """What to do."""
        return self.cause.command.format(subject=self.subject)
