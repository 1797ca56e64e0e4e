"""The worker's side: claims and leases, calls and their record, accounts, and work for when nothing is due."""
