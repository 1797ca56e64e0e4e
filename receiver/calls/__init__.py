"""Every call to VTEX: rate-limited, recorded, and made under a lease or behind live work."""
