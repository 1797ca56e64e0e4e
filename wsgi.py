"""``gunicorn wsgi:app`` serves the web part. It reads ``receiver.toml``, or the file ``RECEIVER_CONFIG`` names."""

from receiver.config import load
from receiver.processes.error_reports import start_sentry
from receiver.processes.logs import start_logging
from receiver.web.app import create_app

config = load()
start_logging(config.log_format)  # gunicorn gives no time and no level to lines that are not its own
start_sentry(config.sentry_dsn)  # nothing unless SENTRY_DSN is set
app = create_app(config)
