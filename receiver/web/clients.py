"""The address of the client: the peer's, or where the peer is a trusted proxy, the one that it names."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = IPv4Network | IPv6Network
#: The bits of an IPv6 address within one site's network.
_SITE = 64


class ClientAddress:
    """Puts the client's address into ``REMOTE_ADDR``, for the application behind it.

    ``X-Forwarded-For`` grows from left to right, and anybody may begin it. It is read from the right, and the first
    address that is no trusted proxy's counts (RFC 7239, section 8.1, on what may be believed).
    """

    def __init__(self, application: "WSGIApplication", trusted: tuple[Network, ...]) -> None:
        self._application, self._trusted = application, trusted

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = client_of(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), self._trusted)
        return self._application(environ, start_response)


def client_of(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The client's address; the peer's where nothing better is known."""
    client = peer
    if not forwarded:
        return client
    for address in reversed(forwarded.split(",")):
        if not is_trusted(client, trusted) or not _is_address(address.strip()):
            break
        client = address.strip()
    return client


@lru_cache(maxsize=1_000)
def is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    """Whether the address is that of a trusted proxy."""
    if not _is_address(address):
        return False
    found = ip_address(address)
    return any(found in network for network in trusted if network.version == found.version)


def one_client(address: str) -> str:
    """The address, or of IPv6 the network of one site, in which a client can take any address it likes."""
    if ":" not in address or not _is_address(address):
        return address
    found = IPv6Address(address.partition("%")[0])
    return str(found.ipv4_mapped or IPv6Network((int(found) >> _SITE << _SITE, 128 - _SITE)))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
