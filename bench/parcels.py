"""Melhor Envio's webhook for many parcels: the recorded one, each time with another id and number."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from receiver.config import endpoint_from
from receiver.recordings import Recording, load, write_http

SAMPLES = Path(__file__).parent.parent / "tests" / "samples"
POSTED = SAMPLES / "melhor_envio" / "posted.http"
#: The endpoint of the recording.
ENDPOINT = "melhor-envio"

# The parts of the recording that identify a parcel: the label's id, the number, the order in the tag.
_ID, _NUMBER, _ORDER = b"9f1c2a40-5b7e-4c61-8d02-1a0000000001", b"ME410000001BR", b"1410000000001-01"


def recorded() -> Recording:
    """The webhook from which all others are made."""
    return load(POSTED)


def order_of(parcel: int) -> str:
    """The VTEX order that a parcel's tag names."""
    return f"{1_410_000_000_000 + parcel}-01"


def requests() -> Iterator[bytes]:
    """Signed requests as bytes, each about another parcel, without end."""
    recording = recorded()
    endpoint = endpoint_from(recording.expected["endpoint"], account="bench")
    for body in bodies(recording):
        headers = {**recording.request.headers, "content-length": str(len(body))}
        request = replace(recording.request, body=body, headers=headers)
        yield write_http(endpoint.scheme.sign(request, endpoint.secrets[0]))


def bodies(recording: Recording) -> Iterator[bytes]:
    """The body of ``recording`` for parcel 1, 2, 3 and so on, always of the same length."""
    for parcel in count(1):
        body = recording.request.body.replace(_ID, b"9f1c2a40-5b7e-4c61-8d02-%012d" % parcel)
        body = body.replace(_NUMBER, b"ME%09dBR" % parcel)
        yield body.replace(_ORDER, order_of(parcel).encode())
