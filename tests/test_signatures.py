"""The schemes that sign: each against vectors of the openssl command line, and each way of getting it wrong."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters import (
    ClientCredentials,
    Hmac,
    Jwt,
    NotAuthentic,
    Request,
    RsaJwks,
    Salted,
    Stamped,
    StandardWebhooks,
    UnknownKey,
    from_hex,
)

BODY = '{"order":"v1-01","nota":"São"}'.encode()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
STAMP = 1772323200  # NOW
PLAIN = Request(method="POST", path="/webhooks/carrier", headers={}, body=BODY, received_at=NOW)
TAMPERED = BODY.replace(b"v1-01", b"v1-02")


def headed(**headers: str) -> Request:
    """`PLAIN` with these headers; underscores stand for hyphens."""
    return replace(PLAIN, headers={name.replace("_", "-"): value for name, value in headers.items()})


def at(request: Request, seconds: float) -> Request:
    """The same request, arriving so long after `NOW`."""
    return replace(request, received_at=NOW + timedelta(seconds=seconds))


def reason(scheme, request: Request, *secrets: str) -> str:
    """Why the scheme refuses; the reason never holds a secret."""
    with pytest.raises(NotAuthentic) as refused:
        scheme.check(request, secrets)
    assert not [secret for secret in secrets if secret in refused.value.reason]
    return refused.value.reason


def url64(part: bytes | str) -> str:
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else part.encode()).rstrip(b"=").decode()


class TestHmac:
    """What `tests.test_auth` has not: keys, messages and headers that carriers make of their own."""

    def test_hex_key(self):
        """A secret shown in hex stands for its bytes (`openssl dgst -sha512 -mac HMAC -macopt hexkey:…`)."""
        scheme = Hmac(header="x-signature", encoding="hex", digest="sha512", key=from_hex)
        written = (
            "7942c9532945b4bf9b984a267900a2e2b2e4ee2493f29d4a49c37104ea567e7a"
            "a3c344360a002b2197fa5a8fd62116cb96ee25157322fe8c20fc78494b37e49a"
        )

        scheme.check(headed(x_signature=written), ["00ff10a3c4d5e6f7"])
        assert written == scheme.sign(PLAIN, "00FF10A3C4D5E6F7").headers["x-signature"]

    @pytest.mark.parametrize("secret", ["0f0", "xyz0", " "])
    def test_no_hex_key(self, secret):
        """What is no hex, or stands for no byte at all, cannot be the key: under an empty one anybody could sign."""
        scheme = Hmac(header="x-signature", encoding="hex", key=from_hex)

        assert "is not written as this carrier shows it" == scheme.fault(secret)
        assert scheme.fault("00ff") is None

    def test_message(self):
        """The hash may cover more than the body; what it covers cannot be exchanged."""
        scheme = Hmac(
            header="x-signature", encoding="hex", message=lambda one: b"ts" + one.headers["x-ts"].encode() + one.body
        )
        written = "2b9e28ae34c4698b1c2e462535bd2f39dc38504a3aadb251cc0c86e12a61ef8b"
        signed = headed(x_ts=str(STAMP), x_signature=written)

        scheme.check(signed, ["msg-secret"])
        assert signed == scheme.sign(headed(x_ts=str(STAMP)), "msg-secret")
        assert "does not match" in reason(scheme, replace(signed, body=TAMPERED), "msg-secret")
        assert "does not match" in reason(scheme, headed(x_ts=str(STAMP + 1), x_signature=written), "msg-secret")

    def test_message_refused(self):
        """A request that lacks a part of what is signed is refused in the words of whoever misses it."""

        def message(request: Request) -> bytes:
            raise NotAuthentic("header x-ts is missing")

        scheme = Hmac(header="x-signature", encoding="hex", message=message)

        assert "header x-ts is missing" == reason(scheme, headed(x_signature="00"), "msg-secret")

    @pytest.mark.parametrize(
        "written",
        [
            "2b9e28ae34c4698b1c2e462535bd2f39dc38504a3aadb251cc0c86e12a61ef8b",
            "K54orjTEaYscLkYlNb0vOdw4UEo6rbJRzAyG4Sph74s=",
        ],
    )
    def test_either(self, written):
        """Where nobody knows which it is, hex and base64 of the same hash are both right, and nothing else is."""
        scheme = Hmac(header="x-signature", encoding="either", message=lambda one: b"ts1772323200" + one.body)

        scheme.check(headed(x_signature=written), ["msg-secret"])
        assert "does not match" in reason(scheme, headed(x_signature=written), "other-secret")
        assert "is neither hex nor base64" in reason(scheme, headed(x_signature="*" + written), "msg-secret")

    def test_alias(self):
        """A header with two names is looked for under both; the first that is there counts."""
        scheme = Hmac(header="x-new", aliases=("x-old",), encoding="hex")
        written = scheme.sign(PLAIN, "s3cret").headers["x-new"]

        scheme.check(headed(x_old=written), ["s3cret"])
        scheme.check(headed(x_new=" ", x_old=written), ["s3cret"])
        assert "does not match" in reason(scheme, headed(x_new="00", x_old=written), "s3cret")
        assert ("x-new", "x-old") == scheme.credential_headers

    def test_tolerated(self):
        """A prefix that is tolerated may be there or not; another one may not."""
        scheme = Hmac(header="x-signature", encoding="hex", tolerated="sha256=")
        written = scheme.sign(PLAIN, "s3cret").headers["x-signature"]

        scheme.check(headed(x_signature=written), ["s3cret"])
        scheme.check(headed(x_signature="sha256=" + written), ["s3cret"])
        assert "is not hex" in reason(scheme, headed(x_signature="sha512=" + written), "s3cret")


class TestStamped:
    SCHEME = Stamped(header="x-signature")
    MAC = "1e3f4768f764b04c8ea8b9fcc49cde67eb29a2e91dfe0a341a41e0da5137ee98"
    SIGNED = headed(x_signature=f"t={STAMP},v1={MAC}")

    def test_vector(self):
        """The same as `openssl dgst -sha256 -hmac` makes of stamp, full stop and body."""
        self.SCHEME.check(self.SIGNED, ["other", "stamp-secret"])
        assert self.SIGNED == self.SCHEME.sign(PLAIN, "stamp-secret")

    @pytest.mark.parametrize("written", [f"v1={MAC}, t={STAMP}", f"t={STAMP},v0=ff,v1={'0' * 64},v1={MAC}"])
    def test_accepted(self, written):
        """The parts come in any order, versions we do not know are passed over, one good signature suffices."""
        self.SCHEME.check(headed(x_signature=written), ["stamp-secret"])

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("", "is missing"),
            (" ", "is missing"),
            (MAC, "is not t=…,v1=…"),
            (f"t={STAMP}", "is not t=…,v1=…"),
            (f"v1={MAC}", "is not t=…,v1=…"),
            (f"t={STAMP},t={STAMP},v1={MAC}", "is not t=…,v1=…"),
            (f"t=,v1={MAC}", "holds no Unix time"),
            (f"t=-1,v1={MAC}", "holds no Unix time"),
            (f"t=1772323200.0,v1={MAC}", "holds no Unix time"),
            (f"t=1772323200000,v1={MAC}", "holds no Unix time"),
            (f"t=²,v1={MAC}", "holds no Unix time"),
            (f"t={STAMP},v1=xyz", "is not hex"),
            (f"t={STAMP},v1=", "does not match"),
            (f"t={STAMP},v1={'0' * 64}", "does not match"),
            (f"t={STAMP + 1},v1={MAC}", "does not match"),
        ],
    )
    def test_malformed(self, written, why):
        """The operator hears what is wrong with the header."""
        assert why in reason(self.SCHEME, headed(x_signature=written), "stamp-secret")

    def test_body_counts(self):
        """Another body under the same signature is refused."""
        assert "does not match" in reason(self.SCHEME, replace(self.SIGNED, body=TAMPERED), "stamp-secret")

    @pytest.mark.parametrize("seconds", [-300, 0, 300])
    def test_fresh(self, seconds):
        """Five minutes either way are taken for clocks that differ."""
        self.SCHEME.check(at(self.SIGNED, seconds), ["stamp-secret"])

    @pytest.mark.parametrize("seconds", [-301, 301, 86_400])
    def test_stale(self, seconds):
        """What was signed long ago was overheard; what was signed in the future cannot be."""
        assert "more than 300 s off our clock" in reason(self.SCHEME, at(self.SIGNED, seconds), "stamp-secret")


class TestStandardWebhooks:
    SCHEME = StandardWebhooks()
    SECRET = "whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5ISE="
    MAC = "DmLa08yhSQ2mgEQa9Dk0mrEKXKN7zhNAiQp+cSGsOcY="

    def signed(self, signature: str = f"v1,{MAC}", *, name: str = "msg_1", stamp: str = str(STAMP)) -> Request:
        return headed(webhook_id=name, webhook_timestamp=stamp, webhook_signature=signature)

    def test_vector(self):
        """The same as `openssl dgst -sha256 -hmac … -binary | base64` makes of id, stamp and body."""
        self.SCHEME.check(self.signed(), [self.SECRET])
        assert self.signed() == self.SCHEME.sign(headed(webhook_id="msg_1"), self.SECRET)

    def test_prefix_of_the_secret(self):
        """``whsec_`` before the secret is a mark, not a part of it."""
        self.SCHEME.check(self.signed(), [self.SECRET.removeprefix("whsec_")])

    @pytest.mark.parametrize("signature", [f"v1,{'A' * 43}= v1,{MAC}", f"v1a,ed25519 v1,{MAC}"])
    def test_several(self, signature):
        """Several signatures stand in one header while a secret is rotated; other versions are passed over."""
        self.SCHEME.check(self.signed(signature), [self.SECRET])

    def test_without_id(self):
        """A recording whose id was lost gets one when it is signed anew."""
        self.SCHEME.check(self.SCHEME.sign(PLAIN, self.SECRET), [self.SECRET])

    @pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
    def test_missing(self, name):
        """Each of the three headers is needed, and named where it is missing."""
        for gone in (None, " "):
            headers = {**self.signed().headers, f"webhook-{name}": gone}
            left = {header: value for header, value in headers.items() if value is not None}

            why = reason(self.SCHEME, replace(PLAIN, headers=left), self.SECRET)
            assert f"header webhook-{name} is missing" == why

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"signature": MAC}, "has no signature of version v1"),
            ({"signature": f"v2,{MAC}"}, "has no signature of version v1"),
            ({"signature": "v1,*"}, "is not base64"),
            ({"signature": f"v1,{MAC[:-1]}"}, "is not base64"),
            ({"signature": "v1,"}, "does not match"),
            ({"stamp": "soon"}, "holds no Unix time"),
            ({"stamp": str(STAMP + 1)}, "does not match"),
            ({"stamp": str(STAMP - 301)}, "off our clock"),
            ({"stamp": str(STAMP + 301)}, "off our clock"),
            ({"name": "msg_2"}, "does not match"),
            ({"name": "mensagem-é"}, "does not match"),
        ],
    )
    def test_malformed(self, changes, why):
        """The operator hears what is wrong; id and stamp are signed too."""
        assert why in reason(self.SCHEME, self.signed(**changes), self.SECRET)

    def test_body_counts(self):
        """Another body under the same signature is refused."""
        assert "does not match" in reason(self.SCHEME, replace(self.signed(), body=TAMPERED), self.SECRET)

    def test_id_as_it_came(self):
        """The id is signed in the bytes that travelled, of whatever alphabet."""
        wire = "mensagem-é".encode().decode("latin-1")
        head = f"mensagem-é.{STAMP}.".encode()
        mac = hmac.digest(b"standard-webhooks-key!!", head + BODY, hashlib.sha256)

        self.SCHEME.check(self.signed("v1," + base64.b64encode(mac).decode(), name=wire), [self.SECRET])

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_*", "plain secret"])
    def test_fault(self, secret):
        """A secret that is no base64, or empty after its mark, is a fault of the configuration."""
        assert "is not base64 after 'whsec_', or nothing stands there" == self.SCHEME.fault(secret)
        assert self.SCHEME.fault(self.SECRET) is None


class TestSalted:
    SCHEME = Salted(header="sign")
    DIGEST = "78f92774470a9d5d8cadc590284f13be6078cb3f1022ba59d6e1a09eb211797e"

    def test_vector(self):
        """The same as `openssl dgst -sha256` makes of body, slash and key."""
        self.SCHEME.check(headed(sign=self.DIGEST), ["other", "track-key"])
        assert headed(sign=self.DIGEST) == self.SCHEME.sign(PLAIN, "track-key")

    @pytest.mark.parametrize(
        ("written", "why"),
        [("", "is missing"), ("xyz", "is not hex"), (DIGEST[:-2], "does not match"), ("0" * 64, "does not match")],
    )
    def test_malformed(self, written, why):
        """The operator hears whether the digest is missing, malformed or wrong."""
        assert why in reason(self.SCHEME, headed(sign=written), "track-key")

    def test_body_counts(self):
        """Another body under the same digest is refused."""
        request = replace(headed(sign=self.DIGEST), body=TAMPERED)

        assert "does not match" in reason(self.SCHEME, request, "track-key")


class TestJwt:
    SCHEME = Jwt(header="x-jwt")
    #: exp is a minute after `NOW`, nbf a minute before.
    TOKEN = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpc3MiOiJjYXJyaWVyIiwiZXhwIjoxNzcyMzIzMjYwLCJuYmYiOjE3NzIzMjMxNDB9."
        "Js7rW1wo1VeLdAFjd34G-EK5lnQJc6LbiX57eouivy0"
    )

    def token(self, claims: object, *, head: object = None, secret: str = "jwt-secret") -> Request:
        """A token of our making, rightly signed whatever it says."""
        signed = f"{url64(json.dumps(head or {'alg': 'HS256'}))}.{url64(json.dumps(claims))}"
        mac = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
        return headed(x_jwt=f"{signed}.{url64(mac)}")

    def test_vector(self):
        """The token was put together with `openssl base64` and `openssl dgst -hmac`."""
        self.SCHEME.check(headed(x_jwt=self.TOKEN), ["other", "jwt-secret"])
        self.SCHEME.check(self.SCHEME.sign(PLAIN, "jwt-secret"), ["jwt-secret"])

    @pytest.mark.parametrize("seconds", [-61, 61])
    def test_not_valid_now(self, seconds):
        """Before its time and after its end a token proves nothing."""
        request = at(headed(x_jwt=self.TOKEN), seconds)

        assert "is not valid at this time" in reason(self.SCHEME, request, "jwt-secret")

    @pytest.mark.parametrize("claims", [{"exp": str(STAMP)}, {"exp": True}, {"nbf": None}, {"exp": float("nan")}])
    def test_no_time(self, claims):
        """A validity that is no number is not taken for none at all."""
        assert "is no time" in reason(self.SCHEME, self.token(claims), "jwt-secret")

    def test_endless(self):
        """A token without an end, or with one beyond all numbers, is valid for ever: that is its maker's choice."""
        self.SCHEME.check(self.token({}), ["jwt-secret"])
        self.SCHEME.check(self.token({"exp": 10**400}), ["jwt-secret"])

    @pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "hs256", None, ["HS256"]])
    def test_algorithm(self, algorithm):
        """Only HS256 counts, whatever the token says of itself."""
        assert "not by HS256" in reason(self.SCHEME, self.token({}, head={"alg": algorithm}), "jwt-secret")

    @pytest.mark.parametrize(
        "written",
        [
            "abc",
            "a.b",
            "a.b.c",
            "....",
            "é.é.é",
            TOKEN + ".x",
            TOKEN.replace(".", " "),
            "e30=." + TOKEN.split(".", 1)[1],
        ],
    )
    def test_malformed(self, written):
        """What is no token is called so."""
        assert "is no JSON Web Token" in reason(self.SCHEME, headed(x_jwt=written), "jwt-secret")

    def test_no_object(self):
        """Claims are an object."""
        assert "is no JSON Web Token" in reason(self.SCHEME, self.token([]), "jwt-secret")

    def test_missing(self):
        """Without the header there is nothing to look at."""
        assert "header x-jwt is missing" == reason(self.SCHEME, PLAIN, "jwt-secret")

    def test_altered(self):
        """Other claims under the same signature are refused, and another secret's signature is."""
        head, _, signature = self.TOKEN.split(".")
        altered = f"{head}.{url64(json.dumps({'exp': STAMP + 86_400}))}.{signature}"

        assert "with none of the configured" in reason(self.SCHEME, headed(x_jwt=altered), "jwt-secret")
        assert "with none of the configured" in reason(self.SCHEME, headed(x_jwt=self.TOKEN), "other")


class TestClientCredentials:
    SCHEME = ClientCredentials()
    SECRET = "client-1:w0rd:with colon+é"

    def asking(self, credentials: str | bytes) -> Request:
        raw = credentials if isinstance(credentials, bytes) else credentials.encode()
        return headed(authorization="Basic " + base64.b64encode(raw).decode())

    def granted(self, secret: str = SECRET) -> str:
        token: str = self.SCHEME.grant(self.asking(secret), [secret])["access_token"]
        return token

    def test_grant(self):
        """Whoever proves a client gets a token that opens the door for an hour and says nothing of the secret."""
        answer = self.SCHEME.grant(self.asking(self.SECRET), ["other:one", self.SECRET])
        token = answer["access_token"]

        assert {"access_token": token, "token_type": "Bearer", "expires_in": 3600} == answer
        assert "w0rd" not in token
        for seconds in (0, 3600):
            self.SCHEME.check(at(headed(authorization=f"Bearer {token}"), seconds), ["other:one", self.SECRET])
        late = at(headed(authorization=f"Bearer {token}"), 3601)
        assert "the token is no longer valid" == reason(self.SCHEME, late, self.SECRET)

    def test_form_encoded(self):
        """RFC 6749 has both parts form-encoded before they are put together."""
        assert self.SCHEME.grant(self.asking("client-1:w0rd%3Awith+colon%2B%C3%A9"), [self.SECRET])

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("", "carries no Basic credentials"),
            ("Basic", "carries no Basic credentials"),
            ("Bearer x", "carries no Basic credentials"),
            ("Basic *", "are not base64"),
            ("Basic " + base64.b64encode(b"client-1:other").decode(), "none of the configured"),
            ("Basic " + base64.b64encode(b"client-1").decode(), "none of the configured"),
            ("Basic " + base64.b64encode(b"\xff:%zz").decode(), "none of the configured"),
        ],
    )
    def test_not_granted(self, written, why):
        """The operator hears why somebody got no token."""
        with pytest.raises(NotAuthentic) as refused:
            self.SCHEME.grant(headed(authorization=written), [self.SECRET])

        assert why in refused.value.reason

    @pytest.mark.parametrize(
        "written", ["", "Bearer", "Bearer abc", "Bearer 1.2", "Basic 1.2.ab", "Bearer x.2.ab", "Bearer ².2.ab"]
    )
    def test_malformed(self, written):
        """What has not the form of a token was not given out by us."""
        assert "no token of ours" in reason(self.SCHEME, headed(authorization=written), self.SECRET)

    @pytest.mark.parametrize(("part", "changed"), [(0, str(STAMP + 86_400)), (1, "00"), (2, "ab" * 32), (2, "xyz")])
    def test_forged(self, part, changed):
        """Neither its end nor anything else in a token can be changed."""
        parts = self.granted().split(".")
        parts[part] = changed

        assert reason(self.SCHEME, headed(authorization="Bearer " + ".".join(parts)), self.SECRET)

    def test_rotated(self):
        """A token holds while its secret is configured, newest or not, and dies with it."""
        request = headed(authorization=f"Bearer {self.granted()}")

        self.SCHEME.check(request, ["client-1:new", self.SECRET])
        assert "not given out under any" in reason(self.SCHEME, request, "client-1:new")

    def test_client_named(self):
        """A client that is named beside the token must be the token's own."""
        request = headed(authorization=f"Bearer {self.granted()}", x_api_key="client-1")
        stranger = headed(authorization=f"Bearer {self.granted()}", x_api_key="client-2")

        self.SCHEME.check(request, [self.SECRET])
        assert "names another client" in reason(self.SCHEME, stranger, self.SECRET, "client-2:word")

    @pytest.mark.parametrize("secret", ["client", "client:", ":word", ":"])
    def test_fault(self, secret):
        """The secret has two parts."""
        assert "must be 'client_id:client_secret'" == self.SCHEME.fault(secret)
        assert self.SCHEME.fault(self.SECRET) is None


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _jwk(key: rsa.RSAPublicKey, kid: str, **more: str) -> dict[str, str]:
    numbers = key.public_numbers()
    n, e = (url64(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "kid": kid, "n": n, "e": e, **more}


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    """Two key pairs: the one in use and the one to come."""
    return [rsa.generate_private_key(65_537, 2048) for _ in range(2)]


class TestRsaJwks:
    SCHEME = RsaJwks(
        signature_header="x-rsa-signature", key_id_header="x-rsa-key", timestamp_header="x-rsa-time",
        keys_url="https://carrier.example/jwks",
    )  # fmt: skip
    WRITTEN = "2026-03-01T00:00:00Z"
    #: The key, and what `openssl dgst -sha256 -sign` made of stamp and body with its private half.
    JWKS = json.dumps(
        {
            "keys": [
                {"kty": "EC", "kid": "e", "crv": "P-256", "x": "", "y": ""},
                {
                    "kty": "RSA",
                    "kid": "k1",
                    "e": "AQAB",
                    "n": "0v4hEBCLAw5X80Au4Sp8C5KEbxFKjNegUNCvfcv06IxBMLqol9qWfolKJ2rMVGmVdMcur2XLylD62NArOZ9qunuBTb"
                    "-lteyzBfW-5dkFSdy7gIp8n8vFcRumVeTpZNIuU7HESaHeGp4OaZEAcgE_6mWYOkxet5fXVLGkewVUTF3qbJFSnaeiUvDuyEri"
                    "_4g7WmVF5uOKY5fROL4ScOyup5BOWPEvy8giiqaHEzFCpYOp2vhr8ZmbU2VnDMhPVf05P1oyUwek0hPRiZGF4dufUmQIKhW3I"
                    "lbKtcG_3SBxpeFX-xgRebWvU7Hn00NXsAYzGdwnyav8hC7l04OePS6Mvw",
                },
            ]
        }
    )
    SIGNATURE = (
        "SgFS4neJlEVfapXqUvBM9wPDaJTtyGnObb1vkhu66jbFqy/BdBRscO449ax1a7cqdDEK+mwohER5yAh0uFKebZUVAARlOsiJa3t6jChyYmGT"
        "itk6FWda/wvm7mg0kQ78Fg/dJy38Ndg67OSvkcZvIG3kkTNdyJeN2qkmHoMatffXIezCxkLMDkab7ehHBIaAhbtJgaVOQpbrUP2ltLYJBJ/C"
        "rVfn2RTcnuhhGSRKsdMA+n/gDhsekjxyZ4rVxJcETvfpDSxCV2pQN5Jww6mtQuJqtlaO5lmW9pNGuT1cxzSHZxacCGUO8RYurl9lAA32UgCh"
        "69+MwmdBSFVh3hZ7gw=="
    )

    def signed(self, signature: str = SIGNATURE, *, key: str = "k1", stamp: str = WRITTEN) -> Request:
        return headed(x_rsa_signature=signature, x_rsa_key=key, x_rsa_time=stamp)

    def by(self, key: rsa.RSAPrivateKey, kid: str) -> Request:
        """Signed anew under that name."""
        return self.SCHEME.sign(headed(x_rsa_key=kid), _pem(key))

    def test_vector(self):
        """A key of the set, found by its id, proves what openssl signed."""
        self.SCHEME.check(self.signed(), [self.JWKS])

    def test_pinned(self, keys):
        """A key in PEM, public or private, proves whatever name the request gives to it."""
        public = keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

        self.SCHEME.check(self.by(keys[0], "any"), [public])
        self.SCHEME.check(self.by(keys[0], "any"), [_pem(keys[0])])
        assert "under any key of that name" in reason(self.SCHEME, self.by(keys[1], "any"), public)

    def test_rotated(self, keys):
        """Old and new key stand in the set side by side; each answers to its own name only."""
        old, new = (_jwk(key.public_key(), kid) for key, kid in zip(keys, ("old", "new"), strict=True))
        both = json.dumps({"keys": [old, new]})

        self.SCHEME.check(self.by(keys[0], "old"), [both])
        self.SCHEME.check(self.by(keys[1], "new"), [both])
        assert "under any key of that name" in reason(self.SCHEME, self.by(keys[1], "old"), both)

    def test_unknown(self, keys):
        """A name that no key bears is told apart: the set at hand may be old. So it is where there are no keys."""
        for secrets in ([self.JWKS], []):
            with pytest.raises(UnknownKey, match="names a key that is not among those at hand"):
                self.SCHEME.check(self.by(keys[0], "new"), secrets)

    def test_padding(self):
        """A signature under PSS is none under PKCS #1 v1.5 (`openssl … -sigopt rsa_padding_mode:pss`)."""
        pss = (
            "hVhJCyRauaiX1UpXbCTLr9UnEQdREXeopuJDLaqPYrFBURUxPnHibvxfFEJNhklIPWAobpHsaKDdDOefWToTJTdH8gVweJWHFtq9KZC6"
            "2XiN+pTmmIYJbKmusPKeLcNMZxhHBGIC/CeQJrUeVJH3haQVBaLzd14/YFL4Pw566w38O/U4glBa/C9viT+al7QiP/1nHxeI2wS+gCXF"
            "m/+u/GMGsuZK7bjALlpAalG2tmpbY2IOXdU0EYC/XHvQAoIzl4WCbdIep4dbz4qAvYy+ubuoP7/WIl/SfVJXqe8zA4gaSjRXqSIY0IFD"
            "YZBgH/XguxQa+gpvalolhihLeiEaBw=="
        )

        assert "does not match the body" in reason(self.SCHEME, self.signed(pss), self.JWKS)

    def test_other_digest(self, keys):
        """A signature over SHA-1 is none."""
        made = keys[0].sign(self.WRITTEN.encode() + b"." + BODY, padding.PKCS1v15(), hashes.SHA1())
        request = self.signed(base64.b64encode(made).decode(), key="k")

        assert "does not match the body" in reason(self.SCHEME, request, _pem(keys[0]))

    @pytest.mark.parametrize("name", ["x-rsa-signature", "x-rsa-key", "x-rsa-time"])
    def test_missing(self, name):
        """Each of the three headers is needed."""
        headers = {header: value for header, value in self.signed().headers.items() if header != name}

        assert "is missing" in reason(self.SCHEME, replace(PLAIN, headers=headers), self.JWKS)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"signature": "*"}, "is not base64"),
            ({"signature": "AAAA"}, "does not match the body"),
            ({"stamp": "2026-03-01T00:00:01Z"}, "does not match the body"),
            ({"stamp": "2026-03-01T00:00:00"}, "holds no time with an offset"),
            ({"stamp": "1772323200"}, "holds no time with an offset"),
            ({"stamp": "soon"}, "holds no time with an offset"),
            ({"stamp": "0001-01-01T00:00:00+14:00"}, "off our clock"),
            ({"stamp": "2026-02-28T23:54:59Z"}, "more than 300 s off our clock"),
            ({"stamp": "2026-03-01T00:05:01Z"}, "more than 300 s off our clock"),
        ],
    )
    def test_malformed(self, changes, why):
        """The operator hears what is wrong; the stamp is signed too."""
        assert why in reason(self.SCHEME, self.signed(**changes), self.JWKS)

    def test_body_counts(self):
        """Another body under the same signature is refused."""
        assert "does not match the body" in reason(self.SCHEME, replace(self.signed(), body=TAMPERED), self.JWKS)

    def test_for_signatures(self, keys):
        """A key that is meant for encryption proves no signature."""
        jwks = json.dumps({"keys": [_jwk(keys[0].public_key(), "k", use="enc"), _jwk(keys[1].public_key(), "s")]})

        with pytest.raises(UnknownKey):
            self.SCHEME.check(self.by(keys[0], "k"), [jwks])

    def test_fault(self, keys):
        """A set without RSA keys, a key of another kind, and what is neither, are faults of the configuration."""
        curve = ec.generate_private_key(ec.SECP256R1())
        other = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

        for secret in ("word", "{}", "[]", "null", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', other, "-----BEGIN X"):
            assert "is neither an RSA key in PEM nor a JSON Web Key Set" == self.SCHEME.fault(secret)
        for secret in (self.JWKS, _pem(keys[0])):
            assert self.SCHEME.fault(secret) is None
