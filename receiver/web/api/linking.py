"""Links by an operator: one at a time, forgotten again, or many from a file with a report."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from io import BytesIO
from itertools import islice
from typing import Any

from flask import Blueprint, Response, request

from adapters import Unreadable
from receiver.config import Config
from receiver.operations.decisions import Decisions
from receiver.operations.link_files import LARGEST_FILE, BadHeader, Line, Report, read_file, store_lines
from receiver.operations.links import MOST, LinkResult, checked_links, read_link
from receiver.reconcile.names import NAMES
from receiver.store import Link, StoreUnavailable
from receiver.web.api.access import must_decide
from receiver.web.api.answers import LONGEST, Refused, answer, body_fields
from receiver.web.api.desk import Desk
from receiver.web.incoming import whole_body


def add_to(routes: Blueprint, desk: Desk) -> None:
    """Add the routes by which a person tells and forgets links."""

    @routes.post("/links")
    def link() -> Response:
        must_decide()
        body = body_fields("order", optional=("account", "invoice", "endpoint", "also", *NAMES))

        def act(decisions: Decisions) -> Response:
            account = desk.account(body.get("account"))
            item = {
                **_named(body),
                **{name: body[name] for name in ("order", "invoice", "endpoint", "also") if name in body},
            }
            linked = decisions.link(account, _read(item, account, desk.config))
            return _with_row(desk.row(decisions), woken=len(linked.woken), dismissed=linked.dismissed)

        # Which shipments it woke, and which are dismissed, is known the first time only.
        return desk.once(body, act, lambda row: _with_row(row, woken=None, dismissed=None))

    @routes.post("/links/unlink")
    def unlink() -> Response:
        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            account = desk.account(body.get("account"))
            item = {**_named(body), "order": "-", **({"endpoint": body["endpoint"]} if "endpoint" in body else {})}
            ((kind, value),) = _read(item, account, desk.config).names
            decisions.unlink(account, kind, value)

        return desk.decided(decide, optional=("account", "endpoint", *NAMES))

    @routes.post("/links/file")
    def file() -> Response:
        must_decide()
        account, note = desk.account(request.args.get("account"), "account"), request.args.get("note", "")
        if len(note) > LONGEST:
            raise Refused(422, f"note must have {LONGEST} characters at most.")
        raw = whole_body(LARGEST_FILE)
        lines = _lines(raw)
        told = {"account": account, "note": note, "file": hashlib.sha256(raw).hexdigest()}
        return desk.once(
            told,
            lambda decisions: _stored(lines, lambda items: decisions.link_all(account, items)),
            lambda _: _stored(lines, lambda items: checked_links(desk.config, account, items), is_again=True),
        )


def _lines(raw: bytes) -> list[Line]:
    """The lines of a file that is stored in one transaction. Raises `Refused`."""
    try:
        lines = list(islice(read_file(BytesIO(raw)), MOST + 1))
    except BadHeader as error:
        raise Refused(422, f"{error}.") from None
    if len(lines) > MOST:
        raise Refused(422, f"The file has more than {MOST:,} links: send it in parts.")
    return lines


def _stored(lines: list[Line], store: Callable[[list[Any]], list[LinkResult]], *, is_again: bool = False) -> Response:
    """The report. Which shipments the file woke, and which are dismissed, is known the first time only. Raises
    `receiver.store.StoreUnavailable`: the file is one transaction, so then nothing of it is known to be stored."""
    report = Report()
    bad = list(store_lines(lines, store, report))
    if report.stopped_at is not None:
        raise StoreUnavailable(bad[-1].why)
    counts = {"stored": report.stored, "woken": None if is_again else report.woken, "bad": report.bad}
    dismissed = None if is_again else report.dismissed
    return answer({**counts, "dismissed": dismissed, "lines": [asdict(one) for one in bad]})


def _with_row(row: Mapping[str, Any], *, woken: int | None, dismissed: Sequence[str] | None) -> Response:
    """The link's row in the record, and what the link did to shipments."""
    return answer({**row, "woken": woken, "dismissed": dismissed})


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """The one name that a link is about. Raises `Refused`."""
    named = {name: body[name] for name in NAMES if name in body}
    if len(named) != 1:
        raise Refused(422, f"Exactly one of {', '.join(NAMES)} is needed.")
    return named


def _read(item: dict[str, Any], account: str, config: Config) -> Link:
    try:
        return read_link(item, account, config)
    except Unreadable as error:
        raise Refused(422, f"{error.path} {error.why}.") from None
