"""PURE: why a shipment waits, is held, or leaves things as they are: each code once, with the sentence that people read
and what they can do about it."""

#: Codes of shipments a person must decide about.
HELD = {
    "ambiguous_order": "Several orders answer to what the carrier calls the order. Name one: receiver assign.",
    "ambiguous_reference": "The carrier's messages name two different orders or invoices. Name one: receiver assign.",
    "ambiguous_invoice": "Several invoices of the order could be the one. Name one: receiver assign.",
    "shared_invoice_number": "Several packages of the order bear this invoice number, a return perhaps, and VTEX is "
    "told an invoice by its number alone. Enter the tracking in VTEX Admin, then: receiver dismiss.",
    "order_cancelled": "The order is cancelled at VTEX. Nothing is written unless a person assigns it.",
    "unsafe_invoice_number": "VTEX cannot be asked to change an invoice whose number holds such characters "
    "(a known fault on its side). Enter the tracking in VTEX Admin, then: receiver dismiss.",
    "unsafe_order_id": "What the carrier calls the order cannot be a VTEX order id. Check the reference rule, "
    "or name the order: receiver assign.",
    "second_parcel": "Another parcel's tracking is on this invoice. An invoice has room for one number: "
    "receiver assign overwrites it, receiver dismiss leaves it.",
    "number_differs": "The invoice holds a tracking number that we did not write. "
    "receiver assign with --invoice overwrites it, receiver dismiss leaves it.",
    "future_date": "The carrier dispatched the parcel more than a day from now. "
    "It is looked at again then; check the carrier's clock or the endpoint's zone.",
    "cancelled_after_send": "The carrier cancelled the parcel after its tracking was written to VTEX. "
    "Correct the order in VTEX Admin, then: receiver dismiss; or, if it goes all the same: receiver assign.",
    "cancelled_after_dispatch": "The carrier cancelled the parcel after taking it. "
    "If it goes all the same: receiver assign; else: receiver dismiss.",
    "vtex_rejected": "VTEX rejected the write; its answer is in the last attempt. "
    "Correct the cause, then: receiver retry.",
    "events_rejected": "Number and URL are on the invoice, but VTEX does not take the parcel's events; its answer is "
    "in the last attempt. Correct the cause, then: receiver retry.",
    "vtex_refused": "VTEX refused this order (403 or an error page). Check the app key's role, then: receiver retry.",
    "not_applied": "VTEX answered 200, yet the invoice does not show it. Look at the order, then: receiver retry.",
}

#: Codes of shipments that leave an invoice as it is, as their endpoint's settings say.
KEPT = {
    "other_parcel": "Another parcel's tracking stays on this invoice, as the endpoint's second_parcel says. "
    "receiver assign overwrites it.",
    "number_changed": "Somebody has changed the number since it was written. It stays, as the endpoint's "
    "number_changed says. receiver assign overwrites it.",
}

#: Codes of shipments that wait for something to appear.
WAITING = {
    "not_dispatched": "The carrier does not have the parcel yet.",
    "no_tracking_number": "The carrier has not given the tracking number yet.",
    "dispatch_ahead": "The dispatch time is still ahead; it is sent once it has passed.",
    "no_reference": "The carrier's messages name no order. Add a reference rule to the endpoint, or: receiver link.",
    "order_not_found": "VTEX does not know the order (yet).",
    "no_invoice": "The order has no invoice yet.",
    "only_return_invoices": "The order has only return (Input) invoices.",
    "invoice_not_there": "The invoice the carrier names is not on the order yet.",
    "partly_invoiced": "The order's invoices do not cover its value yet; the right one may still come.",
    "vtex_unavailable": "VTEX did not answer, or answered with an error of its own.",
    "account_paused": "VTEX asked for a pause, or the account's key does not work.",
    "internal_error": "A fault of this program; the log has the details.",
}

REASONS = {**HELD, **KEPT, **WAITING}
