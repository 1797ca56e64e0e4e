"""The operator's side: what is where and why, lists, searches, and what a person decides."""
