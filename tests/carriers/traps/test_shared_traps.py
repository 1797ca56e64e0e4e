"""The traps that no carrier has for itself, and the promise that none of the thirty-two is forgotten."""

import json
import re
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest

from receiver.carriers import discover
from tests.support.adapter import POST, payload
from tests.support.parcels import recorded
from tests.support.paths import TESTS
from tests.support.rig import MELHOR_ENVIO, order, package, posted
from tests.support.sending import ENDPOINTS, SECRET, good, outcome, rows


def test_every_trap():
    """Each trap of the list is named in a docstring of some test."""
    sources = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    sources.append(Path(__file__).read_text(encoding="utf-8"))
    named = [said for source in sources for said in re.findall(r'"""Traps? (\d+(?:(?:, | and )\d+)*)', source)]

    assert set(range(1, 33)) <= {int(number) for said in named for number in re.findall(r"\d+", said)}


@pytest.mark.parametrize(
    ("slug", "case", "at"),
    [
        ("frete_rapido", "collected", ("rastreio",)),
        ("loggi", "code_as_number", ("packages", 0, "trackingCode")),
        ("super_frete", "posted", ("data", "tracking")),
    ],
)
def test_number_without_quotes(slug, case, at):
    """Trap 24: a number is text, also where the carrier writes it as a number."""
    body = payload(slug, case)
    node = reduce(lambda inner, step: inner[step], at[:-1], body)
    node[at[-1]] = 123456789
    request = replace(POST, body=json.dumps(body).encode(), zone=discover()[slug].zone)

    assert "123456789" == discover()[slug].convert(request).shipments[0].tracking_number


class TestTheWire:
    @pytest.mark.parametrize(
        ("slug", "case"),
        [("melhor_envio", "posted"), ("easypost", "in_transit"), ("aftership", "delivered_full_history")],
    )
    def test_raw_bytes(self, rig, slug, case):
        """Trap 1: what was signed is the bytes that come over the wire; a newline more is another body."""
        rig.configure(endpoints={"signed": {"carrier": slug, "secrets": [SECRET]}})
        signed = rig.config.endpoints["signed"].scheme.sign(recorded(slug, case), SECRET)
        sent = replace(signed, path="/webhooks/signed")

        assert 401 == rig.send(replace(sent, body=sent.body + b"\n"), endpoint="signed", signed=False).status_code
        assert 200 == rig.send(sent, endpoint="signed", signed=False).status_code

    def test_nothing_within_the_request(self, rig):
        """Trap 12: carriers wait for milliseconds, so VTEX is first called after the answer, by the worker."""
        rig.add_order(order("1-01", package("100")))

        assert (200, "accepted") == outcome(rig.post(posted()))
        assert [] == rig.calls()

        rig.work()

        assert 1 == len(rig.calls("PATCH"))

    def test_tenancy(self, rig):
        """Trap 28: the message does not say whose it is; the URL does, with a secret and an account of its own."""
        two = {
            "melhor-envio": {**MELHOR_ENVIO, "account": "lux"},
            "other-store": {**MELHOR_ENVIO, "account": "nox", "secrets": ["another-secret"]},
        }
        rig.configure(endpoints=two, accounts={"nox": {}})

        assert (200, "accepted") == outcome(rig.post(posted(), endpoint="melhor-envio"))
        assert (200, "accepted") == outcome(rig.post(posted(), endpoint="other-store"))

        told = {row["endpoint"]: row["account"] for row in rig.queries.shipments()}
        assert {"melhor-envio": "lux", "other-store": "nox"} == told

    def test_secret_of_another_merchant(self, rig):
        """Trap 28: what is signed for one merchant's endpoint proves nothing at another's."""
        rig.configure(
            endpoints={"melhor-envio": MELHOR_ENVIO, "other-store": {**MELHOR_ENVIO, "secrets": ["another-secret"]}}
        )
        request = replace(recorded("melhor_envio", "posted"), path="/webhooks/other-store")
        strangers = rig.config.endpoints["melhor-envio"].scheme.sign(request, "rig-secret")

        assert 401 == rig.send(strangers, endpoint="other-store", signed=False).status_code
        assert [] == rows(rig)

    def test_credentials_are_not_stored(self, rig):
        """Trap 6: no part of what is kept holds the secret, whichever carrier sends it in whichever header."""
        rig.configure(endpoints=ENDPOINTS)
        for endpoint in ENDPOINTS:
            assert 200 == rig.post(good(endpoint), endpoint=endpoint).status_code

        kept = rows(rig)
        assert len(ENDPOINTS) == len(kept)
        assert not [row for row in kept if SECRET in repr(row)]
