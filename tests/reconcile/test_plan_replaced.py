"""A carrier's order that another one replaced rests, unless a person named its VTEX order afterwards."""

import pytest

from adapters import Status
from receiver.reconcile.plan import Ask
from tests.reconcile.test_plan import T, known, next_step, resting, said

REPLACED = known(said(Status.ANNOUNCED), said(hours=-2, replaced_by="p2"))


def test_replaced() -> None:
    """The parcel leaves its invoice to the one that took its place, and names it."""
    step = next_step(REPLACED)

    assert ("kept", "replaced", None) == resting(step)
    assert "melhor-envio/p2" in step.note


@pytest.mark.parametrize(
    ("hours", "expected"), [(-3, ("kept", "replaced", None)), (-2, Ask("decide")), (0, Ask("decide"))]
)
def test_assigned(hours: float, expected: object) -> None:
    """A person who names the order after that is obeyed; before that, the person did not know."""
    step = next_step(REPLACED, assigned_order="1-01", assigned_at=T + hours * 3600)

    assert expected == (step if isinstance(step, Ask) else resting(step))
