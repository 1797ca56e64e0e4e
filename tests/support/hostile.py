"""Bodies that cost much to look at, and what each costs in CPU seconds at every door of the receiver.

``python -m tests.support.hostile FOLDER`` prints it as JSON: a process of its own, because CPU seconds are the
process's.
"""

import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from adapters import Request, Unreadable
from receiver.config import Config, Endpoint, parse
from receiver.recordings import load
from receiver.store import Database
from receiver.vtex.hook import SECRET_HEADER
from receiver.web.app import create_app
from tests.support.paths import SAMPLES
from tests.support.rig import NOON

MOST = 2_000_000
NOW = datetime.fromtimestamp(NOON, UTC)


def _filled(head: bytes, unit: bytes, tail: bytes) -> bytes:
    return head + unit * ((MOST - len(head) - len(tail)) // len(unit)) + tail


def _repeated_at_every_level(inner: bytes) -> bytes:
    for _ in range(62):
        inner = b'{"a":1,"a":1,"b":' + inner + b"}"
    return inner


def _doubled_at_every_level(inner: bytes) -> bytes:
    while len(inner) < MOST // 2 - 20:
        inner = b'{"a":' + inner + b',"a":' + inner + b"}"
    return inner


#: The fixed list. Each is about 2 MB, or as large as parsing lets pass.
BODIES: dict[str, bytes] = {
    "a repeated key at every level, around numbers": _repeated_at_every_level(b"[" + b"1," * 949_000 + b"1]"),
    "a repeated key at every level, around texts": _repeated_at_every_level(
        b"[" + (b'"%s",' % (b"a" * 80)) * 23_000 + b"1]"
    ),
    "a doubled value at every level": _doubled_at_every_level(b'["' + b"a" * 900 + b'"]'),
    "one long text, twice": b'{"a":"%s","a":"%s"}'
    % (("é" * (MOST // 4 - 10)).encode(), ("é" * (MOST // 4 - 10)).encode()),
    "numbers": _filled(b"[", b"1,", b"1]"),
    "fractions": _filled(b"[", b"1.5e10,", b"1]"),
    "as many fractions as pass": b"[" + b",".join([b"1.5e10"] * 24_000) + b"]",
    "lists": _filled(b"[", b"[],", b"[]]"),
    "objects": _filled(b"[", b"{},", b"{}]"),
    "as many objects as pass": b"[" + b",".join([b'{"aaaaaaaaaaaaaaaaaaaaaaaaaaa":1}'] * 12_000) + b"]",
    "one key again and again": b"{" + b'"a":[],' * 12_000 + b'"a":[]}',
    "deep lists side by side": _filled(b"[", b"[" * 63 + b"]" * 63 + b",", b"1]"),
    "deep lists side by side, as many as pass": b"[" + (b"[" * 63 + b"]" * 63 + b",") * 390 + b"1]",
    "opening brackets": b"[" * MOST,
    "closing brackets": b"]" * MOST,
    "closing brackets after some pairs": b"[]" * 70 + b"]" * MOST,
    "quotes after some pairs": b"[]" * 70 + b'""' * (MOST // 2),
    "escaped quotes after some pairs": b"[]" * 70 + b'"' + b'\\"' * (MOST // 2),
    "backslashes after some pairs": b"[]" * 70 + b"\\" * MOST,
    "a text that does not end": b'["' + b'\\"' * (MOST // 2),
    "a text of escapes": _filled(b'["', b"\\u0041", b'"]'),
    "digits": b"9" * MOST,
    "blanks": b" " * MOST,
    "form fields": b"a=1&" * (MOST // 4),
    "percent signs": b"a=" + b"%" * MOST,
    "zeros": bytes(MOST),
}
BODIES["signed members that do not end"] = b'{"signature":"aa","timestamp":"1","data":{' + b'"\\"' * 80_000


def inflated(request: Request, endpoint: Endpoint, *, most: int) -> Iterator[tuple[str, bytes]]:
    """The recording with each of its lists in turn made as long as ``most`` bytes allow."""
    carrier = endpoint.carrier
    try:
        payload = carrier.decode(request)
        for path in _lists(payload):
            many = copy.deepcopy(payload)
            items = _at(many, path)
            items[:] = items[:1] * max(1, (most - len(request.body)) * 9 // 10 // (len(json.dumps(items[0])) + 2))
            yield f"list at {'.'.join(map(str, path)) or '$'}", carrier.encode(many)[:most]
    except Unreadable:
        return


def _lists(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, list) and value:
        yield path
        yield from _lists(value[0], (*path, 0))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _lists(inner, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


#: Doors that look at a body each in a way of its own: a signature over the bytes, one over parts of the body, a form,
#: JSON in a text, batches, fields that are blanked before a body is stored.
DOORS = ("melhor-envio", "usps", "lalamove", "enviopack", "correios", "coordinadora", "loggi", "pickit", "dhl")
OTHER_DOORS: dict[str, dict[str, str]] = {
    "/hooks/vtex/lux": {SECRET_HEADER: "hook-secret"},
    "/links/lux": {"authorization": "Bearer link-token"},
}


def _configured(folder: Path, **receiver: Any) -> tuple[Config, dict[str, list[Request]]]:
    """Every carrier with the settings of its first recording, and its recordings."""
    endpoints: dict[str, Any] = {}
    requests: dict[str, list[Request]] = {}
    for path in sorted(SAMPLES.glob("*/*.http")):
        name = path.parent.name.replace("_", "-")
        recording = load(path)
        endpoints.setdefault(name, recording.expected["endpoint"])
        requests.setdefault(name, []).append(
            replace(recording.request, path=f"/webhooks/{name}", token="", received_at=NOW)
        )
    account = {"app_key": "key", "app_token": "token", "hook_secrets": ["hook-secret"], "link_tokens": ["link-token"]}
    raw = {
        "receiver": {"database": f"sqlite:///{folder}/receiver.db", **receiver},
        "vtex": {"lux": {**account, "base_url": "http://127.0.0.1:9"}},
        "endpoints": endpoints,
    }
    return parse(raw, path=folder / "receiver.toml", environ={}), requests


def costs(folder: Path) -> dict[str, float]:
    """CPU seconds by door and body."""
    config, recorded = _configured(folder, max_body=MOST)
    with closing(Database(config.database)) as database:
        client = create_app(config, database, clock=lambda: NOON).test_client()
        found = dict(_of_fixed_bodies(client, config, recorded))
        config, recorded = _configured(folder)
        client = create_app(config, database, clock=lambda: NOON).test_client()
        return found | dict(_of_inflated_recordings(client, config, recorded))


def _of_fixed_bodies(client: Client, config: Config, recorded: dict[str, list[Request]]) -> Iterator[tuple[str, float]]:
    for title, body in BODIES.items():
        for name in DOORS:
            request = replace(recorded[name][0], body=body)
            yield f"{name}, unproven: {title}", _cost(client, request)
            yield f"{name}, proven: {title}", _cost(client, _signed(config.endpoints[name], request))
        for path, proof in OTHER_DOORS.items():
            request = replace(recorded["usps"][0], path=path, headers={}, body=body)
            yield f"{path}, unproven: {title}", _cost(client, request)
            yield f"{path}, proven: {title}", _cost(client, replace(request, headers=proof))


def _of_inflated_recordings(
    client: Client, config: Config, recorded: dict[str, list[Request]]
) -> Iterator[tuple[str, float]]:
    for name, endpoint in config.endpoints.items():
        seen: set[str] = set()
        for request in recorded[name]:
            for title, body in inflated(request, endpoint, most=endpoint.max_body):
                if title not in seen:
                    yield f"{name}, proven: {title}", _cost(client, _signed(endpoint, replace(request, body=body)))
                seen.add(title)


def _signed(endpoint: Endpoint, request: Request) -> Request:
    """Signed where the body lets itself be signed."""
    sign: Callable[[Request, str], Request] = endpoint.scheme.sign
    try:
        return sign(request, endpoint.secrets[0])
    except Exception:  # noqa: BLE001  a body without the members that are signed
        return request


def _cost(client: Client, request: Request) -> float:
    headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
    target = f"{request.path}?{request.query}" if request.query else request.path
    begun = time.process_time()
    client.open(target, method=request.method, headers=headers, data=request.body)
    return time.process_time() - begun


if __name__ == "__main__":
    print(json.dumps(costs(Path(sys.argv[1]))))
