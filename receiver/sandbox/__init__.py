"""Servers for tests and the demo: VTEX's order management, and the carriers' own APIs."""

from receiver.sandbox.app import (
    BadFaults,
    BadOrders,
    Call,
    Faults,
    Order,
    Running,
    Sandbox,
    create_sandbox,
    load_orders,
    parse_faults,
    serve,
)
from receiver.sandbox.files import EXAMPLES

__all__ = [
    "EXAMPLES",
    "BadFaults",
    "BadOrders",
    "Call",
    "Faults",
    "Order",
    "Running",
    "Sandbox",
    "create_sandbox",
    "load_orders",
    "parse_faults",
    "serve",
]
