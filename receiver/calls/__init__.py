"""Every call to VTEX goes through here: paced, under a lease or behind live work, and recorded."""
