"""What an operator decides: each POST is one decision, answered with its row in the record."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, get_args

from flask import Blueprint, Response

from receiver.config import Config
from receiver.operations.access import access_check, is_fine
from receiver.operations.decisions import Decisions
from receiver.operations.forgetting import LEAST_TEXT, NAMED, Named, forget_as_shown, found, is_too_short, traces_of
from receiver.operations.order_check import lookup
from receiver.operations.parcels import TEXTS
from receiver.operations.unknown_words import AT_ONCE, read_again
from receiver.shipments import Reason, State
from receiver.store import Database, Paused, RateLimited
from receiver.store.intake.unknown_words import UnknownWords
from receiver.store.operator.bulk import BulkAction
from receiver.web.api import linking
from receiver.web.api.access import must_decide
from receiver.web.api.answers import Refused, answer, body_fields, time_of
from receiver.web.api.desk import Desk
from receiver.web.api.refusals import refusals, without_shell


def add_to(routes: Blueprint, config: Config, database: Database, *, clock: Callable[[], float]) -> None:
    """Add the routes by which a person decides; ``clock`` gives seconds since the epoch."""
    desk = Desk(config, database, clock=clock)
    _add_assign(routes, desk)
    _add_bulk(routes, desk)
    _add_words(routes, desk)
    _add_forget(routes, desk)
    linking.add_to(routes, desk)

    @routes.post("/shipments/<endpoint>/<path:key>/unassign")
    def unassign(endpoint: str, key: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.unassign(f"{endpoint}/{key}"))

    @routes.post("/shipments/<endpoint>/<path:key>/retry")
    def retry(endpoint: str, key: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.retry(f"{endpoint}/{key}"))

    @routes.post("/shipments/<endpoint>/<path:key>/dismiss")
    def dismiss(endpoint: str, key: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.dismiss(f"{endpoint}/{key}"))

    @routes.post("/accounts/<account>/resume")
    def resume(account: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.resume(account))

    @routes.post("/accounts/<account>/check")
    def check(account: str) -> Response:
        must_decide()  # the calls take slots of the account's rate limit
        body_fields()
        if account not in config.accounts:
            raise Refused(404, f"No account {account!r}; there are {', '.join(config.accounts)}.")
        try:
            with refusals(), lookup():
                access = list(access_check(config, database, account).run())
        except (Paused, RateLimited) as error:
            raise Refused(409, f"Not asked, VTEX wants no calls now: {without_shell(str(error))}.") from None
        return answer({"account": account, "is_fine": is_fine(access), "access": [asdict(one) for one in access]})

    @routes.post("/deliveries/<delivery>/reprocess")
    def reprocess(delivery: str) -> Response:
        return desk.decided(lambda decisions, _: decisions.reprocess(delivery))


def _add_assign(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/shipments/<endpoint>/<path:key>/assign")
    def assign(endpoint: str, key: str) -> Response:
        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            name, unseen = f"{endpoint}/{key}", body.get("unseen", False)
            with lookup():
                of = (name, body["order"], body.get("invoice"))
                decisions.assign(*of, also=_also(body), unseen=unseen, token=body.get("token"))

        return desk.decided(decide, "order", optional=("invoice", "also", "token"), flags=("unseen",))

    @routes.post("/shipments/<endpoint>/<path:key>/preview")
    def previewed(endpoint: str, key: str) -> Response:
        must_decide()
        body = body_fields("order", optional=("invoice", "also"))
        with refusals(), lookup():
            return answer(desk.previewed(f"{endpoint}/{key}", body, _also(body)))


def _add_bulk(routes: Blueprint, desk: Desk) -> None:
    optional = (*TEXTS, "since", "until", "token")

    @routes.post("/shipments/bulk")
    def bulk() -> Response:
        def act(decisions: Decisions, body: Mapping[str, Any]) -> None:
            desk.bulk.act(decisions, body["action"], _words(body), body["token"])

        must_decide()
        body = body_fields("action", optional=optional)
        _check_words(body)
        if "token" in body:
            return desk.decide(act, body, desk.batch)
        with refusals():
            return answer(asdict(desk.bulk.preview(body["action"], _words(body), now=desk.clock())))


def _check_words(body: Mapping[str, Any]) -> None:
    choices = {"action": get_args(BulkAction), "state": tuple(State), "reason": tuple(Reason)}
    for name, values in choices.items():
        if name in body and body[name] not in values:
            raise Refused(422, f"$.{name} must be one of {', '.join(values)}.")


def _words(body: Mapping[str, Any]) -> dict[str, Any]:
    """The filter in a body. Raises `Refused`."""
    times = {name: time_of(f"$.{name}", body.get(name)) for name in ("since", "until")}
    return {**{name: body.get(name) for name in TEXTS}, **times}


def _also(body: Mapping[str, Any]) -> list[str]:
    return [one.strip() for one in body.get("also", "").split(";") if one.strip()]


def _add_words(routes: Blueprint, desk: Desk) -> None:
    words = UnknownWords(desk.database)

    @routes.post("/unknown-words/reprocess")
    def again() -> Response:
        must_decide()
        body = body_fields("word", "carrier")
        word, carrier = body["word"], body["carrier"]

        def act(decisions: Decisions) -> Response:
            done = read_again(desk.database, decisions, word, carrier, most=AT_ONCE)
            return told(done.read, done.unreadable, done.left)

        def told(read: int | None, unreadable: int | None, left: int) -> Response:
            counts = {"read": read, "unreadable": unreadable, "left": left}
            return answer({"word": word, "carrier": carrier, **counts})

        return desk.once(body, act, lambda _: told(None, None, len(words.deliveries_with(word, carrier=carrier))))


def _add_forget(routes: Blueprint, desk: Desk) -> None:
    @routes.post("/forget")
    def forget() -> Response:
        must_decide()
        body = body_fields(optional=(*NAMED, "token"))
        named, value = _meant(body)
        if "token" not in body:
            with refusals(), lookup():
                return answer({"named": named, **asdict(found(desk.database, named, value))})

        def decide(decisions: Decisions, body: Mapping[str, Any]) -> None:
            with lookup():
                forget_as_shown(desk.database, decisions, named, value, body["token"])

        def again(row: Mapping[str, Any]) -> Response:
            with lookup():
                if traces_of(desk.database, named, value).found:
                    raise Refused(409, "Rows hold it still, or again: preview again, and send another Idempotency-Key.")
            return answer(row)

        # What was named is no part of the request's digest, which is kept: the token stands for the rows.
        return desk.decide(decide, {name: body[name] for name in ("token", "note") if name in body}, again=again)


def _meant(body: Mapping[str, Any]) -> tuple[Named, str]:
    """What is to be forgotten. Raises `Refused`."""
    given = [(name, body[name].strip()) for name in NAMED if name in body]
    if len(given) != 1 or not given[0][1]:
        raise Refused(422, f"Exactly one of {', '.join(NAMED)} is needed.")
    ((named, value),) = given
    if is_too_short(named, value):
        raise Refused(422, f"$.text needs {LEAST_TEXT} characters or more: a shorter one stands in every row.")
    return named, value
