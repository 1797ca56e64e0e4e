"""Turns a request into a stored delivery, and fetches what a thin notice only announces."""

from receiver.intake.arrival import FETCHED, stored_request
from receiver.intake.intake import Intake, Result
from receiver.intake.reading import Outcome, Reading, read

__all__ = ["FETCHED", "Intake", "Outcome", "Reading", "Result", "read", "stored_request"]
