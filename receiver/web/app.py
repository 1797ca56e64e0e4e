"""The Flask application: registers the blueprints and gives every failure a problem body."""

import logging
import time
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from receiver.config import Config
from receiver.intake import Intake
from receiver.intake.auth_failures import AuthFailures
from receiver.intake.log_lines import error_location
from receiver.intake.published_keys import Keys, KeysUnavailable
from receiver.intake.unknown_routes import UntakenRequests
from receiver.notify.channels import open_channels
from receiver.notify.store_away import StoreAway, Watch
from receiver.store import Background, Database, Inbox, Index, StoreUnavailable
from receiver.web import api, console, health, links, metrics, vtex_hook, webhooks
from receiver.web.clients import ClientAddress
from receiver.web.outage import Outage
from receiver.web.replies import problem

log = logging.getLogger("receiver.web")

#: What is said of a wrong address of the API: an endpoint is another thing, a carrier's.
_OF_API = {
    404: f"The API has no such route; GET {api.PREFIX}/openapi.yaml describes those that there are.",
    405: f"This route of the API does not take this method; GET {api.PREFIX}/openapi.yaml says what it takes.",
}


def create_app(config: Config, database: Database | None = None, *, clock: Callable[[], float] = time.time) -> Flask:
    """The web side of the receiver. Opens the configured database unless one is given.

    Raises `receiver.store.NotMigrated`, `receiver.store.StoreUnavailable`.
    """
    database = database or Database(config.database, connections=config.database_connections)
    app = Flask("receiver", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.max_body + 1  # one byte past the limit shows that the body is longer
    app.url_map.merge_slashes = False  # carriers do not follow redirects
    app.extensions["database"] = database
    app.wsgi_app = ClientAddress(app.wsgi_app, config.trusted_proxies)  # type: ignore[method-assign]  # Flask's own way
    inbox, index = Inbox(database), Index(database)
    auth_failures = AuthFailures(inbox, clock=clock)
    keys = Keys(config.endpoints.values(), clock=clock)
    keys.fetch()
    intake, unknown = Intake(config, inbox, clock=clock, keys=keys), UntakenRequests(config, database, clock=clock)
    outage = _outage(app, config, database, clock=clock)
    app.register_blueprint(webhooks.blueprint(config, intake, unknown, database.counters, outage, clock=clock))
    app.register_blueprint(links.blueprint(config, index, auth_failures, database.counters, unknown, clock=clock))
    background = Background(database)
    app.register_blueprint(vtex_hook.blueprint(config, index, background, auth_failures, unknown, clock=clock))
    app.register_blueprint(api.blueprint(config, database, auth_failures, outage, clock=clock))
    app.register_blueprint(console.blueprint(config, database, auth_failures, outage, clock=clock))
    app.register_blueprint(metrics.blueprint(config, database, auth_failures, clock=clock, open_to_all=False))
    app.register_blueprint(health.blueprint(database, clock=clock))
    _answer_failures(app, unknown)
    return app


def _answer_failures(app: Flask, unknown: UntakenRequests) -> None:
    """Give every failure a problem body. ``unknown`` hears of paths that are nothing here."""

    @app.errorhandler(StoreUnavailable)
    def _(error: StoreUnavailable) -> Response:
        log.error("request answered 503, the store cannot be reached: reason=%s", error)
        return problem(503)

    @app.errorhandler(KeysUnavailable)
    def _(_: KeysUnavailable) -> Response:  # already recorded, and rare
        return problem(
            503, "The sender cannot be authenticated now: the carrier's keys are not at hand. Send it again."
        )

    @app.errorhandler(HTTPException)
    def _(error: HTTPException) -> Response:
        if error.code == 404 and request.url_rule is None:
            unknown.note_address(request.path, method=request.method)
        detail = _OF_API.get(error.code or 500) if request.path.startswith(f"{api.PREFIX}/") else None
        response = problem(error.code or 500, detail)
        response.headers.extend({name: value for name, value in error.get_headers() if name != "Content-Type"})
        return response

    @app.errorhandler(Exception)
    def _(error: Exception) -> Response:
        # Never its message: database errors quote the row, and with it a person's address.
        log.error("request answered 503, it failed and nothing was stored: fault=%s", error_location(error))
        return problem(503)


def _outage(app: Flask, config: Config, database: Database, *, clock: Callable[[], float]) -> Outage:
    """Tells people, too, where there are channels: a host that only receives has no worker that would."""
    outage, channels = Outage(clock), open_channels(config.notify)
    if channels:
        away = StoreAway(channels, database.url, quiet=config.notify.quiet_seconds, clock=clock)
        watch = Watch(away, database.check_writable, lines=outage.lines)
        outage.begins = watch.begin
        app.extensions["store_watch"] = watch  # whatever else of the process meets the outage
    return outage
