"""``gunicorn wsgi:app`` serves the web part. It reads ``receiver.toml``, or the file ``RECEIVER_CONFIG`` names."""

from receiver.config import load
from receiver.web.app import create_app

app = create_app(load())
