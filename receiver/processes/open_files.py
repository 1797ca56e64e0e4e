"""How many files this process may have open, and how many connections fit: each connection is an open file."""

import logging
import resource

log = logging.getLogger("receiver.server")

#: Connections that a web process takes where its limit allows.
CONNECTIONS = 1_000
#: Open files that are no connections of clients: SQLite needs three for each of its connections, the worker one for
#: each call to VTEX, and what loads modules and reads configurations some more.
_OTHERS = 256
#: What is asked for. Without a bound, a limit of a billion would cost memory in programs that count up to it.
_ENOUGH = 4_096


def room_for_connections() -> int:
    """Raise the soft limit of open files, for this process and those that it starts; how many connections fit then.

    Where they do not all fit, a log line says which limit is low: connections beyond wait to be taken.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError) as error:
            log.warning("limit of open files not raised: limit=%d wanted=%d reason=%s", soft, wanted, error)
    if soft == resource.RLIM_INFINITY or soft >= CONNECTIONS + _OTHERS:
        return CONNECTIONS
    fit = max(soft - _OTHERS, soft // 2)
    log.warning("limit of open files is low, fewer connections are taken: limit=%d connections=%d", soft, fit)
    return min(CONNECTIONS, fit)
