"""``/api/v1``: the operator's plane for programs. Every answer is JSON, every fault a problem of RFC 9457."""

from collections.abc import Callable
from importlib.resources import files

from flask import Blueprint, Response, g, request

from receiver.config import Config
from receiver.intake.auth_failures import AuthFailures
from receiver.store import Database
from receiver.web.api import deciding, reading
from receiver.web.api.access import Access
from receiver.web.api.answers import Refused
from receiver.web.outage import Outage
from receiver.web.replies import problem

PREFIX = "/api/v1"


def document() -> bytes:
    """The OpenAPI document that describes every route."""
    return files("receiver.web.api").joinpath("openapi.yaml").read_bytes()


def blueprint(
    config: Config, database: Database, auth_failures: AuthFailures, outage: Outage, *, clock: Callable[[], float]
) -> Blueprint:
    """The routes for ``[operators.<name>]``; ``clock`` gives seconds since the epoch. Without operators there are
    none."""
    routes = Blueprint("api", __name__, url_prefix=PREFIX)
    if not config.operators:
        return routes
    access = Access(config.operators, auth_failures, clock=clock)

    @routes.before_request
    def _() -> None:
        g.person = access.person()
        if any("\0" in text for text in (request.path, *request.args.values())):
            raise Refused(400, "No name has a NUL character.")

    @routes.after_request
    def _(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"  # it may hold what only this operator may see
        return response

    @routes.errorhandler(Refused)
    def _(refused: Refused) -> Response:
        response = problem(refused.status, str(refused))
        response.headers.extend(refused.headers)
        return response

    @routes.get("/openapi.yaml")
    def openapi() -> Response:
        return Response(document(), mimetype="application/yaml")

    reading.add_to(routes, config, database, outage, clock=clock)
    deciding.add_to(routes, config, database, clock=clock)
    return routes
