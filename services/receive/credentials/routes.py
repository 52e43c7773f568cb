"""What wallets and verifiers ask: OpenID4VCI 1.0, SD-JWT VC issuer and type metadata, status lists, the trust list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from core.attestation.service import Attestor
from core.errors import NotFound
from services.receive.credentials.errors import WalletRefused
from services.receive.credentials.service import GRANT, Credentials
from services.receive.credentials.status import MEDIA_TYPE
from services.receive.credentials.statuses import NUMBER_MAX
from services.receive.credentials.types import issuer_metadata, server_metadata, type_of

BODY_BYTES_MAX: Final = 128 * 1024
TRUST_LIST_PATH: Final = "/.well-known/credential-issuers.jwt"
_PUBLIC: Final = {"cache-control": "public, max-age=300"}
_SECRET: Final = {"cache-control": "no-store"}
_MEMBERS_MAX: Final = 20


def credentials_router(credentials: Credentials, attestor: Attestor) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_metadata(router, credentials, attestor)
    _add_issuing(router, credentials)

    @router.get("/issuers/{agency}/status/{number}")
    async def status_list(request: Request, agency: str, number: int) -> Response:
        found = await credentials.lists.published(agency, number) if 1 <= number <= NUMBER_MAX else None
        if found is None:
            raise NotFound
        tag = f'"{found.tag}"'
        headers = {**_PUBLIC, "cache-control": f"public, max-age={credentials.lists.max_age_seconds}", "etag": tag}
        if tag in (one.strip() for one in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        return Response(found.token, media_type=MEDIA_TYPE, headers=headers)

    return router


def _add_metadata(router: APIRouter, credentials: Credentials, attestor: Attestor) -> None:
    issuers, offerings = credentials.issuers, credentials.offerings

    @router.get("/.well-known/openid-credential-issuer/issuers/{agency}")
    async def issuer(agency: str) -> JSONResponse:
        offered = offerings.of(agency)
        if not offered:
            raise NotFound
        return JSONResponse(issuer_metadata(agency, offerings.title(agency), offered, issuers), headers=_PUBLIC)

    @router.get("/.well-known/oauth-authorization-server/issuers/{agency}")
    async def server(agency: str) -> JSONResponse:
        if not offerings.of(agency):
            raise NotFound
        return JSONResponse(server_metadata(agency, issuers), headers=_PUBLIC)

    @router.get("/.well-known/jwt-vc-issuer/issuers/{agency}")
    async def keys(agency: str) -> JSONResponse:
        found = await issuers.jwks(agency)
        if found is None:
            raise NotFound
        return JSONResponse({"issuer": issuers.issuer_of(agency), "jwks": found}, headers=_PUBLIC)

    @router.get("/issuers/{agency}/types/{configuration}")
    async def credential_type(agency: str, configuration: str) -> Response:
        document = await credentials.types.document(agency, configuration)
        if document is None:
            found = next((one for one in offerings.of(agency) if one.configuration == configuration), None)
            if found is None:
                raise NotFound
            document = type_of(found, issuers).document
        return Response(document, media_type="application/json", headers=_PUBLIC)

    @router.get(TRUST_LIST_PATH)
    async def trust_list() -> Response:
        token = await credentials.trust_list(attestor)
        return Response(token, media_type="application/jwt", headers=_PUBLIC)


def _add_issuing(router: APIRouter, credentials: Credentials) -> None:
    @router.get("/issuers/{agency}/offers/{reference}")
    async def offer(agency: str, reference: str) -> JSONResponse:
        return JSONResponse(await credentials.read_offer(agency, reference), headers=_SECRET)

    @router.post("/issuers/{agency}/token")
    async def token(request: Request, agency: str) -> Response:
        try:
            code, digits = _grant(_form(await _body(request)))
            made = await credentials.redeem(agency, code, digits)
        except WalletRefused as refused:
            return _refused(refused)
        told = {"access_token": made.access_token, "token_type": "Bearer", "expires_in": made.seconds}
        return JSONResponse(told, headers=_SECRET)

    @router.post("/issuers/{agency}/nonce")
    async def nonce(agency: str) -> JSONResponse:
        if not credentials.offerings.of(agency):
            raise NotFound
        return JSONResponse({"c_nonce": credentials.nonces.make()}, headers=_SECRET)

    @router.post("/issuers/{agency}/credential")
    async def credential(request: Request, agency: str) -> Response:
        try:
            made = await credentials.issue(agency, _bearer(request), _asked(await _body(request)))
        except WalletRefused as refused:
            return _refused(refused)
        return JSONResponse({"credentials": [{"credential": one} for one in made]}, headers=_SECRET)


async def _body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > BODY_BYTES_MAX:
        raise WalletRefused("invalid_request", "the request is too long", 413)
    return body


def _form(body: bytes) -> Mapping[str, str]:
    """Of a token request; each parameter once (RFC 6749 §3.2)."""
    try:
        found = parse_qs(body.decode(), strict_parsing=True, max_num_fields=_MEMBERS_MAX)
    except ValueError:
        raise WalletRefused("invalid_request", "the request is no form") from None
    if any(len(values) > 1 for values in found.values()):
        raise WalletRefused("invalid_request", "a parameter stands twice")
    return {name: values[0] for name, values in found.items()}


def _grant(form: Mapping[str, str]) -> tuple[str, str]:
    if form.get("grant_type") != GRANT:
        raise WalletRefused("unsupported_grant_type", "tokens are given for pre-authorized codes")
    if "pre-authorized_code" not in form or "tx_code" not in form:
        raise WalletRefused("invalid_request", "give the pre-authorized_code and the tx_code")
    return form["pre-authorized_code"], form["tx_code"]


def _asked(body: bytes) -> Mapping[str, Any]:
    try:
        asked = orjson.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise WalletRefused("invalid_credential_request", "the request is no JSON object")
    return asked


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise WalletRefused("invalid_token", "bring the access token", 401)
    return token


def _refused(refused: WalletRefused) -> JSONResponse:
    headers = dict(_SECRET)
    if refused.status == 401:
        headers["www-authenticate"] = f'Bearer error="{refused.error}"'
    body = {"error": refused.error, "error_description": refused.description}
    return JSONResponse(body, refused.status, headers=headers)
