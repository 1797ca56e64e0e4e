"""The table of replies in the code is the one in the README, and the answers keep to both."""

import json

import pytest

from receiver.web.replies import PROBLEMS, TABLE
from tests.support.paths import ROOT
from tests.support.rig import Rig, posted
from tests.support.sending import ENDPOINTS, outcome, serve, toy

README = ROOT / "README.md"


def readme_table() -> list[tuple[str, ...]]:
    """The rows of the first Markdown table whose header starts with ``| outcome``."""
    lines = iter(README.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.lower().startswith("| outcome"))
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append(tuple(cell.strip().replace("`", "").replace("*", "") for cell in line.strip("|").split("|")))
    return found


def test_readme():
    """Code and README tell the sender the same."""
    assert [(row.outcome, row.status, row.sender) for row in TABLE] == readme_table()


class TestTable:
    """Every row of the table, as a sender meets it."""

    @pytest.fixture
    def six(self, rig: Rig) -> Rig:
        rig.configure(endpoints=ENDPOINTS)
        return rig

    def test_done(self, six):
        """Accepted, duplicate, ignored and probe: the carrier's success code, and a small JSON body."""
        answers = [six.post(posted()), six.post(posted()), six.post(posted(event="order.pending"))]
        delivery = answers[0].json["delivery"]

        assert [
            {"delivery": delivery, "outcome": "accepted", "shipments": 1},
            {"delivery": delivery, "outcome": "duplicate", "shipments": 1},
            {"delivery": answers[2].json["delivery"], "outcome": "ignored", "shipments": 0},
        ] == [answer.json for answer in answers]
        assert {200} == {answer.status_code for answer in answers}
        assert {"application/json"} == {answer.mimetype for answer in answers}
        assert (200, "probe") == outcome(six.client.get("/webhooks/melhor-envio"))

    def test_quarantined(self, six):
        """Quarantined: a problem that says what is wrong, where, and under which id it is kept."""
        answer = six.post(b'{"TrackingEvents": 1}', endpoint="frenet")
        problem = answer.json

        assert (422, "application/problem+json") == (answer.status_code, answer.mimetype)
        assert {"type", "title", "status", "detail", "path", "delivery", "outcome"} == set(problem)
        assert ("about:blank", 422, "quarantined") == (problem["type"], problem["status"], problem["outcome"])

    @pytest.mark.parametrize(
        ("status", "ask"),
        [
            (401, lambda rig: rig.client.post("/webhooks/ups", json={})),
            (404, lambda rig: rig.client.post("/webhooks/nobody", json={})),
            (405, lambda rig: rig.client.get("/webhooks/ups")),
            (413, lambda rig: rig.post(b" " * 2_000_001)),
            (415, lambda rig: rig.post(b"", **{"content-encoding": "br"})),
        ],
    )
    def test_refused(self, six, status, ask):
        """Refusals are problems by the status's own name, with one sentence for the reader."""
        answer = ask(six)

        assert (status, "application/problem+json") == (answer.status_code, answer.mimetype)
        assert ("about:blank", status, PROBLEMS[status]) == tuple(
            answer.json[name] for name in ("type", "status", "detail")
        )
        assert answer.status.partition(" ")[2].casefold() == answer.json["title"].casefold()

    def test_error(self, six):
        """Our own mistake is 200: sent again it would fail again."""
        serve(six, toy(read=lambda *_: 1 / 0))

        assert (200, "error") == outcome(six.post(posted()))

    def test_cannot_store(self, six):
        """What cannot be stored is asked for again, and says when."""
        six.database.write_bulk = lambda *_: 1 / 0
        answer = six.post(posted())

        assert (503, "30") == (answer.status_code, answer.headers["Retry-After"])
        assert PROBLEMS[503] == json.loads(answer.data)["detail"]
