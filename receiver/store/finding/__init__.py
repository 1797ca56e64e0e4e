"""Which order and invoice a shipment belongs to: links, numbers that are known, and the parcels beside it."""
