"""PURE: VTEX's order ids, and the text that carriers and gateways write around them.

Sources: "Precautions when setting the order numbering" (the forms of an id) and "Adding a seller" (an affiliate is
three consonants), both help.vtex.com.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

#: An order id ends in the seller's position in the purchase. An id without it may be the order group.
SUFFIX = re.compile(r"-\d{2}$")
_PLACE = r"(?:-\d{2}(?![0-9A-Za-z])|(?![0-9A-Za-z-]))"
#: The ids that VTEX gives to an account's own orders, with or without the seller's position.
_OWN = re.compile(rf"(?<![0-9])\d{{12,16}}{_PLACE}|(?<![0-9A-Za-z])(?i:v\d{{4,}}[a-z]+){_PLACE}")
#: An id whose suffix stands behind another sign, as in ``1172452900788/01``, but no date.
_OTHER_SIGN = re.compile(
    r"(?<![0-9])(\d{12,16}|(?<![A-Za-z])(?i:v\d{4,}[a-z]+))\s*[\s_/.-]\s*(0[1-9])(?![0-9A-Za-z]|[/.-]\d{2})"
)
#: The id of an order that another store sold: that store's affiliate id, then any text.
_AFFILIATE = re.compile(r"([B-DF-HJ-NP-TV-Z]{3})-(?=.)")
_DIGITS = re.compile(r"\d+", re.ASCII)
#: The length of the sequence number with which VTEX counts an account's orders.
_SEQUENCE_LENGTH = range(6, 9)
#: Words without meaning that carriers and gateways put beside an order id.
_LABELS = frozenset({"pedido", "order", "orden", "loja", "vtex"})
#: Words on the label of a return or exchange beside the sale's order id, without case and accents.
_REVERSE = frozenset(
    {"troca", "trocas", "devolucao", "devolucoes", "reversa", "reverso", "retorno"}  # Portuguese
    | {"devolucion", "devoluciones", "cambio", "cambios"}  # Spanish
    | {"return", "returns", "reverse", "rma", "exchange", "exchanges"}
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The words that may stand beside an order id: those of every store, of the account's name, and of the merchant's
    own ``affixes``."""

    words: frozenset[str]
    affixes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, account: str, affixes: Collection[str] = ()) -> "Labels":
        """The labels of an endpoint: its VTEX account, and its setting ``order_id_affixes``."""
        own = frozenset(word for affix in affixes for word in words_in(affix))
        return cls(_LABELS | own | set(words_in(account)), own)


@dataclass(frozen=True, slots=True)
class OrderText:
    """A text in which a carrier names an order. ``order_id`` is VTEX's own part of it, or the whole text if that is not
    certain. ``several`` are VTEX's own parts if there are more than one. ``unknown`` are the words around it that are
    not labels: they may mean another order. ``reverse`` are words that mean a return or an exchange. ``sequence`` are
    the digits of a text that may be VTEX's sequence number of the order."""

    text: str
    order_id: str
    unknown: tuple[str, ...] = ()
    reverse: tuple[str, ...] = ()
    sequence: str | None = None
    several: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the text is only the id."""
        return self.order_id == self.text

    @property
    def is_short(self) -> bool:
        """Whether it is a number as short as a sequence, and so as other systems' numbers."""
        return self.sequence is not None or (self.text.isdecimal() and len(self.text) < _SEQUENCE_LENGTH.stop)


def read_order_text(text: str, labels: Labels) -> OrderText:
    """Parse a text that names an order. Digits, signs and labels around VTEX's own part mean nothing."""
    found = _own_ids(text)
    around = _unlabelled(_OWN.sub(" ", text), labels)
    reverse = tuple(word for word in around if word in _REVERSE)
    if _is_another_stores(text, labels):
        external = external_id(text) or ""
        is_vtex = _OWN.fullmatch(external) is not None
        return OrderText(text, text.replace(external, _as_stored(external)) if is_vtex else text, reverse=reverse)
    if len(found) > 1:
        return OrderText(text, text, reverse=reverse, several=tuple(sorted(found)))
    if not found:
        return OrderText(text, text, reverse=reverse, sequence=None if around else _sequence(text))
    return OrderText(text, found.pop(), around, reverse)


def says_reverse(text: str, labels: Labels) -> bool:
    """True if a word beside an order id means a return or an exchange."""
    return any(word in _REVERSE for word in _unlabelled(text, labels))


def own_id(text: str) -> str | None:
    """The one id in the text that an account gave to an order of its own. ``None``: there is none, or several."""
    if _OWN.fullmatch(text):
        return _as_stored(text)
    found = _own_ids(text)
    return found.pop() if len(found) == 1 else None


def as_stored(text: str, account: str) -> str:
    """An order id with its letters in the case in which VTEX stores them; any other text as it is."""
    found = read_order_text(text, Labels.of(account)).order_id
    return found if found.lower() == text.lower() else text


def external_id(order_id: str) -> str | None:
    """The part of another store's order id after the affiliate: the id at that store."""
    match = _AFFILIATE.match(order_id)
    return order_id[match.end() :] if match else None


def words_in(text: str) -> list[str]:
    """The runs of letters in a text, without case and accents."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return re.findall(r"[^\W\d_]+", plain.casefold())


def _unlabelled(text: str, labels: Labels) -> tuple[str, ...]:
    """The words that are not labels, each once."""
    return tuple(dict.fromkeys(word for word in words_in(text) if word not in labels.words))


def _is_another_stores(text: str, labels: Labels) -> bool:
    """Whether it is an affiliate's order, unless the merchant declares these three letters a label."""
    match = _AFFILIATE.match(text)
    return match is not None and match[1].casefold() not in labels.affixes


def _own_ids(text: str) -> set[str]:
    """VTEX's own ids in the text, without the group of an order that is named as well."""
    found = {_as_stored(own) for own in _OWN.findall(_OTHER_SIGN.sub(r"\1-\2", text))}
    return found - {SUFFIX.sub("", own) for own in found if SUFFIX.search(own)}


def _sequence(text: str) -> str | None:
    """The only run of digits with the length of a sequence. An order id with its suffix is not one."""
    runs = [run for run in _DIGITS.findall(text) if len(run) in _SEQUENCE_LENGTH]
    return runs[0] if len(runs) == 1 and not SUFFIX.search(text) else None


def _as_stored(order_id: str) -> str:
    """The id with its letters in lower case, as VTEX stores its own ids."""
    return order_id.lower()
