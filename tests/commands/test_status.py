"""`receiver status`: one screen."""

from freezegun import freeze_time

from receiver.store import Queue
from tests.support.broken_disk import failing
from tests.support.console import Operator, receiver
from tests.support.rig import MELHOR_ENVIO, NOON, UNREADABLE, posted

NOW = "2026-11-18T11:16:40Z"  # fifty minutes after the rig's noon


def test_calm(operator_on_either: Operator) -> None:
    """Where nothing needs a person it says so, and when the endpoint was last heard."""
    operator_on_either.in_step()

    with freeze_time(NOW):
        said = operator_on_either.says("status")

    assert [
        "nothing needs a person",
        "nothing waits",
        "account lux: 1e+06 a minute",
        "endpoint melhor-envio: last heard 2026-11-18T11:06:40Z, 10 minutes ago",
    ] == said.splitlines()


def trouble(operator: Operator) -> None:
    rig = operator.rig
    operator.held()
    rig.post(posted("9-01", parcel="p9", number="TN9BR"))
    rig.work()
    rig.post(UNREADABLE)
    rig.client.post("/webhooks/melhorenvio")
    accounts = Queue(rig.database, worker_name="test", lease=60).accounts
    accounts.pause("lux", until=NOON + 7_200, reason="HTTP 401: the key", own_fault=True)
    rig.post(posted("8-01", parcel="p8", number="TN8BR"))


def test_trouble(operator_on_either: Operator) -> None:
    """Each matter with its command, what stops the work first; what waits and why; the pause, and how it ends."""
    trouble(operator_on_either)

    with freeze_time(NOW):
        lines = operator_on_either.says("status").splitlines()

    assert lines[0].startswith(
        "! VTEX account lux is paused: receiver check --vtex; after a correction: receiver resume lux (until "
    )
    for begin in (
        "! 1 shipment is held, account lux: receiver shipments --state held (1 ambiguous_invoice)",
        "! 1 delivery that cannot be read, endpoint melhor-envio: receiver deliveries --count; ",
        "! 1 kind of request comes that no endpoint takes, probably meant for melhor-envio: receiver rejects ",
    ):
        assert any(line.startswith(begin) for line in lines), begin
    assert "1 parcel due" in lines
    assert "1 parcel awaiting_order: 1 order_not_found" in lines
    assert "the oldest due since 2026-11-18T11:06:40Z, for 10 minutes" in lines
    ends = "it ends when the key works; after a correction: receiver resume lux, or SIGHUP to a worker"
    assert f"account lux: 1e+06 a minute, paused until 2026-11-18T13:06:40Z; {ends} (HTTP 401: the key)" in lines


def test_cannot_store(operator: Operator) -> None:
    """A database that is read and refuses to write, as on a full disk, stands first, and `receiver check` says it."""
    operator.held()
    with failing(operator.rig, "INSERT ON rejects"):
        first = operator.says("status").splitlines()[0]
        checked = receiver("check", config=operator.config)

    assert first.startswith("! deliveries cannot be stored, the database does not answer or refuses: see the log")
    assert "integer overflow" in first
    assert (1, True) == (checked.exit_code, "! the database takes no deliveries: " in checked.stdout)
    assert "no faults, but deliveries cannot be stored; see above" in checked.stderr
    assert "database: ready" in receiver("check", config=operator.config).stdout


def test_json(operator: Operator) -> None:
    """The same as one object."""
    trouble(operator)

    with freeze_time(NOW):
        (found,) = operator.tells("status")

    assert {"held", "unreadable", "unknown_address", "account_paused"} == {one["cause"] for one in found["needs"]}
    assert ("2026-11-18T11:16:40Z", "2026-11-18T11:06:40Z") == (found["at"], found["oldest_due_at"])
    assert {"held": 1, "awaiting_order": 1, "due": 1} == {one["state"]: one["count"] for one in found["shipments"]}
    assert "2026-11-18T13:06:40Z" == found["accounts"][0]["pause"]["until"]
    assert [
        {"endpoint": "melhor-envio", "carrier": "melhor_envio", "last_delivery_at": "2026-11-18T11:06:40Z"}
        | {"last_check_at": None}
    ] == found["endpoints"]


def test_checked(operator: Operator) -> None:
    """After the URL was saved in the carrier's panel one sees that the carrier was here."""
    operator.rig.client.post("/webhooks/melhor-envio", data=b"{}")
    operator.rig.database.counters.flush(now=NOON, only_if_due=False)

    with freeze_time(NOW):
        lines = operator.says("status").splitlines()

    assert "endpoint melhor-envio: never heard, URL checked 2026-11-18T11:06:40Z, 10 minutes ago" == lines[-1]


def test_refused(operator: Operator) -> None:
    """The first request with a wrong secret is no alert yet; who wonders why nothing is heard reads where to look."""
    assert 401 == operator.rig.client.post("/webhooks/melhor-envio", headers={"x-me-signature": "AAAA"}).status_code
    operator.rig.database.counters.flush(now=NOON, only_if_due=False)

    with freeze_time(NOW):
        lines = operator.says("status").splitlines()

    when = "a sender refused 2026-11-18T11:06:40Z, 10 minutes ago"
    assert f"endpoint melhor-envio: never heard, {when}: receiver rejects --endpoint melhor-envio" == lines[-1]

    assert 200 == operator.rig.client.post("/webhooks/melhor-envio", json=posted()).status_code  # the panel's own check
    operator.rig.database.counters.flush(now=NOON, only_if_due=False)
    with freeze_time(NOW):
        assert "never heard, URL checked" in operator.says("status").splitlines()[-1]


def test_one_screen(operator: Operator) -> None:
    """However much there is, it fits 24 lines; what is left out is counted. Endpoints never heard come first."""
    many = {f"endpoint-{number}": MELHOR_ENVIO for number in range(30)}
    operator = Operator(operator.rig, **many)
    for name in list(many)[:20]:
        operator.rig.post(UNREADABLE, endpoint=name)

    lines = operator.says("status").splitlines()

    assert 23 >= len(lines)
    assert "… and 14 more: receiver notify list" == lines[6]
    assert "endpoint endpoint-20: never heard" == lines[-6]
    assert "… and 25 more: receiver status --json" == lines[-1]
