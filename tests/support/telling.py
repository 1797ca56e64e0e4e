"""What people are told of, made to happen."""

from sqlalchemy import insert

from receiver.store.tables import deliveries
from tests.support.rig import Rig, order, package, posted

HOUR = 3600.0


def hold(rig: Rig, *parcels: str) -> None:
    rig.add_order(order("1-01", package("A", value=5_000), package("B", value=5_000)))
    for number, parcel in enumerate(parcels):
        rig.post(posted(parcel=parcel, number=f"TN{number}BR"))
    rig.work()


def heard_daily(rig: Rig, **until: float) -> None:
    """Each endpoint was heard every five minutes from 8 to 18, for five weeks; on the last day until its hour. It is
    noon of that day."""
    midnight = (rig.now // 86_400 + 36) * 86_400
    rig.now = midnight + 12 * HOUR
    moments = [midnight - day * 86_400 + at for day in range(36) for at in range(8 * 3_600, 18 * 3_600, 300)]
    row = {"carrier": "melhor_envio", "outcome": "ignored", "proof": "hmac", "method": "POST"}
    row |= dict.fromkeys(("target", "headers", "digest"), "")
    rows = [
        {"id": f"{name}{at}", "endpoint": name.replace("_", "-"), "received_at": at, "dedup": f"{name}{at}", **row}
        for name, hour in until.items()
        for at in moments
        if at < midnight + hour * HOUR
    ]
    rig.database.write(lambda connection: connection.execute(insert(deliveries), rows))
