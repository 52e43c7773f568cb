"""What the endpoints that clients call share: reading the form, knowing the client, answering in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from core.addresses import address_of
from core.errors import BodyTooLarge, ServiceUnavailable
from core.rate_limits import RateLimited
from identity.abuse import ClientLimits, TooManyRequests
from identity.provider.client_authentication import ClientAuthentication
from identity.provider.clients import RegisteredClient
from identity.provider.protocol import Parameters
from identity.web import NO_STORE, read_form


@dataclass(frozen=True, slots=True)
class ClientRequests:
    clients: ClientAuthentication
    limits: ClientLimits | None = None

    async def parameters(self, request: Request) -> Parameters:
        """Of a form, each well-formed. Raises `InvalidRequestError`."""
        try:
            parameters = Parameters(await read_form(request))
        except BodyTooLarge:
            raise InvalidRequestError("The body is too long.", status_code=413) from None
        parameters.check()
        return parameters

    async def client(self, request: Request, parameters: Parameters, *, endpoint: str) -> RegisteredClient:
        """Who asks. Raises what :class:`ClientAuthentication` raises, and :class:`TooManyRequests`.

        Whoever is not the client they name has counted by their address alone, at the door.
        """
        client = await self.clients.authenticate(parameters, request.headers, endpoint=endpoint)
        if self.limits is not None:
            try:
                await self.limits.client(
                    client.get_client_id(), address_of(request.scope), authenticated=not client.is_public
                )
            except RateLimited as error:
                raise TooManyRequests(error.retry_after) from None
        return client


def json_answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(dict(body), status, {**(headers or {}), **NO_STORE})


def refused(error: OAuth2Error) -> Response:
    """In the form of RFC 6749 §5.2."""
    status, body, headers = error()
    return json_answer(body, status, {name: value for name, value in headers if name != "Content-Type"})


def unavailable(_error: ServiceUnavailable) -> Response:
    """Redis or the database does not answer: RFC 6749 has no word for it at these endpoints but this one (§4.1.2.1)."""
    return json_answer({"error": "temporarily_unavailable"}, 503)
