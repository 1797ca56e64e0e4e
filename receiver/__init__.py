"""Carrier webhooks in, tracking on the right VTEX invoice out."""
