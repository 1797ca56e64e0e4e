"""What of a request has arrived, and the connection while the loop answers on it."""

import re
import socket
import time
from enum import Enum, auto
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.workers.gthread import TConn

#: The most bytes of a request that the loop takes: a webhook has one to twenty thousand. What is longer gets a thread.
MOST = 64 * 1024
#: The most bytes before the end of the headers. More gets a thread, too, whose parser has limits of its own.
_MOST_HEAD = 16 * 1024
_WEBHOOK = b"POST /webhooks/"
_END = b"\r\n\r\n"
#: The header that says how long a request is, and those of requests whose end shows otherwise.
_FRAMING = re.compile(
    rb"\r\n(?:content-length:(.*?)(?=\r\n)|transfer-encoding|expect|upgrade|connection: upgrade)",
    re.IGNORECASE | re.DOTALL,
)


class Progress(Enum):
    """How far a request has come."""

    MORE = auto()
    WHOLE = auto()
    #: Not for the loop: no webhook, large, or framed in an unusual way.
    OTHER = auto()


class Arriving:
    """The bytes that have arrived of one request. It is not parsed here: what is taken for whole and is not, the parser
    refuses. Each byte is looked at once, in however many pieces a sender lets them come."""

    def __init__(self) -> None:
        self.content = bytearray()
        #: How long the request is, once its head is there.
        self._whole: int | None = None

    def add(self, chunk: bytes) -> Progress:
        """How far the request has come with this piece."""
        seen = len(self.content)
        self.content += chunk
        if self._whole is None:
            if not _WEBHOOK.startswith(self.content[: len(_WEBHOOK)]):
                return Progress.OTHER
            end = self.content.find(_END, max(0, seen - len(_END)))
            if end < 0:
                return Progress.MORE if len(self.content) < _MOST_HEAD else Progress.OTHER
            self._whole = _whole_length(bytes(self.content[: end + len(_END)]))
        if self._whole > MOST:
            return Progress.OTHER
        return Progress.WHOLE if len(self.content) >= self._whole else Progress.MORE


def _whole_length(head: bytes) -> int:
    """The bytes of the whole request; more than `MOST` where its framing is unusual."""
    lengths = [length.strip() for length in _FRAMING.findall(head)]
    if len(lengths) != 1 or not lengths[0].isdigit():
        return MOST + 1
    return len(head) + int(lengths[0][:10])


class ClientSocket(socket.socket):
    """A client's connection. While it is ``on_loop`` no call waits: there is nothing more to read, and an answer is
    gathered, to be sent as a whole by `send_answer`."""

    on_loop = False

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._answer: list[bytes] = []

    @classmethod
    def of(cls, accepted: socket.socket) -> "ClientSocket":
        """The same connection as this one, which is of no use afterwards."""
        return cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001  socket's own signature
        if flag and self.on_loop:
            return
        if self.gettimeout() != (None if flag else 0.0):  # it is a call of the system, and mostly for nothing
            super().setblocking(flag)

    def settimeout(self, value: float | None, /) -> None:
        if not self.on_loop:
            super().settimeout(value)

    def recv(self, *args: Any) -> bytes:
        return b"" if self.on_loop else super().recv(*args)

    def sendall(self, data: Any, *args: Any) -> None:
        if self.on_loop:
            self._answer.append(data)
        else:
            super().sendall(data, *args)

    def send_answer(self) -> bool:
        """Send what the loop has answered. False: the client does not take it at once, and the connection is of no use
        any more."""
        answer, self._answer = b"".join(self._answer), []
        try:
            return not answer or self.send(answer) == len(answer)
        except OSError:
            return False


class Connection(TConn):
    """A client's connection, and what has arrived of a request since ``begun``. It stands in ``opened`` until it is
    closed."""

    sock: ClientSocket
    parser: RequestParser | None

    def __init__(
        self, cfg: Any, accepted: socket.socket, client: Any, server: Any, *, opened: "set[Connection]"
    ) -> None:
        super().__init__(cfg, ClientSocket.of(accepted), client, server)
        self.arriving, self.begun = Arriving(), 0.0
        self._opened = opened
        opened.add(self)

    @property
    def address(self) -> str:
        """The peer's address; nothing for a socket file."""
        return str(self.client[0]) if isinstance(self.client, tuple) else ""

    @property
    def has_begun(self) -> bool:
        """Whether a part of a request has arrived."""
        return bool(self.arriving.content)

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002  gunicorn's own signature
        self._opened.discard(self)
        super().close(graceful)

    def receive(self) -> Progress | None:
        """Take what has arrived, without waiting. ``None``: the client has closed it, and asks for nothing."""
        # A request may have been read together with the one before.
        chunk = self.parser.unreader.take_buffered() if self.parser is not None else b""
        try:
            chunk = chunk or self.sock.recv(MOST)
        except BlockingIOError:
            return Progress.MORE
        except OSError:
            pass
        self.begun = self.begun if self.has_begun else time.monotonic()
        if not chunk:
            return Progress.OTHER if self.has_begun else None
        return self.arriving.add(chunk)

    def give_to_parser(self) -> None:
        """From here on the request is the parser's."""
        self.init()
        assert self.parser is not None  # noqa: S101  `init` makes one
        self.parser.unreader.unread(bytes(self.arriving.content))
        self.arriving = Arriving()
        self.data_ready = True
