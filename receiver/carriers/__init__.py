"""Carriers: found in ``adapters/`` and in the merchant's folder, each with its schema, page and quality."""

from receiver.carriers.registry import BrokenCarriers, Carrier, Carriers, Conversion, available, discover, load

__all__ = ["BrokenCarriers", "Carrier", "Carriers", "Conversion", "available", "discover", "load"]
