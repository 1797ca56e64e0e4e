"""Make VTEX agree with one shipment."""
