"""Make VTEX agree with one shipment."""

from receiver.reconcile.reconciler import Reconciler

__all__ = ["Reconciler"]
