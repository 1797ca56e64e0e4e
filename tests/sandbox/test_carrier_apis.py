"""The stand-in for carriers' APIs answers what recordings say, and nothing else."""

import json
from datetime import UTC, datetime

from adapters import Request
from receiver.http import Http
from receiver.recordings import Recording
from receiver.sandbox.carriers import running_apis


def test_answers():
    """By path and query, whatever the host was; what no recording tells of is not there, and a POST succeeds."""
    request = Request(method="POST", path="/", headers={}, body=b"", received_at=datetime(2026, 11, 12, tzinfo=UTC))
    fetched = [
        {"url": "https://api.toy.example/parcels?page=2", "status": 200, "body": {"id": "p2"}},
        {"url": "https://api.toy.example/gone", "status": 404, "body": None},
    ]
    with running_apis([Recording(name="toy", request=request, expected={"fetched": fetched})]) as url:
        http = Http([url])
        answers = {path: http.call("GET", url + path, headers={}) for path in ("/parcels?page=2", "/parcels", "/gone")}
        with_token = http.call("GET", f"{url}/parcels?page=2&access_token=stand-in-token", headers={})
        posted = http.call("POST", f"{url}/subscription/7", headers={}, body=b"{}")

    assert {"id": "p2"} == json.loads(answers["/parcels?page=2"].body) == json.loads(with_token.body)
    assert {"token": "stand-in-token"} == json.loads(posted.body)
    assert [200, 404, 404, 200] == [*(answer.status for answer in answers.values()), posted.status]
