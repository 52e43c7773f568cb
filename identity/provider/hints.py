"""`id_token_hint` (OpenID Connect Core §3.1.2.1): whom a client believes to be at the browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError

from core.clock import Clock
from core.jose import NotVerified, key_id, verified_claims
from identity.provider.errors import TokenInvalid
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects

_OLD: Final = timedelta(days=400)
"""An ID token is a hint long after it expired."""


class IdTokenHints:
    def __init__(self, issuer: str, signing: SigningKeys, subjects: Subjects, clock: Clock) -> None:
        self._issuer, self._signing, self._subjects, self._clock = issuer, signing, subjects, clock

    async def person(self, hint: str, client: str) -> UUID:
        """Of an ID token that we made for this client. Raises `InvalidRequestError`, never redirecting: a client that
        sends another's token is not who it says."""
        try:
            key = await self._signing.verifying(key_id(hint))
            if key is None:
                raise InvalidRequestError("id_token_hint is not one of ours.")
            claims = verified_claims(
                hint,
                key,
                types=("jwt",),
                issuer=self._issuer,
                audiences=(client,),
                now=self._clock.now(),
                required=("sub",),
                leeway=_OLD,
            )
            return self._subjects.person(str(claims["sub"]), client)
        except (NotVerified, TokenInvalid):
            raise InvalidRequestError("id_token_hint is not an ID token of this client.") from None
