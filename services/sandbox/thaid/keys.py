"""The stand-in's own keys: one to sign ID tokens (RS256), and from it one to seal the codes it hands out.

They lie in a file, so that every process over one data folder is the same ThaID and keeps no state.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import RSAAlgorithm

_NONCE_BYTES: Final = 12


class Keys:
    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        if not self._file.exists():
            self._make()
        key = load_pem_private_key(self._file.read_bytes(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    @cached_property
    def _sealing(self) -> AESGCM:
        der = self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return AESGCM(hashlib.sha256(b"codes" + der).digest())

    @cached_property
    def jwk(self) -> dict[str, Any]:
        public = {
            name: v for name, v in json.loads(RSAAlgorithm.to_jwk(self._private.public_key())).items() if name in "en"
        }
        kid = hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()[:16]
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, **public}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self.jwk["kid"], "typ": "JWT"})

    def seal(self, document: dict[str, Any]) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        return (nonce + self._sealing.encrypt(nonce, json.dumps(document).encode(), None)).hex()

    def open(self, sealed: str) -> dict[str, Any] | None:
        try:
            raw = bytes.fromhex(sealed)
            document: dict[str, Any] = json.loads(self._sealing.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None))
        except (ValueError, InvalidTag):
            return None
        return document

    def pseudonym(self, national_id: str) -> str:
        """ThaID's `sub` for a person: no national ID."""
        return hashlib.sha256(
            b"sub" + self._private.private_numbers().d.to_bytes(256, "big") + national_id.encode()
        ).hexdigest()[:32]

    def _make(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            os.link(draft, self._file)  # fails if another process was first: its key is then ours too
        except FileExistsError:
            pass
        finally:
            draft.unlink()
