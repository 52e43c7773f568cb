"""The routes of `/agency/v1` by which agencies' systems ask for facts. docs/agency-facts.md is the page for their
developers."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from core.errors import SitthiError
from core.text import Language, preferred_language
from services.exchange.rest.answers import as_json
from services.exchange.rest.auth import AgencyDoor, Caller
from services.exchange.rest.openapi import body_of, document_of
from services.exchange.rest.requests import BatchRequest, FactsRequest, read
from services.exchange.rest.schemas import (
    AgreementsAnswer,
    BatchAnswer,
    ErrorAnswer,
    FactsAnswer,
    PurposesAnswer,
)
from services.exchange.rest.service import AgencyFacts, Outcome
from services.exchange.rest.terms import AgencyTerms, agreement_as_json, purpose_as_json

PREFIX: Final = "/agency/v1"
OPENAPI_PATH: Final = f"{PREFIX}/openapi.json"
_FAULTS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorAnswer, "description": "No token, or not a good one; `WWW-Authenticate` says more."},
    403: {"model": ErrorAnswer, "description": "The token lacks the scope, or the officer is not the agency's."},
    429: {"model": ErrorAnswer, "description": "Too many requests; see `Retry-After`."},
    503: {"model": ErrorAnswer, "description": "Try again in a moment."},
}
_OF_A_BODY: Final[dict[int | str, dict[str, Any]]] = {
    **_FAULTS,
    400: {"model": ErrorAnswer, "description": "The body is not of the form it must have."},
    409: {"model": ErrorAnswer, "description": "`REQUEST_REPLAYED` or `REQUEST_CONFLICT`: take a new requestId."},
    413: {"model": ErrorAnswer, "description": "The body is too long."},
    415: {"model": ErrorAnswer, "description": "The body is not `application/json`."},
    422: {"model": ErrorAnswer, "description": "No such attribute or purpose, or nobody is named."},
}


def agency_router(door: AgencyDoor, facts: AgencyFacts, terms: AgencyTerms, issuer: str) -> APIRouter:
    """To be included without a prefix. `issuer` is our own address."""
    router = APIRouter(prefix=PREFIX)
    _add_facts(router, door, facts)
    _add_terms(router, door, terms)

    @cache  # made for whoever asks first: it takes longer than all the rest of the start
    def described() -> dict[str, Any]:
        return document_of(router.routes, issuer)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(described(), headers={"cache-control": "public, max-age=300"})

    return router


def _add_facts(router: APIRouter, door: AgencyDoor, facts: AgencyFacts) -> None:
    @router.post(
        "/facts",
        summary="Facts about one person",
        operation_id="facts",
        responses={200: {"model": FactsAnswer}, **_OF_A_BODY},
        openapi_extra=body_of(FactsRequest),
    )
    async def one(request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        asked = await read(request, FactsRequest)
        [outcome] = await facts.answer(caller, asked, [asked.person])
        if isinstance(outcome, SitthiError):
            raise outcome
        return JSONResponse(as_json(outcome), headers=caller.headers)

    @router.post(
        "/facts/batch",
        summary="Facts about up to 100 people, each with an outcome of their own",
        operation_id="factsBatch",
        responses={200: {"model": BatchAnswer}, **_OF_A_BODY},
        openapi_extra=body_of(BatchRequest),
    )
    async def batch(request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        asked = await read(request, BatchRequest)
        language = preferred_language(request.headers.get("accept-language"))
        outcomes = await facts.answer(caller, asked, asked.people)
        answers = [_outcome(one, language) for one in outcomes]
        return JSONResponse({"requestId": str(asked.request_id), "answers": answers}, headers=caller.headers)


def _add_terms(router: APIRouter, door: AgencyDoor, terms: AgencyTerms) -> None:
    @router.get(
        "/agreements",
        summary="The agreements that the calling agency has today, as requester and as steward",
        operation_id="agreements",
        responses={200: {"model": AgreementsAnswer}, **_FAULTS},
    )
    async def agreements(caller: Caller = Depends(door.caller)) -> JSONResponse:
        found = await terms.agreements(caller.agency)
        return JSONResponse({"agreements": [agreement_as_json(one) for one in found]}, headers=caller.headers)

    @router.get(
        "/purposes",
        summary="For what the calling agency may ask today, and which attributes",
        operation_id="purposes",
        responses={200: {"model": PurposesAnswer}, **_FAULTS},
    )
    async def purposes(caller: Caller = Depends(door.caller)) -> JSONResponse:
        found = await terms.purposes(caller.agency)
        return JSONResponse({"purposes": [purpose_as_json(*one) for one in found]}, headers=caller.headers)


def _outcome(outcome: Outcome, language: Language) -> dict[str, Any]:
    if isinstance(outcome, SitthiError):
        return {"error": {"code": outcome.code, "message": outcome.message(language)}}
    return as_json(outcome)
