"""Any request that the document allows, and many that it does not, is answered as the document says: never by a fault
of ours."""

import json
import time
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.support.api import ANA, held, with_operators
from tests.support.openapi import described, hold, operations
from tests.support.rig import Rig

#: Requests for each operation and kind: enough to meet each field, few enough to wait for.
EXAMPLES = 5
SCHEMA = schemathesis.openapi.from_dict(described())


@pytest.fixture
def api(rig_on_either: Rig) -> Rig:
    rig_on_either.now = time.time()
    held(with_operators(rig_on_either))
    return rig_on_either


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not_allowed"])
def test_requests(api, mode):
    """Each of them is answered by a documented status with a body of its schema, and below 500."""
    for method, path in sorted(operations()):
        send_some(api, method, path, mode)


def send_some(api, method, path, mode):
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(SCHEMA[path][method].as_strategy(generation_mode=mode))
    def some(case):
        send(api, method, path, case)

    some()


def send(api, method, path, case):
    """One request as it was made up."""
    filled = path
    for name, value in (case.path_parameters or {}).items():
        filled = filled.replace(f"{{{name}}}", quote(str(value), safe=""))
    headers = {"Authorization": f"Bearer {ANA}", "Content-Type": "application/json"}
    key = (case.headers or {}).get("Idempotency-Key")
    headers |= {"Idempotency-Key": key} if isinstance(key, str) and key.isascii() and key.isprintable() else {}
    query = {name: str(value) for name, value in (case.query or {}).items()}
    answer = api.client.open(f"/api/v1{filled}", method=method, query_string=query, headers=headers, data=_body(case))
    assert answer.status_code < 500, answer.text
    hold(answer, method, filled)


def _body(case):
    made = case.body
    if type(made).__name__ == "NotSet":
        return None
    if case.media_type == "text/csv" and isinstance(made, str):
        return made.encode(errors="surrogatepass")
    return made if isinstance(made, bytes) else json.dumps(made).encode()
