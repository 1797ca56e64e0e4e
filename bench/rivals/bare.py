"""Flask alone: it answers, and keeps nothing."""

from flask import Flask, Response, jsonify

app = Flask("bare")


@app.post("/webhooks/<name>")
def receive(name: str) -> Response:  # noqa: ARG001  the route's
    return jsonify(outcome="accepted")
