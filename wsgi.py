"""``gunicorn wsgi:app`` serves the web part. It reads ``receiver.toml``, or the file ``RECEIVER_CONFIG`` names."""

from receiver.config import load
from receiver.processes.logs import start_logging
from receiver.web.app import create_app

config = load()
start_logging(config.log_format)  # gunicorn gives no time and no level to lines that are not its own
app = create_app(config)
