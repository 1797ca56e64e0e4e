"""Key pairs as a carrier publishes them."""

import base64
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.bare_server import answer


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


@dataclass
class Pair:
    """A key pair and the name under which it is published."""

    kid: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65_537, 2048))

    @property
    def row(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "n": _number(numbers.n), "e": _number(numbers.e)}

    @property
    def pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def published(*pairs: Pair, headers: tuple[str, ...] = ()) -> bytes:
    """The carrier's answer that has these keys."""
    return answer("200 OK", json.dumps({"keys": [pair.row for pair in pairs]}).encode(), *headers)
