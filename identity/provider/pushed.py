"""Pushed authorization requests (RFC 9126): a client sends its request by itself, and the browser only its name."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import ServiceUnavailable
from core.sealed import bound_to
from identity.provider.authorization_request import AuthorizationRequests, Pairs
from identity.provider.client_requests import ClientRequests, json_answer, refused, unavailable
from identity.provider.dpop import DPoP, InvalidDPoPProof
from identity.provider.models import PushedRequest
from identity.provider.protocol import hash_of

PAR: Final = "/oauth/par"
URN: Final = "urn:ietf:params:oauth:request_uri:"
PUSHED_SECONDS: Final = 590
"""Time enough to sign in at ThaID on a slow telephone; FAPI 2.0 Security Profile §5.3.2.2 wants less than 600."""
_PROOFS: Final = frozenset({"client_id", "client_assertion", "client_assertion_type"})
"""Of who pushes, not of what is asked."""


class InvalidRequestUri(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """Unknown, expired, used, or another client's: alike on purpose (RFC 9101 §6.2, RFC 9126 §4)."""

    error = "invalid_request_uri"


@dataclass(frozen=True, slots=True)
class Pushed:
    pairs: Pairs
    dpop_jkt: str | None


class PushedRequests:
    """The repository of pushed requests. What was pushed is sealed: it holds the client's `state` and `nonce`."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    async def push(self, session: AsyncSession, client: str, pairs: Pairs, dpop_jkt: str | None) -> str:
        """Answers the `request_uri`."""
        uri = URN + secrets.token_urlsafe(32)
        uri_hash = hash_of(uri)
        session.add(
            PushedRequest(
                uri_hash=uri_hash,
                client=client,
                parameters_sealed=self._keys.seal(
                    json.dumps(list(pairs)).encode(), bound_to=bound_to(PushedRequest.parameters_sealed, uri_hash)
                ),
                dpop_jkt=dpop_jkt,
                expires_at=self._clock.now() + timedelta(seconds=PUSHED_SECONDS),
            )
        )
        await session.flush()
        return uri

    async def find(self, session: AsyncSession, uri: str, client: str) -> Pushed:
        """As often as its person reloads the page, until it is answered. Raises :class:`InvalidRequestUri`."""
        row = await session.scalar(select(PushedRequest).where(*self._good(uri), col(PushedRequest.client) == client))
        if row is None:
            raise InvalidRequestUri("The request was not pushed, has expired, or has been answered.")
        plain = self._keys.open(row.parameters_sealed, bound_to=bound_to(PushedRequest.parameters_sealed, row.uri_hash))
        return Pushed([(name, value) for name, value in json.loads(plain)], row.dpop_jkt)

    async def answer(self, session: AsyncSession, uri: str) -> None:
        """Uses it up, in the transaction that makes the code: of parallel ones, one gets this far.

        Raises :class:`InvalidRequestUri`.
        """
        won = await session.execute(
            update(PushedRequest)
            .where(*self._good(uri))
            .values(used_at=self._clock.now())
            .returning(col(PushedRequest.uri_hash))
        )
        if won.first() is None:
            raise InvalidRequestUri("The request has been answered.")

    def _good(self, uri: str) -> tuple[Any, ...]:
        now: datetime = self._clock.now()
        return (
            col(PushedRequest.uri_hash) == hash_of(uri),
            col(PushedRequest.used_at).is_(None),
            col(PushedRequest.expires_at) > now,
        )


@dataclass(frozen=True, slots=True)
class PushedRequestEndpoint:
    issuer: str
    db: Database
    clients: ClientRequests
    dpop: DPoP
    requests: AuthorizationRequests
    pushed: PushedRequests

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(PAR, self.push, methods=["POST"], response_model=None)
        return router

    async def push(self, request: Request) -> Response:
        """201 with `request_uri` and `expires_in`; an error in the body, never by redirect (RFC 9126 §2.3)."""
        try:
            uri = await self._accepted(request)
        except ServiceUnavailable as error:
            return unavailable(error)
        except OAuth2Error as error:
            error.redirect_uri = error.state = None
            return refused(error)
        return json_answer({"request_uri": uri, "expires_in": PUSHED_SECONDS}, 201)

    async def _accepted(self, request: Request) -> str:
        """The proof comes before the assertion: a client that is asked for a nonce has not spent its assertion."""
        parameters = await self.clients.parameters(request)
        jkt = await self.dpop.proof(request.headers, method="POST", url=self.issuer + PAR)
        client = await self.clients.client(request, parameters, endpoint="par")
        if "request_uri" in parameters.data:
            raise InvalidRequestError("request_uri is what this endpoint gives.")
        client_id = client.get_client_id()
        asked = [("client_id", client_id)]
        asked += [(name, one) for name, all_ in parameters.datalist.items() if name not in _PROOFS for one in all_]
        await self.requests.read(self.requests.oauth(asked), "", pushed=True)
        named = parameters.data.get("dpop_jkt")
        if jkt is not None and named not in (None, jkt):
            raise InvalidDPoPProof("dpop_jkt is not the key of the proof.")
        async with self.db.write() as session:
            return await self.pushed.push(session, client_id, asked, jkt or named)
