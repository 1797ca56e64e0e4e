"""HTTP out: calls to configured hosts, and what comes of them."""

from receiver.http.answer import LEAST_PAUSE, MOST_PAUSE, Answer, NoAnswer, pause
from receiver.http.client import TOTAL_SECONDS, HostNotAllowed, Http

__all__ = ["LEAST_PAUSE", "MOST_PAUSE", "TOTAL_SECONDS", "Answer", "HostNotAllowed", "Http", "NoAnswer", "pause"]
