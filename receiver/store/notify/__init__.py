"""What people are told of: conditions that last, notes of processes, and what was told before."""
