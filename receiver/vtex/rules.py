"""PURE: the rules by which `receiver.vtex.choice` finds a parcel's invoice, in words."""

#: Rule → what it means, in the order in which they apply.
RULES = {
    "assigned": "a person named the invoice",
    "link": "a link sent beforehand names the invoice, or our other shipment of the parcel is there",
    "invoice_number": "the carrier's invoice number is the one VTEX stores",
    "invoice_number_case": "the same number but for capitals",
    "invoice_number_digits": "the same digits, without leading zeros; `000.012.345`, as printed, is `12345`",
    "number_and_series": "VTEX stores the carrier's number and series together, such as `12345-1`",
    "invoice_key": "the same NF-e key of 44 characters, also where VTEX stores it as the number",
    "key_number": "number and series inside the NF-e key",
    "tracking_number": "the invoice already holds one of the parcel's numbers",
    "own_invoice": "this shipment's earlier number was written there by us",
    "only_open_invoice": "the order's only invoice, without tracking, and no other is to come",
    "last_open_invoice": "the last invoice without tracking; each other one bears another parcel of ours",
    "only_invoice": "the order's only invoice, where another parcel of ours is",
}
