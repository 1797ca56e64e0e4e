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

__all__ = [
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
