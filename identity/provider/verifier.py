"""Access tokens, verified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from core.clock import Clock
from core.viewer import Viewer
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.jose import Expired, NotVerified, key_id, verified_claims
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type (RFC 9068 §2.1)
_REQUIRED = ("iss", "sub", "aud", "client_id", "iat", "jti", "scope", "acr", "auth_time")


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What an access token says, all of it believed."""

    person: UUID
    subject: str
    client: str
    audience: str
    scopes: frozenset[str]
    acr: str
    authenticated_at: datetime
    id: UUID
    issued_at: datetime
    expires_at: datetime


class TokenVerifier:
    """Verifies access tokens (RFC 9068 §4) that are for one of `audiences`, without asking the database.

    The first token after a start, and one under a key this process has not met, read the keys.
    """

    def __init__(
        self, issuer: str, audiences: Collection[str], signing: SigningKeys, subjects: Subjects, clock: Clock
    ) -> None:
        self._issuer, self._audiences = issuer, tuple(audiences)
        self._signing, self._subjects, self._clock = signing, subjects, clock

    async def verify(self, token: str) -> Viewer:
        """Raises :class:`TokenExpired` or :class:`TokenInvalid`."""
        told = await self.read(token)
        return Viewer(told.person, told.client, told.scopes, told.acr, told.expires_at, told.authenticated_at)

    async def read(self, token: str) -> VerifiedToken:
        """All that the token says. Raises :class:`TokenExpired` or :class:`TokenInvalid`."""
        try:
            key = await self._signing.verifying(key_id(token))
            if key is None:
                raise TokenInvalid
            claims = verified_claims(
                token,
                key,
                types=(ACCESS_TOKEN_TYPE,),
                issuer=self._issuer,
                audiences=self._audiences,
                now=self._clock.now(),
                required=_REQUIRED,
            )
        except Expired:
            raise TokenExpired from None
        except NotVerified:
            raise TokenInvalid from None
        texts = ("sub", "aud", "client_id", "scope", "acr", "jti")
        if not all(isinstance(claims[name], str) for name in texts):
            raise TokenInvalid
        return VerifiedToken(
            person=self._subjects.person(claims["sub"], claims["client_id"]),
            subject=claims["sub"],
            client=claims["client_id"],
            audience=claims["aud"],
            scopes=frozenset(claims["scope"].split()),
            acr=claims["acr"],
            authenticated_at=datetime.fromtimestamp(claims["auth_time"], UTC),
            id=UUID(hex=claims["jti"]),
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
