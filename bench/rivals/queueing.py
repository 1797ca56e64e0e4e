"""Flask that hands each body to Celery over RabbitMQ, and answers once the broker has confirmed it.

``RIVAL_BROKER`` is the broker's URL. No worker takes the tasks: what is measured is the answer.
"""

import os

from celery import Celery
from flask import Flask, Response, jsonify, request

app = Flask("queueing")
tasks = Celery("rival", broker=os.environ["RIVAL_BROKER"])
tasks.conf.update(broker_transport_options={"confirm_publish": True}, broker_pool_limit=16, task_ignore_result=True)


@app.post("/webhooks/<name>")
def receive(name: str) -> Response:
    tasks.send_task("rival.store", (name, request.get_data(as_text=True)), queue="rival")
    return jsonify(outcome="accepted")
