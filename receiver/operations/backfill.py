"""Back-fill of the index: every order invoiced in a period is listed and read, and its facts are stored.

VTEX's list lags and ends after 3,000 entries, so it only says which orders to read. The progress is stored, so a killed
run can be continued. Source: "List orders", Orders API.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from receiver.calls.background import BackgroundCalls
from receiver.store import Background, Index
from receiver.vtex.answers import NotFound, Refused, Rejected
from receiver.vtex.client import BadSegment
from receiver.vtex.orders import UnexpectedOrder

#: The list ends after 30 pages of 100, no matter how many orders its filter finds.
PAGES, PER_PAGE = 30, 100
#: VTEX shows orders of the last two years.
KEPT = timedelta(days=730)
_DAY = 86_400.0
#: The narrowest window, in seconds. If one second has more invoices than the list shows, the back-fill fails.
_NARROWEST = 1.0
#: When this many orders in a row are refused, the cause is not the orders: the key lacks the permission.
_REFUSED = 3


class TooMany(Exception):
    """More orders were invoiced within one second than VTEX lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a back-fill: ``since``, ``until`` and ``reached`` in seconds since the epoch; how many ``orders``
    were read, how many ``facts`` they gave, how many were unreadable (``skipped``)."""

    since: float
    until: float
    reached: float
    orders: int
    facts: int
    skipped: int


class Backfill:
    """The back-fill of one account. ``report`` is called for every order and every window's end."""

    def __init__(
        self,
        calls: BackgroundCalls,
        index: Index,
        background: Background,
        *,
        clock: Callable[[], float],
        report: Callable[[Progress], None] = lambda _: None,
        skip: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._calls, self._index, self._background = calls, index, background
        self._clock, self._report, self._skip = clock, report, skip
        self._account = calls.vtex.account.name
        self._skipped = self._refused = 0
        self._before: frozenset[str] = frozenset()

    def run(self, since: float, until: float | None) -> Progress:
        """Read all orders invoiced between the two times; if a run from ``since`` was not finished, the rest of it.

        Raises `TooMany`, a `receiver.vtex.answers.VtexError`, `receiver.store.StoreUnavailable`; what was read so far
        is kept, and the next run continues there.
        """
        row = self._background.backfill(self._account, since)
        if row is None or row["finished_at"] is not None or until not in (None, row["until"]):
            row = self._background.begin_backfill(self._account, since, self._clock() if until is None else until)
        while row["reached"] < row["until"]:
            self._window(row)
        self._came(row, finished_at=self._clock())
        return self._progress(row)

    def _window(self, row: dict[str, Any]) -> None:
        begins, ends = row["reached"], row["window_end"] or min(row["reached"] + _DAY, row["until"])
        while (ids := self._listed(begins, ends)) is None:
            if ends - begins <= _NARROWEST:
                raise TooMany(f"more than {PAGES * PER_PAGE} orders were invoiced within a second of {_iso(begins)}")
            ends = begins + (ends - begins) / 2
            row["last_id"] = None
        # A window includes both ends, so an order on an edge must be neither missed nor counted twice. Sorted by id:
        # the list may change between two runs, this order does not.
        for order_id in ids:
            if order_id not in self._before and (row["last_id"] is None or order_id > row["last_id"]):
                row["orders"] += 1
                row["facts"] += self._read(order_id)
                self._came(row, window_end=ends, last_id=order_id)
                self._report(self._progress(row))
        self._before = frozenset(ids)
        self._came(row, reached=ends, window_end=None, last_id=None)
        self._report(self._progress(row))

    def _listed(self, begins: float, ends: float) -> list[str] | None:
        """The orders invoiced in the window; ``None`` if the list would not show all of them."""
        ids: set[str] = set()
        for page in range(1, PAGES + 1):
            query = {
                "f_invoicedDate": f"invoicedDate:[{_iso(begins)} TO {_iso(ends)}]",
                "orderBy": "creationDate,asc",
                "page": str(page),
                "per_page": str(PER_PAGE),
            }
            answer = self._calls.read(partial(self._calls.vtex.list_orders, query))
            entries, total = _page(answer)
            if total > PAGES * PER_PAGE:
                return None
            ids.update(entries)
            if page * PER_PAGE >= total or not entries:
                break
        return sorted(ids)

    def _read(self, order_id: str) -> int:
        vtex = self._calls.vtex
        try:
            facts = vtex.facts(self._calls.read(lambda: vtex.get_order(order_id), order_id=order_id))
        except (NotFound, Refused, Rejected, UnexpectedOrder, BadSegment) as error:
            self._refused = self._refused + 1 if isinstance(error, Refused) else 0
            if self._refused >= _REFUSED and isinstance(error, Refused):
                raise
            self._skipped += 1
            self._skip(f"order {order_id}: {error}")
            return 0
        self._refused = 0
        self._index.learn(self._account, facts, now=self._clock())
        return len(facts)

    def _came(self, row: dict[str, Any], **progress: Any) -> None:
        row.update(progress)
        counted = {"orders": row["orders"], "facts": row["facts"]}
        self._background.backfill_came(self._account, row["since"], **counted, **progress)

    def _progress(self, row: dict[str, Any]) -> Progress:
        named = {name: row[name] for name in ("since", "until", "reached", "orders", "facts")}
        return Progress(**named, skipped=self._skipped)


def _page(answer: Any) -> tuple[list[str], int]:
    """The ids on a page, and how many orders the filter finds in total. Raises `UnexpectedOrder`."""
    entries = answer.get("list") if isinstance(answer, dict) else None
    paging = answer.get("paging") if isinstance(answer, dict) else None
    total = paging.get("total") if isinstance(paging, dict) else None
    if not isinstance(entries, list) or not isinstance(total, int):
        raise UnexpectedOrder("VTEX answered 200 with something that is no list of orders")
    return [one["orderId"] for one in entries if isinstance(one, dict) and isinstance(one.get("orderId"), str)], total


def _iso(seconds: float) -> str:
    """An instant in the format of the list's filters: UTC, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
