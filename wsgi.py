"""``gunicorn wsgi:app`` serves the web part. It reads ``receiver.toml``, or the file ``RECEIVER_CONFIG`` names."""

from receiver.app import create_app
from receiver.config import load

app = create_app(load())
