"""Signs what agencies' registers state in public, by the same keys as their credentials: one trust list for both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from core.clock import Clock
from services.receive.credentials import jws
from services.receive.credentials.keys import IssuerKeys
from services.receive.credentials.sd_jwt import TYPE
from services.receive.credentials.showing import VERIFY_PATH

KINDS: Final = "/statements/"
OURS: Final = frozenset(
    {"iss", "vct", "iat", "nbf", "exp", "cnf", "status", "aud", "sub", "jti", "_sd", "_sd_alg", "vct#integrity"}
)


class Stating:
    """Of one agency. Fulfils :class:`services.plugins.contract.Statements`."""

    def __init__(self, issuers: IssuerKeys, clock: Clock, agency: str, address: str) -> None:
        """`address` is ours, without a trailing slash."""
        self._issuers, self._clock, self._agency, self._address = issuers, clock, agency, address

    async def sign(self, kind: str, claims: Mapping[str, Any], *, until: datetime) -> str:
        if OURS & claims.keys():
            raise ValueError("a claim of a statement is the host's to make")
        issuer = self._issuers.issuer_of(self._agency)
        payload = {
            "iss": issuer,
            "vct": f"{issuer}{KINDS}{kind}",
            "iat": int(self._clock.now().timestamp()),
            "exp": int(until.timestamp()),
            **claims,
        }
        signed = jws.sign({"typ": TYPE}, payload, await self._issuers.signing(self._agency))
        return f"{self._address}{VERIFY_PATH}#{signed}~"
