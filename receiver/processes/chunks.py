"""What a chunked body may cost: a chunk takes as long to find as some kilobytes to read, however short it is."""

from collections.abc import Generator
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize

#: Pieces of one body that may be as short as they like, and bytes for each further one. Senders that stream lines have
#: some thousands.
_ANY_LENGTH, _BYTES_A_PIECE = 5_000, 256


def bound_chunks(_worker: Any, request: Any) -> None:
    """Let a chunked body of the request end in an error where its chunks are too many and too short. The connection is
    then of no use: nothing of the rest is read. Gunicorn calls this before each request."""
    reader = getattr(request.body, "reader", None)
    if isinstance(reader, ChunkedReader) and reader.parser is not None:
        reader.parser = _bounded(reader.parser)


def _bounded(pieces: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    left = _ANY_LENGTH
    for piece in pieces:
        left -= 1 - len(piece) // _BYTES_A_PIECE
        if left < 0:
            raise InvalidChunkSize(b"too many short chunks")
        yield piece
