"""A token in a client's hands, as revocation and introspection are asked about it: an access or a refresh token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.grants.issuing import is_over
from identity.provider.models import RefreshToken, TokenFamily
from identity.provider.protocol import hash_of
from identity.provider.verifier import MachineToken, TokenVerifier, VerifiedToken


@dataclass(frozen=True, slots=True)
class Refreshable:
    """A refresh token and what it refreshes."""

    row: RefreshToken
    family: TokenFamily

    def is_active(self, now: datetime) -> bool:
        return self.row.used_at is None and not is_over(self.family, now)


class TokenLookup:
    """The hint of which kind it is (RFC 7009 §2.1) is not needed: the two cannot be taken for each other."""

    def __init__(self, tokens: TokenVerifier) -> None:
        self._tokens = tokens

    async def access(self, token: str) -> VerifiedToken | MachineToken | None:
        """None for what is no access token of ours, or works no more. Raises `RevocationsUnknown`."""
        try:
            return await self._tokens.inspect_any(token)
        except (TokenExpired, TokenInvalid):
            return None

    async def refresh(self, session: AsyncSession, token: str) -> Refreshable | None:
        """Used and ended ones too; None for what never was one."""
        row = await session.get(RefreshToken, hash_of(token))
        family = None if row is None else await session.get(TokenFamily, (row.person, row.family))
        return None if row is None or family is None else Refreshable(row, family)
