"""The schemes that sign: each against vectors of the openssl command line, and each way of getting it wrong."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters import ClientCredentials, Hmac, Jwt, NotAuthentic, Request, Salted, Stamped, StandardWebhooks, from_hex
from tests.support.signing import BODY, NOW, PLAIN, TAMPERED, headed, reason, url64

STAMP = 1772323200  # NOW


def at(request: Request, seconds: float) -> Request:
    """The same request, arriving so long after `NOW`."""
    return replace(request, received_at=NOW + timedelta(seconds=seconds))


class TestHmac:
    """What ``test_auth`` has not: keys, messages and headers that carriers make of their own."""

    @pytest.mark.parametrize(
        ("scheme", "words"),
        [
            (Hmac(header="x", encoding="either"), "HMAC-SHA256 of the body, in hex or base64"),
            (
                Hmac(header="x", encoding="hex", digest="sha512", prefix="v1=", key=from_hex, covers="time and body"),
                "HMAC-SHA512 of time and body, in hex after `v1=`; the secret is the key in hex",
            ),
        ],
    )
    def test_in_words(self, scheme: Hmac, words: str):
        """A scheme says what is signed, how it is written, and how the key is made of the secret."""
        assert words == scheme.signature

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
        """A request that lacks a part of what is signed is refused in the words of the side that misses it."""

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
        """Where no one knows which it is, hex and base64 of the same hash are both right, and nothing else is."""
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

    @pytest.mark.parametrize(
        "written", [f"v1={MAC}, t={STAMP}", f"t={STAMP},v0=ff,v1={'0' * 64},v1={MAC}", f"t={STAMP},v1=no hex,v1={MAC}"]
    )
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

    def test_svix(self):
        """Svix's names of the three headers are taken, all three of one kind; where both are there, the standard's."""
        svix = headed(svix_id="msg_1", svix_timestamp=str(STAMP), svix_signature=f"v1,{self.MAC}")
        both = replace(svix, headers={**svix.headers, **self.signed(f"v1,{'A' * 43}=").headers})
        mixed = headed(webhook_id="msg_1", svix_timestamp=str(STAMP), svix_signature=f"v1,{self.MAC}")

        self.SCHEME.check(svix, [self.SECRET])
        assert "header webhook-signature does not match" in reason(self.SCHEME, both, self.SECRET)
        assert "svix-id" in reason(self.SCHEME, mixed, self.SECRET)
        assert {"webhook-signature", "svix-signature"} == set(self.SCHEME.credential_headers)

    def test_beside_a_broken_one(self):
        """A signature that cannot be decoded does not hide a good one beside it."""
        self.SCHEME.check(self.signed(f"v1,*** v1,{self.MAC}"), [self.SECRET])

    def test_prefix_of_the_secret(self):
        """``whsec_`` before the secret is a mark, not a part of it."""
        self.SCHEME.check(self.signed(), [self.SECRET.removeprefix("whsec_")])

    @pytest.mark.parametrize("signature", [f"v1,{'A' * 43}= v1,{MAC}", f"v1a,ed25519 v1,{MAC}"])
    def test_several(self, signature):
        """Several signatures stand in one header while a secret is rotated; other versions are passed over."""
        self.SCHEME.check(self.signed(signature), [self.SECRET])

    def test_without_id(self):
        """A recording whose id was lost gets one when it is signed again."""
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
        """A proven client gets a token that opens the door for an hour and says nothing of the secret."""
        answer = self.SCHEME.grant(self.asking(self.SECRET), ["other:one", self.SECRET])
        token = answer["access_token"]

        assert {"access_token": token, "token_type": "Bearer", "expires_in": 3600} == answer
        assert "w0rd" not in token
        for seconds in (0, 3600):
            self.SCHEME.check(at(headed(authorization=f"Bearer {token}"), seconds), ["other:one", self.SECRET])
        late = at(headed(authorization=f"Bearer {token}"), 3601)
        assert "the token is no longer valid" == reason(self.SCHEME, late, self.SECRET)

    def test_in_form(self):
        """Where it is allowed, the form may hold the credentials (2.3.1); one place at a time, and whole."""
        scheme, fields = ClientCredentials(in_form=True), "grant_type=client_credentials&client_id=client-1"
        asking = replace(PLAIN, body=f"{fields}&client_secret=w0rd%3Awith+colon%2B%C3%A9".encode())

        assert scheme.grant(asking, [self.SECRET])
        assert scheme.grant(self.asking(self.SECRET), [self.SECRET])
        for refused, why in (
            (replace(asking, headers=self.asking(self.SECRET).headers), "both in its header and in its form"),
            (replace(asking, body=asking.body.replace(b"w0rd", b"other")), "none of the configured"),
            (replace(asking, body=b"\xff"), "carries no Basic credentials"),
        ):
            with pytest.raises(NotAuthentic, match=why):
                scheme.grant(refused, [self.SECRET])
        with pytest.raises(NotAuthentic, match="carries no Basic"):
            self.SCHEME.grant(asking, [self.SECRET])

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
        """The operator hears why someone got no token."""
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


def test_token_without_json():
    """A token whose parts are no JSON is refused like any other."""
    scheme = Jwt(header="x-jwt")
    parts = ".".join([url64("no json"), url64("{}"), url64("x")])

    assert "is no JSON Web Token" in reason(scheme, headed(x_jwt=parts), "jwt-secret")


def test_credentials_are_signed():
    """A replayed request carries a token of the client's, and names the client."""
    scheme, secret = ClientCredentials(), "client-1:word"
    scheme.check(scheme.sign(PLAIN, secret), [secret])
