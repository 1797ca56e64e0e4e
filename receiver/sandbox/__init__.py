"""Servers for tests and the demo: VTEX's order management, and the carriers' own APIs."""

from receiver.sandbox.app import Running, create_sandbox, serve
from receiver.sandbox.faults import BadFaults, Faults, parse_faults
from receiver.sandbox.files import EXAMPLES, load_orders
from receiver.sandbox.orders import BadOrders, Call, Order, Sandbox

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
