"""The operator's commands: what is where and why, and what only a person may do."""

import json
import re

import pytest
from sqlalchemy import text

from tests.support.console import Operator, receiver
from tests.support.rig import UNREADABLE, order, package, posted

FRENET = {"carrier": "frenet", "secrets": ["frenet-secret"], "auth": {"scheme": "query"}}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class TestShipments:
    def test_json(self, operator_on_either):
        """One object a line, complete, times in UTC, nothing of the queue's own."""
        operator_on_either.in_step()

        (row,) = operator_on_either.tells("shipments")

        assert {
            "id": "melhor-envio/p1",
            "state": "in_step",
            "reason": None,
            "tracking_number": "TN1BR",
            "order_id": "1-01",
            "invoice_number": "41001",
            "rule": "only_open_invoice",
            "changed_at": "2026-11-18T11:06:40Z",
        }.items() <= row.items()
        assert row["due_at"] is None
        assert not {"token", "worker_name", "input_digest", "known", "sent"} & row.keys()

    def test_table(self, operator):
        """A table has a heading and a line for each."""
        operator.in_step()

        heading, line = operator.says("shipments").splitlines()

        assert [
            "shipment",
            "state",
            "reason",
            "number",
            "order",
            "invoice",
            "chosen",
            "by",
            "changed",
        ] == heading.split()
        assert re.fullmatch(rf"melhor-envio/p1 +in_step +TN1BR +1-01 +41001 +only_open_invoice +{TIME}", line)

    @pytest.mark.parametrize(
        ("option", "value", "found"),
        [
            ("--state", "held", ["p1"]),
            ("--state", "in_step", []),
            ("--reason", "ambiguous_invoice", ["p1"]),
            ("--reason", "second_parcel", []),
            ("--number", "TN1BR", ["p1"]),
            ("--number", "TN2BR", []),
            ("--endpoint", "melhor-envio", ["p1", "p2"]),
        ],
    )
    def test_filters(self, operator, option, value, found):
        """Each filter keeps what it names."""
        operator.held()
        operator.rig.post(posted("2-01", parcel="p2", number=None))
        operator.rig.work()

        assert [f"melhor-envio/{name}" for name in found] == sorted(
            row["id"] for row in operator.tells("shipments", option, value)
        )

    def test_newest_first(self, operator):
        """The latest change stands first."""
        operator.held()
        operator.rig.now += 60
        operator.rig.post(posted("2-01", parcel="p2", number="TN2BR"))
        operator.rig.work()

        assert ["melhor-envio/p2", "melhor-envio/p1"] == [row["id"] for row in operator.tells("shipments")]

    def test_none(self, operator):
        """Nothing to list is said, and is no fault."""
        assert "no shipments yet\n" == operator.says("shipments")
        assert "no shipments match\n" == operator.says("shipments", "--state", "held")
        assert "no deliveries yet\n" == operator.says("deliveries")
        assert "no deliveries match\n" == operator.says("deliveries", "--outcome", "error")
        assert [] == operator.tells("shipments")

    def test_unknown_endpoint(self, operator):
        """An endpoint that is neither stored nor configured is a typing error."""
        assert "no endpoint 'nope'; there are melhor-envio" == operator.fails("shipments", "--endpoint", "nope")
        assert "no endpoint 'nope'; there are melhor-envio" == operator.fails("deliveries", "--endpoint", "nope")
        assert "no endpoint 'nope'; there are melhor-envio" == operator.fails("export", "--endpoint", "nope")
        assert "no endpoint 'nope'; there are melhor-envio" == operator.fails("reprocess", "--endpoint", "nope")

    def test_many(self, operator, monkeypatch):
        """A long table ends with a line that says how to see the rest; JSON is complete."""
        monkeypatch.setattr("receiver.commands._listing.MOST_ROWS", 2)
        for number in range(3):
            operator.rig.post(posted(parcel=f"p{number}"))

        assert (
            "… the newest 2; --limit N shows more, --json and --csv all" == operator.says("shipments").splitlines()[-1]
        )
        assert 3 == len(operator.tells("shipments"))


class TestDeliveries:
    def test_json(self, operator_on_either):
        """Everything but the body."""
        operator_on_either.in_step()

        (row,) = operator_on_either.tells("deliveries")

        assert ("accepted", "melhor_envio", "hmac") == (row["outcome"], row["carrier"], row["proof"])
        assert "2026-11-18T11:06:40Z" == row["received_at"]
        assert "[redacted]" == row["headers"]["x-me-signature"]
        assert "body" not in row

    def test_outcome(self, operator):
        """Quarantined ones come with the JSON path of the fault."""
        operator.in_step()
        operator.rig.post(UNREADABLE)

        (row,) = operator.tells("deliveries", "--outcome", "quarantined")

        assert row["reason"].startswith("$.data: lacks 'id'")
        assert re.search(rf"{TIME}  melhor-envio  quarantined  \$.data: lacks 'id'", operator.says("deliveries"))


class TestRejects:
    def test_markup(self, rig):
        """Square brackets are text: what was redacted is seen to be."""
        operator = Operator(rig, frenet=FRENET)
        operator.rig.client.post("/webhooks/frenet?token=wrong[/bold]", data=b"{}")

        assert re.search(r"POST +/webhooks/frenet\?token=\[redacted\]", operator.says("rejects"))

    def test_json(self, operator):
        """The reason that the sender was not told, and the headers as an object, without what they say."""
        body = b'{"event": 1, "data": {"id": "p1"}}'
        operator.rig.client.post("/webhooks/melhor-envio", data=body, headers={"X-Note": "hello"})

        (row,) = operator.tells("rejects")

        assert "header x-me-signature is missing" == row["reason"]
        assert "[redacted]" == row["headers"]["x-note"]
        assert "34" == row["headers"]["content-length"]
        assert re.fullmatch(TIME, row["at"])

    def test_none(self, operator):
        """An empty list is good news."""
        assert "nothing was rejected\n" == operator.says("rejects")


class TestShow:
    def test_story(self, operator):
        """By tracking number: what came, what was chosen and why, each request and its answer."""
        operator.in_step()

        told = operator.says("show", "TN1BR")

        assert "melhor-envio/p1: in_step\n" == told.splitlines(keepends=True)[0]
        for line in (
            r"  account +lux",
            r"  tracking number +TN1BR",
            r"  dispatched +2026-11-10T09:00:00-03:00",
            r"  references +order_id 1-01",
            r"  order +1-01, invoice 41001",
            r"  chosen by +only_open_invoice: the order's only invoice, without tracking, and .+",
            r"  evidence +\{.+\}",
            r"  VTEX has +since 2026-11-18T11:06:40Z, not looked at since",
            r" {19}dispatchedDate +2026-11-10T09:00:00-03:00",
            rf'  {TIME}  [0-9a-f]{{28}}  \{{"status": "dispatched", .+\}}',
            rf"  {TIME}  GET order  1-01  → done",
            rf"  {TIME}  PATCH  1-01, invoice 41001  by only_open_invoice  → done  \S+\n {{19}}trackingNumber +TN1BR",
            r" {24}accepted \(authenticated by hmac; adapter melhor_envio .+\)",
        ):
            assert re.search(f"^{line}$", told, re.MULTILINE), f"{line}\n{told}"

    def test_json(self, operator_on_either):
        """By id: the same as one object."""
        operator_on_either.in_step()

        (story,) = operator_on_either.tells("show", "melhor-envio/p1")

        assert "in_step" == story["shipment"]["state"]
        assert ["dispatched"] == [one["said"]["status"] for one in story["deliveries"]]
        assert [("GET order", "done"), ("PATCH", "done")] == [
            (one["call"], one["outcome"]) for one in story["attempts"]
        ]
        assert "TN1BR" == story["attempts"][1]["request"]["trackingNumber"]
        assert "2026-11-18T11:06:40Z" == story["attempts"][1]["begun_at"]

    def test_held(self, operator):
        """A held one says why, and what to do."""
        operator.held()

        first, second = operator.says("show", "TN1BR").splitlines()[:2]

        assert "melhor-envio/p1: held, ambiguous_invoice" == first
        assert second.startswith("  Several invoices of the order could be the one. Name one: receiver assign.")

    def test_nothing_asked(self, operator):
        """A parcel that waits for its number has had no call made for it, and says so."""
        operator.rig.post(posted(number=None))
        operator.rig.work()

        assert (
            "what was done: nothing was asked of VTEX yet" == operator.says("show", "melhor-envio/p1").splitlines()[-1]
        )

    def test_control_characters(self, operator):
        """What VTEX answered cannot drive the terminal."""
        operator.in_step()
        operator.rig.database.write(
            lambda connection: connection.execute(text("UPDATE attempts SET answer = '\x1b[2Jx'"))
        )

        assert r"\x1b[2Jx" in operator.says("show", "TN1BR")

    def test_unknown(self, operator):
        """An unknown name is one line."""
        either = "nothing is known of an order of this id either"
        assert f"no shipment has the id or the tracking number 'nope'; {either}" == operator.fails("show", "nope")

    def test_unread(self, operator):
        """What arrived and was not looked at, as while an account is paused, is found by its number as the carrier
        writes it, and cannot be found otherwise."""
        operator.rig.post(posted())

        assert operator.says("show", "TN1BR").startswith("melhor-envio/p1")
        ends = "; parcels are due that no worker has looked at: their numbers are not known before"
        assert operator.fails("show", "tn-1br").endswith(ends)

    def test_delivery(self, operator):
        """A delivery's id, as carriers are answered and the log has it, leads to its parcels, or says why to none."""
        accepted, unreadable = (operator.rig.post(one).json["delivery"] for one in (posted(), UNREADABLE))
        said = f"{accepted} is a delivery of endpoint melhor-envio: accepted; receiver show melhor-envio/p1"
        assert said == operator.fails("show", accepted)
        said = f"{unreadable} is a delivery of endpoint melhor-envio: quarantined, $.data: lacks 'id'"
        assert said == operator.fails("show", unreadable)

    def test_several(self, operator):
        """A number of several parcels asks which."""
        for parcel in ("p1", "p2"):
            operator.rig.post(posted(None, parcel=parcel))
        operator.rig.work()

        expected = "'TN1BR' is a number or id of melhor-envio/p1, melhor-envio/p2: name one"
        assert expected == operator.fails("show", "TN1BR")


class TestShowOrder:
    def test_awaited(self, operator):
        """An order that VTEX does not know yet has the parcels that wait for it."""
        operator.rig.post(posted("777-01"))
        operator.rig.work()

        told = operator.says("show", "777-01")
        assert "order 777-01: 1 shipment\n  melhor-envio/p1  awaiting_order, order_not_found  TN1BR" in told
        (row,) = operator.tells("shipments", "--order", "777-01")
        assert ("melhor-envio/p1", None, "777-01") == (row["id"], row["order_id"], row["awaited_order"])
        assert "  awaits 777-01  " in operator.says("shipments")
        assert 1 == len(operator.tells("deliveries", "--order", "777-01"))
        assert "1 shipment would be dismissed" in operator.says("dismiss", "--order", "777-01", "--dry-run")
        operator.says("dismiss", "--order", "777-01")
        assert 1 == len(operator.tells("decisions", "--order", "777-01"))

    def test_writes(self, operator_on_either):
        """By an order's id: its parcels, and every write to it, no matter who made it."""
        operator = operator_on_either
        operator.in_step()
        operator.rig.add_order(order("2-01", package("B")))
        operator.says("assign", "TN1BR", "--order", "2-01")
        operator.work()
        operator.rig.add_order(order("1-01", items=[{"id": "4101", "quantity": 1}]))
        bill = {"type": "Output", "issuanceDate": "2026-11-17", "invoiceNumber": "77", "invoiceValue": "10000"}
        file = operator.rig.folder / "bill.json"
        file.write_text(json.dumps({**bill, "items": [{"id": "4101", "price": 10000, "quantity": 1}]}))
        operator.says("invoice", "1-01", file)

        first, second, *writes = operator.says("show", "1-01").splitlines()
        assert ["order 1-01: 0 shipments", "what was written:"] == [first, second]
        assert "                   trackingNumber  TN1BR" == writes[1]
        for expected, line in zip(
            (
                r"melhor-envio/p1  PATCH  1-01, invoice 41001  by only_open_invoice  → done  \S+",
                r"receiver invoice  POST invoice  1-01, invoice 77  \{.+\}  → done  \S+",
            ),
            (writes[0], writes[5]),
            strict=True,
        ):
            assert re.fullmatch(f"  {TIME}  {expected}", line), line
        assert (
            "  melhor-envio/p1  in_step  TN1BR  invoice B  account lux" == operator.says("show", "2-01").splitlines()[1]
        )
        (story,) = operator.tells("show", "2-01")
        assert [["melhor-envio/p1"], ["TN1BR"]] == [
            [row["id"] for row in story["shipments"]],
            [one["request"]["trackingNumber"] for one in story["attempts"]],
        ]

    def test_nothing_written(self, operator):
        """A parcel that is held has been chosen nothing for, and says why."""
        operator.held()

        assert [
            "order 1-01: 1 shipment",
            "  melhor-envio/p1  held, ambiguous_invoice  TN1BR  no invoice yet  account lux",
            "what was written: nothing yet",
        ] == operator.says("show", "1-01").splitlines()


class TestAssign:
    def test_invoice(self, operator_on_either):
        """A person's word overrules the rules, and the worker does it."""
        operator_on_either.held()

        said = operator_on_either.says("assign", "TN1BR", "--order", "1-01", "--invoice", "B")

        assert "melhor-envio/p1: order 1-01, invoice B\n" == said
        operator_on_either.work()
        assert "TN1BR" == operator_on_either.rig.package_of("1-01", "B")["trackingNumber"]
        (row,) = operator_on_either.tells("shipments")
        assert ("in_step", "assigned") == (row["state"], row["rule"])
        assert re.search(
            rf"^  assigned +1-01, invoice B, {TIME}$", operator_on_either.says("show", "TN1BR"), re.MULTILINE
        )

    def test_json(self, operator):
        """What was assigned, as an object."""
        operator.held()

        expected = {"order_id": "1-01", "invoice_number": None, "unchecked": None, "stays": None}
        expected |= {"companions": [], "ended": []}
        assert [{"shipment": "melhor-envio/p1", **expected}] == operator.tells("assign", "TN1BR", "--order", "1-01")

    def test_unknown(self, operator):
        """An unknown shipment is one line, and so is what can be no order or invoice."""
        assert operator.fails("assign", "nope", "--order", "1-01").startswith("no shipment has")
        assert "order: '..' cannot be part of a URL" == operator.fails("assign", "x", "--order", "..")
        for command in (("assign", "x", "--unseen", "--order"), ("link", "TN")):
            assert "order: '1 01' is no order id: it holds a space" == operator.fails(*command, "1 01")
        assert "invoice: '.' cannot be part of a URL" == operator.fails("assign", "x", "--order", "1", "--invoice", ".")


class TestDismiss:
    def test_dismissed(self, operator_on_either):
        """Nothing is sent for it, no matter what comes; `retry` opens it again."""
        operator_on_either.held()

        dismissed = {"shipment": "melhor-envio/p1", "state": "dismissed"}
        assert [dismissed] == operator_on_either.tells("dismiss", "TN1BR")
        operator_on_either.rig.post(posted(event="order.delivered"))
        operator_on_either.work()
        assert "dismissed" == operator_on_either.rig.shipment()["state"]

        reopened = {"retried": 1, "shipment": "melhor-envio/p1", "state": "due"}
        assert [reopened] == operator_on_either.tells("retry", "TN1BR")
        operator_on_either.work()
        assert "held" == operator_on_either.rig.shipment()["state"]

    def test_unknown(self, operator):
        """An unknown name is one line."""
        assert operator.fails("dismiss", "nope").startswith("no shipment has")


class TestRetry:
    def test_one(self, operator):
        """By its number, once the cause is gone."""
        operator.held()
        operator.rig.add_order(order("1-01", package("A")))

        assert "1 shipment will be looked at again\n" == operator.says("retry", "TN1BR")
        operator.work()
        assert "in_step" == operator.rig.shipment()["state"]

    def test_all_of(self, operator_on_either):
        """All of a state and reason, and no others."""
        operator_on_either.held()
        operator_on_either.rig.post(posted("9-01", parcel="p2", number="TN2BR"))
        operator_on_either.rig.work()

        retry = ("retry", "--state", "held", "--reason")
        assert [{"retried": 0}] == operator_on_either.tells(*retry, "second_parcel")
        assert [{"retried": 1}] == operator_on_either.tells(*retry, "ambiguous_invoice")
        assert ["due", "awaiting_order"] == [
            operator_on_either.rig.shipment(f"melhor-envio/{name}")["state"] for name in ("p1", "p2")
        ]

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("TN1BR", "--state", "held"),
            ("TN1BR", "--reason", "second_parcel"),
            ("--state", "bogus"),
            ("--state", "held", "--reason", "bogus"),
        ],
    )
    def test_usage(self, operator, arguments):
        """One shipment or a filter; a mistyped state or reason is not an empty set."""
        assert 2 == receiver("retry", *arguments, config=operator.config).exit_code


class TestLink:
    def test_after(self, operator_on_either):
        """A link frees the parcel that waits for it."""
        operator_on_either.rig.add_order(order("1-01", package("41001")))
        operator_on_either.rig.post(posted(None))
        operator_on_either.rig.work()

        assert "TN1BR belongs to order 1-01, invoice 41001; 1 shipment woken\n" == operator_on_either.says(
            "link", "TN1BR", "1-01", "41001"
        )
        operator_on_either.work()
        assert "TN1BR" == operator_on_either.rig.package_of("1-01", "41001")["trackingNumber"]
        assert "link" == operator_on_either.rig.shipment()["rule"]

    def test_dismissed(self, operator):
        """Of a parcel that a person has dismissed, the answer has the command that opens it again."""
        operator.in_step()
        operator.says("dismiss", "TN1BR")
        said = operator.says("link", "TN1BR", "2-01")
        assert said.endswith(
            "; 0 shipments woken; melhor-envio/p1 was dismissed by a person, and nothing is sent for it until: "
            "receiver retry melhor-envio/p1\n"
        )

    def test_before(self, operator):
        """A link may come before the webhook."""
        assert [
            {
                "account": "lux",
                "tracking_number": "TN1BR",
                "order_id": "1-01",
                "also": [],
                "invoice_number": None,
                "woken": 0,
                "replaced": [],
                "dismissed": [],
            }
        ] == operator.tells("link", " TN1BR ", "1-01")

        operator.rig.add_order(order("1-01", package("41001")))
        operator.rig.post(posted(None))
        operator.rig.work()
        assert "in_step" == operator.rig.shipment()["state"]

    def test_account(self, operator):
        """The account is asked for where there are several, and must exist."""
        assert "no account 'nope'; there are lux" == operator.fails("link", "TN", "1-01", "--account", "nope")
        second = '[vtex.lux2]\napp_key = "k"\napp_token = "t"\n'
        written = operator.config.read_text(encoding="utf-8").replace("secrets", 'account = "lux"\nsecrets')
        operator.config.write_text(written + second, encoding="utf-8")
        assert "--account is missing; there are lux, lux2" == operator.fails("link", "TN", "1-01")
        assert "lux2" == operator.tells("link", "TN", "1-01", "--account", "lux2")[0]["account"]

    def test_unsafe(self, operator):
        """What cannot be asked of VTEX is refused here, not noted."""
        assert "order: '..' cannot be part of a URL" == operator.fails("link", "TN", "..")
