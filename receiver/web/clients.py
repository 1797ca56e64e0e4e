"""The address of the client: the peer's, or where the peer is a trusted proxy, the one that it names."""

import logging
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("receiver.web")

Network = IPv4Network | IPv6Network
#: The bits of an IPv6 address within one site's network.
_SITE = 64
#: The bits before the IPv4 address in ``::ffff:192.0.2.1``.
_MAPPED = 96
#: Addresses of ``X-Forwarded-For`` that are looked at: more proxies stand in no row, and anybody may name many.
_MOST_NAMED = 20
#: What follows an IPv6 address in brackets, as some proxies write it: ``[2001:db8::1]:443``.
_PORT = re.compile(r"\]:\d{1,5}$")


class ClientAddress:
    """Puts the client's address into ``REMOTE_ADDR``, for the application behind it.

    ``X-Forwarded-For`` grows from left to right, and anybody may begin it. It is read from the right, and the first
    address that is no trusted proxy's counts (RFC 7239, section 8.1, on what may be believed).
    """

    def __init__(self, application: "WSGIApplication", trusted: tuple[Network, ...]) -> None:
        self._application, self._trusted, self._is_told = application, trusted, False

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        peer, forwarded = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        environ["REMOTE_ADDR"] = client_of(peer, forwarded, self._trusted)
        if forwarded and not self._is_told and not is_trusted(peer, self._trusted):
            self._is_told = True  # anybody may send the header: one line for each process
            log.warning("X-Forwarded-For not used, the peer is not in trusted_proxies: peer=%s", peer or "-")
        return self._application(environ, start_response)


def client_of(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The client's address; the peer's where nothing better is known."""
    client = peer
    if not forwarded:
        return client
    for named in reversed(forwarded.rsplit(",", _MOST_NAMED)):
        address = _address_of(named.strip())
        if address is None or not is_trusted(client, trusted):
            break
        client = str(address)
    return client


@lru_cache(maxsize=1_000)
def is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    """Whether the address is that of a trusted proxy. An IPv4 address counts as itself where an IPv6 socket, or a list,
    writes it as ``::ffff:…``."""
    found = _address_of(address)
    return found is not None and any(_has(network, found) for network in trusted)


def _has(network: Network, address: IPv4Address | IPv6Address) -> bool:
    if network.version == address.version:
        return address in network
    if isinstance(network, IPv4Network) or network.prefixlen < _MAPPED or not network.network_address.ipv4_mapped:
        return False
    return address in IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED))


@lru_cache(maxsize=1_000)
def one_client(address: str) -> str:
    """The address, or of IPv6 the network of one site, in which a client can take any address it likes."""
    found = _address_of(address)
    if not isinstance(found, IPv6Address):
        return str(found or address)
    return str(IPv6Network((int(found) >> _SITE << _SITE, 128 - _SITE)))


def _address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that is written, with or without a port; ``None``: there is none."""
    if text.startswith("["):
        text = _PORT.sub("", text[1:]).removesuffix("]")
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
