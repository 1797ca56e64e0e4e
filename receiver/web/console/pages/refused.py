"""What did not get in: requests to addresses that no endpoint has, senders that could not prove themselves, and when
carriers last tested an address."""

import json
from typing import Any

from flask import Blueprint, render_template

from receiver.store.counters import PROBES, last_of
from receiver.store.intake.unknown_routes import UnknownRoutes
from receiver.store.operator.listings import Listings
from receiver.web.console.context import Context
from receiver.web.console.pages._lists import given, listed
from receiver.web.console.pages._page import Page

PAGE = Page(name="refused", path="/refused", position=40)


def add_to(routes: Blueprint, context: Context) -> None:
    """Add the page's routes."""
    listings, unknown = Listings(context.database), UnknownRoutes(context.database)
    endpoints = context.config.endpoints
    also = [route for account in context.config.accounts.values() for route in account.routes]

    @routes.get("")
    def index() -> str:
        words = given("endpoint")
        found = listed(
            "refused", (float, str), words, lambda ask: listings.auth_failures(ask, endpoint=words.get("endpoint"))
        )
        probed = last_of(PROBES, context.database.counters.totals())
        return render_template(
            "refused.html",
            list=found,
            failures=[{**row, "headers": json.loads(row["headers"])} for row in found.rows],
            addresses=[_address(row, endpoints) for row in unknown.all()],
            probes=[(name, probed.get(name)) for name in sorted(endpoints) if endpoints[name].carrier.probe],
            options=sorted({*endpoints, *also, "console", "api"}),
        )


def _address(row: dict[str, Any], endpoints: Any) -> dict[str, Any]:
    """An address with what is probably meant: an endpoint, a carrier that has none, or what an account takes."""
    likely, kind = row["likely"], row["cause"]
    if kind == "unknown_endpoint" and likely:
        kind = "likely_endpoint" if likely in endpoints else "likely_carrier"
    elif kind == "unknown_account" and likely:
        kind = "account_takes_none" if likely == row["name"] else "likely_account"
    elif kind == "unknown_address" and "/" in row["name"]:
        kind = "account_address"
    return {**row, "text": f"refused.{kind}", "table": f"[endpoints.{(likely or '').replace('_', '-')}]"}
