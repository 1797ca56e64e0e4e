"""PURE: why a shipment waits, is held, or leaves an invoice as it is: each code, with the sentence that people read and
what they can do."""

from enum import Enum, StrEnum
from typing import Self


def unknown_word(word: str, carrier: str) -> str:
    """The sentence for a status word that has no entry in its adapter's table."""
    return f"status {word} of {carrier} is not known here: receiver carriers unknown"


class Kind(Enum):
    """What a reason explains."""

    HELD = "held"  #: a person must decide
    KEPT = "kept"  #: the endpoint's settings say that the invoice stays as it is
    WAITING = "waiting"  #: something must appear, or a call must succeed


class Reason(StrEnum):
    """A reason's code is public: commands filter by it, databases hold it."""

    kind: Kind
    sentence: str

    def __new__(cls, value: str, kind: Kind = Kind.WAITING, sentence: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.kind = kind
        member.sentence = sentence
        return member

    @property
    def ends_with_order(self) -> bool:
        """Whether a change of the order may end the hold without a person: a new or corrected invoice."""
        return self in (
            Reason.NAMED_INVOICE_MISSING,
            Reason.UNSAFE_INVOICE_NUMBER,
            Reason.UNKNOWN_PACKAGE_TYPE,
            Reason.SHARED_INVOICE_NUMBER,
            Reason.AMBIGUOUS_INVOICE,
            Reason.ALREADY_DELIVERED,
            Reason.UNKNOWN_ORDER_TEXT,
            Reason.AMBIGUOUS_ORDER,
            Reason.UNCONFIRMED_SEQUENCE,
            Reason.SOLD_BY_ANOTHER_SELLER,
        )

    def explained(self, detail: str = "") -> str:
        """The sentence, with the detail of this case in brackets."""
        return f"{self.sentence} ({detail})" if detail else self.sentence

    AMBIGUOUS_ORDER = (
        "ambiguous_order",
        Kind.HELD,
        "Several orders answer to what the carrier calls the order. Name one: receiver assign.",
    )
    AMBIGUOUS_REFERENCE = (
        "ambiguous_reference",
        Kind.HELD,
        "The carrier's messages name two different orders or invoices. Name one: receiver assign.",
    )
    AMBIGUOUS_INVOICE = (
        "ambiguous_invoice",
        Kind.HELD,
        "Several invoices of the order could be the one. Name one: receiver assign.",
    )
    AMBIGUOUS_NUMBER = (
        "ambiguous_number",
        Kind.HELD,
        (
            "The endpoint's rule for the tracking number finds several in one message. Correct the rule's path or "
            "pattern, then have the messages read again: receiver reprocess --accepted."
        ),
    )
    SHARED_INVOICE_NUMBER = (
        "shared_invoice_number",
        Kind.HELD,
        (
            "Several packages of the order bear this invoice number, a return perhaps, and VTEX is told an invoice by "
            "its number alone. Enter the tracking in VTEX Admin, then: receiver dismiss."
        ),
    )
    ORDER_CANCELLED = (
        "order_cancelled",
        Kind.HELD,
        "The order is cancelled at VTEX. Nothing is written unless a person assigns it.",
    )
    UNSAFE_INVOICE_NUMBER = (
        "unsafe_invoice_number",
        Kind.HELD,
        (
            "VTEX cannot be asked to change an invoice whose number holds such characters (a known fault on its side). "
            "Do what the note says, then: receiver dismiss."
        ),
    )
    NAMED_INVOICE_MISSING = (
        "named_invoice_missing",
        Kind.HELD,
        (
            "The order is fully invoiced, and the invoice that was named is not among its invoices. Name "
            "the right one; a new invoice is found by itself."
        ),
    )
    UNKNOWN_PACKAGE_TYPE = (
        "unknown_package_type",
        Kind.HELD,
        (
            "The order's packages are of a type that is neither Output (an invoice) nor Input (a return). Look at "
            "the order in VTEX Admin, then: receiver retry."
        ),
    )
    UNSAFE_ORDER_ID = (
        "unsafe_order_id",
        Kind.HELD,
        (
            "What the carrier calls the order cannot be a VTEX order id. Check the reference rule, or name the order: "
            "receiver assign."
        ),
    )
    UNKNOWN_ORDER_TEXT = (
        "unknown_order_text",
        Kind.HELD,
        (
            "Unknown words stand around the order id: they may mean a return, or another store's order. Add them to "
            "the endpoint's order_id_affixes, then: receiver retry; or name the order: receiver assign."
        ),
    )
    SECOND_PARCEL = (
        "second_parcel",
        Kind.HELD,
        (
            "Another parcel's tracking is on this invoice. An invoice has room for one number: receiver assign with "
            "--invoice overwrites it, receiver dismiss leaves it."
        ),
    )
    NUMBER_DIFFERS = (
        "number_differs",
        Kind.HELD,
        (
            "The invoice holds a tracking number that we did not write. receiver assign with --invoice overwrites it, "
            "receiver dismiss leaves it."
        ),
    )
    FUTURE_DATE = (
        "future_date",
        Kind.HELD,
        (
            "The carrier dispatched the parcel more than a day from now. It is looked at again then; check the "
            "carrier's clock or the endpoint's zone."
        ),
    )
    CANCELLED_AFTER_SEND = (
        "cancelled_after_send",
        Kind.HELD,
        (
            "The carrier cancelled the parcel after its tracking was written to VTEX. Correct the order in VTEX "
            "Admin, then: receiver dismiss; or, if it goes all the same: receiver assign."
        ),
    )
    CANCELLED_AFTER_DISPATCH = (
        "cancelled_after_dispatch",
        Kind.HELD,
        (
            "The carrier cancelled the parcel after taking it. If it goes all the same: receiver assign; else: "
            "receiver dismiss."
        ),
    )
    DELIVERY_DOUBTED = (
        "delivery_doubted",
        Kind.HELD,
        (
            "The carrier's messages contradict the delivery, or nothing is heard of a part of it; what VTEX was told "
            "is not taken back. Ask the carrier, correct the order in VTEX Admin, then: receiver dismiss."
        ),
    )
    ALREADY_DELIVERED = (
        "already_delivered",
        Kind.HELD,
        (
            "VTEX shows this invoice as delivered, without a tracking number: the parcel may be a return or an "
            "exchange. receiver dismiss leaves the invoice; if it is its parcel all the same: receiver assign with "
            "--invoice."
        ),
    )
    UNCONFIRMED_SEQUENCE = (
        "unconfirmed_sequence",
        Kind.HELD,
        (
            "What the carrier calls the order is a number so short that it may be another system's, and nothing else "
            "of the parcel is on the order that has it. If it is the one: receiver assign; if the field always holds "
            "such numbers, add the rule in the note."
        ),
    )
    SOLD_BY_ANOTHER_SELLER = (
        "sold_by_another_seller",
        Kind.HELD,
        (
            "Another VTEX account invoices the order, and its tracking belongs there. Configure that account, then: "
            "receiver retry; to write it here all the same: receiver assign."
        ),
    )
    REVERSE_SHIPMENT = (
        "reverse_shipment",
        Kind.HELD,
        (
            "It is the label of a return or an exchange: the sale's invoice stays as it is. receiver dismiss ends it; "
            "if it is a sale after all: receiver assign."
        ),
    )
    VTEX_REJECTED = (
        "vtex_rejected",
        Kind.HELD,
        "VTEX rejected the call; its answer is in the last attempt. Correct the cause, then: receiver retry.",
    )
    EVENTS_REJECTED = (
        "events_rejected",
        Kind.HELD,
        (
            "Number and URL were written, but VTEX does not take the parcel's events; its answer is in the last "
            "attempt. Correct the cause, then: receiver retry."
        ),
    )
    VTEX_REFUSED = (
        "vtex_refused",
        Kind.HELD,
        "VTEX refused this order (403). Check the app key's role, then: receiver retry.",
    )
    NOT_APPLIED = (
        "not_applied",
        Kind.HELD,
        "VTEX answered 200, yet the invoice does not show it. Look at the order, then: receiver retry.",
    )

    OTHER_PARCEL = (
        "other_parcel",
        Kind.KEPT,
        (
            "Another parcel's tracking stays on this invoice, as the endpoint's second_parcel or a person says. "
            "receiver assign with --invoice overwrites it."
        ),
    )
    NUMBER_CHANGED = (
        "number_changed",
        Kind.KEPT,
        (
            "A person has changed the number since it was written. It stays, as the endpoint's number_changed says. "
            "receiver assign with --invoice overwrites it."
        ),
    )
    REVERSE_IGNORED = (
        "reverse_ignored",
        Kind.KEPT,
        (
            "It is the label of a return or an exchange, which the endpoint's reverse_shipments ignores. If it is a "
            "sale after all: receiver assign."
        ),
    )

    REPLACED = (
        "replaced",
        Kind.KEPT,
        (
            "The carrier carries the parcel under another number now, which takes this one's place. If this one goes "
            "all the same: receiver assign."
        ),
    )

    NOT_DISPATCHED = ("not_dispatched", Kind.WAITING, "The carrier does not have the parcel yet.")
    NO_TRACKING_NUMBER = ("no_tracking_number", Kind.WAITING, "The carrier has not given the tracking number yet.")
    DISPATCH_AHEAD = (
        "dispatch_ahead",
        Kind.WAITING,
        "The dispatch time is still ahead; it is sent once it has passed.",
    )
    NO_REFERENCE = (
        "no_reference",
        Kind.WAITING,
        "The carrier's messages name no order. Add a reference rule to the endpoint, or: receiver link.",
    )
    ORDER_NOT_FOUND = ("order_not_found", Kind.WAITING, "VTEX does not know the order (yet).")
    AWAITS_SELLER = (
        "awaits_seller",
        Kind.WAITING,
        "Another VTEX account invoices the order, where it is not known yet.",
    )
    NO_INVOICE = ("no_invoice", Kind.WAITING, "The order has no invoice yet.")
    ONLY_RETURN_INVOICES = ("only_return_invoices", Kind.WAITING, "The order has only return (Input) invoices.")
    INVOICE_NOT_THERE = ("invoice_not_there", Kind.WAITING, "The invoice the carrier names is not on the order yet.")
    PARTLY_INVOICED = (
        "partly_invoiced",
        Kind.WAITING,
        "The order's invoices do not cover its value yet; the right one may still come.",
    )
    VTEX_UNAVAILABLE = ("vtex_unavailable", Kind.WAITING, "VTEX did not answer, or answered with an error of its own.")
    ACCOUNT_PAUSED = (
        "account_paused",
        Kind.WAITING,
        "Calls to the account are paused; `receiver check` says why, and how the pause ends.",
    )
    INTERNAL_ERROR = ("internal_error", Kind.WAITING, "A fault of this program; the log has the details.")
