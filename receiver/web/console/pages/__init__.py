"""The pages of the console. Each module has a `PAGE`, and `add_to`, which adds its routes."""

from receiver.web.console.pages import overview, parcels

#: Every page there is.
PAGES = (overview, parcels)
