"""Pairwise subject identifiers (OpenID Connect Core §8.1): each client knows a person by another name.

`sub` is the person's key, encrypted deterministically with AES-SIV (RFC 5297) and bound to the client: stable for one
client, unlinkable between two, and read back by us alone without asking the database (docs/adr/0004).
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from core.crypto import KeyRing
from identity.provider.errors import TokenInvalid

_SUBJECT_CHARACTERS = 43
"""A 16-byte tag and a 16-byte key, in base64url."""


class Subjects:
    """The key derives from the index key, which never rotates by itself: a changed `sub` would be a lost account."""

    def __init__(self, keys: KeyRing) -> None:
        self._cipher = AESSIV(keys.blind_index("key", domain="pairwise-subject"))

    def of(self, person: UUID, client: str) -> str:
        sealed = self._cipher.encrypt(person.bytes, [client.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def person(self, subject: str, client: str) -> UUID:
        """Raises :class:`TokenInvalid` for a subject that was not made by us for this client."""
        if len(subject) != _SUBJECT_CHARACTERS:
            raise TokenInvalid
        try:
            sealed = base64.b64decode(subject + "=", altchars=b"-_", validate=True)
            return UUID(bytes=self._cipher.decrypt(sealed, [client.encode()]))
        except (binascii.Error, ValueError, InvalidTag):
            raise TokenInvalid from None
