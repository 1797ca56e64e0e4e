"""PURE: which URLs of a carrier's message may be called. Anyone who knows the webhook's URL can send a message. It must
not choose where the merchant's credentials go, nor which host of the merchant's network is called."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_LONGEST = 2_000  # characters


def disallowed_reason(url: str, hosts: Iterable[str | re.Pattern[str]]) -> str | None:
    """Why ``url`` must not be called, without quoting it; ``None``: it is an https URL of one of ``hosts``."""
    if len(url) > _LONGEST or not (url.isascii() and url.isprintable()) or set(url) & set(" \\"):
        return "is too long, or holds what no URL holds"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme != "https":
        return "is not https"
    if "@" in parts.netloc or port not in (None, 443):
        return "names a user or a port"
    host = (parts.hostname or "").lower()
    if not any(host == one if isinstance(one, str) else one.fullmatch(host) for one in hosts):
        return "leads to a host that is not the carrier's"
    return None
