"""PURE: the states of a shipment. The ten values are public: operators, scripts and databases use them."""

from enum import StrEnum
from typing import Self


class State(StrEnum):
    """A shipment's state, each with the sentence that people read. The properties are groups of states."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    WAITING = "waiting", "The parcel is known; there is nothing to send to VTEX yet."
    DUE = "due", "It is processed as soon as a worker is free, or retried after a back-off."
    AWAITING_ORDER = "awaiting_order", "VTEX does not know the order yet; it is asked again on a schedule."
    AWAITING_INVOICE = (
        "awaiting_invoice",
        "The order is there, its invoice is not; the order is read again on a schedule.",
    )
    IN_STEP = "in_step", "VTEX has what the carrier says (synced)."
    KEPT = "kept", "The invoice stays as it is, as the endpoint's settings say."
    HELD = "held", "A person must decide."
    CANCELLED = "cancelled", "The carrier voided the label before it took the parcel."
    GAVE_UP = "gave_up", "The order or invoice did not appear within horizon_days."
    DISMISSED = "dismissed", "A person decided that nothing is written."

    @property
    def is_under_way(self) -> bool:
        """Whether the receiver still has work to do. In any other state the horizon does not run."""
        return self in (State.DUE, State.AWAITING_ORDER, State.AWAITING_INVOICE)

    @property
    def rests_on_decision(self) -> bool:
        """Whether order and invoice were chosen, or could not be. This holds until the inputs of the choice change."""
        return self in (State.IN_STEP, State.KEPT) or self.is_stuck

    @property
    def is_stuck(self) -> bool:
        """Whether only a person, a link, a change of the order or an update ends the state."""
        return self in (State.HELD, State.KEPT, State.AWAITING_ORDER, State.AWAITING_INVOICE, State.GAVE_UP)

    @property
    def awaits_order(self) -> bool:
        """Whether an order that appears or changes may end the state."""
        return self in (State.AWAITING_ORDER, State.AWAITING_INVOICE, State.GAVE_UP)

    @property
    def may_be_written(self) -> bool:
        """Whether a shipment that was never written may still be."""
        return self in (State.DUE, State.WAITING) or self.is_stuck

    @property
    def needs_a_person(self) -> bool:
        """Whether the state does not end well by itself."""
        return self in (State.HELD, State.GAVE_UP)


#: The same groups as values, for SQL statements.
STUCK = tuple(state for state in State if state.is_stuck)
AWAITS_ORDER = tuple(state for state in State if state.awaits_order)
MAY_BE_WRITTEN = tuple(state for state in State if state.may_be_written)
