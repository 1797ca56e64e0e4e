"""What the merchant's own systems tell: over HTTP, out of a file, by hand."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from receiver.operations.links import FIELDS, MOST
from tests.support.console import on_terminal, receiver, write_config
from tests.support.paths import ROOT
from tests.support.reconciling import INTELIPOST, UPS, learn, rest, scanned, shipped
from tests.support.rig import MELHOR_ENVIO, Rig, order, package, posted
from tests.support.times import DAY

KEY = "35261112345678000195550010000009001123456789"
DOCS = (ROOT / "docs" / "links.md").read_text(encoding="utf-8")
ENDPOINTS = {"melhor-envio": MELHOR_ENVIO, "ups": UPS}


@pytest.fixture
def told(rig_on_either: Rig) -> Rig:
    rig_on_either.configure(endpoints=ENDPOINTS, account={"link_tokens": ["new-token", "old-token"]})
    return rig_on_either


def send(rig: Rig, body: Any, *, token: str | None = "new-token", account: str = "lux") -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return rig.client.post(f"/links/{account}", data=data, headers=headers)


def known(rig: Rig) -> dict[tuple[str, str], str]:
    return {(row["kind"], row["value"]): row["order_id"] for row in rig.index.links()}


def links_of(rig: Rig) -> list[dict[str, Any]]:
    """Every link, without the time at which it was told."""
    return sorted(({**row, "told_at": 0} for row in rig.index.links()), key=str)


class TestHttp:
    """``POST /links/<account>``."""

    def test_ahead(self, told: Rig):
        """A link told before the first webhook leads a parcel without any reference to its order, at once."""
        told.add_order(order("1-01", package("900")))
        answer = send(told, {"tracking_number": "1Z1", "order": "1-01"})
        assert (200, {"stored": 1, "rejected": 0, "results": [{"index": 0, "status": "stored", "woken": 0}]}) == (
            answer.status_code,
            answer.get_json(),
        )
        told.post(scanned("1Z1", told.now), endpoint="ups")
        told.work()

        assert "1Z1" == told.package_of("1-01", "900")["trackingNumber"]

    def test_afterwards(self, told: Rig):
        """One told afterwards wakes the parcel that waits."""
        told.add_order(order("1-01", package("900")))
        told.post(scanned("1Z1", told.now), endpoint="ups")
        told.work()
        assert 1 == send(told, {"tracking_number": "1Z1", "order": "1-01"}).get_json()["results"][0]["woken"]
        told.work()

        assert "in_step" == told.shipment("ups/1Z1")["state"]

    def test_of_a_dismissed_parcel(self, told: Rig):
        """The answer says that a person wants nothing sent for the parcel: no companion is made before that is taken
        back. Then it is, without another link."""
        told.add_order(order("1-01", package("900")), order("2-01", package("950")))
        told.post(posted("1-01"))
        told.work()
        told.decisions.dismiss("melhor-envio/p1", now=told.now)
        (result,) = send(told, {"tracking_number": "TN1BR", "order": "1-01", "also": ["2-01"]}).get_json()["results"]
        told.work()
        assert (["melhor-envio/p1"], 0) == (result["dismissed"], result["woken"])
        assert ["melhor-envio/p1"] == [row["id"] for row in told.queries.shipments()]

        told.decisions.retry("melhor-envio/p1", now=told.now)
        told.works_until(60)
        assert "TN1BR" == told.package_of("2-01", "950")["trackingNumber"]

    @pytest.mark.parametrize(
        "body",
        [
            [{"order": "1-01", "tracking_number": "A"}, {"order": "2-01", "tracking_number": "B"}],
            b'{"order": "1-01", "tracking_number": "A"}\n\n{"order": "2-01", "tracking_number": "B"}\n',
        ],
    )
    def test_several(self, told: Rig, body: Any):
        """A list, or JSON Lines."""
        assert 2 == send(told, body).get_json()["stored"]
        assert {("tracking_number", "A"): "1-01", ("tracking_number", "B"): "2-01"} == known(told)

    def test_every_name(self, told: Rig):
        """A link may name its parcel in several ways; numbers and keys are kept as they are looked for."""
        item = {"order": "1-01", "shipment": "s1", "endpoint": "ups", "invoice_number": "000900"}
        assert 200 == send(told, {**item, "invoice_key": f"NFe{KEY}", "tracking_number": " A "}).status_code
        names = {("shipment", "ups/s1"), ("invoice_number", "900"), ("invoice_key", KEY), ("tracking_number", "A")}
        assert names == known(told).keys()
        assert {"000900"} == {row["invoice_number"] for row in told.index.links()}

    def test_only_endpoint(self, told: Rig):
        """Where the account has one endpoint, that is the shipment's; one of another account is none of its own."""
        endpoints = {"melhor-envio": {**MELHOR_ENVIO, "account": "lux"}, "ups": {**UPS, "account": "second"}}
        told.configure(endpoints=endpoints, account={"link_tokens": ["new-token"]}, accounts={"second": {}})
        assert 200 == send(told, {"order": "1-01", "shipment": "p1"}).status_code
        assert {("shipment", "melhor-envio/p1")} == known(told).keys()

        refused = send(told, {"order": "1-01", "shipment": "1Z1", "endpoint": "ups"}).get_json()["results"][0]
        assert "is no endpoint of this account; there are melhor-envio" in str(refused)

    def test_some_bad(self, told: Rig):
        """Good ones are stored, bad ones told with their index, the path and why."""
        bad: list[tuple[Any, str, str]] = [
            ("x", "$", "is string, expected object"),
            ({"tracking_number": "A"}, "$", "lacks 'order'"),
            ({"order": 5, "tracking_number": "A"}, "$.order", "is integer, expected string"),
            ({"order": "  ", "tracking_number": "A"}, "$.order", "is blank"),
            ({"order": "..", "tracking_number": "A"}, "$.order", "'..' cannot be part of a URL"),
            ({"order": "TN1 41", "tracking_number": "A"}, "$.order", "'TN1 41' is no order id: it holds a space"),
            (
                {"order": "1-01", "also": "2 01", "tracking_number": "A"},
                "$.also",
                "'2 01' is no order id: it holds a space",
            ),
            ({"order": "1-01", "tracking_number": "A", "invoice": ".."}, "$.invoice", "'..' cannot be part of a URL"),
            ({"order": "1-01"}, "$", "names no parcel: one of tracking_number, shipment, invoice_number, invoice_key"),
            ({"tracking_number": "A;B", "order": "1-01"}, "$.tracking_number", "joins several numbers"),
            ({"order": "1-01", "tracking": "A"}, "$.tracking", "is no field of a link; there are order, invoice"),
            ({"order": "1-01", "invoice_key": "12"}, "$.invoice_key", "does not have the 44 characters of an NF-e key"),
            ({"order": "1-01", "shipment": "s"}, "$.endpoint", "is missing: it says where that shipment is known;"),
            ({"order": "1-01", "shipment": "s", "endpoint": "x"}, "$.endpoint", "is no endpoint of this account"),
            ({"order": "1-01", "tracking_number": "A", "endpoint": "ups"}, "$.endpoint", "has a meaning only"),
            ({"order": "1-01", "tracking_number": "1.23E+12"}, "$.tracking_number", "1.23E+12 is what a spreadsheet"),
            ({"order": "1-01", "shipment": "4E+11", "endpoint": "ups"}, "$.shipment", "4E+11 is what a spreadsheet"),
            ({"order": "1-01", "tracking_number": "A\u0000"}, "$.tracking_number", "contains a control character"),
        ]
        answer = send(told, [*(item for item, _, _ in bad), {"order": "1-01", "tracking_number": "A"}])

        assert 207 == answer.status_code
        *rejected, last = answer.get_json()["results"]
        assert [(number, path) for number, (_, path, _) in enumerate(bad)] == [
            (one["index"], one["path"]) for one in rejected
        ]
        assert [] == [why for (_, _, why), one in zip(bad, rejected, strict=True) if not one["why"].startswith(why)]
        assert {"index": len(bad), "status": "stored", "woken": 0} == last
        assert {("tracking_number", "A"): "1-01"} == known(told)
        assert 422 == send(told, {"order": "1-01"}).status_code

    def test_replaced(self, told: Rig):
        """The newest word counts, and says what it replaced; the same word again is harmless."""
        item = {"order": "1-01", "tracking_number": "A"}
        results = [send(told, one).get_json()["results"][0] for one in (item, item, {**item, "order": "2-01"})]

        assert ["stored", "stored", "replaced"] == [result["status"] for result in results]
        assert ["1-01"] == results[2]["formerly"]
        assert {("tracking_number", "A"): "2-01"} == known(told)

    @pytest.mark.parametrize(
        ("other", "of"),
        [
            ({"tracking_number": "t n 1", "order": "2-01"}, "tracking_number"),
            ({"tracking_number": "TN2", "invoice_key": KEY, "order": "2-01"}, "invoice_key"),
            ({"shipment": "p1", "endpoint": "ups", "order": "2-01"}, "shipment"),
            ({"tracking_number": "TN1", "order": "1-01", "invoice": "900"}, "tracking_number"),
            ({"tracking_number": "TN1", "order": "1-01", "also": ["3-01"]}, "tracking_number"),
        ],
    )
    def test_contradiction(self, told: Rig, other: dict[str, Any], of: str):
        """Of two links of one request that undo each other, the later one is rejected with the place of the first."""
        first = {"tracking_number": "TN1", "invoice_key": KEY, "shipment": "p1", "endpoint": "ups", "order": "1-01"}
        answer = send(told, [{"tracking_number": "T9", "order": "9-01"}, first, {**first, "order": "1-01 "}, other])
        why = "link 1 says something else of it: a parcel has one link, and its other orders stand under also"

        assert 207 == answer.status_code
        assert {"index": 3, "status": "rejected", "woken": 0, "path": f"$.{of}", "why": why} == (
            answer.get_json()["results"][3]
        )
        assert ["stored"] * 3 == [one["status"] for one in answer.get_json()["results"][:3]]
        assert {"1-01", "9-01"} == set(known(told).values())
        assert 200 == send(told, {**other, "order": "2-01"}).status_code  # a later request is a correction

    def test_no_contradiction(self, told: Rig):
        """Invoice numbers repeat, and what was rejected says nothing."""
        links = [
            {"invoice_number": "900", "order": "1-01"},
            {"invoice_number": "900", "tracking_number": "TN1", "order": "2-01"},
            {"tracking_number": "TN1", "shipment": "p1", "endpoint": "ups", "order": "3-01"},
            {"shipment": "p1", "endpoint": "ups", "order": "4-01"},
        ]
        answer = send(told, links)

        assert ["replaced", "rejected", "stored"] == [one["status"] for one in answer.get_json()["results"][1:]]

    @pytest.mark.parametrize("body", [b"", b"\n", b"{", b'{"order": "1-01"}\nno', b"\xff"])
    def test_no_json(self, told: Rig, body: bytes):
        """A body that is no JSON is refused whole."""
        assert 400 == send(told, body).status_code

    @pytest.mark.parametrize("ahead", [b"", b'{"order": "1-01", "tracking_number": "A"}\n'])
    def test_field_twice(self, told: Rig, ahead: bytes):
        """So is one with a field twice in one object: one of two parcels would be lost. One value twice is one."""
        answer = send(told, ahead + b'{"order": "1-01", "tracking_number": "B", "tracking_number": "C"}')
        assert (400, {}) == (answer.status_code, known(told))
        assert "'tracking_number' stands twice" in answer.get_json()["detail"]
        assert 200 == send(told, ahead + b'{"order": "1-01", "tracking_number": "B", "order": "1-01"}').status_code

    def test_too_many(self, told: Rig):
        """So is one that holds more than can be stored at once, or more bytes than this receiver takes."""
        item = {"order": "1-01", "tracking_number": "A"}
        assert 413 == send(told, [item] * (MOST + 1)).status_code
        assert 413 == send(told, b" " * (told.config.max_body + 1)).status_code
        assert 413 == send(told, b"1\n" * (MOST + 1) + b"no JSON").status_code  # it is read no further
        assert 413 == send(told, [{**item, "also": "2-01;" * 300}] * 20).status_code
        assert {} == known(told)

    def test_most(self, told: Rig):
        """The most links are taken, also where each of them has a list of other orders."""
        links = [{"order": "1-01", "tracking_number": f"A{one}", "also": ["2-01"]} for one in range(MOST)]
        assert 200 == send(told, links).status_code

    def test_tokens(self, told: Rig):
        """Every configured token enters, nothing else; who is refused is noted without what he offered."""
        item = {"order": "1-01", "tracking_number": "A"}
        assert [200, 200, 401, 401, 401] == [
            send(told, item, token=token).status_code for token in ("new-token", "old-token", "bad-token", "", None)
        ]
        noted = told.queries.rejects()
        assert ["links/lux"] * 3 == [row["endpoint"] for row in noted]
        assert "bad-token" not in str(noted)

    def test_off(self, rig: Rig):
        """Without tokens, and for accounts that are not there, there is no such route. The account's is recorded."""
        answers = [send(rig, {}, account=name) for name in ("lux", "other")]
        assert [404, 404] == [answer.status_code for answer in answers]
        assert all("has no link_tokens" in answer.get_json()["detail"] for answer in answers)
        assert ["account lux has no link_tokens: add them to [vtex.lux]"] == [
            row["reason"] for row in rig.queries.rejects()
        ]


class TestOrder:
    """A link's order is read as a carrier's would be."""

    @pytest.mark.parametrize(
        "said", ["V7001LUX-01", "v7001lux", "V7001LUX", "#V7001LUX-01", "VTEX-v7001lux-01", "501456", "MKT0000001"]
    )
    def test_written_otherwise(self, told: Rig, said: str):
        """In capitals, as the purchase, with signs and labels, by its sequence or its id at the marketplace."""
        whole = order("v7001lux-01", package("900"), orderGroup="v7001lux", sequence="501456")
        told.add_order({**whole, "marketplaceOrderId": "MKT0000001"})
        learn(told, {**whole, "marketplaceOrderId": "MKT0000001"})
        told.configure(endpoints={"intelipost": INTELIPOST}, account={"link_tokens": ["new-token"]})
        assert 200 == send(told, {"tracking_number": "IP1BR", "order": said}).status_code
        told.post(shipped(None, "900"), endpoint="intelipost")
        told.works_until(60)

        assert "IP1BR" == told.package_of("v7001lux-01", "900")["trackingNumber"]

    @pytest.mark.parametrize("days", [1, 9])
    @pytest.mark.parametrize("said", ["v7001lux-01", "v7001lux", "seq501456", "MKT0000001"])
    def test_comes_later(self, told: Rig, said: str, days: int):
        """Whatever a link calls the order: once that is known, its parcel is looked at at once, also if it was given
        up."""
        assert 200 == send(told, {"tracking_number": "1Z1", "order": said}).status_code
        told.post(scanned("1Z1", told.now), endpoint="ups")
        told.works_until(days * DAY)
        assert ("gave_up" if days > 7 else "awaiting_order", "order_not_found") == rest(told, "ups/1Z1")
        names = {"orderGroup": "v7001lux", "sequence": "501456", "marketplaceOrderId": "MKT0000001"}
        whole = order("v7001lux-01", package("900"), **names)
        told.add_order(whole)
        learn(told, whole)
        told.work()

        assert "1Z1" == told.package_of("v7001lux-01", "900")["trackingNumber"]

    @pytest.mark.parametrize("said", ["501456", "7001"])
    def test_short_number(self, told: Rig, said: str):
        """A number that may be another system's is for a person, who hears of the link, not of a rule for a field. The
        id that the note asks for leads."""
        whole = order("v7001lux-01", package("900"), sequence="501456", marketplaceOrderId="7001")
        told.add_order(whole)
        learn(told, whole)
        assert 200 == send(told, {"tracking_number": "1Z1", "order": said}).status_code
        told.post(scanned("1Z1", told.now), endpoint="ups")
        told.works_until(60)

        assert ("held", "unconfirmed_sequence") == rest(told, "ups/1Z1")
        note = f"(a link names {said}, a short number of order v7001lux-01; link its whole id)"
        assert note in told.shipment("ups/1Z1")["note"]
        assert 1 == send(told, {"tracking_number": "1Z1", "order": "v7001lux-01"}).get_json()["results"][0]["woken"]
        told.works_until(60)
        assert ("in_step", None) == rest(told, "ups/1Z1")

    def test_another_meaning(self, told: Rig):
        """Words that may mean a return are for a person, at once."""
        told.add_order(order("v7001lux-01", package("900")))
        assert 200 == send(told, {"tracking_number": "1Z1", "order": "TROCA-V7001LUX-01"}).status_code
        told.post(scanned("1Z1", told.now), endpoint="ups")
        told.work()

        assert ("held", "unknown_order_text") == rest(told, "ups/1Z1")
        assert told.package_of("v7001lux-01", "900")["trackingNumber"] is None

    def test_further_orders(self, told: Rig):
        """So are the other orders that it serves."""
        told.add_order(order("1-01", package("900")), order("v7001lux-01", package("901")))
        assert 200 == send(told, {"tracking_number": "1Z1", "order": "1-01", "also": "V7001LUX-01"}).status_code
        told.post(scanned("1Z1", told.now), endpoint="ups")
        told.works_until(60)

        assert "1Z1" == told.package_of("v7001lux-01", "901")["trackingNumber"]

    @pytest.mark.parametrize(
        "said", ["v7001lux", "#V7001LUX-01", "VTEX-v7001lux-01", "501456", "seq501456", "MKT0000001"]
    )
    def test_of_a_written_parcel(self, told: Rig, said: str):
        """Another name of the order to which a parcel was written is no correction: nothing is called."""
        names = {"orderGroup": "v7001lux", "sequence": "501456", "marketplaceOrderId": "MKT0000001"}
        told.add_order(order("v7001lux-01", package("900"), **names))
        told.post(posted("v7001lux-01"))
        told.works_until(60)
        before = len(told.calls())
        assert 0 == send(told, {"tracking_number": "TN1BR", "order": said}).get_json()["results"][0]["woken"]
        told.works_until(60)

        assert before == len(told.calls())

    @pytest.mark.parametrize("said", ["501457", "v7002lux", "TROCA-v7001lux-01"])
    def test_correction(self, told: Rig, said: str):
        """A name of another order, or one that may mean a return, is looked at."""
        told.add_order(order("v7001lux-01", package("900"), orderGroup="v7001lux", sequence="501456"))
        told.post(posted("v7001lux-01"))
        told.works_until(60)

        assert 1 == send(told, {"tracking_number": "TN1BR", "order": said}).get_json()["results"][0]["woken"]


class TestCommands:
    """``receiver link``, ``links`` and ``unlink``."""

    @pytest.fixture
    def config(self, told: Rig) -> Path:
        return write_config(told.folder, told.database_url, told.vtex_url, ENDPOINTS)

    def test_csv(self, told: Rig, config: Path):
        """Good lines are stored, bad ones told with line, column and cause."""
        file = told.folder / "labels.csv"
        lines = [
            "tracking_number,order,shipment,endpoint",
            "A,1-01,,",
            ",2-01,,",
            "",
            "B,..,,",
            ",3-01,s1,nope",
            "C,4-01,,,x",
            ",5-01,s1,ups",
        ]
        file.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
        result = receiver("link", "--csv", file, config=config)

        assert 1 == result.exit_code
        assert [
            "line 3: names no parcel: one of tracking_number, shipment, invoice_number, invoice_key is needed",
            "line 5: order: '..' cannot be part of a URL",
            "line 6: endpoint: is no endpoint of this account; there are melhor-envio, ups",
            f"line 7: more cells than columns: is no field of a link; there are {', '.join(FIELDS)}",
            "2 links stored, 0 shipments woken, 4 bad lines",
        ] == result.output.splitlines()
        assert {("tracking_number", "A"): "1-01", ("shipment", "ups/s1"): "5-01"} == known(told)

    def test_round_trip(self, told: Rig, config: Path):
        """What `links --csv` prints, `link --csv` reads: every kind of name, invoices, further orders, and texts that a
        spreadsheet would take for formulas."""
        items = [
            {"tracking_number": "A-1", "order": "1-01", "also": ["2-01", "3-01"]},
            {"shipment": "a/b", "endpoint": "ups", "order": "4-01", "invoice": "900"},
            {"shipment": "-7", "endpoint": "melhor-envio", "order": "5-01"},
            {"invoice_number": "000901", "order": "-6"},
            {"invoice_key": KEY, "order": "7-01"},
        ]
        assert 200 == send(told, items).status_code
        before = links_of(told)

        printed = receiver("links", "--csv", config=config).stdout
        for row in list(told.index.links()):
            told.index.unlink("lux", row["kind"], row["value"], now=told.now)
        assert [] == links_of(told)
        file = told.folder / "links.csv"
        file.write_text(printed, encoding="utf-8")
        again = receiver("link", "--csv", file, config=config)

        assert (0, "5 links stored, 0 shipments woken, 0 bad lines\n") == (again.exit_code, again.output)
        assert before == links_of(told)

    def test_csv_of_one_account(self, told: Rig, config: Path):
        """Of several accounts one is named: the file says none, and is read for one. A count needs none."""
        with config.open("a", encoding="utf-8") as file:
            file.write('[vtex.outlet]\napp_key = "key"\napp_token = "token"\n')
        config.write_text(config.read_text().replace("secrets", 'account = "lux"\nsecrets'))

        said = receiver("links", "--csv", config=config)

        assert (1, "--account is missing; there are lux, outlet\n") == (said.exit_code, said.stderr)
        assert 0 == receiver("links", "--csv", "--count", config=config).exit_code
        assert 0 == receiver("links", "--csv", "--account", "lux", config=config).exit_code

    def test_csv_of_a_dismissed_parcel(self, told: Rig, config: Path):
        """The last line names each parcel that a person has dismissed, with the command to open it again."""
        told.post(posted("1-01"))
        told.work()
        told.decisions.dismiss("melhor-envio/p1", now=told.now)
        file = told.folder / "labels.csv"
        file.write_text("tracking_number,order\nTN1BR,2-01\n", encoding="utf-8")

        said = receiver("link", "--csv", file, config=config).output
        assert "1 link stored, 0 shipments woken, 0 bad lines; melhor-envio/p1 was dismissed by a person" in said
        assert said.endswith("receiver retry melhor-envio/p1\n")

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_spreadsheets(self, told: Rig, config: Path, delimiter: str):
        """Spreadsheets write the delimiter of their country, whatever stands in the cells."""
        file = told.folder / "labels.csv"
        lines = ["invoice_number,order,invoice", '"A,1",1-01,', "B,2-01,900"]
        text = "\r\n".join(lines).replace(",", delimiter).replace(f"A{delimiter}1", "A,1")
        file.write_text("\ufeff" + text, encoding="utf-8")
        result = receiver("link", "--csv", file, config=config)

        assert (0, "2 links stored, 0 shipments woken, 0 bad lines\n") == (result.exit_code, result.output)
        assert {("invoice_number", "A,1"): "1-01", ("invoice_number", "B"): "2-01"} == known(told)

    @pytest.mark.parametrize(
        "text",
        [
            "order;tracking_number;;\r\n1-01;00123;;\r\n;;;\r\n ; \r\n",
            'Order;Tracking Number\r\n1-01;="00123"\r\n',
            'ORDER , tracking_number\r\n1-01,"=""00123"""\r\n',
        ],
    )
    def test_as_spreadsheets_save(self, told: Rig, config: Path, text: str):
        """Empty columns and lines say nothing, a heading's case and spaces do not count, and a number that was kept as
        text is that number."""
        file = told.folder / "labels.csv"
        file.write_text("\ufeff" + text, encoding="utf-8")
        result = receiver("link", "--csv", file, config=config)

        assert (0, "1 link stored, 0 shipments woken, 0 bad lines\n") == (result.exit_code, result.output)
        assert {("tracking_number", "00123"): "1-01"} == known(told)

    @pytest.mark.parametrize(
        ("second", "between"),
        [
            ("2-01,t n 1,,,,,", MOST),
            ("1-01,TN1,900,,,,", 0),
            ("1-01,TN1,,2-01,,,", 0),
            (f"2-01,,,,{KEY},,", 0),
            ("2-01,,,,,p1,ups", 0),
        ],
    )
    def test_contradiction(self, told: Rig, config: Path, second: str, between: int):
        """A line that says something else of a parcel than an earlier one is a fault: it would undo that one."""
        file = told.folder / "labels.csv"
        first = f"1-01,TN1,,,{KEY},p1,ups\n"
        rows = "".join(f"9-01,T{number},,,,,\n" for number in range(between))
        again = "1-01,tn-1,,,,,\n"  # a repeat is none
        file.write_text(
            f"order,tracking_number,invoice,also,invoice_key,shipment,endpoint\n{first}{rows}{again}{second}\n"
        )
        result = receiver("link", "--csv", file, config=config)

        fault, summary = result.output.splitlines()
        assert re.fullmatch(
            rf"line {between + 4}: line 2 says something else of the same (tracking_number|invoice_key|shipment): a "
            "parcel has one line, and its other orders stand there in the column also",
            fault,
        )
        assert (1, "1 bad line") == (result.exit_code, summary.rpartition(", ")[2])
        assert {"1-01", "9-01"} >= set(known(told).values())

    @pytest.mark.parametrize(
        "lines",
        [
            "order,tracking_number,invoice_number\n1-01,TN1,900\n2-01,TN2,900\n",
            "order,shipment,endpoint\n1-01,1-11,ups\n2-01,11-1,ups\n",
            "order,shipment,endpoint\n1-01,aB1,ups\n2-01,Ab1,ups\n",
        ],
    )
    def test_alike(self, told: Rig, config: Path, lines: str):
        """Invoice numbers repeat, and in a carrier's own id every sign counts: these lines are of two parcels."""
        file = told.folder / "labels.csv"
        file.write_text(lines)
        result = receiver("link", "--csv", file, config=config)

        assert (0, "2 links stored, 0 shipments woken, 0 bad lines\n") == (result.exit_code, result.output)

    def test_many(self, told: Rig, config: Path):
        """More lines than go into one transaction, and as JSON."""
        file = told.folder / "labels.csv"
        rows = "".join(f"T{number},{number}-01\n" for number in range(MOST + 5))
        file.write_text(f"tracking_number,order\n{rows}", encoding="utf-8")
        result = receiver("link", "--csv", file, "--json", config=config)

        assert (0, {"stored": MOST + 5, "woken": 0, "bad": 0, "dismissed": [], "stopped_at": None}) == (
            result.exit_code,
            json.loads(result.output),
        )
        assert MOST + 5 == len(known(told))

    def test_terminal(self, told: Rig, config: Path):
        """Where someone looks, the lines are counted as they are read; where no one does, stderr stays silent."""
        file = told.folder / "labels.csv"
        file.write_text("tracking_number,order\nA,1-01\nB,2-01\n", encoding="utf-8")
        said, shown = on_terminal("link", "--csv", file, config=config)
        assert "2 links stored, 0 shipments woken, 0 bad lines\n" == said
        assert re.search(r"linking +2/", shown), shown
        assert "" == receiver("link", "--csv", file, config=config).stderr

    @pytest.mark.parametrize("header", ["", "order,nope", "tracking_number", "order,order"])
    def test_header(self, told: Rig, config: Path, header: str):
        """A header that is not one stores nothing."""
        file = told.folder / "labels.csv"
        file.write_text(f"{header}\nA,B\n", encoding="utf-8")
        result = receiver("link", "--csv", file, config=config)

        assert (1, {}) == (result.exit_code, known(told))
        assert result.output.startswith("line 1: the header must name each column once, 'order' among them, of order,")

    def test_not_text(self, told: Rig, config: Path):
        """A file in another encoding is told so."""
        file = told.folder / "labels.csv"
        file.write_bytes(b"order,tracking_number\n1-01,\xe7\n")
        result = receiver("link", "--csv", file, config=config)

        assert 1 == result.exit_code
        assert "line 2: from here on it cannot be read as CSV in UTF-8: 'utf-8' codec" in result.output

    @pytest.mark.parametrize("broken", [b'3-01,"TN"3\n', b"3-01,TN\xe7\n", b'3-01,"TN3\n'])
    @pytest.mark.parametrize("ahead", [0, MOST])
    def test_stored_before(self, told: Rig, config: Path, broken: bytes, ahead: int):
        """What stands before a line that is no CSV is stored, and told so; what follows is not."""
        file = told.folder / "labels.csv"
        lines = b"".join(b"%d-01,T%d\n" % (number, number) for number in range(ahead + 2))
        file.write_bytes(b"order,tracking_number\n" + lines + broken + b"4-01,TN4\n")
        result = receiver("link", "--csv", file, config=config)

        fault, summary = result.output.splitlines()
        assert fault.startswith(f"line {ahead + 4}: from here on it cannot be read as CSV in UTF-8: ")
        assert fault.endswith("; what stood before is stored")
        assert (1, f"{ahead + 2} links stored, 0 shipments woken, 1 bad line") == (result.exit_code, summary)
        assert {f"T{number}" for number in range(ahead + 2)} == {value for _, value in known(told)}

    def test_told_as_json(self, told: Rig, config: Path):
        """So it is in JSON."""
        file = told.folder / "labels.csv"
        file.write_text('order,tracking_number\n1-01,A\n2-01,"B"2\n', encoding="utf-8")
        result = receiver("link", "--csv", file, "--json", config=config)

        fault, summary = [json.loads(line) for line in result.output.splitlines()]
        assert (3, None, {"stored": 1, "woken": 0, "bad": 1, "dismissed": [], "stopped_at": None}) == (
            fault["line"],
            fault["column"],
            summary,
        )

    def test_listed(self, told: Rig, config: Path):
        """Links are listed, filtered, and forgotten."""
        told.link("A", "1-01")
        told.link("ups/s1", "2-01", "900", kind="shipment")
        (row,) = [
            json.loads(line)
            for line in receiver("links", "--order", "2-01", "--json", config=config).output.splitlines()
        ]
        assert ("shipment", "ups/s1", "900") == (row["kind"], row["value"], row["invoice_number"])
        assert 3 == len(receiver("links", config=config).output.splitlines())

        said = receiver("unlink", "s1", "--as", "shipment", "--endpoint", "ups", config=config).output
        assert "ups/s1: the link is forgotten\n" == said
        assert "no link of tracking number B\n" == receiver("unlink", "B", config=config).output
        assert {("tracking_number", "A"): "1-01"} == known(told)

    def test_as(self, told: Rig, config: Path):
        """By hand under any name."""
        told.add_order(order("1-01", package("900")))
        told.post(posted(None))
        told.work()
        named = ("--as", "shipment", "--endpoint", "melhor-envio")
        said = receiver("link", "p1", "1-01", "900", *named, config=config).output
        assert "melhor-envio/p1 belongs to order 1-01, invoice 900; 1 shipment woken\n" == said
        again = receiver("link", "p1", "2-01", *named, "--json", config=config).output
        assert ["1-01"] == json.loads(again)["replaced"]

    def test_usage(self, config: Path):
        """A number goes with its order."""
        assert [2, 2] == [receiver("link", *words, config=config).exit_code for words in ((), ("A",))]


class TestDocs:
    """The page's examples work as they stand."""

    def test_curl(self, told: Rig):
        """The line for curl is answered 200."""
        (line,) = re.findall(r"^curl .*$", DOCS, re.MULTILINE)
        words = shlex.split(line.replace("$LINK_TOKEN", "new-token").replace("luxstore", "lux"))
        options = dict(zip(words[2::2], words[3::2], strict=True))
        name, _, value = options["-H"].partition(": ")
        answer = told.client.post(
            words[1].removeprefix("https://your.host"), data=options["--json"], headers={name: value}
        )

        assert (200, 1) == (answer.status_code, answer.get_json()["stored"])

    def test_csv(self, told: Rig):
        """The file is stored without a bad line."""
        (block,) = re.findall(r"```csv\n(.*?)```", DOCS, re.DOTALL)
        file = told.folder / "labels.csv"
        file.write_text(block, encoding="utf-8")
        endpoints = {**ENDPOINTS, "easypost": {"carrier": "easypost", "secrets": ["s"]}}
        config = write_config(told.folder, told.database_url, told.vtex_url, endpoints)
        result = receiver("link", "--csv", file, config=config)

        assert (0, "2 links stored, 0 shipments woken, 0 bad lines\n") == (result.exit_code, result.output)
