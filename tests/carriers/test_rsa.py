"""RSA signatures by keys that a carrier publishes: vectors of the openssl command line, rotation, and each mistake."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters import Request, RsaJwks, UnknownKey
from tests.support.signing import BODY, PLAIN, TAMPERED, headed, reason, url64


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
        """Signed again under that name."""
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

    def test_short(self, keys):
        """A key that is too short proves nothing: in PEM it is a fault, in a set it is as if it were not there."""
        short = rsa.generate_private_key(65_537, 1024)
        rows = [_jwk(short.public_key(), "short"), _jwk(keys[0].public_key(), "long")]

        for secret in (_pem(short), json.dumps({"keys": rows[:1]})):
            assert "is neither an RSA key in PEM nor a JSON Web Key Set" == self.SCHEME.fault(secret)
        with pytest.raises(UnknownKey):
            self.SCHEME.check(self.signed(key="short"), [json.dumps({"keys": rows})])
        self.SCHEME.check(self.by(keys[0], "long"), [json.dumps({"keys": rows})])

    def test_fault(self, keys):
        """A set without RSA keys, a key of another kind, and what is neither, are faults of the configuration."""
        curve = ec.generate_private_key(ec.SECP256R1())
        other = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

        for secret in ("word", "{}", "[]", "null", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', other, "-----BEGIN X"):
            assert "is neither an RSA key in PEM nor a JSON Web Key Set" == self.SCHEME.fault(secret)
        for secret in (self.JWKS, _pem(keys[0])):
            assert self.SCHEME.fault(secret) is None
