"""Fault runs: real processes of the receiver under kills, full disks and a failing VTEX. Nothing is lost or doubled.

``python -m storm`` runs them. docs/storm.md says what each does, and how to read its line.
"""
