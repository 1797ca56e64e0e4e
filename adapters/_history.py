"""A parcel's history as carriers list it, and the queries on it that adapters share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from adapters._contract import Status, TrackingEvent

#: What carriers write when a parcel goes, or went, back to the merchant. A parcel "returned to the depot" is not on its
#: way back: the courier will try again.
_RETURN = re.compile(
    r"\bto original sender\b"
    r"|\bdelivered to (?:the )?(?:original )?(?:sender|shipper)\b"
    r"|\b(?:return|returned|returning|back) to (?:the )?(?:original )?(?:sender|shipper|seller|merchant|origin)\b"
    r"(?!['\u2019]?s? (?:depot|facility|hub|office|request|station|terminal|unit))"
    r"|\breturn(?:ed|ing) (?:\w+ ){1,3}to the (?:sender|shipper)\b"
    r"|\b(?:devolvid[oa]|devuelt[oa]|devolu[cç][aã]o|devoluci[oó]n|regresad[oa]|retorn(?:ad[oa]|o)) "
    r"(?:[aà]o?|al?|para o) "
    r"(?:remetente|remitente|vendedor|lojista|origem|origen)\b"
    r"|\bentreg(?:ue|a|ad[oa]) (?:ao?|al) (?:remetente|remitente)\b"
    r"|\b(?:zurück|rücksendung) (?:an|zum) (?:den )?(?:absender|versender)\b"
    r"|\bretour(?:n[ée]e?)? [aà] l['\u2019]exp[ée]diteur\b"
    r"|(?-i:(?<!BY )(?<!by )\bRTO\b)",
    re.IGNORECASE,
)

#: What makes of these words a return that has not begun: before them that it is asked for or allowed, or a condition,
#: as in "if unclaimed"; that it "will be" returned while the shopper may still collect it; behind them that it is asked
#: for or called off.
_ASKED_FOR = re.compile(
    r"\b(?:solicitad[oa]|(?:solicita(?:ç[aã]o|ción)|solicitud|pedido|autoriza(?:ç[aã]o|ción)|cancela(?:mento|ción))"
    r" (?:de|da|la|para)|requests?(?: for| to)?(?: an?)?)(?: la)?[ :]*$",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|unless|otherwise|si no|de no \w+|se n[aã]o|sen[aã]o|caso (?:n[aã]o|seja|contr[aá]rio|de))\b[^.;!\n]*$",
    re.IGNORECASE,
)
_COLLECTED = re.compile(
    r"\b(?:aguardando retirada|dispon[ií]vel para retirada|disponible para (?:retiro|recoger)"
    r"|(?:available|ready|waiting) for (?:pick-?up|collection)|pick-?up available)\b",
    re.IGNORECASE,
)
_WILL_BE = re.compile(r"\b(?:will|would|ser[áa])(?: then)?(?: be)?\W*$", re.IGNORECASE)
_CALLED_OFF = re.compile(
    r"[\s:,-]*(?:was |has been |foi |fue )?(?:request|solicitad|cancel|n[aã]o autoriza|no autoriza|negad"
    r"|denied|declined|not author)",
    re.IGNORECASE,
)
#: Characters before the words of a return in which it is looked for what they depend on.
_BEFORE = 120

#: The statuses that date a dispatch: the carrier has the parcel, and it is on its way to the shopper.
UNDERWAY = (Status.DISPATCHED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One line of a history. ``event`` is its line for shoppers, or ``None``. ``unknown_word`` is the carrier's word if
    the adapter's table has no entry for it."""

    status: Status
    happened_at: datetime | None = None
    event: TrackingEvent | None = None
    unknown_word: str = ""

    @classmethod
    def of(
        cls,
        status: Status,
        unknown_word: str = "",
        *,
        on: date | None,
        happened_at: datetime | None,
        words: str,
        city: str = "",
        state: str = "",
    ) -> "Scan":
        """The scan with its line for shoppers. Without a day or without words there is no line."""
        event = (
            TrackingEvent(day=on, happened_at=happened_at, description=words, city=city, state=state)
            if on is not None and words
            else None
        )
        return cls(status=status, happened_at=happened_at, event=event, unknown_word=unknown_word)


@dataclass(frozen=True, slots=True)
class History:
    """The scans of one message, in their original order."""

    scans: tuple[Scan, ...]

    def times(self, *statuses: Status) -> list[datetime]:
        """The instants of the dated scans with these statuses; without statuses, of all dated scans."""
        return [
            scan.happened_at
            for scan in self.scans
            if scan.happened_at is not None and (not statuses or scan.status in statuses)
        ]

    def first(self, *statuses: Status) -> datetime | None:
        """The earliest instant of a scan with one of these statuses; ``None`` if none is dated."""
        return min(self.times(*statuses), default=None)

    def last(self, *statuses: Status) -> datetime | None:
        """The latest instant of a scan with one of these statuses; ``None`` if none is dated."""
        return max(self.times(*statuses), default=None)

    def settled(self, status: Status) -> Status:
        """``status``, but `Status.RETURNED` for a delivery after a return: that delivery is to the merchant."""
        returned = any(scan.status is Status.RETURNED for scan in self.scans)
        return Status.RETURNED if returned and status is Status.DELIVERED else status

    @property
    def events(self) -> tuple[TrackingEvent, ...]:
        """The lines for shoppers, without repetitions."""
        return tuple(dict.fromkeys(scan.event for scan in self.scans if scan.event is not None))

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """The words that the adapter's table lacks, without repetitions."""
        return tuple(dict.fromkeys(scan.unknown_word for scan in self.scans if scan.unknown_word))


def look_up(table: Mapping[str, Status], word: str | None) -> tuple[Status, str]:
    """The status of a carrier's word, and the word itself if the table does not have it (else ``""``).

    A known word that does not say where the parcel is has the entry `Status.OTHER`.
    """
    if not word:
        return Status.OTHER, ""
    status = table.get(word)
    return (status, "") if status is not None else (Status.OTHER, word)


def unless_returned(status: Status, *words: str) -> Status:
    """``status``, but `Status.RETURNED` for a delivery that goes to the merchant in the words beside it."""
    return Status.RETURNED if status is Status.DELIVERED and any(map(says_returned, words)) else status


def says_returned(words: str) -> bool:
    """True if a free text says that the parcel goes, or went, back to the merchant. A return that is asked for, called
    off or threatened has not begun."""
    return any(_has_begun(words, found) for found in _RETURN.finditer(words))


def _has_begun(words: str, found: re.Match[str]) -> bool:
    before = words[max(0, found.start() - _BEFORE) : found.start()]
    return not (
        _ASKED_FOR.search(before)
        or _CONDITION.search(before)
        or (_WILL_BE.search(before) and _COLLECTED.search(words))
        or _CALLED_OFF.match(words, found.end())
    )
