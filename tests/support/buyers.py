"""Parcels whose webhooks name their buyers: what there is to forget."""

import time

from tests.support.rig import Rig, order, package, posted

#: The buyer of the first parcel.
CANARY = "Ana Conceição Canário"


def two_buyers(rig: Rig) -> None:
    """Two parcels are written: the webhook of each names its own buyer."""
    rig.now = time.time()
    rig.add_order(order("1-01", package("41001")), order("11-01", package("41002")))
    rig.post(posted("1-01", parcel="p1", number="TN1BR", to={"name": CANARY}))
    rig.post(posted("11-01", parcel="p2", number="TN11BR", to={"name": "Bruno"}))
    rig.work()
