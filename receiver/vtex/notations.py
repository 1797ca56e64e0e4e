"""PURE: how an invoice's number, series and NF-e key are written at VTEX and at carriers, and whether two mean one."""

import re
from collections.abc import Sequence

from receiver.vtex.nfe import plain_key, series_and_number, significant
from receiver.vtex.orders import Package

#: ``12345-1``: how some ERPs store number and series.
_NUMBER_AND_SERIES = re.compile(r"\s*0*(\d+)\s*[-/]\s*0*(\d+)\s*", re.ASCII)


def may_be_one(stored: str, said: str) -> bool:
    """False if two notations cannot mean one number: "900-1" may be 900, "1900" is not."""
    one, other = significant(stored), significant(said)
    if one is not None and other is not None:
        return one == other
    one, other = (written.strip().lstrip("0").lower() for written in (stored, said))
    return one in other or other in one


def key_of(package: Package) -> str | None:
    """The invoice's NF-e key; some ERPs store it as the number."""
    return plain_key(package.invoice_key) or plain_key(package.invoice_number)


def stored_series(package: Package) -> str | None:
    """The series in ``12345-1``."""
    written = _NUMBER_AND_SERIES.fullmatch(package.invoice_number)
    return significant(written[2]) if written else None


def inner_number(package: Package) -> str | None:
    """The number in ``12345-1``, or in a key that is stored as the number."""
    written, key = _NUMBER_AND_SERIES.fullmatch(package.invoice_number), plain_key(package.invoice_number)
    if key is not None:
        return series_and_number(key)[1]
    return significant(written[1]) if written else None


def exactly(packages: Sequence[Package], number: str) -> list[Package]:
    """The invoices with this number, but for spaces around it."""
    return [package for package in packages if package.invoice_number.strip() == number.strip()]


def by_digits(packages: Sequence[Package], number: str) -> list[Package]:
    """The invoices with the same digits, without leading zeros."""
    wanted = significant(number)
    return [package for package in packages if wanted is not None and significant(package.invoice_number) == wanted]


def with_series(packages: Sequence[Package], number: str, series: str) -> list[Package]:
    """The invoices that store this number and series together, such as ``12345-1``."""
    wanted = (significant(number), significant(series))
    found = []
    for package in packages:
        written = _NUMBER_AND_SERIES.fullmatch(package.invoice_number)
        if written and (significant(written[1]), significant(written[2])) == wanted:
            found.append(package)
    return found
