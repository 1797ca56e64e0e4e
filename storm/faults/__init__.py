"""One module for each kind of fault. A run takes a `storm.run.Scene` and returns what it saw."""
