"""What runs for long: the server, the worker, and the names under which they hold their leases."""
