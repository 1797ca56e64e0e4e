"""Every scheme of adapters/_auth.py raises `NotAuthentic` or passes, for every secret, in constant time."""

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters import Basic, Bearer, Header, Hmac, NotAuthentic, Path, Query, Request, nfkd

SCHEMES = [
    pytest.param(Hmac(header="x-signature", encoding="base64"), id="hmac base64"),
    pytest.param(Hmac(header="x-signature", encoding="hex", prefix="sha256="), id="hmac hex with prefix"),
    pytest.param(Hmac(header="x-signature", encoding="hex", digest="sha512", key=nfkd), id="hmac sha512 nfkd"),
    pytest.param(Header("x-token"), id="header"),
    pytest.param(Bearer(), id="bearer"),
    pytest.param(Basic(), id="basic"),
    pytest.param(Basic(user_is_key=True), id="basic with a key as user"),
    pytest.param(Query("token"), id="query"),
    pytest.param(Path(), id="path"),
]
PLAIN = Request(
    method="POST",
    path="/webhooks/carrier",
    query="shop=1&empty=",
    headers={"content-type": "application/json"},
    body='{"order":"v1-01","nota":"São"}'.encode(),
    received_at=datetime(2026, 3, 1, tzinfo=UTC),
)
SECRET, OTHER, OLD = "ana:s3cret", "ana:other", "bia:old"


def with_header(name: str, value: str) -> Request:
    return replace(PLAIN, headers={**PLAIN.headers, name: value})


def reason(scheme, request: Request, *secrets: str) -> str:
    """Why the scheme refuses; the reason never holds a secret."""
    with pytest.raises(NotAuthentic) as refused:
        scheme.check(request, secrets)
    assert not [secret for secret in secrets if secret in refused.value.reason]
    return refused.value.reason


class TestEveryScheme:
    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_accepts_its_own(self, scheme):
        """What a scheme signs, it accepts."""
        scheme.check(scheme.sign(PLAIN, SECRET), [SECRET])

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_rejects_another(self, scheme):
        """A request proven with another secret is refused."""
        assert reason(scheme, scheme.sign(PLAIN, OTHER), SECRET)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_rejects_nothing(self, scheme):
        """A request without any credential is refused."""
        assert reason(scheme, PLAIN, SECRET)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_no_secrets(self, scheme):
        """Without a configured secret nothing is proven."""
        assert reason(scheme, scheme.sign(PLAIN, SECRET))

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_rotation(self, scheme):
        """Of several secrets any one is enough, wherever it stands in the list."""
        for secret in (SECRET, OTHER, OLD):
            scheme.check(scheme.sign(PLAIN, secret), [SECRET, OTHER, OLD])
        assert reason(scheme, scheme.sign(PLAIN, "eva:none"), SECRET, OTHER, OLD)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_constant_time(self, scheme, monkeypatch):
        """Every secret is compared by `hmac.compare_digest`, also after one has matched."""
        compared = []
        real = hmac.compare_digest
        monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or real(*both))

        scheme.check(scheme.sign(PLAIN, SECRET), [SECRET, OTHER, OLD])

        assert 3 == len(compared)

    @pytest.mark.parametrize(
        "secret", ["ana:não é", "ana:voilà", "ana:Å", "ana:密鑰", "ana:a b/c?d=e&f%20#", "ana:x y"]
    )
    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_any_text(self, scheme, secret):
        """A secret may be any text, though header text is latin-1: its UTF-8 bytes are what counts."""
        scheme.check(scheme.sign(PLAIN, secret), [OTHER, secret])

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_sign_again(self, scheme):
        """Signing again replaces the old credential and leaves nothing of it."""
        signed_twice = scheme.sign(scheme.sign(PLAIN, "old:a b/c"), SECRET)

        assert scheme.sign(PLAIN, SECRET) == signed_twice

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_sign_only_adds(self, scheme):
        """Signing adds the credential and changes nothing else of the request."""
        signed = scheme.sign(PLAIN, SECRET)

        assert (PLAIN.method, PLAIN.body, PLAIN.received_at) == (signed.method, signed.body, signed.received_at)
        assert signed.path.startswith(PLAIN.path)
        assert signed.query.startswith(PLAIN.query)
        assert PLAIN.headers == {
            name: value for name, value in signed.headers.items() if name not in scheme.credential_headers
        }

    @pytest.mark.parametrize("scheme", SCHEMES)
    @given(given_text=st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
    def test_garbage(self, scheme, given_text):
        """Whatever stands in the credential's place, the answer is `NotAuthentic` and no crash."""
        assume(given_text.strip() != SECRET)
        headers = dict.fromkeys(scheme.credential_headers, given_text)

        assert reason(scheme, replace(PLAIN, headers=headers, query=given_text, token=given_text), SECRET)


class TestHmac:
    """The vectors were computed with `openssl dgst -hmac`."""

    @pytest.mark.parametrize(
        ("scheme", "secret", "written"),
        [
            pytest.param(
                Hmac(header="x-signature", encoding="hex"),
                "carrier-secret",
                "3e11b8f5b2d098dfe549f4cc125bff70cbdedfb2d9639e65c0a96214c4c8db41",
                id="hex",
            ),
            pytest.param(
                Hmac(header="x-signature", encoding="base64"),
                "carrier-secret",
                "PhG49bLQmN/lSfTMElv/cMve37LZY55lwKliFMTI20E=",
                id="base64",
            ),
            pytest.param(
                Hmac(header="x-signature", encoding="base64", digest="sha512", prefix="v1,"),
                "segredo-é",
                "v1,r6TrtcyY+mB3mqpygBFzh4rbmfwwDB8fwbB+FiCUfYGLlh5EdXbRb2yPskwKQ6+fXCQQhTbic9lHiF4SoO1o7Q==",
                id="sha512 with prefix and a non-ASCII secret",
            ),
            pytest.param(
                Hmac(header="x-signature", encoding="hex", prefix="hmac-sha256-hex=", key=nfkd),
                "ﬁ-é",  # NFKD: f, i, -, e, combining acute
                "hmac-sha256-hex=bba077cb03e4439c73c7c283fb337047be5df584f432505400ecd84486016030",
                id="nfkd",
            ),
        ],
    )
    def test_vector(self, scheme, secret, written):
        """The same as another implementation computes, both ways."""
        assert written == scheme.sign(PLAIN, secret).headers["x-signature"]
        scheme.check(with_header("x-signature", written), [secret])

    def test_not_normalised(self):
        """A key that the carrier does not normalise is used as it is."""
        written = "0fbee6139323953ccc40691f2330db542a7763a67fecfd7b3d8cb1dc1eeadafc"

        Hmac(header="x-signature", encoding="hex").check(with_header("x-signature", written), ["ﬁ-é"])

    def test_empty_body(self):
        """An empty body is signed like any other."""
        request = with_header("x-signature", "34bbfa840ce3efeaf5f2303e6221ae204e94a136e6504efe1ff9af4dc60b43ac")

        Hmac(header="x-signature", encoding="hex").check(replace(request, body=b""), ["carrier-secret"])

    @pytest.mark.parametrize("encoding", ["hex", "base64"])
    def test_every_byte(self, encoding):
        """One bit changed anywhere in the body breaks the proof."""
        scheme = Hmac(header="x-signature", encoding=encoding)
        signed = scheme.sign(PLAIN, SECRET)

        for position, byte in enumerate(signed.body):
            altered = signed.body[:position] + bytes([byte ^ 1]) + signed.body[position + 1 :]
            assert "does not match" in reason(scheme, replace(signed, body=altered), SECRET)

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("", "is missing"),
            ("   ", "is missing"),
            ("3e11", "does not start with 'sha256='"),
            ("SHA256=3e11", "does not start with 'sha256='"),
            ("sha256=", "does not match"),
            ("sha256=3e1", "is not hex"),
            ("sha256=xyz0", "is not hex"),
            ("sha256=é", "is not hex"),
            ("sha256=3e11", "does not match"),
        ],
    )
    def test_malformed(self, written, why):
        """The operator hears whether the signature is missing, malformed or wrong."""
        scheme = Hmac(header="x-signature", encoding="hex", prefix="sha256=")

        assert why in reason(scheme, with_header("x-signature", written), SECRET)

    @pytest.mark.parametrize("written", ["*", "PhG49", "PhG4 9bLQ", "é"])
    def test_malformed_base64(self, written):
        """Base64 is taken strictly: no stray characters, no missing padding."""
        scheme = Hmac(header="x-signature", encoding="base64")

        assert "is not base64" in reason(scheme, with_header("x-signature", written), SECRET)


class TestHeader:
    def test_exact(self):
        """The header's value is the secret, to the letter."""
        Header("x-token").check(with_header("x-token", "s3cret"), ["s3cret"])
        assert "another value" in reason(Header("x-token"), with_header("x-token", "S3CRET"), "s3cret")
        assert "is missing" in reason(Header("x-token"), with_header("x-token", ""), "s3cret")
        assert "is missing" in reason(Header("x-token"), with_header("x-other", "s3cret"), "s3cret")

    def test_latin_1_secret(self):
        """A client that sends latin-1 instead of UTF-8 sends other bytes, and another secret."""
        assert reason(Header("x-token"), with_header("x-token", "segredo-é"), "segredo-é")


class TestBearer:
    @pytest.mark.parametrize("written", ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "])
    def test_accepted(self, written):
        """The scheme's name has no case (RFC 9110, 11.1) and white space around the token does not count."""
        Bearer().check(with_header("authorization", written), ["s3cret"])

    @pytest.mark.parametrize("written", ["", "Bearer", "Bearer ", "s3cret", "Basic s3cret", "Bearers3cret"])
    def test_malformed(self, written):
        """Without the scheme's name or a token there is no bearer token."""
        assert "carries no bearer token" in reason(Bearer(), with_header("authorization", written), "s3cret")

    def test_wrong(self):
        """A prefix of the secret is not the secret."""
        assert "none of the configured" in reason(Bearer(), with_header("authorization", "Bearer s3cre"), "s3cret")


class TestBasic:
    """The credentials were encoded with `openssl base64`."""

    def test_vector(self):
        """User and password are UTF-8, and the password may hold colons."""
        written = "Basic bWVyY2hhbnQ6cMOgc3M6d29yZA=="

        assert written == Basic().sign(PLAIN, "merchant:pàss:word").headers["authorization"]
        Basic().check(with_header("authorization", written), ["merchant:pàss:word"])

    @pytest.mark.parametrize("encoded", ["RVpBSzEyMzo=", "RVpBSzEyMzphbnl0aGluZw=="])
    def test_user_is_key(self, encoded):
        """Where the user name is an API key, a secret without a colon leaves the password open."""
        Basic(user_is_key=True).check(with_header("authorization", f"Basic {encoded}"), ["EZAK123"])

    def test_user_is_key_and_password(self):
        """With a colon in the secret the password counts there too."""
        request = with_header("authorization", "Basic RVpBSzEyMzphbnl0aGluZw==")

        Basic(user_is_key=True).check(request, ["EZAK123:anything"])
        assert reason(Basic(user_is_key=True), request, "EZAK123:else")
        assert reason(Basic(user_is_key=True), request, "EZAK12")

    def test_password_counts(self):
        """Elsewhere the user name alone proves nothing."""
        assert reason(Basic(), with_header("authorization", "Basic RVpBSzEyMzphbnl0aGluZw=="), "EZAK123")

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("", "carries no Basic credentials"),
            ("Basic", "carries no Basic credentials"),
            ("Bearer RVpBSzEyMzo=", "carries no Basic credentials"),
            ("Basic *", "is not base64"),
            ("Basic é", "is not base64"),
            ("Basic " + base64.b64encode(b"\xff\xfe").decode(), "none of the configured"),
        ],
    )
    def test_malformed(self, written, why):
        """The operator hears whether the credentials are missing, malformed or wrong."""
        assert why in reason(Basic(), with_header("authorization", written), SECRET)


class TestQuery:
    @pytest.mark.parametrize("query", ["token=a%20b", "token=a+b", "x=1&token=a%20b&y=", "%74oken=a%20b"])
    def test_accepted(self, query):
        """The parameter is compared after decoding, wherever it stands."""
        Query("token").check(replace(PLAIN, query=query), ["a b"])

    @pytest.mark.parametrize(
        ("query", "why"),
        [
            ("", "is missing"),
            ("Token=s3cret", "is missing"),
            ("token", "none of the configured"),
            ("token=", "none of the configured"),
            ("token=s3cret&token=s3cret", "more than once"),
            ("token=s3cret&token=", "more than once"),
            ("token=other&%74oken=s3cret", "more than once"),
            ("token=%ff%fe", "none of the configured"),
        ],
    )
    def test_refused(self, query, why):
        """A parameter there twice is refused, even if both are right: a sender who adds one must not win."""
        assert why in reason(Query("token"), replace(PLAIN, query=query), "s3cret")


class TestPath:
    def test_token(self):
        """The last segment is the secret, percent-encoded in the URL and plain in the token."""
        signed = Path().sign(PLAIN, "a b/c")

        assert ("/webhooks/carrier/a%20b%2Fc", "a b/c") == (signed.path, signed.token)

    def test_refused(self):
        """A missing and a wrong token are told apart."""
        assert "without its token" in reason(Path(), PLAIN, SECRET)
        assert "none of the configured" in reason(Path(), replace(PLAIN, token=SECRET + "x"), SECRET)
        assert "none of the configured" in reason(Path(), replace(PLAIN, token="\ud800"), SECRET)
