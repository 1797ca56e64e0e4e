"""How long data is kept, what of it is personal, and how it is forgotten."""
