"""What each carrier sends of a parcel that went back to the merchant: one module a group of carriers, with ``ROWS``."""
