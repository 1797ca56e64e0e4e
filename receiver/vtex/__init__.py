"""VTEX's order management: what its orders mean, and the calls to it. It uses no database."""
