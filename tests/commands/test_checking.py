"""Whether the keys work, which accounts are paused, and how a person ends a pause."""

import logging

import pytest

from receiver.store import Queue
from tests.support.console import Operator, receiver
from tests.support.rig import Rig, order, package, posted

NOW_AND_LATER = 4_000_000_000.0  # commands have the real clock
LAST = "Notify invoice: not checked, only a write shows it"


def asked(operator: Operator, *, code: int = 0) -> list[str]:
    """What `check --vtex` says of the account."""
    result = receiver("check", "--vtex", config=operator.config)
    assert code == result.exit_code, result.output
    return [line.strip() for line in result.stdout.splitlines() if line.startswith("  ")]


def verdict(operator: Operator) -> str:
    """What `check --vtex` ends with, behind the file's name."""
    return receiver("check", "--vtex", config=operator.config).stderr.strip().partition(": ")[2]


def pause(rig: Rig, *, own_fault: bool = True) -> None:
    accounts = Queue(rig.database, worker_name="test", lease=60).accounts
    accounts.pause("lux", until=NOW_AND_LATER, reason="HTTP 401: the key", own_fault=own_fault)


class TestVtex:
    def test_works(self, operator: Operator) -> None:
        """A key that works may read orders; what only a write would show is said, and nothing is written."""
        assert [
            "app key and token: accepted", "View order: allowed", "List Orders (receiver index): allowed", LAST,
        ] == asked(operator)  # fmt: skip
        assert {"GET"} == {call.method for call in operator.rig.calls()}

    @pytest.mark.parametrize("fault", ["unauthorized", "redirect", "login_page"])
    def test_dead_key(self, operator: Operator, fault: str) -> None:
        """A key that VTEX does not take is told with VTEX's words, and pauses nothing."""
        operator.rig.faults(**{fault: True})

        assert "! app key and token: " == asked(operator, code=1)[0][:21]
        assert "no faults, but VTEX does not take every key; see above" == verdict(operator)
        assert [] == operator.rig.queries.paused_accounts(now=operator.rig.now)

    def test_role(self, operator: Operator) -> None:
        """A key without the role for orders is accepted, and what it lacks is named."""
        operator.rig.faults(lacking=frozenset({"view"}))

        assert ["app key and token: accepted", "! View order: HTTP 403"] == [
            line[:22] if line.startswith("!") else line for line in asked(operator, code=1)[:2]
        ]

    def test_list(self, operator: Operator) -> None:
        """The right to list orders serves the index alone: without it the check passes, with a mark."""
        operator.rig.faults(lacking=frozenset({"list"}))

        assert "! List Orders (receiver index): HTTP 403" == asked(operator)[2][:40]

    def test_away(self, operator: Operator) -> None:
        """VTEX's own trouble is no verdict about the key."""
        operator.rig.faults(server_error=1.0)

        assert "! app key and token: unknown, HTTP 500" == asked(operator, code=1)[0][:38]
        assert "no faults, but VTEX could not be asked; see above" == verdict(operator)

    def test_rotation(self, operator: Operator) -> None:
        """Each app token is tried by itself."""
        operator.config.write_text(operator.config.read_text().replace('"token"', '["token", "former"]'))

        assert ["app token 1 of 2: accepted", "View order: allowed"] == asked(operator)[:2]
        assert "app token 2 of 2: accepted" in asked(operator)

    def test_hook(self, operator: Operator) -> None:
        """The hook's role is asked for where the account has secrets for it."""
        operator.config.write_text(
            operator.config.read_text().replace("[vtex.lux]", '[vtex.lux]\nhook_secrets = ["hook-secret"]')
        )
        assert "Feed v3 and Hook Admin (receiver hook): allowed" in asked(operator)

        operator.rig.faults(lacking=frozenset({"hook"}))
        assert "! Feed v3 and Hook Admin (receiver hook): HTTP 403" == asked(operator)[2][:50]

    def test_paused_for_its_key(self, operator: Operator) -> None:
        """A pause for a key that did not work is no obstacle: whether it works now is the question."""
        pause(operator.rig)

        assert "app key and token: accepted" in asked(operator)
        assert 1 == len(operator.rig.queries.paused_accounts(now=operator.rig.now))

    def test_paused_by_vtex(self, operator: Operator) -> None:
        """Where VTEX asked for quiet, it is not asked."""
        pause(operator.rig, own_fault=False)

        assert "! not asked, VTEX wants no calls now: paused until " in "".join(asked(operator, code=1))
        assert "no faults, but VTEX could not be asked; see above" == verdict(operator)
        assert [] == operator.rig.calls()


class TestPause:
    @pytest.mark.parametrize(
        ("own_fault", "ends"),
        [
            (True, "when the key works; after a correction: receiver resume lux, or SIGHUP to a worker"),
            (False, "by itself; sooner by receiver resume lux"),
        ],
    )
    def test_told(self, operator: Operator, own_fault: bool, ends: str) -> None:
        """`check` and `retry` tell of a pause, why it is, and how it ends."""
        pause(operator.rig, own_fault=own_fault)

        line = f"paused until 2096-10-02T07:06:40Z: HTTP 401: the key; it ends {ends}\n"
        assert f"  ! {line}" in operator.says("check")
        assert f"account lux is {line}" in operator.says("retry", "--state", "held")

    def test_logged(self, operator: Operator, caplog: pytest.LogCaptureFixture) -> None:
        """The log line of a pause says how it ends."""
        operator.rig.faults(unauthorized=True)
        with caplog.at_level(logging.ERROR, "receiver.worker"):
            operator.rig.add_order(order("1-01", package("41001")))
            operator.rig.post(posted())
            operator.rig.work()

        [line] = [message for message in caplog.messages if message.startswith("account paused")]
        assert line.endswith("ends=when the key works; after a correction: receiver resume lux, or SIGHUP to a worker")

    def test_resume(self, operator_on_either: Operator) -> None:
        """After a correction `resume` ends the pause: one call is made, and the parcel is written."""
        operator, rig = operator_on_either, operator_on_either.rig
        rig.add_order(order("1-01", package("41001")))
        pause(rig)
        rig.post(posted())
        rig.work()
        assert [] == rig.calls()

        said = operator.says("resume", "lux")
        rig.work()

        assert "account lux: one call is made now, the rest follows if VTEX answers\n" == said
        assert "TN1BR" == rig.package_of("1-01", "41001")["trackingNumber"]
        assert "account lux is not paused" == operator.fails("resume")

    def test_still_wrong(self, operator: Operator) -> None:
        """Where the key still does not work, the one call pauses the account again."""
        pause(operator.rig)
        operator.rig.faults(unauthorized=True)
        operator.rig.add_order(order("1-01", package("41001")))
        operator.rig.post(posted())

        assert [{"account": "lux", "resumed": True}] == operator.tells("resume")
        operator.work()
        assert 1 == len(operator.rig.calls())
        assert operator.rig.now < operator.rig.queries.paused_accounts(now=operator.rig.now)[0]["until"]
