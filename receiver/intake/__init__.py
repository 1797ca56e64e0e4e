"""A request becomes a stored delivery, and what a thin notice only points to is fetched."""

from receiver.intake.intake import FETCHED, Intake, Outcome, Reading, Result, read, stored_request

__all__ = ["FETCHED", "Intake", "Outcome", "Reading", "Result", "read", "stored_request"]
