"""How a state's note is put together."""

import pytest

from receiver.shipments.reasons import Reason
from receiver.shipments.record import held, with_remark


@pytest.mark.parametrize(
    ("remark", "ending"),
    [
        ("Order 1-02 has its number.", " Order 1-02 has its number. To decide: receiver release frenet/1"),
        ("", " To decide: receiver release frenet/1"),
    ],
)
def test_remark(remark: str, ending: str):
    """A remark stands before the command to paste, and an empty one changes nothing."""
    hold = held(Reason.SECOND_PARCEL, command="receiver release frenet/1")
    before = hold.note.removesuffix(" To decide: receiver release frenet/1")

    assert f"{before}{ending}" == with_remark(hold, remark).note
    assert hold.state is with_remark(hold, remark).state


def test_remark_without_a_command():
    """Where nothing can be pasted, it is the last sentence."""
    hold = held(Reason.SECOND_PARCEL)

    assert f"{hold.note} Order 1-02 has its number." == with_remark(hold, "Order 1-02 has its number.").note
