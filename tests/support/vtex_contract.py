"""VTEX's documented shapes of the five calls, as we read them: what a request may hold and what an answer looks like.

Source: "Orders API" at https://developers.vtex.com/docs/api-reference/orders-api. Requests are closed here where VTEX
leaves them open: a key that VTEX does not document is a mistake of ours. Answers are open, as VTEX adds to them freely.
"""

import re
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from receiver.carriers.schemas import document

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
CENTS: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$"}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, *, closed: bool = False) -> Schema:
    """An object with these properties."""
    schema = {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}
    return {**schema, "additionalProperties": False} if closed else schema


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


PATCH_BODY = record(
    {
        "trackingNumber": TEXT,
        "trackingUrl": TEXT_OR_NULL,
        "courier": TEXT_OR_NULL,
        "dispatchedDate": {"anyOf": [MOMENT, {"type": "null"}]},
    },
    closed=True,
)
TRACKING_BODY = document("vtex_tracking")
INVOICE_BODY = record(
    {
        "type": {"enum": ["Output", "Input"]},
        "issuanceDate": TEXT,
        "invoiceNumber": {"type": "string", "minLength": 1},
        "invoiceValue": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "items": array(
            record(
                {"id": TEXT, "price": CENTS, "quantity": {"type": "integer", "minimum": 1}},
                {"description": TEXT},
                closed=True,
            )
        ),
    },
    {
        "courier": TEXT,
        "dispatchedDate": TEXT_OR_NULL,
        "embeddedInvoice": TEXT_OR_NULL,
        "invoiceKey": TEXT_OR_NULL,
        "invoiceUrl": TEXT_OR_NULL,
        "trackingNumber": TEXT_OR_NULL,
        "trackingUrl": TEXT_OR_NULL,
    },
    closed=True,
)

COURIER_STATUS = record(
    {
        "status": TEXT_OR_NULL,
        "finished": {"type": "boolean"},
        "data": array(
            record(
                {"lastChange": MOMENT, "city": TEXT, "state": TEXT, "description": TEXT, "createDate": MOMENT},
                closed=True,
            )
        ),
    },
    {"deliveredDate": MOMENT},
    closed=True,
)
PACKAGE = record(
    {
        "type": {"enum": ["Output", "Input"]},
        "invoiceNumber": TEXT,
        "invoiceValue": CENTS,
        "issuanceDate": TEXT,
        "items": array(record({"itemIndex": {"type": "integer"}, "quantity": {"type": "integer"}, "price": CENTS})),
        "courier": TEXT_OR_NULL,
        "trackingNumber": TEXT_OR_NULL,
        "trackingUrl": TEXT_OR_NULL,
        "invoiceKey": TEXT_OR_NULL,
    },
    {
        "courierStatus": {"anyOf": [COURIER_STATUS, {"type": "null"}]},
        "embeddedInvoice": TEXT_OR_NULL,
        "invoiceUrl": TEXT_OR_NULL,
        "restitutions": {"type": "object"},
        "dispatchedDate": False,  # VTEX takes it and never shows it
    },
)
ORDER = record(
    {
        "orderId": {"type": "string", "minLength": 1},
        "sequence": TEXT,
        "status": TEXT_OR_NULL,
        "value": CENTS,
        "origin": {"enum": ["Marketplace", "Fulfillment", "Chain"]},
        "items": array(record({"id": TEXT, "quantity": {"type": "integer"}})),
        "packageAttachment": {"anyOf": [record({"packages": array(PACKAGE)}), {"type": "null"}]},
    },
    {"orderGroup": TEXT_OR_NULL, "sellerOrderId": TEXT, "lastChange": MOMENT, "creationDate": MOMENT},
)
RECEIPT = record(
    {"date": MOMENT, "orderId": TEXT, "receipt": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}, closed=True
)
#: The three shapes in which VTEX's services report errors.
ERROR: Schema = {
    "oneOf": [
        record({"error": record({"code": TEXT, "message": TEXT, "exception": {}}, closed=True)}, closed=True),
        record({"message": TEXT}, closed=True),
        record({"type": TEXT, "title": TEXT, "status": {"type": "integer"}}),
    ]
}


@dataclass(frozen=True)
class Contract:
    """One call: its method and path, what its request may hold (``None``: no body) and what a 200 looks like."""

    name: str
    method: str
    path: str
    request: Schema | None
    answer: Schema


_ORDERS = "/api/oms/pvt/orders"
CONTRACTS = (
    Contract("get_group", "GET", f"{_ORDERS}/order-group/[^/]+", None, array(ORDER)),
    Contract("get_order", "GET", f"{_ORDERS}/[^/]+", None, ORDER),
    Contract("post_invoice", "POST", f"{_ORDERS}/[^/]+/invoice", INVOICE_BODY, RECEIPT),
    Contract("patch_invoice", "PATCH", f"{_ORDERS}/[^/]+/invoice/[^/]+", PATCH_BODY, RECEIPT),
    Contract("put_tracking", "PUT", f"{_ORDERS}/[^/]+/invoice/[^/]+/tracking", TRACKING_BODY, RECEIPT),
)


def contract_of(method: str, path: str) -> Contract:
    """The contract of a call; its path is as sent, still percent-encoded. Raises `LookupError` where there is none."""
    for contract in CONTRACTS:
        if method == contract.method and re.fullmatch(contract.path, path):
            return contract
    raise LookupError(f"{method} {path} is none of the five calls")


def faults_of(schema: Schema, instance: Any) -> list[str]:
    """What is wrong with the instance, each fault led by its JSON path; empty where all is well."""
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(instance)]


def request_faults(method: str, path: str, body: Any) -> list[str]:
    """What is wrong with a request of ours. Raises `LookupError` where the call is none of the five."""
    schema = contract_of(method, path).request
    if schema is None:
        return [] if body is None else [f"{method} takes no body"]
    return faults_of(schema, body)


def answer_faults(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with a JSON answer. Raises `LookupError` where the call is none of the five."""
    return faults_of(contract_of(method, path).answer if status == 200 else ERROR, body)
