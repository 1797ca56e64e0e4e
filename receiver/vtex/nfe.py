"""PURE: what the 44 characters of a Brazilian invoice's key (NF-e) mean, and numbers with and without padding."""

import re

#: A key whose issuer's CNPJ has letters, as those given since July 2026 may (IN RFB 2.229/2024, Nota Técnica Conjunta
#: 2025.001 of the NF-e). What stands before it, such as ``NFe``, ends in a letter; a key begins with a digit.
_WITH_LETTERS = re.compile(r"[A-Z]*(\d{6}[0-9A-Z]{12}\d{26})", re.ASCII)


def plain_key(written: str | None) -> str | None:
    """The 44 characters of an NF-e key, also of one written with a prefix such as ``NFe``; ``None`` for anything else.
    All are digits but for the issuer's CNPJ, which may have letters."""
    digits = re.sub(r"\D", "", written or "")
    if len(digits) == 44:
        return digits
    found = _WITH_LETTERS.fullmatch(re.sub(r"[\W_]", "", written or "").upper())
    return found[1] if found else None


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
    """Series and number of a key, without padding (positions 23-25 and 26-34 of the NF-e layout)."""
    return key[22:25].lstrip("0") or "0", key[25:34].lstrip("0") or "0"


def issuer(key: str) -> str:
    """The issuer's CNPJ in a key (positions 7-20)."""
    return key[6:20]
