"""PURE: what the 44 digits of a Brazilian invoice's key (NF-e) mean, and numbers with and without padding."""

import re


def key_digits(written: str | None) -> str | None:
    """The 44 digits of an NF-e key, also of one written with a prefix such as ``NFe``; ``None`` for anything else."""
    digits = re.sub(r"\D", "", written or "")
    return digits if len(digits) == 44 else None


#: An invoice number as its paper (DANFE) prints it.
_PRINTED = re.compile(r"\d{3}\.\d{3}\.\d{3}", re.ASCII)


def significant(number: str | None) -> str | None:
    """A number's digits without leading zeros, also of one as printed, ``000.012.345``; ``None`` if it is not purely
    digits."""
    written = (number or "").strip()
    written = written.replace(".", "") if _PRINTED.fullmatch(written) else written
    return (written.lstrip("0") or "0") if written.isascii() and written.isdecimal() else None


def plain_number(number: str) -> str:
    """An invoice number as the index and links store it, because carriers and systems pad and strip zeros."""
    return significant(number) or number.strip()


def series_and_number(key: str) -> tuple[str, str]:
    """Series and number of a 44-digit key, without padding (positions 23-25 and 26-34 of the NF-e layout)."""
    return key[22:25].lstrip("0") or "0", key[25:34].lstrip("0") or "0"


def issuer(key: str) -> str:
    """The issuer's CNPJ in a 44-digit key (positions 7-20)."""
    return key[6:20]
