"""VTEX's order management: what its orders mean, the calls to it, and a stand-in server to try them on."""
