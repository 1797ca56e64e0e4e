"""The carriers' pages: what a merchant copies out of them must work."""

import base64
import json
import re
import subprocess
import tomllib
from datetime import UTC, datetime

import pytest

from adapters import Request
from receiver.carriers import discover
from receiver.config import parse
from tests.support.paths import ROOT, SAMPLES

# What passes as a secret of those that check its form before the receiver starts.
SECRETS = {"onfleet": "0a1b" * 16, "shipbob": "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"}
PAGES = ROOT / "docs" / "carriers"
HEADINGS = ["Register the webhook", "What you must set", "Known limits"]

every_page = pytest.mark.parametrize("slug", sorted(discover()))


def _prose_and_toml(slug: str) -> tuple[str, list[str]]:
    text = (PAGES / f"{slug}.md").read_text(encoding="utf-8")
    fences = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL), [
        body for _, kind, body in fences if kind == "toml"
    ]


@every_page
def test_headings(slug):
    """Every page tells the same three things in the same order."""
    prose, _ = _prose_and_toml(slug)

    assert [f"# {discover()[slug].name}"] == re.findall(r"^# .*$", prose, re.MULTILINE)
    assert HEADINGS == re.findall(r"^## (.*)$", prose, re.MULTILINE)


@every_page
def test_settings(slug, tmp_path):
    """The settings of the page are valid as they stand, and make an endpoint of this carrier.

    A later snippet that only adds to an endpoint of an earlier one is read together with it.
    """
    _, snippets = _prose_and_toml(slug)
    endpoints: dict[str, dict] = {}
    for snippet in snippets:
        for name, settings in tomllib.loads(snippet)["endpoints"].items():
            endpoints.setdefault(name, {}).update(settings)
    assert endpoints
    secret = SECRETS.get(slug, "a-long-secret:with-a-password")
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", "".join(snippets)), secret)
    for name in re.findall(r"\$\{file:([^}]+)\}", "".join(snippets)):
        recorded = json.loads(next((SAMPLES / slug).glob("*.expected.json")).read_text(encoding="utf-8"))
        (tmp_path / name).write_text(recorded["endpoint"]["secrets"][0], encoding="utf-8")
    accounts = {
        settings["account"]: {"app_key": "key", "app_token": "token"}
        for settings in endpoints.values()
        if "account" in settings
    }
    raw = {"vtex": accounts or {"store": {"app_key": "key", "app_token": "token"}}, "endpoints": endpoints}

    config = parse(raw, path=tmp_path / "receiver.toml", environ=environ)

    assert {slug} == {endpoint.carrier.slug for endpoint in config.endpoints.values()}


@every_page
def test_signed(slug):
    """The page says what is signed, with what, and how that is written: enough to sign with openssl. A hash of the body
    alone is made here as the page says, and taken."""
    page = (ROOT / "docs" / "carriers" / f"{slug}.md").read_text(encoding="utf-8")
    [said] = re.findall(r"^\| is signed \| (.+) \|$", page, re.MULTILINE)
    schemes = [scheme for scheme in discover()[slug].auth if scheme.kind in ("hmac", "jwt", "rsa")]

    assert bool(schemes) == (not said.startswith("not at all"))
    plain = re.fullmatch(r"HMAC-(SHA\d+) of the body, in (hex or base64|hex|base64)(?: after `(.+)`)?", said)
    if plain:
        digest, encoding, prefix = plain.groups()
        command = ["openssl", "dgst", f"-{digest.lower()}", "-hmac", "s3cret", "-binary"]
        mac = subprocess.run(command, input=b'{"a": 1}', capture_output=True, check=True).stdout
        written = mac.hex() if encoding.startswith("hex") else base64.b64encode(mac).decode()
        headers = {schemes[0].credential_headers[0]: f"{prefix or ''}{written}"}
        now = datetime.now(UTC)
        signed = Request(method="POST", path="/", headers=headers, body=b'{"a": 1}', received_at=now)
        schemes[0].check(signed, ["s3cret"])
