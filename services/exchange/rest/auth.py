"""The door of `/agency`: which agency's system asks, by the access token that its client got in its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from fastapi import Request

from core.errors import NotAllowed
from core.rate_limits import Left
from core.text import Text
from identity.provider.presented import Presenting
from identity.provider.verifier import MachineToken
from services.exchange.rest.errors import AgencyScopeMissing

FACTS_SCOPE: Final = "agency.facts"
SERVICES_SCOPE: Final = "agency.services"
INGEST_SCOPE: Final = "agency.ingest"


@dataclass(frozen=True, slots=True)
class Caller:
    """An agency's system whose token was verified in this very request."""

    client: str
    agency: str
    """Slug."""
    title: Text
    """The agency's name."""
    bound_key: bool
    """Whether the token is bound to a key that the request proved to hold (RFC 9449)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer: what the client has left of its limit."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A system whose token was verified in this very request, whosever it is."""

    client: str
    agency: str | None
    """None for a juristic person's, which does nothing without an officer of it."""
    bound_key: bool
    headers: Mapping[str, str] = field(default_factory=dict)


class AgencyLimits(Protocol):
    """The edge's limit on requests of an agency's system."""

    async def agency(self, client_id: str) -> Left | None:
        """Counts one request and answers what is left. Raises `RateLimited`."""
        ...


class MachineTokens(Protocol):
    """Verifies tokens for the resource `/agency`; :class:`identity.provider.verifier.TokenVerifier` does."""

    async def machine(self, token: str, *, jkt: str | None = None) -> MachineToken: ...


class AgencyDoor:
    """Lets systems of agencies in, those with the scope. `issuer` is our own address; a proof of key names it and the
    path of the request.

    A route asks for its caller with `Depends(door.caller)`.
    """

    def __init__(
        self,
        issuer: str,
        presenting: Presenting,
        tokens: MachineTokens,
        limits: AgencyLimits | None,
        titles: Callable[[str], Text],
        scope: str = FACTS_SCOPE,
    ) -> None:
        self._scope = scope
        self._issuer, self._presenting, self._tokens = issuer, presenting, tokens
        self._limits, self._titles = limits, titles

    async def caller(self, request: Request) -> Caller:
        """Raises `TokenInvalid`, `TokenExpired`, `DPoPProofInvalid`, `DPoPNonceNeeded`, `AgencyScopeMissing`,
        `NotAllowed` for a client that is no agency's, `RateLimited`; `ServiceUnavailable` while it cannot be told
        whether the token still works."""
        machine = await self.machine(request)
        if machine.agency is None:
            raise NotAllowed
        return Caller(machine.client, machine.agency, self._titles(machine.agency), machine.bound_key, machine.headers)

    async def machine(self, request: Request) -> Machine:
        """Raises as :meth:`caller`, but lets in who is no agency's as well."""
        url = self._issuer + request.scope["path"]
        presented = await self._presenting.of(request.headers, method=request.method, url=url)
        token = await self._tokens.machine(presented.token, jkt=presented.jkt)
        left = await self._limits.agency(token.client) if self._limits is not None else None
        if self._scope not in token.scopes:
            raise AgencyScopeMissing(scope=self._scope)
        return Machine(token.client, token.agency, token.jkt is not None, _told(left) if left is not None else {})


def _told(left: Left) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers has it; the window is a minute."""
    return {
        "RateLimit-Policy": f'"client";q={left.count};w=60',
        "RateLimit": f'"client";r={left.left};t={left.seconds}',
    }
