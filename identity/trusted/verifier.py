"""Whoever signed a token: ours by our own keys, another's by theirs."""

from __future__ import annotations

from typing import Protocol

from core.viewer import Viewer
from identity.provider.errors import TokenInvalid
from identity.trusted.issuers import TrustedIssuers, issuer_of


class Verifier(Protocol):
    """Of access tokens for the graph."""

    async def verify(self, token: str, *, jkt: str | None = None) -> Viewer:
        """Who asks. `jkt` is the key that the request proves (RFC 9449 §7); None for a bearer token.

        Raises :class:`TokenExpired`, :class:`TokenInvalid`, and `ServiceUnavailable` while an issuer is silent.
        """
        ...

    def remembered(self, token: str) -> Viewer | None:
        """The same of a bearer token that was verified before and holds still; None: :meth:`verify` tells."""
        ...


class EveryIssuer:
    """Chooses the verifier by the issuer that the token names; that it tells the truth, the verifier finds out.

    `ours` is None where our own provider is switched off: then its tokens are nobody's.
    """

    def __init__(self, ours: Verifier | None, trusted: TrustedIssuers) -> None:
        self._ours, self._trusted = ours, trusted

    async def verify(self, token: str, *, jkt: str | None = None) -> Viewer:
        if not self._trusted.know(issuer_of(token)):
            if self._ours is None:
                raise TokenInvalid
            return await self._ours.verify(token, jkt=jkt)
        believed = await self._trusted.read(token)
        if believed.thumbprint != jkt:
            raise TokenInvalid
        return believed.viewer

    def remembered(self, token: str) -> Viewer | None:
        """Of our own tokens: what is remembered was verified, and so was of our issuer."""
        return None if self._ours is None else self._ours.remembered(token)
