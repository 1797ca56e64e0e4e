"""Turns a request into a stored delivery, and fetches what a thin notice only announces."""

from receiver.intake.intake import FETCHED, Intake, Outcome, Reading, Result, read, stored_request

__all__ = ["FETCHED", "Intake", "Outcome", "Reading", "Result", "read", "stored_request"]
