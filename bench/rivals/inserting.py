"""Flask that inserts each body into PostgreSQL before it answers; one connection for each thread.

``RIVAL_DATABASE`` is libpq's URL of a database.
"""

import os
import threading

import psycopg
from flask import Flask, Response, jsonify, request

app = Flask("inserting")
_this_thread = threading.local()
_TABLE = "CREATE TABLE IF NOT EXISTS received (id bigserial PRIMARY KEY, endpoint text NOT NULL, body bytea NOT NULL)"


def _connection() -> psycopg.Connection:
    if not hasattr(_this_thread, "connection"):
        _this_thread.connection = psycopg.connect(os.environ["RIVAL_DATABASE"], autocommit=True)
    found: psycopg.Connection = _this_thread.connection
    return found


with psycopg.connect(os.environ["RIVAL_DATABASE"], autocommit=True) as first:
    first.execute("SELECT pg_advisory_lock(1)")  # the workers of gunicorn start at once
    first.execute(_TABLE)


@app.post("/webhooks/<name>")
def receive(name: str) -> Response:
    _connection().execute("INSERT INTO received (endpoint, body) VALUES (%s, %s)", (name, request.get_data()))
    return jsonify(outcome="accepted")
