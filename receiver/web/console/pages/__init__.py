"""The pages of the console. Each module has a `PAGE`, and `add_to`, which adds its routes."""

from receiver.web.console.pages import (
    accounts,
    carriers,
    decisions,
    deliveries,
    forget,
    links,
    overview,
    parcels,
    refused,
)

#: Every page there is.
PAGES = (overview, parcels, deliveries, refused, carriers, accounts, links, decisions, forget)
