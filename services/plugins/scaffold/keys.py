"""The key by which a remote plugin signs its answers."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.jose import base64url
from services.plugins.contract.keys import SigningKey


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An Ed25519 pair as JWK (RFC 8037); its `kid` is the thumbprint (RFC 7638)."""

    public: dict[str, str]
    private: dict[str, str]
    """With `d`: whoever reads it answers in the agency's name."""

    @classmethod
    def new(cls) -> KeyPair:
        key = Ed25519PrivateKey.generate()
        public = SigningKey.of(key).jwk
        d = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return cls(public, {**public, "d": base64url(d)})
