"""The bodies of the three writes that the stand-in accepts, and the package that an invoice becomes.

Source: "Orders API" at https://developers.vtex.com/docs/api-reference/orders-api.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any

from receiver.sandbox.answers import Refused, oms_error

Kinds = Mapping[str, tuple[type, ...]]

_TEXT, _TEXT_OR_NULL = (str,), (str, NoneType)
_PATCH: Kinds = {
    "trackingNumber": _TEXT,
    "trackingUrl": _TEXT_OR_NULL,
    "courier": _TEXT_OR_NULL,
    "dispatchedDate": _TEXT_OR_NULL,
}
_TRACKING: Kinds = {"isDelivered": (bool,), "deliveredDate": _TEXT_OR_NULL, "events": (list,)}
_EVENT: Kinds = {"city": _TEXT, "state": _TEXT, "description": _TEXT, "date": _TEXT}
_INVOICE: Kinds = {
    "type": _TEXT,
    "issuanceDate": _TEXT,
    "invoiceNumber": _TEXT,
    "invoiceValue": (str, int),
    "items": (list,),
}
_INVOICE_EXTRAS: Kinds = {
    "courier": _TEXT,
    "dispatchedDate": _TEXT_OR_NULL,
    "embeddedInvoice": _TEXT_OR_NULL,
    "invoiceKey": _TEXT_OR_NULL,
    "invoiceUrl": _TEXT_OR_NULL,
    "trackingNumber": _TEXT_OR_NULL,
    "trackingUrl": _TEXT_OR_NULL,
}
_INVOICED_ITEM: Kinds = {"id": _TEXT, "price": (int,), "quantity": (int,)}
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DESCRIPTION_LIMIT = 5000


def check_patch(body: Any) -> None:
    """Passes or raises `Refused`."""
    _check(body, _PATCH)


def iso(now: float) -> str:
    """A time in VTEX's format, with seven digits of a second."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00"


def bad(path: str, why: str) -> Refused:
    return Refused(oms_error(400, f"{path}: {why}"))


def _check(body: Any, kinds: Kinds, at: str = "$") -> None:
    if not isinstance(body, dict):
        raise bad(at, "is no JSON object")
    for name, allowed in kinds.items():
        if name not in body:
            raise bad(f"{at}.{name}", "is missing")
        if type(body[name]) not in allowed:
            raise bad(f"{at}.{name}", "has the wrong type")


def check_tracking(body: Any) -> None:
    _check(body, _TRACKING)
    if body["deliveredDate"] is not None:
        _check_time("$.deliveredDate", body["deliveredDate"], _MINUTE)
    for index, event in enumerate(body["events"]):
        _check(event, _EVENT, f"$.events[{index}]")
        _check_time(f"$.events[{index}].date", event["date"], _DAY)
        if len(event["description"]) > _DESCRIPTION_LIMIT:
            raise bad(f"$.events[{index}].description", f"is longer than {_DESCRIPTION_LIMIT} characters")


def _check_time(path: str, text: str, shape: re.Pattern[str]) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise bad(path, "is no date") from None
    if not shape.fullmatch(text):
        raise bad(path, "is not in the documented format")


def check_invoice(body: Any, order: dict[str, Any]) -> int:
    """Returns the invoice's value in cents, or raises `Refused`."""
    _check(body, _INVOICE)
    _check(body, {name: kinds for name, kinds in _INVOICE_EXTRAS.items() if name in body})
    if body["type"] not in ("Output", "Input"):
        raise bad("$.type", "is neither Output nor Input")
    if not body["invoiceNumber"]:
        raise bad("$.invoiceNumber", "is empty")
    value = str(body["invoiceValue"])
    if not (value.isascii() and value.isdecimal() and int(value)):
        raise bad("$.invoiceValue", "is no positive number of cents")
    skus = {item.get("id") for item in order.get("items", [])}
    for index, item in enumerate(body["items"]):
        _check(item, _INVOICED_ITEM, f"$.items[{index}]")
        if item["id"] not in skus:
            raise bad(f"$.items[{index}].id", "is not in the order")
    return int(value)


def package_of(body: dict[str, Any], value: int, order: dict[str, Any]) -> dict[str, Any]:
    skus = [item.get("id") for item in order.get("items", [])]
    items = [
        {
            "itemIndex": skus.index(item["id"]),
            "quantity": item["quantity"],
            "price": item["price"],
            "description": item.get("description"),
            "unitMultiplier": 1.0,
        }
        for item in body["items"]
    ]
    return {
        "items": items,
        "courier": body.get("courier"),
        "invoiceNumber": body["invoiceNumber"],
        "invoiceValue": value,
        "invoiceUrl": body.get("invoiceUrl"),
        "issuanceDate": body["issuanceDate"],
        "trackingNumber": body.get("trackingNumber"),
        "invoiceKey": body.get("invoiceKey"),
        "trackingUrl": body.get("trackingUrl"),
        "embeddedInvoice": body.get("embeddedInvoice") or "",
        "type": body["type"],
        "courierStatus": {"status": "unknown", "finished": False, "data": []},
        "restitutions": {},
    }


def shown_event(event: dict[str, str], now: float) -> dict[str, str]:
    return {
        "lastChange": f"{event['date']}T00:00:00+00:00",
        "city": event["city"],
        "state": event["state"],
        "description": event["description"],
        "createDate": iso(now),
    }
