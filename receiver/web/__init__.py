"""The HTTP side: the blueprints and the table of replies."""
