"""The HTTP side: blueprints and the one table of replies."""
