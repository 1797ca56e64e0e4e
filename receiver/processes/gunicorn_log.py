"""Gunicorn's own messages in our log, without what may be a secret, and without a flood."""

import re
import time
from typing import Any

from gunicorn.glogging import Logger

#: Lines about malformed requests and the like, per second and process.
_MALFORMED_A_SECOND = 5


class GunicornLog(Logger):
    """Writes gunicorn's own messages to our log."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True
        self._second, self._many = 0, 0

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """What could not be parsed is quoted at the end of a message, and may be a secret: it is left out.

        A client that sends nothing but malformed requests gets a few lines a second, and one that counts the others.
        """
        second = int(time.monotonic())
        if second != self._second:
            left_out, self._second, self._many = self._many - _MALFORMED_A_SECOND, second, 0
            if left_out > 0:
                super().warning("messages not logged, too many in one second: messages=%d", left_out)
        self._many += 1
        if self._many > _MALFORMED_A_SECOND:
            return
        super().warning(re.split("['\"]", str(msg))[0], *args, **kwargs)
