"""PURE: invoice numbers that cannot stand in VTEX's URLs, and what a person can do about one."""

import re

#: Characters in an invoice number on which VTEX fails: "/" is decoded before routing (KI-1302085), white space gives
#: 500 (KI-409225), "#" and others broke its replication (KI-953285). Its web server refuses ":" and others as a
#: dangerous path. Unprintable characters are unsafe, too.
_UNSAFE = re.compile(r"[\s/\\#?%:*<>|\"&]")
#: The longest id in a URL. VTEX documents no limit; no known id comes near this.
MOST_SEGMENT = 200


def unsafe_invoice_number(number: str) -> bool:
    """True for an invoice number that cannot be used in VTEX's URLs, encoded or not."""
    if not number or number in (".", "..") or len(number) > MOST_SEGMENT:
        return True
    return not number.isprintable() or bool(_UNSAFE.search(number))


def way_out(number: str) -> str:
    """What a person can do about an invoice that cannot be addressed."""
    if re.search(r"\s", number):
        return (
            "VTEX fails on white space in Admin, too (KI-409225): post the invoice again under a number without it, "
            "with the tracking inside"
        )
    return "enter the tracking in VTEX Admin"
