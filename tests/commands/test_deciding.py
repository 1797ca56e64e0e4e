"""Decisions at the command line: who and why stand in the record, `receiver decisions` and `receiver show` tell it."""

import re

from receiver.commands._deciding import os_user
from tests.support.console import receiver
from tests.support.rig import UNREADABLE


class TestRecorded:
    def test_every_command(self, operator_on_either):
        """Each command by which a person decides leaves a row with the name, the note and the way in."""
        operator = operator_on_either
        operator.held()
        delivery = operator.rig.post(UNREADABLE).json["delivery"]
        queue, _ = operator.rig.hands("other")
        queue.accounts.pause("lux", until=4e9, reason="HTTP 401", own_fault=True, now=operator.rig.now)
        commands = {
            "resume": ("lux",),
            "assign": ("TN1BR", "--order", "1-01"),
            "unassign": ("TN1BR",),
            "dismiss": ("TN1BR",),
            "retry": ("TN1BR",),
            "link": ("TN5BR", "1-01"),
            "unlink": ("TN5BR",),
            "reprocess": (delivery,),
        }
        for name, arguments in commands.items():
            operator.says(name, *arguments, "--by", "ana", "--note", "because")

        rows = operator.tells("decisions")
        assert list(commands) == [row["action"] for row in reversed(rows)]
        assert {("ana", "command line", "because")} == {(row["actor"], row["via"], row["note"]) for row in rows}

    def test_os_user(self, operator):
        """Without --by it is the user of the system; without --note there is none."""
        operator.held()
        operator.says("retry", "--state", "held")

        (row,) = operator.tells("decisions")
        assert (os_user(), None) == (row["actor"], row["note"])

    def test_name(self, operator):
        """A name that is empty or no text of one line is refused."""
        operator.held()

        for name in ("", "  ", "a\nb", "x" * 101):
            result = receiver("retry", "TN1BR", "--by", name, config=operator.config)
            assert (2, True) == (result.exit_code, "printable characters" in result.stderr)


class TestDecisions:
    def test_table(self, operator):
        """A line tells when, who, from where, what, about what, before, after and why."""
        operator.held()
        operator.says("dismiss", "TN1BR", "--by", "ana", "--note", "sent by hand")

        heading, line = operator.says("decisions").splitlines()

        assert ["at", "by", "via", "what", "about", "before", "after", "note"] == heading.split()
        assert re.fullmatch(
            r"\S+Z  ana  command line  dismiss  melhor-envio/p1  state held, reason ambiguous_invoice, order_id 1-01"
            r"  state dismissed, order_id 1-01 +sent by hand",
            line,
        )

    def test_chosen(self, operator):
        """--limit and --since choose; an empty record is said."""
        assert "no decisions yet\n" == operator.says("decisions")
        operator.held()
        for _ in range(3):
            operator.says("retry", "TN1BR")

        assert 2 == len(operator.tells("decisions", "--limit", "2"))
        assert 3 == len(operator.tells("decisions", "--since", "2026-01-01"))
        assert "no decisions match\n" == operator.says("decisions", "--since", "2100-01-01")

    def test_show(self, operator):
        """A shipment's story tells what people decided about it, and why."""
        operator.held()
        operator.says("assign", "TN1BR", "--order", "1-01", "--invoice", "B", "--by", "ana", "--note", "two boxes")

        story = operator.says("show", "TN1BR")

        assert re.search(
            r"what people decided:\n  \S+Z  assign by ana \(command line\): two boxes\n"
            r" +before state held, reason ambiguous_invoice.*\n +after  state due, .*assigned_invoice B\n",
            story,
        )
        assert ["assign"] == [one["action"] for one in operator.tells("show", "TN1BR")[0]["decisions"]]


class TestResume:
    def test_ends(self, operator):
        """The pause is over, and what waited is written."""
        operator.held()
        queue, _ = operator.rig.hands("other")
        queue.accounts.pause("lux", until=4e9, reason="HTTP 401", own_fault=True, now=operator.rig.now)

        assert "account lux: one call is made now, the rest follows if VTEX answers\n" == operator.says("resume", "lux")
        operator.says("assign", "TN1BR", "--order", "1-01", "--invoice", "B")
        operator.work()
        assert "in_step" == operator.rig.shipment()["state"]

    def test_not_paused(self, operator):
        """There is nothing to end of an account that is not paused, or is none."""
        assert "account lux is not paused" == operator.fails("resume", "lux")
        assert "no account 'luxe'; there are lux" == operator.fails("resume", "luxe")
