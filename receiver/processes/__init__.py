"""The long-running processes: the server, the worker, and the names in their leases."""
