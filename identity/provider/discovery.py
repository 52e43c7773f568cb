"""What we are and where, for programs (OpenID Connect Discovery 1.0 §3, RFC 8414 §2, RFC 9728 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from identity.provider.authorization_request import ACR_VALUES, AUTHORIZE, PROMPTS
from identity.provider.client_keys import ALGORITHMS
from identity.provider.clients import CITIZEN_SCOPE, EXCHANGE_GRANT, GRAPH_AUDIENCE, SEEDED
from identity.provider.introspection import INTROSPECT
from identity.provider.logout import LOGOUT
from identity.provider.pushed import PAR
from identity.provider.registration import AGENCY_SCOPES
from identity.provider.revocation import REVOKE
from identity.provider.signing import ALGORITHM, SigningKeys
from identity.provider.token_endpoint import TOKEN
from identity.provider.userinfo import USERINFO

JWKS: Final = "/oauth/jwks"
RESOURCE_METADATA: Final = "/.well-known/oauth-protected-resource"
_AUTH_METHODS: Final = ["none", "private_key_jwt"]


@dataclass(frozen=True, slots=True)
class Discovery:
    """Every address is below the issuer, which is a setting: no header of a request steers what is said here."""

    issuer: str
    signing: SigningKeys

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint in (
            ("/.well-known/openid-configuration", self.metadata),
            ("/.well-known/oauth-authorization-server", self.metadata),
            (JWKS, self.jwks),
        ):
            router.add_api_route(path, endpoint, methods=["GET"], response_model=None)
        return router

    async def metadata(self) -> Response:
        return JSONResponse({**self._endpoints(), **self._abilities(), **_authentication()})

    async def jwks(self) -> Response:
        return JSONResponse(await self.signing.public(), media_type="application/jwk-set+json")

    def _endpoints(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "jwks_uri": self.issuer + JWKS,
            "authorization_endpoint": self.issuer + AUTHORIZE,
            "pushed_authorization_request_endpoint": self.issuer + PAR,
            "token_endpoint": self.issuer + TOKEN,
            "userinfo_endpoint": self.issuer + USERINFO,
            "revocation_endpoint": self.issuer + REVOKE,
            "introspection_endpoint": self.issuer + INTROSPECT,
            "end_session_endpoint": self.issuer + LOGOUT,
        }

    def _abilities(self) -> dict[str, Any]:
        return {
            "scopes_supported": sorted({scope for entry in SEEDED for scope in entry.scopes} | set(AGENCY_SCOPES)),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", EXCHANGE_GRANT],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": list(PROMPTS),
            "acr_values_supported": list(ACR_VALUES),
            "claim_types_supported": ["normal"],
            "claims_supported": [
                *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "name"),
            ],
            "ui_locales_supported": ["th", "en"],
            "authorization_response_iss_parameter_supported": True,
            "require_pushed_authorization_requests": False,
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "protected_resources": [self.issuer + GRAPH_AUDIENCE],
        }


@dataclass(frozen=True, slots=True)
class GraphMetadata:
    """Of `/graphql` as a protected resource (RFC 9728 §2), whoever issues the tokens for it."""

    issuer: str
    authorization_servers: Sequence[str]

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path in (RESOURCE_METADATA, RESOURCE_METADATA + GRAPH_AUDIENCE):
            router.add_api_route(path, self.metadata, methods=["GET"], response_model=None)
        return router

    async def metadata(self) -> Response:
        return JSONResponse(
            {
                "resource": self.issuer + GRAPH_AUDIENCE,
                "authorization_servers": list(self.authorization_servers),
                "scopes_supported": [CITIZEN_SCOPE],
                "bearer_methods_supported": ["header"],
                "dpop_signing_alg_values_supported": list(ALGORITHMS),
                "dpop_bound_access_tokens_required": False,
            }
        )


def _authentication() -> dict[str, Any]:
    """How a client proves who it is, at each endpoint that asks."""
    ways = {"token": _AUTH_METHODS, "revocation": _AUTH_METHODS, "introspection": ["private_key_jwt"]}
    methods = {f"{one}_endpoint_auth_methods_supported": named for one, named in ways.items()}
    algorithms = {f"{one}_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS) for one in ways}
    return {**methods, **algorithms}
