"""What a claim knows about the invoice that its parcel belongs to, and about our parcels on the order's invoices."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from receiver.reconcile.context import ReconcileContext
from receiver.reconcile.resolve import Found
from receiver.vtex.choice import Clues, bears_key
from receiver.vtex.orders import Order
from receiver.vtex.wanted import Owner, Wanted


def passed_on(owners: Mapping[str, Owner], replaced: Collection[str]) -> dict[str, Owner]:
    """The owners, without the claim of a parcel that another one stands in for, unless VTEX was told its delivery."""
    return {
        invoice: replace(owner, moved=owner.moved or (owner.shipment in replaced and not owner.is_delivered))
        for invoice, owner in owners.items()
    }


def clues_in(context: ReconcileContext, found: Found, owners: Mapping[str, Owner], wanted: Wanted) -> Clues:
    """Everything known about which invoice the parcel belongs to."""
    assigned, linked = context.stored.by_person, context.stored.assignment
    here = {invoice: owner for invoice, owner in owners.items() if not owner.moved}
    own = [invoice for invoice, owner in here.items() if owner.shipment == context.claim.id]
    said = Clues.of(context.known, wanted.tracking_number)
    return replace(
        _of_companion(said, found.order) if context.shipment.companion_of else said,
        other_numbers=wanted.other_numbers,
        assigned_invoice=assigned.invoice_number if assigned else None,
        linked_invoice=linked.invoice_number if linked and linked.by_link else found.linked_invoice,
        linked_by=found.linked_by,
        own_invoice=next(iter(own), None),
        assigned=assigned is not None,
        one_parcel_per_invoice=context.endpoint.one_parcel_per_invoice,
        ours={invoice: owner.numbers for invoice, owner in here.items() if invoice not in own},
    )


def _of_companion(said: Clues, order: Order) -> Clues:
    """What the carrier says of another order of the parcel. The invoice that it names is one of the parcel's own order:
    a number may stand here by chance, a key does not."""
    keys = said.invoice_keys if bears_key(order, said) else ()
    return replace(said, invoice_numbers=(), invoice_series=(), invoice_keys=keys)
