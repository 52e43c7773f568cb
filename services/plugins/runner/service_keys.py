"""The keys of our calls: one Ed25519 key derived from each key of the ring, so that they are replaced when those are.

Derived by HKDF-SHA256 (RFC 5869) under a label of its own: whoever knew one would know nothing of the ring's key, nor
of what else is derived from it (docs/adr/0024-one-protocol-for-all-who-are-not-our-own-code.md).
"""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.crypto import KeyRing
from services.plugins.contract.keys import SigningKey, VerifyingKey

_LABEL: Final = b"sitthi service key 1"
_SEED_BYTES: Final = 32


class ServiceKeys:
    """Follows the ring: a key that `sitthi keys rotate` makes current signs from then on, in a running process too.

    It is also the set of keys that the far side trusts, where that runs on this machine.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._derived: dict[bytes, SigningKey] = {}

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        name = self._ring.current
        return self._of(self._ring.keys[name])

    def get(self, keyid: str, /) -> VerifyingKey | None:
        """The public half of a key that the ring holds."""
        return next((key.verifying for key in self._all() if key.keyid == keyid), None)

    @property
    def jwks(self) -> dict[str, Any]:
        """The key set (RFC 7517) of all that the ring holds, also of a key that is announced and does not sign yet."""
        return {"keys": [key.jwk for key in self._all()]}

    def _all(self) -> list[SigningKey]:
        held = self._ring.keys
        for gone in self._derived.keys() - set(held.values()):
            del self._derived[gone]
        return [self._of(key) for key in held.values()]

    def _of(self, key: bytes) -> SigningKey:
        if key not in self._derived:
            seed = HKDF(SHA256(), _SEED_BYTES, salt=None, info=_LABEL).derive(key)
            self._derived[key] = SigningKey.of(Ed25519PrivateKey.from_private_bytes(seed))
        return self._derived[key]
